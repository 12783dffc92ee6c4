//! Payouts, sessions and events for the tests of the domain.

use std::sync::Arc;
use std::time::Duration;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::command::{CreateCommand, Flow};
use super::event::Event;
use super::id::{BankPayoutId, SessionId};
use super::json::Raw;
use super::payout::{Payout, State};
use super::policy::{Delays, Policy};
use super::rules::Rules;
use super::session::{BankPayout, BankReason, PayoutStatus, Session, SessionStatus};
use super::standing::Paused;
use super::step::{Sight, Source};
use super::time::Timestamp;
use super::transition::apply;

pub(crate) const SESSION: &str = "ps_1";

pub(crate) fn at(seconds: i64) -> Timestamp {
    Timestamp::from_millis(seconds * 1000)
}

/// Call timeout 10 s, so that a call's deadline is 15 s after its intention.
pub(crate) fn policy() -> Policy {
    let delays = [5, 30, 300].map(Duration::from_secs).to_vec();
    Policy {
        call_timeout: Duration::from_secs(10),
        delays: Delays::new(delays).expect("growing"),
        confirms_automatically: false,
        flow: Flow::TwoStep,
        webhook_patience: Duration::from_secs(100),
        rules: Arc::new(rules()),
        paused: Paused::default(),
        has_lost: false,
    }
}

/// Reviews take 1000 s at most.
pub(crate) fn rules() -> Rules {
    Rules { review_within: Duration::from_secs(1000), ..Rules::default() }
}

pub(crate) fn command(value: &Value) -> CreateCommand {
    CreateCommand::parse(value.to_string().as_bytes()).expect("valid")
}

pub(crate) fn settlement_command() -> Value {
    json!({
        "type": "payout.create", "payout_id": "inv-1", "account": "settlement",
        "payment_method": {"type": "bank_account", "bank_account": {"system_type": "ru", "ru": {
            "token": "3f03ee", "full_name": "Vector LLC", "description": "Agreement 5"}}},
        "amount_details": {"amount": 300_000, "currency": "rub"},
        "participant_details": {"sender": {"account": "40702810300200000013"}},
        "confirm_before": "1970-01-01T10:00:00Z",
    })
}

pub(crate) fn settlement_information() -> Raw {
    Raw::parse(
        r#"{"account_details": {"sender": {"account_number": "40702810300200000013"},
            "recipient": {"name": "Vector LLC", "odd": 1.50}}}"#,
    )
    .expect("JSON")
}

pub(crate) fn accepted() -> Payout {
    accepted_for(Flow::TwoStep)
}

pub(crate) fn accepted_for(flow: Flow) -> Payout {
    Payout::accept(command(&settlement_command()), "hash".into(), flow, at(0), at(15))
}

/// A cancellation, before its command.
pub(crate) fn stub() -> Payout {
    Payout::stub("inv-1".parse().expect("an id"), "changed our mind".into(), at(0))
}

pub(crate) fn command_came() -> Event {
    let command = Some(Box::new(command(&settlement_command())));
    Event::CommandCame { command, content_hash: "hash".into() }
}

pub(crate) fn needs_attention() -> Event {
    Event::NeedsAttention { reason: "look".into(), session: None }
}

pub(crate) fn after(payout: Payout, events: &[(i64, Event)]) -> Payout {
    events.iter().fold(payout, |payout, (seconds, event)| {
        apply(&payout, event.clone(), at(*seconds)).expect("legal")
    })
}

pub(crate) fn bound() -> Event {
    Event::SessionBound { session: SessionId::new(SESSION), next_look_at: at(6) }
}

pub(crate) fn started() -> Event {
    Event::Started { bank_payout: Some(BankPayoutId::new("po_1")), answered: true }
}

pub(crate) fn confirm_decided() -> Event {
    let confirm_information = Some(settlement_information());
    Event::ConfirmDecided { reason: "agrees".into(), confirm_information }
}

pub(crate) fn held() -> Event {
    let confirm_information = Some(settlement_information());
    Event::Held { reason: "large".into(), until: at(900), confirm_information }
}

pub(crate) fn cancel_decided() -> Event {
    Event::CancelDecided { reason: "differs".into(), confirm_information: None }
}

pub(crate) fn unknown() -> Event {
    Event::OutcomeUnknown { why: "timeout".into(), key_used: false }
}

pub(crate) fn reason() -> BankReason {
    BankReason { code: "account_not_found".into(), text: "no such account".into() }
}

/// A payout in the state, on its shortest way, one second an event.
pub(crate) fn payout_in(state: State) -> Payout {
    let way = match state {
        State::Stub | State::Creating | State::Initiating => vec![],
        State::Bound => vec![bound()],
        State::Started => vec![bound(), started()],
        State::Held => vec![bound(), started(), held()],
        State::Confirming => vec![bound(), started(), confirm_decided()],
        State::Cancelling => vec![bound(), started(), cancel_decided()],
        State::Confirmed => vec![bound(), started(), confirm_decided(), Event::Confirmed],
        State::Succeeded => vec![bound(), Event::Succeeded { bank_payout: None }],
        State::Failed => vec![bound(), Event::Failed { reason: reason() }],
        State::Cancelled => vec![bound(), Event::Cancelled { reason: "ended".into() }],
        State::Rejected => vec![Event::Rejected { reason: "too late".into() }],
    };
    let timed: Vec<_> = (1..).zip(way).collect();
    let first = match state {
        State::Stub => stub(),
        State::Initiating => accepted_for(Flow::OneRequest),
        _ => accepted(),
    };
    after(first, &timed)
}

