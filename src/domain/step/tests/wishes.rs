//! What somebody wants of a payout, and what follows from it in each state.

use super::*;
use crate::domain::command::{Intervention, Verb};
use crate::domain::intervene::{Effect, intervene};

fn wanted(seconds: i64) -> (i64, Event) {
    (seconds, Event::CancelRequested { reason: "changed our mind".into() })
}

fn cancelled() -> Step {
    Step::Write(Event::Cancelled { reason: "changed our mind".into() })
}

#[test]
fn a_command_that_comes_after_its_cancellation_ends_as_cancelled() {
    assert_eq!(step(&stub(), None, 1), Step::Done, "at rest until then");
    assert!(stub().rests());
    let came = after(stub(), &[(5, command_came())]);
    assert!(!came.rests());
    assert_eq!(step(&came, None, 5), cancelled());
}

#[test]
fn before_a_start_was_sent_nothing_is() {
    let creating = after(accepted(), &[wanted(1)]);
    assert_eq!(step(&creating, None, 1), cancelled());
    let unsent = after(payout_in(State::Bound), &[(2, Event::Postponed { until: at(9) })]);
    assert_eq!(step(&after(unsent, &[wanted(3)]), None, 3), cancelled());
    let bound = after(payout_in(State::Bound), &[wanted(2)]);
    assert!(!may_start(&bound, &policy(), at(2)));
}

#[test]
fn a_start_that_may_have_been_sent_is_looked_up_and_its_session_cancelled() {
    let bound = after(payout_in(State::Bound), &[wanted(2)]);
    assert_eq!(step(&bound, None, 3), Step::Wait(Some(at(16))));
    let empty = answer(session(S::Created, &[]), at(16));
    assert_eq!(name(&step(&bound, Some(&empty), 16)), "cancel_decided");
}

#[test]
fn before_the_decision_it_is_cancelled_at_the_bank() {
    for state in [State::Started, State::Held] {
        let payout = after(payout_in(state), &[wanted(5)]);
        let found = step(&payout, Some(&webhook(awaiting())), 6);
        let Step::Write(Event::CancelDecided { reason, .. }) = found else { panic!("{found:?}") };
        assert_eq!(reason, "changed our mind");
    }
    let held = after(payout_in(State::Held), &[wanted(5)]);
    assert_eq!(step(&held, None, 6), Step::AskStatus);
}

#[test]
fn a_start_in_one_request_is_cancelled_when_its_session_is_known() {
    let lost = after(payout_in(State::Initiating), &[(1, unknown()), wanted(2)]);
    assert_eq!(step(&lost, None, 3), Step::Wait(Some(at(100))));
}

#[test]
fn released_the_next_try_goes_out() {
    let released = Event::Released { reason: "looked".into() };
    let mut tired = payout_in(State::Bound);
    tired.intention.attempt = TRIES_MAX;
    let tired = after(tired, &[(9000, needs_attention()), (9001, released.clone())]);
    let empty = answer(session(S::Created, &[]), at(9002));
    let next = Event::Intended { attempt: TRIES_MAX + 1 };
    assert_eq!(step(&tired, Some(&empty), 9002), Step::Write(next));

    let refused = Event::Refused { reason: reason() };
    let confirming = after(
        payout_in(State::Confirming),
        &[(4, refused), (5, needs_attention()), (50, released)],
    );
    let waits = answer(awaiting(), at(50));
    let next = Event::Intended { attempt: 2 };
    assert_eq!(step(&confirming, Some(&waits), 50), Step::Write(next));
}

/// Whoever released it did not know what would become of the start that was on its way.
#[test]
fn a_release_is_none_of_what_is_learnt_after_it() {
    let automatic = Policy { confirms_automatically: true, ..policy() };
    let released = Event::Released { reason: "looked".into() };
    let payout =
        after(payout_in(State::Bound), &[(2, needs_attention()), (3, released), (4, unknown())]);
    let empty = answer(session(S::Created, &[]), at(40));
    assert_eq!(name(&next_step(&payout, Some(&empty), &automatic, at(40))), "needs_attention");
}

#[test]
fn a_cancellation_whose_command_comes_is_not_told_while_another_session_may_have_paid() {
    let mut paid = session(S::Accepted, &[P::Succeeded]);
    paid.id = SessionId::new("ps_other");
    let Step::Write(called) = step(&stub(), Some(&webhook(paid)), 1) else { panic!("no event") };
    let came = after(stub(), &[(1, called), (5, command_came())]);
    assert_eq!(step(&came, None, 5), Step::Wait(None));
    let looked = Event::Released { reason: "it has failed".into() };
    assert_eq!(step(&after(came, &[(9, looked)]), None, 9), cancelled());
}

