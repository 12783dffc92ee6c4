//! Events as payoutd writes them, by the contract and by CloudEvents.

use std::collections::BTreeSet;

use payoutd::contract::Document;
use payoutd::domain::command::{Command, Intervention};
use payoutd::domain::event::Event;
use payoutd::domain::payout::{Payout, State};
use payoutd::domain::result_event::{
    ResultEvent, command_refused, conflict, final_event, invalid, result_event,
};
use payoutd::domain::time::Timestamp;
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::compatibility::{frozen, json, types_of};
use crate::contract::{assert_event, faults};
use crate::examples;
use crate::payouts::{after, any_payout, needs_attention, payout_in};

const SOURCE: &str = "/payoutd/demo";

fn read(event: &ResultEvent) -> Value {
    let value: Value = serde_json::from_slice(&event.body).expect("JSON");
    assert_eq!(value["type"], event.kind, "the routing key is the type");
    value
}

pub(crate) fn events_of(payout: &Payout) -> Vec<Value> {
    let told = (0..payout.history.len()).filter_map(|index| result_event(payout, index, SOURCE));
    told.chain(final_event(payout, SOURCE)).map(|event| read(&event)).collect()
}

/// About messages: no commands, with an id and without; a conflict; and what came too late.
fn about_messages() -> Vec<Value> {
    let now = Timestamp::from_millis(1_763_726_400_000);
    let messages: [&[u8]; 3] = [b"{", b"{}", br#"{"payout_id":"inv-1","amount_details":1}"#];
    let invalid = messages.map(|message| {
        let refused = Command::parse(message).expect_err("no command");
        read(&invalid(&refused, "2c26b46b68ffc68f", SOURCE, now))
    });
    let conflict = conflict(&payout_in(State::Started), "2c26b46b68ffc68f", SOURCE, now);
    let refused = [None, Some(State::Confirmed)].map(|state| {
        let hash = "2c26b46b68ffc68f";
        read(&command_refused(&intervention(), state, "too late", hash, SOURCE, now))
    });
    invalid.into_iter().chain([read(&conflict)]).chain(refused).collect()
}

fn intervention() -> Intervention {
    let message = br#"{"type":"payout.cancel","payout_id":"inv-1","reason":"changed our mind"}"#;
    match Command::parse(message) {
        Ok(Command::Intervention(intervention)) => intervention,
        other => panic!("no intervention: {other:?}"),
    }
}

#[test]
fn every_type_of_event_is_written_as_the_contract_and_cloudevents_say() {
    let refunded = Event::Refunded { digest: "d1".into() };
    let mut events = about_messages();
    for state in State::ALL {
        let payout = after(payout_in(state), [needs_attention(), refunded.clone()]);
        events.extend(events_of(&payout));
    }
    let written: BTreeSet<_> =
        events.iter().filter_map(|event| event["type"].as_str()).map(str::to_owned).collect();
    for event in &events {
        assert_event(event);
        assert_keeps_what_version_1_has(event);
    }
    assert_eq!(written, types_of(Document::Events));
}

/// Who reads an event may count on what its type had from the first.
fn assert_keeps_what_version_1_has(event: &Value) {
    let files = frozen("events");
    let same_type = files.iter().map(|(name, text)| (name, json(name, text)));
    let old: Vec<_> = same_type.filter(|(_, old)| old["type"] == event["type"]).collect();
    assert!(!old.is_empty(), "{event}");
    let names = |value: &Value| -> BTreeSet<String> {
        value.as_object().into_iter().flatten().map(|(name, _)| name.clone()).collect()
    };
    for part in ["", "/data"] {
        let of = |value: &Value| names(value.pointer(part).expect("an object"));
        // What every one of them has.
        let always = old.iter().map(|(_, old)| of(old)).reduce(|all, one| &all & &one);
        let lost: BTreeSet<_> = &always.unwrap_or_default() - &of(event);
        assert!(lost.is_empty(), "{lost:?} of {part}: {event:#}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_happens_to_a_payout_is_told_as_the_contract_and_cloudevents_say(
        payout in any_payout()
    ) {
        for event in events_of(&payout) {
            prop_assert_eq!(faults(&event), Vec::<String>::new(), "{:#}", event);
        }
    }
}

#[test]
fn every_event_in_the_documentation_is_one() {
    let events = examples::events();
    assert!(!events.is_empty(), "the examples are not where they are looked for");
    for (_, event) in events {
        assert_event(&event);
    }
}

#[test]
fn what_is_no_event_of_the_contract_is_told_apart() {
    let good = events_of(&payout_in(State::Failed)).pop().expect("a final event");
    assert_event(&good);
    let bad = [
        ("/specversion", json!("0.3")),
        ("/id", json!("")),
        ("/type", json!("payout.maybe")),
        ("/time", json!("yesterday")),
        ("/sequence", json!(4)),
        ("/data", json!({})),
        ("/data/state", json!("lost")),
        ("/data/error", json!("account_not_found")),
        ("/data/amount_details/amount", json!(1.5)),
        ("/data/session_id", json!(null)),
        ("/subject", json!("a b")),
    ];
    for (pointer, value) in bad {
        let mut event = good.clone();
        *event.pointer_mut(pointer).expect("a field of it") = value;
        assert_ne!(faults(&event), Vec::<String>::new(), "{pointer}");
    }
}

#[test]
fn what_is_no_cloud_event_is_told_apart() {
    let good = events_of(&payout_in(State::Failed)).pop().expect("a final event");
    let added = [
        ("Upper", json!("1")),
        ("with_underscore", json!("1")),
        ("extension", json!({"an": "object"})),
        ("extension", json!(2_147_483_648_u64)),
        ("data_base64", json!("e30=")),
        ("dataschema", json!("")),
        ("datacontenttype", json!("json")),
    ];
    for (name, value) in added {
        let mut event = good.clone();
        event[name] = value;
        let faults = faults(&event);
        assert!(faults.iter().any(|fault| fault.starts_with("CloudEvents")), "{name}: {faults:?}");
    }
}