/// The bank's session, as it shows the settlement command's payout.
pub(crate) fn session(status: SessionStatus, payouts: &[PayoutStatus]) -> Session {
    let command = command(&settlement_command());
    let payouts = payouts.iter().map(|&status| BankPayout {
        id: Some(BankPayoutId::new("po_1")),
        status,
        money: Some(command.money.clone()),
        payment_method: command.payment_method.clone(),
        participants: command.participants.clone(),
        error: None,
    });
    Session {
        id: SessionId::new(SESSION),
        status,
        awaits_confirmation: false,
        payouts: payouts.collect(),
        payout_id: None,
        confirm_information: None,
    }
}

pub(crate) fn awaiting() -> Session {
    let mut session = session(SessionStatus::InProgress, &[PayoutStatus::Pending]);
    session.awaits_confirmation = true;
    session.confirm_information = Some(settlement_information());
    session
}

pub(crate) fn webhook(session: Session) -> Sight {
    Sight { session, source: Source::Webhook }
}

pub(crate) fn answer(session: Session, asked_at: Timestamp) -> Sight {
    Sight { session, source: Source::Answer { asked_at } }
}

/// One event of each kind.
pub(crate) fn one_of_each() -> Vec<Event> {
    vec![
        Event::Accepted { flow: Flow::TwoStep },
        command_came(),
        Event::Intended { attempt: 2 },
        Event::Postponed { until: at(30) },
        unknown(),
        Event::Refused { reason: reason() },
        bound(),
        Event::Initiated { session: SessionId::new(SESSION), bank_payout: None },
        started(),
        Event::Adopted { session: SessionId::new(SESSION) },
        held(),
        Event::Approved { reason: "fine".into() },
        Event::CancelRequested { reason: "changed our mind".into() },
        confirm_decided(),
        cancel_decided(),
        Event::Confirmed,
        Event::CancelTaken,
        Event::Succeeded { bank_payout: None },
        Event::Failed { reason: reason() },
        Event::Cancelled { reason: "ended".into() },
        Event::Rejected { reason: "too late".into() },
        needs_attention(),
        Event::Released { reason: "looked".into() },
        Event::StrayFound { confirm_information: None },
        Event::Refunded { digest: "d".into() },
        Event::TicketIssued { next_look_at: at(40) },
        Event::Published { published: 1 },
    ]
}

/// Any event, with tries that may or may not fit.
pub(crate) fn any_event() -> impl Strategy<Value = Event> {
    prop_oneof![
        4 => prop::sample::select(one_of_each()),
        2 => (1u32..4).prop_map(|attempt| Event::Intended { attempt }),
        1 => Just(Event::OutcomeUnknown { why: "key".into(), key_used: true }),
        1 => Just(Event::NeedsAttention {
            reason: "another session".into(), session: Some(SessionId::new("ps_other")) }),
        1 => Just(Event::SessionBound { session: SessionId::new("ps_2"), next_look_at: at(9) }),
    ]
}

/// A payout after any legal events, in any order.
pub(crate) fn any_payout() -> impl Strategy<Value = Payout> {
    let start = prop::sample::select(State::ALL.to_vec());
    (start, prop::collection::vec((any_event(), 0i64..20), 0..12)).prop_map(|(state, events)| {
        let mut now = 10;
        let mut payout = payout_in(state);
        for (event, seconds) in events {
            now += seconds;
            if let Ok(next) = apply(&payout, event, at(now)) {
                payout = next;
            }
        }
        payout
    })
}

/// Any session of this or another name, seen in any way.
pub(crate) fn any_sight() -> impl Strategy<Value = Sight> {
    use PayoutStatus as P;
    use SessionStatus as S;
    let statuses = [S::Created, S::InProgress, S::Accepted, S::Cancelled, S::Error, S::Unfamiliar];
    let payouts = [P::Pending, P::InProgress, P::Succeeded, P::Failed, P::Unfamiliar];
    let source = prop_oneof![
        Just(Source::Webhook),
        Just(Source::Refund { digest: "r".into() }),
        (0i64..400).prop_map(|s| Source::Answer { asked_at: at(s) }),
    ];
    (
        prop::sample::select(statuses.to_vec()),
        prop::collection::vec(prop::sample::select(payouts.to_vec()), 0..3),
        any::<bool>(),
        prop::bool::weighted(0.9),
        source,
    )
        .prop_map(|(status, payouts, awaits, own, source)| {
            let mut session = session(status, &payouts);
            session.awaits_confirmation = awaits;
            session.confirm_information = awaits.then(settlement_information);
            if !own {
                session.id = SessionId::new("ps_other");
            }
            Sight { session, source }
        })
}
