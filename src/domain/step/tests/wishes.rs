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
    let used = Event::OutcomeUnknown { why: "key".into(), key_used: true };
    let creating = after(accepted(), &[(1, used), (2, needs_attention())]);
    let released = Event::Released { reason: "looked".into() };
    let payout = after(creating, &[(50, released.clone())]);
    assert_eq!(step(&payout, None, 50), Step::Write(Event::Intended { attempt: 2 }));

    let mut tired = payout_in(State::Bound);
    tired.intention.attempt = TRIES_MAX;
    let tired = after(tired, &[(9000, needs_attention()), (9001, released.clone())]);
    let empty = answer(session(S::Created, &[]), at(9002));
    let next = Event::Intended { attempt: TRIES_MAX + 1 };
    assert_eq!(step(&tired, Some(&empty), 9002), Step::Write(next));

    let mut automatic = policy();
    automatic.confirms_automatically = true;
    let lost = after(payout_in(State::Bound), &[(16, needs_attention()), (50, released.clone())]);
    let empty = answer(session(S::Created, &[]), at(50));
    let found = next_step(&lost, Some(&empty), &automatic, at(50));
    assert_eq!(found, Step::Write(Event::Intended { attempt: 2 }));

    let refused = Event::Refused { reason: reason() };
    let confirming = after(
        payout_in(State::Confirming),
        &[(4, refused), (5, needs_attention()), (50, released)],
    );
    let waits = answer(awaiting(), at(50));
    let next = Event::Intended { attempt: 2 };
    assert_eq!(step(&confirming, Some(&waits), 50), Step::Write(next));
}

#[test]
fn a_rejected_payout_whose_confirmation_was_refused_is_cancelled() {
    let refused = Event::Refused { reason: reason() };
    let confirming = after(payout_in(State::Confirming), &[(4, refused), (5, needs_attention())]);
    let reject = Intervention {
        verb: Verb::Reject,
        payout_id: "inv-1".parse().expect("an id"),
        reason: "no".into(),
    };
    let Effect::Write(event) = intervene(&confirming, &reject) else { panic!("not taken") };
    let unwanted = after(confirming, &[(50, event)]);
    let Effect::WriteOnEvidence(event) = intervene(&unwanted, &reject) else {
        panic!("no release")
    };
    let payout = after(unwanted, &[(51, event)]);
    assert_eq!(intervene(&payout, &reject), Effect::Known);
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
