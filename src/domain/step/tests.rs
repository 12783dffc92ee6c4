//! What follows in each situation.

mod deciding;
mod liveness;
mod one_request;
mod paused;
mod properties;
mod review;
mod starting;
mod wishes;

use std::sync::Arc;

use super::super::call::{Answer, Call, record_answer};
use super::super::samples::*;
use super::super::session::{BankReason, PayoutStatus as P, Reading, SessionStatus as S};
use super::super::transition::apply;
use super::*;
use crate::domain::id::SessionId;
use crate::domain::json::Raw;
use crate::domain::payout::CallOutcome;
use crate::domain::policy::TRIES_MAX;
use crate::domain::rules::Rules;

fn step(payout: &Payout, sight: Option<&Sight>, seconds: i64) -> Step {
    next_step(payout, sight, &policy(), at(seconds))
}

fn name(step: &Step) -> &'static str {
    match step {
        Step::Write(event) => event.name(),
        Step::AskStatus => "ask_status",
        Step::Wait(_) => "wait",
        Step::Done => "done",
    }
}

/// Each state × reading: what a fresh answer from past the deadline leads to, and what a webhook.
#[test]
fn every_state_and_reading_has_its_step() {
    let empty = session(S::Created, &[]);
    let going = session(S::InProgress, &[P::Pending]);
    let paid = session(S::Accepted, &[P::Succeeded]);
    let failed = session(S::Cancelled, &[P::Failed]);
    let cancelled = session(S::Cancelled, &[P::Pending]);
    let error = session(S::Error, &[P::Pending]);
    let mut two = session(S::InProgress, &[P::Pending, P::Pending]);
    two.awaits_confirmation = true;
    let sessions = [&empty, &going, &awaiting(), &paid, &failed, &cancelled, &error, &two];
    #[rustfmt::skip]
    let answers = [
        // empty, going, awaiting, paid, failed, cancelled, error, two
        (State::Stub, "done needs_attention needs_attention needs_attention done done needs_attention needs_attention"),
        (State::Creating, "intended needs_attention needs_attention needs_attention intended intended needs_attention needs_attention"),
        (State::Initiating, "needs_attention needs_attention needs_attention needs_attention needs_attention needs_attention needs_attention needs_attention"),
        (State::Bound, "intended started started started started started started started"),
        (State::Started, "wait wait confirm_decided succeeded failed cancelled needs_attention needs_attention"),
        (State::Held, "wait wait wait succeeded failed cancelled needs_attention needs_attention"),
        (State::Confirming, "wait confirmed intended confirmed failed cancelled needs_attention needs_attention"),
        (State::Cancelling, "intended wait intended succeeded cancelled cancelled needs_attention intended"),
        (State::Confirmed, "wait wait wait succeeded failed cancelled needs_attention needs_attention"),
        (State::Succeeded, "done done done done needs_attention needs_attention done needs_attention"),
        (State::Failed, "done done stray_found needs_attention done done done needs_attention"),
        (State::Cancelled, "done done stray_found needs_attention done done done needs_attention"),
        (State::Rejected, "done needs_attention needs_attention needs_attention done done needs_attention needs_attention"),
    ];
    #[rustfmt::skip]
    let webhooks = [
        (State::Stub, "done needs_attention needs_attention needs_attention done done needs_attention needs_attention"),
        (State::Creating, "wait needs_attention needs_attention needs_attention wait wait needs_attention needs_attention"),
        (State::Initiating, "wait needs_attention needs_attention needs_attention wait wait needs_attention needs_attention"),
        (State::Bound, "wait started started started started started started started"),
        (State::Started, "wait wait confirm_decided succeeded failed cancelled needs_attention needs_attention"),
        (State::Held, "wait wait wait succeeded failed cancelled needs_attention needs_attention"),
        (State::Confirming, "wait wait wait confirmed failed cancelled needs_attention needs_attention"),
        (State::Cancelling, "wait wait wait succeeded cancelled cancelled needs_attention wait"),
        (State::Confirmed, "wait wait wait succeeded failed cancelled needs_attention needs_attention"),
        (State::Succeeded, "done done done done ask_status ask_status done ask_status"),
        (State::Failed, "done done ask_status ask_status done done done ask_status"),
        (State::Cancelled, "done done ask_status ask_status done done done ask_status"),
        (State::Rejected, "done needs_attention needs_attention needs_attention done done needs_attention needs_attention"),
    ];
    for (state, row) in answers {
        for (session, expected) in sessions.iter().zip(row.split(' ')) {
            let sight = answer((*session).clone(), at(100));
            let found = step(&payout_in(state), Some(&sight), 100);
            assert_eq!(name(&found), expected, "{state}, answer {:?}", session.reading());
        }
    }
    for (state, row) in webhooks {
        for (session, expected) in sessions.iter().zip(row.split(' ')) {
            // Before the look that is due at 6 s, and before any deadline.
            let found = step(&payout_in(state), Some(&webhook((*session).clone())), 5);
            assert_eq!(name(&found), expected, "{state}, webhook {:?}", session.reading());
        }
    }
}

