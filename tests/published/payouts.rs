//! Payouts of every state, made as they are made: by events.

use payoutd::domain::command::{CreateCommand, Flow};
use payoutd::domain::event::Event;
use payoutd::domain::id::{BankPayoutId, SessionId};
use payoutd::domain::payout::{Payout, State};
use payoutd::domain::session::BankReason;
use payoutd::domain::time::Timestamp;
use payoutd::domain::transition::apply;
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::examples::shapes;

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_millis(1_763_726_400_000 + seconds * 1000)
}

fn bound() -> Event {
    Event::SessionBound { session: SessionId::new("ps_3230"), next_look_at: at(6) }
}

fn started() -> Event {
    Event::Started { bank_payout: Some(BankPayoutId::new("po_2025")), answered: true }
}

fn confirm_decided() -> Event {
    Event::ConfirmDecided { reason: "agrees".into(), confirm_information: None }
}

fn reason() -> BankReason {
    BankReason { code: "account_not_found".into(), text: "no such account".into() }
}

/// Its shortest way into each state.
fn way(state: State) -> Vec<Event> {
    let cancel = Event::CancelDecided { reason: "differs".into(), confirm_information: None };
    match state {
        State::Stub | State::Creating | State::Initiating => vec![],
        State::Bound => vec![bound()],
        State::Started => vec![bound(), started()],
        State::Held => {
            vec![
                bound(),
                started(),
                Event::Held { reason: "large".into(), until: at(900), confirm_information: None },
            ]
        }
        State::Confirming => vec![bound(), started(), confirm_decided()],
        State::Cancelling => vec![bound(), started(), cancel],
        State::Confirmed => vec![bound(), started(), confirm_decided(), Event::Confirmed],
        State::Succeeded => {
            vec![bound(), started(), confirm_decided(), Event::Confirmed, succeeded()]
        }
        State::Failed => vec![bound(), Event::Failed { reason: reason() }],
        State::Cancelled => vec![bound(), Event::Cancelled { reason: "ended".into() }],
        State::Rejected => vec![Event::Rejected { reason: "too late".into() }],
    }
}

fn succeeded() -> Event {
    Event::Succeeded { bank_payout: Some(BankPayoutId::new("po_2025")) }
}

/// What may come to a payout beside its way.
fn others() -> Vec<Event> {
    vec![
        Event::Intended { attempt: 2 },
        Event::Postponed { until: at(30) },
        Event::OutcomeUnknown { why: "timeout".into(), key_used: false },
        Event::Refused { reason: reason() },
        Event::CancelTaken,
        needs_attention(),
        Event::Released { reason: "looked".into() },
        Event::CancelRequested { reason: "changed our mind".into() },
        Event::Approved { reason: "fine".into() },
        Event::Initiated { session: SessionId::new("ps_3230"), bank_payout: None },
        Event::StrayFound { confirm_information: None },
        Event::Refunded { digest: "d1".into() },
        Event::TicketIssued { next_look_at: at(40) },
        Event::Published { published: 1 },
    ]
}

pub(crate) fn after(payout: Payout, events: impl IntoIterator<Item = Event>) -> Payout {
    let began = payout.history.len();
    (began..).zip(events).fold(payout, |payout, (n, event)| {
        let seconds = i64::try_from(n).expect("few");
        apply(&payout, event, at(seconds)).unwrap_or(payout)
    })
}

pub(crate) fn needs_attention() -> Event {
    Event::NeedsAttention { reason: "look".into(), session: None }
}

/// Its first entry on the way into this state.
fn begun(metadata: Option<Value>, state: State) -> Payout {
    let flow = match state {
        State::Stub => {
            let id = "inv-1".parse().expect("an id");
            return Payout::stub(id, "changed our mind".into(), at(0));
        }
        State::Initiating => Flow::OneRequest,
        State::Creating
        | State::Bound
        | State::Started
        | State::Held
        | State::Confirming
        | State::Cancelling
        | State::Confirmed
        | State::Succeeded
        | State::Failed
        | State::Cancelled
        | State::Rejected => Flow::TwoStep,
    };
    Payout::accept(command(metadata), "hash".into(), flow, at(0), at(15))
}

/// The command of a stub.
fn command_came(metadata: Option<Value>) -> Event {
    let command = Some(Box::new(command(metadata)));
    Event::CommandCame { command, content_hash: "hash".into() }
}

fn command(metadata: Option<Value>) -> CreateCommand {
    let mut command = shapes()[0].clone();
    let fields = command.as_object_mut().expect("an object");
    fields.remove("metadata");
    fields.extend(metadata.map(|value| ("metadata".to_owned(), value)));
    CreateCommand::parse(command.to_string().as_bytes()).expect("valid")
}

pub(crate) fn payout_in(state: State) -> Payout {
    let payout = after(begun(Some(json!({"order": 17})), state), way(state));
    assert_eq!(payout.state, state);
    payout
}

/// A payout after any legal events, with metadata or without.
pub(crate) fn any_payout() -> impl Strategy<Value = Payout> {
    let metadata = prop::sample::select(vec![None, Some(json!(null)), Some(json!([1, {"a": 2}]))]);
    let state = prop::sample::select(State::ALL.to_vec());
    (metadata, state).prop_flat_map(|(metadata, state)| {
        let events = [others(), vec![command_came(metadata.clone())]].concat();
        let events = prop::collection::vec(prop::sample::select(events), 0..8);
        let payout = after(begun(metadata, state), way(state));
        events.prop_map(move |events| after(payout.clone(), events))
    })
}