#[test]
fn not_paid_is_not_told_while_another_session_may_pay() {
    let other = Event::NeedsAttention {
        reason: "another session".into(),
        session: Some(SessionId::new("ps_other")),
    };
    let payout = after(payout_in(State::Started), &[(5, other)]);
    let failed = answer(session(S::Cancelled, &[P::Failed]), at(40));
    assert_eq!(step(&payout, Some(&failed), 40), Step::Wait(None));
    let looked = Event::Released { reason: "it is over".into() };
    let payout = after(payout, &[(50, looked)]);
    assert_eq!(name(&step(&payout, Some(&failed), 50)), "failed");
}

#[test]
fn two_payouts_in_a_session_are_cancelled_in_every_state_that_waits() {
    let mut two = awaiting();
    two.payouts.push(two.payouts[0].clone());
    let seen = answer(two, at(400));
    for state in [State::Started, State::Held, State::Confirming] {
        let payout = payout_in(state);
        assert_eq!(name(&step(&payout, Some(&seen), 400)), "needs_attention", "{state}");
        let payout = after(payout, &[(5, needs_attention())]);
        let payout = match state {
            State::Confirming => payout,
            _ => after(payout, &[wanted(6)]),
        };
        assert_eq!(name(&step(&payout, Some(&seen), 400)), "cancel_decided", "{state}");
    }
}

#[test]
fn a_rejected_payout_whose_confirmation_was_refused_is_cancelled() {
    let refused = Event::Refused { reason: reason() };
    let confirming = after(payout_in(State::Confirming), &[(4, refused), (5, needs_attention())]);
    let reject = Intervention {
        verb: Verb::Reject,
        payout_id: "inv-1".parse().expect("an id"),
        session: None,
        reason: "no".into(),
    };
    let said = |payout: &Payout| intervene(payout, &reject, &policy(), at(50));
    let Effect::Write(event) = said(&confirming) else { panic!("not taken") };
    let unwanted = after(confirming, &[(50, event)]);
    let Effect::WriteOnEvidence(event) = said(&unwanted) else { panic!("no release") };
    let payout = after(unwanted, &[(51, event)]);
    assert_eq!(said(&payout), Effect::Known);
    let waits = answer(awaiting(), at(52));
    assert_eq!(name(&step(&payout, Some(&waits), 52)), "cancel_decided");
}

#[test]
fn a_payout_is_looked_at_when_its_commands_time_is_over() {
    let payout = payout_in(State::Started);
    assert_eq!(
        step(&payout, Some(&webhook(session(S::InProgress, &[P::Pending]))), 5),
        Step::Wait(Some(at(36_000)))
    );
    let attentive = after(payout, &[(5, needs_attention())]);
    assert_eq!(step(&attentive, None, 5), Step::Wait(None), "a person is called anyway");
}

#[test]
fn a_release_of_something_else_repeats_no_start_where_the_bank_confirms_by_itself() {
    let automatic = Policy { confirms_automatically: true, ..policy() };
    let looked = |seconds| (seconds, Event::Released { reason: format!("looked at {seconds}") });
    let other = |seconds| (seconds, needs_attention());
    let payout = after(payout_in(State::Bound), &[(11, unknown()), other(17), looked(20)]);
    let empty = |s| answer(session(S::Created, &[]), at(s));
    let found = next_step(&payout, Some(&empty(20)), &automatic, at(20));
    let Step::Write(called) = found else { panic!("{found:?}") };
    assert_eq!(called.name(), "needs_attention");
    let payout = after(payout, &[(20, called), looked(30)]);
    assert_eq!(name(&next_step(&payout, Some(&empty(30)), &automatic, at(30))), "intended");
}

/// The bank took the start, and never shows anything of it.
#[test]
fn a_started_payout_that_the_bank_never_shows_can_be_ended() {
    let unwanted = after(payout_in(State::Started), &[wanted(6)]);
    let empty = |s| answer(session(S::Created, &[]), at(s));
    assert_eq!(name(&step(&unwanted, Some(&empty(400)), 400)), "wait", "a person looks first");
    let looked = Event::Released { reason: "the bank lost it".into() };
    let unwanted = after(unwanted, &[(30_000, needs_attention()), (30_001, looked)]);
    assert_eq!(name(&step(&unwanted, Some(&empty(30_002)), 30_002)), "cancel_decided");
}
