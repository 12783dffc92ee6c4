//! `confirm_information` from the bank's bytes to ours: whatever it holds and however it is spelled.

use proptest::prelude::*;
use reqwest::StatusCode;

use super::super::answer;
use super::super::webhook::Webhook;
use super::*;
use crate::domain::call::Answer;
use crate::domain::command::{CreateCommand, Flow};
use crate::domain::event::Event;
use crate::domain::session::Session;
use crate::domain::time::Timestamp;
use crate::domain::transition::apply;

const NOW: Timestamp = Timestamp::from_millis(1_800_000_000_000);

/// A settlement payout that the bank has, in session `ps_1`.
fn started() -> Payout {
    let command = br#"{"type":"payout.create","payout_id":"inv-1","account":"settlement",
        "payment_method":{"type":"bank_account","bank_account":{"system_type":"ru","ru":{
            "token":"3f03ee","full_name":"Vector LLC","description":"Agreement 5"}}},
        "amount_details":{"amount":300000,"currency":"rub"},
        "participant_details":{"sender":{"account":"40702810300200000013"}}}"#;
    let command = CreateCommand::parse(command).expect("valid");
    let payout = Payout::accept(command, "hash".into(), Flow::TwoStep, NOW, NOW);
    let session = SessionId::new("ps_1");
    let bound = applied(&payout, Event::SessionBound { session, next_look_at: NOW });
    applied(&bound, Event::Started { bank_payout: None, answered: true })
}

fn applied(payout: &Payout, event: Event) -> Payout {
    apply(payout, event, NOW).expect("legal")
}

/// The object as each of the bank's ways of showing it brings it.
fn shown(information: &str) -> Vec<Session> {
    let beside = format!(r#""session":{{"id":"ps_1"}},"confirm_information": {information} "#);
    let inside = format!(r#""session":{{"id":"ps_1","confirm_information":{information}}}"#);
    let webhook = |rest: &str| {
        let body = format!(r#"{{"type":"ready_to_confirm",{rest}}}"#);
        Webhook::parse(body.as_bytes()).expect("readable").session.expect("shown")
    };
    let status = |rest: &str| {
        let body = format!(r#"{{"status":"ok",{rest}}}"#);
        match answer::sort(StatusCode::OK, body.as_bytes()) {
            Answer::Done(session) => session,
            other => panic!("{other:?}"),
        }
    };
    vec![webhook(&beside), webhook(&inside), status(&beside), status(&inside)]
}

/// The bodies of confirm and cancel, from the record as it is and as it comes out of a store.
fn echoes(information: &Raw) -> Vec<Vec<u8>> {
    let confirm = Event::ConfirmDecided {
        reason: "agrees".into(),
        confirm_information: Some(information.clone()),
    };
    let cancel = Event::CancelDecided {
        reason: "differs".into(),
        confirm_information: Some(information.clone()),
    };
    let mut bodies = Vec::new();
    for decided in [confirm, cancel] {
        let payout = applied(&started(), decided);
        let stored = serde_json::to_string(&payout).expect("a record is JSON");
        let loaded: Payout = serde_json::from_str(&stored).expect("and back");
        bodies.extend([payout, loaded].map(|payout| intended("project", &payout).body));
    }
    bodies
}

/// JSON text of any value, as nobody would write it twice alike.
fn any_json() -> impl Strategy<Value = String> {
    let number = "-?(0|[1-9][0-9]{0,40})(\\.[0-9]{1,30})?([eE][+-]?[0-9]{1,5})?";
    let piece = prop_oneof![
        4 => "[^\"\\\\\\x00-\\x1f]{1,6}",
        1 => prop::sample::select(vec!["\\\"", "\\\\", "\\/", "\\b", "\\u0000", "\\u0416",
            "\\uD83D\\ude00", "Ж", "№", "😀", "\u{7f}", "\u{2028}"]).prop_map(str::to_owned),
    ];
    let string = prop::collection::vec(piece, 0..4).prop_map(|all| format!("\"{}\"", all.concat()));
    let leaf = prop_oneof![
        1 => prop::sample::select(vec!["null", "true", "false"]).prop_map(str::to_owned),
        3 => number,
        3 => string,
    ];
    leaf.prop_recursive(4, 32, 4, |inner| {
        let items = prop::collection::vec((space(), inner.clone(), space()), 0..4);
        prop_oneof![items.prop_map(|items| listed('[', &items, ']')), object(inner)]
    })
}

fn object(value: impl Strategy<Value = String> + 'static) -> impl Strategy<Value = String> {
    let key = prop_oneof![
        "[a-z_]{1,8}",
        prop::sample::select(vec!["name", "account_details", "Ж", "\\u0416", "a\\/b"])
            .prop_map(str::to_owned),
    ];
    let field = (space(), key, space(), space(), value, space()).prop_map(
        |(before, key, after, between, value, last)| {
            (before, format!("\"{key}\"{after}:{between}{value}"), last)
        },
    );
    prop::collection::vec(field, 0..4).prop_map(|fields| listed('{', &fields, '}'))
}

fn space() -> impl Strategy<Value = String> {
    "[ \t\r\n]{0,2}"
}

fn listed(open: char, items: &[(String, String, String)], close: char) -> String {
    let items: Vec<_> = items.iter().map(|(a, item, b)| format!("{a}{item}{b}")).collect();
    format!("{open}{}{close}", items.join(","))
}

proptest! {
    #[test]
    fn confirm_information_is_echoed_byte_for_byte_from_wherever_it_came(
        information in object(any_json()),
    ) {
        let expected =
            format!(r#"{{"session_id":"ps_1","confirm_information":{information}}}"#);
        for session in shown(&information) {
            let shown = session.confirm_information.expect("shown");
            prop_assert_eq!(shown.text(), &information);
            for body in echoes(&shown) {
                prop_assert_eq!(String::from_utf8_lossy(&body), expected.as_str());
            }
        }
    }
}

#[test]
fn a_payout_with_a_receipt_is_started_by_the_call_for_that() {
    let card = |more: &str| {
        format!(
            r#"{{"type":"payout.create","payout_id":"inv-1",{more}"payment_method":{{"type":"card",
            "card":{{"type":"encrypted_card","encrypted_card":{{"number_hash":"63"}}}}}},
            "amount_details":{{"amount":10000,"currency":"rub"}}}}"#
        )
    };
    let receipt = r#"{ "professional_income_taxpayer":{"tax_reference":"123456789012",
        "services":[{"name":"Goods","amount_details":{"amount":5000,"currency":"rub"}}]} }"#;
    for (more, method) in [
        (String::new(), "session/start/payout"),
        ("\"fiscalization_details\":null,".into(), "session/start/payout"),
        (format!("\"fiscalization_details\":{receipt},"), "session/start/payout/fiscalization"),
    ] {
        let command = CreateCommand::parse(card(&more).as_bytes()).expect("valid");
        let at_once = Payout::accept(command.clone(), "h".into(), Flow::OneRequest, NOW, NOW);
        assert_eq!(intended("project", &at_once).method, method.replace("start", "init"));
        let payout = Payout::accept(command, "hash".into(), Flow::TwoStep, NOW, NOW);
        assert_eq!(intended("project", &payout).method, "session/create");
        let session = SessionId::new("ps_1");
        let bound = applied(&payout, Event::SessionBound { session, next_look_at: NOW });
        let start = intended("project", &bound);
        assert_eq!(start.method, method);
        let sent = String::from_utf8(start.body).expect("UTF-8");
        assert_eq!(sent.contains(receipt), method.ends_with("fiscalization"), "as it was written");
    }
}