#[test]
fn nothing_seen_each_state_waits_for_its_deadline_or_its_look() {
    let cases = [
        (State::Stub, 99, Step::Done),
        (State::Initiating, 99, Step::Wait(Some(at(100)))),
        (State::Creating, 14, Step::Wait(Some(at(15)))),
        (State::Creating, 15, Step::Write(Event::Intended { attempt: 2 })),
        (State::Bound, 15, Step::Wait(Some(at(16)))),
        (State::Bound, 16, Step::AskStatus),
        (State::Started, 5, Step::Wait(Some(at(36_000)))),
        (State::Started, 6, Step::AskStatus),
        (State::Held, 5, Step::Wait(Some(at(900)))),
        (State::Held, 6, Step::AskStatus),
        (State::Held, 900, Step::AskStatus),
        (State::Confirming, 17, Step::Wait(Some(at(18)))),
        (State::Confirming, 18, Step::AskStatus),
        (State::Cancelling, 17, Step::Wait(Some(at(18)))),
        (State::Cancelling, 18, Step::AskStatus),
        (State::Confirmed, 5, Step::Wait(None)),
        (State::Confirmed, 6, Step::AskStatus),
        (State::Succeeded, 99, Step::Done),
    ];
    for (state, seconds, expected) in cases {
        assert_eq!(step(&payout_in(state), None, seconds), expected, "{state} at {seconds} s");
    }
}

#[test]
fn with_attention_set_a_payout_that_awaits_confirmation_waits_for_a_person() {
    let attention = needs_attention();
    let started = after(payout_in(State::Started), &[(3, attention)]);
    assert_eq!(step(&started, Some(&answer(awaiting(), at(100))), 100), Step::Wait(None));
    let paid = answer(session(S::Accepted, &[P::Succeeded]), at(100));
    assert_eq!(name(&step(&started, Some(&paid), 100)), "succeeded", "an end still settles it");
}

#[test]
fn the_more_tries_a_call_has_had_the_later_the_next() {
    let third = after(
        payout_in(State::Creating),
        &[(15, Event::Intended { attempt: 2 }), (45, Event::Intended { attempt: 3 })],
    );
    assert_eq!(step(&third, None, 60), Step::Wait(Some(at(345))), "not at its deadline");
    assert_eq!(step(&third, None, 345), Step::Write(Event::Intended { attempt: 4 }));
}

#[test]
fn a_command_past_its_time_is_not_started_nor_confirmed() {
    let late = 36_000;
    assert_eq!(name(&step(&payout_in(State::Creating), None, late)), "rejected");
    let empty = answer(session(S::Created, &[]), at(late));
    assert_eq!(name(&step(&payout_in(State::Bound), Some(&empty), late)), "cancel_decided");
    let unsent = after(payout_in(State::Bound), &[(2, Event::Postponed { until: at(9) })]);
    assert_eq!(name(&step(&unsent, None, late)), "rejected");
    let second_unsent = after(
        payout_in(State::Bound),
        &[
            (2, unknown()),
            (16, Event::Intended { attempt: 2 }),
            (17, Event::Postponed { until: at(20) }),
        ],
    );
    assert_eq!(step(&second_unsent, None, late), Step::AskStatus, "the first was sent");
    assert_eq!(name(&step(&second_unsent, Some(&empty), late)), "cancel_decided");
    let waits = answer(awaiting(), at(late));
    assert_eq!(name(&step(&payout_in(State::Started), Some(&waits), late)), "cancel_decided");
    assert_eq!(name(&step(&payout_in(State::Confirming), Some(&waits), late)), "cancel_decided");
}

