//! Create and start in one request: what is known of it, and what is never done.

use super::*;
use crate::domain::command::Flow;

fn initiating() -> Payout {
    accepted_for(Flow::OneRequest)
}

/// A session with our own metadata in it.
fn told_of(mut session: Session) -> Sight {
    session.payout_id = Some("inv-1".parse().expect("an id"));
    webhook(session)
}

#[test]
fn an_unknown_outcome_waits_for_a_webhook_and_then_for_a_person() {
    let lost = after(initiating(), &[(10, unknown())]);
    assert_eq!(step(&lost, None, 11), Step::Wait(Some(at(100))));
    assert_eq!(name(&step(&lost, None, 100)), "needs_attention");
    let attentive = after(lost, &[(100, needs_attention())]);
    assert_eq!(step(&attentive, None, 9999), Step::Wait(None));
}

#[test]
fn a_webhook_that_names_the_payout_ties_its_session_to_it() {
    let lost = after(initiating(), &[(10, unknown())]);
    let Step::Write(event) = step(&lost, Some(&told_of(awaiting())), 20) else {
        panic!("no event")
    };
    let tied = after(lost, &[(20, event)]);
    assert_eq!((tied.state, tied.session.is_some()), (State::Started, true));
    assert_eq!(name(&step(&tied, Some(&told_of(awaiting())), 20)), "confirm_decided");
}

#[test]
fn a_second_session_of_it_is_not_confirmed() {
    let lost = after(initiating(), &[(10, unknown())]);
    let Step::Write(event) = step(&lost, Some(&told_of(awaiting())), 20) else {
        panic!("no event")
    };
    let tied = after(lost, &[(20, event)]);
    let mut second = awaiting();
    second.id = SessionId::new("ps_2");
    assert_eq!(name(&step(&tied, Some(&told_of(second)), 21)), "needs_attention");
}

#[test]
fn a_webhook_still_ties_its_session_when_a_person_was_called() {
    let attentive = after(initiating(), &[(10, unknown()), (100, needs_attention())]);
    assert_eq!(name(&step(&attentive, Some(&told_of(awaiting())), 200)), "initiated");
}

#[test]
fn a_definite_refusal_fails_it_and_what_was_not_sent_goes_out_again() {
    let refused = after(initiating(), &[(1, Event::Refused { reason: reason() })]);
    assert_eq!(step(&refused, None, 1), Step::Write(Event::Failed { reason: reason() }));
    let unsent = after(initiating(), &[(1, Event::Postponed { until: at(6) })]);
    assert_eq!(step(&unsent, None, 6), Step::Write(Event::Intended { attempt: 1 }));
    assert_eq!(name(&step(&unsent, None, 36_000)), "rejected");
}

#[test]
fn a_key_that_was_used_before_is_for_a_person_at_once() {
    let used = Event::OutcomeUnknown { why: "key".into(), key_used: true };
    let payout = after(initiating(), &[(1, used)]);
    assert_eq!(name(&step(&payout, None, 2)), "needs_attention");
}

#[test]
fn a_bank_that_does_not_know_us_has_done_nothing_and_fails_nothing() {
    let answer = Answer::Misconfigured(reason());
    assert_eq!(record_answer(&initiating(), &answer, &policy(), at(1)).name(), "postponed");
}

#[test]
fn the_answer_binds_the_session_and_the_payout_in_it() {
    let event = record_answer(&initiating(), &Answer::Done(awaiting()), &policy(), at(1));
    let payout = after(initiating(), &[(1, event)]);
    assert_eq!(payout.session, Some(SessionId::new(SESSION)));
    assert_eq!(payout.state, State::Started);
}
