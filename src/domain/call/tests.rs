//! What each answer leads to.

use super::super::payout::State;
use super::super::samples::*;
use super::*;
use crate::domain::transition::apply;

fn recorded(payout: &Payout, answer: Answer) -> Event {
    record_answer(payout, &answer, &policy(), at(4))
}

#[test]
fn each_answer_to_a_call_is_recorded_as_what_it_proves() {
    let unknown = |why: &str| Event::OutcomeUnknown { why: why.into(), key_used: false };
    let bound = payout_in(State::Bound);
    assert_eq!(recorded(&bound, Answer::Done(awaiting())), started());
    let refused = Event::Refused { reason: reason() };
    assert_eq!(recorded(&bound, Answer::Refused(reason())), refused);
    let forbidden = recorded(&bound, Answer::Forbidden(reason()));
    assert_eq!(forbidden.name(), "needs_attention");
    let misconfigured = Answer::Misconfigured(reason());
    assert_eq!(recorded(&bound, misconfigured), unknown("account_not_found"));
    let postponed = Event::Postponed { until: at(9) };
    assert_eq!(recorded(&bound, Answer::NotSent("no route".into())), postponed);
    assert_eq!(recorded(&bound, Answer::Unknown("timed out".into())), unknown("timed out"));
}

#[test]
fn a_person_is_asked_for_once_and_then_the_outcome_is_unknown() {
    let attention = recorded(&payout_in(State::Bound), Answer::Forbidden(reason()));
    let attentive = after(payout_in(State::Bound), &[(4, attention)]);
    let again = recorded(&attentive, Answer::Forbidden(reason()));
    assert_eq!(again.name(), "outcome_unknown");
}

#[test]
fn an_answer_that_shows_another_session_is_no_success() {
    let mut other = awaiting();
    other.id = SessionId::new("ps_other");
    for state in [State::Bound, State::Confirming, State::Cancelling] {
        let event = recorded(&payout_in(state), Answer::Done(other.clone()));
        assert_eq!(event.name(), "needs_attention", "{state}");
    }
}

#[test]
fn an_event_intends_a_call_exactly_if_it_leaves_an_intention_that_was_not_there() {
    for state in State::ALL {
        let payout = payout_in(state);
        for event in one_of_each() {
            let Ok(next) = apply(&payout, event.clone(), at(20)) else { continue };
            let is_new = next.intention.at == at(20);
            let intends = is_new && next.intention.outcome == CallOutcome::Pending;
            assert_eq!(event.intends_call(), intends, "{} in {state}", event.name());
        }
    }
}

#[test]
fn only_what_was_answered_or_certainly_not_sent_is_definite() {
    assert!(!CallOutcome::Pending.is_definite());
    assert!(!CallOutcome::Unknown { key_used: false }.is_definite());
    assert!(CallOutcome::Answered.is_definite());
    assert!(CallOutcome::Refused { reason: reason() }.is_definite());
    assert!(CallOutcome::Postponed { until: at(5) }.is_definite());
}