#[test]
fn another_session_that_may_pay_stops_the_payout() {
    let mut other = awaiting();
    other.id = SessionId::new("ps_2");
    let found = step(&payout_in(State::Started), Some(&webhook(other.clone())), 5);
    assert_eq!(name(&found), "needs_attention");
    other.payouts.clear();
    other.awaits_confirmation = false;
    let found = step(&payout_in(State::Started), Some(&webhook(other)), 5);
    assert_eq!(name(&found), "wait", "an unused session is harmless");
}

#[test]
fn what_needs_a_person_is_not_ended_by_payoutd_itself() {
    let attention = needs_attention();
    let late = 36_000;
    let creating = after(accepted(), &[(1, attention.clone())]);
    assert_eq!(step(&creating, None, late), Step::Wait(None));
    let bound = after(payout_in(State::Bound), &[(2, attention.clone())]);
    let empty = answer(session(S::Created, &[]), at(late));
    assert_eq!(step(&bound, Some(&empty), late), Step::Wait(None));
    let refused = after(bound, &[(3, Event::Refused { reason: reason() })]);
    assert_eq!(step(&refused, Some(&empty), late), Step::Wait(None));
    let unsent =
        after(payout_in(State::Bound), &[(2, Event::Postponed { until: at(9) }), (3, attention)]);
    assert_eq!(step(&unsent, None, 4), Step::Wait(None));
    assert_eq!(step(&unsent, Some(&empty), late), Step::Wait(None));
}

#[test]
fn a_session_that_still_waits_under_a_final_payout_is_cancelled_once_a_deadline() {
    let rejected = after(payout_in(State::Bound), &[(9, Event::Rejected { reason: "x".into() })]);
    let seen = webhook(awaiting());
    assert_eq!(step(&rejected, Some(&seen), 10), Step::AskStatus, "an old webhook may be wrong");
    let Step::Write(stray) = step(&rejected, Some(&answer(awaiting(), at(10))), 10) else {
        panic!("no event")
    };
    let cancelled = after(rejected, &[(10, stray)]);
    assert_eq!(cancelled.state, State::Rejected);
    assert_eq!((cancelled.intention.call, cancelled.intention.attempt), (Call::Cancel, 1));
    assert_eq!(step(&cancelled, Some(&answer(awaiting(), at(11))), 11), Step::Done);
    let later = step(&cancelled, Some(&answer(awaiting(), at(99))), 99);
    assert_eq!(name(&later), "stray_found");

    let mut tried = cancelled;
    tried.intention.attempt = TRIES_MAX;
    let much_later = answer(awaiting(), at(9000));
    assert_eq!(name(&step(&tried, Some(&much_later), 9000)), "needs_attention");
    tried.intention.call = Call::Start;
    assert_eq!(name(&step(&tried, Some(&much_later), 9000)), "stray_found", "starts are no tries");
}

#[test]
fn too_many_unknown_outcomes_and_too_long_a_wait_are_for_a_person() {
    let mut payout = payout_in(State::Bound);
    payout.intention.attempt = TRIES_MAX;
    let empty = answer(session(S::Created, &[]), at(9000));
    assert_eq!(name(&step(&payout, Some(&empty), 9000)), "needs_attention");
    let going = answer(session(S::InProgress, &[P::Pending]), at(21_700));
    assert_eq!(name(&step(&payout_in(State::Started), Some(&going), 21_700)), "needs_attention");
    assert!(waited_too_long(&payout_in(State::Confirmed), at(21_700)).is_some());
    assert!(waited_too_long(&payout_in(State::Succeeded), at(21_700)).is_none());
}

#[test]
fn a_refund_is_told_once() {
    let refund = |digest: &str| Sight {
        session: session(S::Accepted, &[P::Succeeded]),
        source: Source::Refund { digest: digest.into() },
    };
    let paid = payout_in(State::Succeeded);
    let Step::Write(event) = step(&paid, Some(&refund("one")), 9) else { panic!("no event") };
    let told = after(paid, &[(9, event)]);
    assert_eq!(step(&told, Some(&refund("one")), 9), Step::Done);
    assert_eq!(name(&step(&told, Some(&refund("two")), 9)), "refunded");
}
