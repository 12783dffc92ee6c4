//! Every verb × state, and what speaks against a release.

use super::super::samples::*;
use super::super::session::{PayoutStatus as P, SessionStatus as S};
use super::super::transition::apply;
use super::*;
use crate::domain::id::SessionId;
use crate::domain::step::{Step, next_step};

fn word(verb: Verb) -> Intervention {
    Intervention { verb, payout_id: "inv-1".parse().expect("an id"), reason: "why".into() }
}

fn effect(payout: &Payout, verb: Verb) -> String {
    match intervene(payout, &word(verb)) {
        Effect::Write(event) => event.name().into(),
        Effect::WriteOnEvidence(event) => format!("{}*", event.name()),
        Effect::Known => "known".into(),
        Effect::Refused(_) => "no".into(),
    }
}

/// An asterisk: once every known session was looked at.
#[test]
fn every_verb_has_its_effect_in_every_state() {
    #[rustfmt::skip]
    let table = [
        // cancel, approve, reject, release; then the same with attention set
        (State::Stub, "known no no no", "known no no released*"),
        (State::Creating, "cancel_requested no no no", "cancel_requested no cancel_requested released*"),
        (State::Initiating, "cancel_requested no no no", "cancel_requested no cancel_requested no"),
        (State::Bound, "cancel_requested no no no", "cancel_requested no cancel_requested released*"),
        (State::Started, "cancel_requested no no no", "cancel_requested no cancel_requested released*"),
        (State::Held, "cancel_requested approved cancel_requested no", "cancel_requested approved cancel_requested released*"),
        (State::Confirming, "no no no no", "no no cancel_requested released*"),
        (State::Cancelling, "known no known no", "known no released* released*"),
        (State::Confirmed, "no no no no", "no no no released*"),
        (State::Succeeded, "no no no no", "no no no released"),
        (State::Failed, "no no no no", "no no no released"),
        (State::Cancelled, "known no no no", "known no no released"),
        (State::Rejected, "no no no no", "no no no released"),
    ];
    for (state, plain, attentive) in table {
        let payout = payout_in(state);
        let all = |payout: &Payout| Verb::ALL.map(|verb| effect(payout, verb)).join(" ");
        assert_eq!(all(&payout), plain, "{state}");
        let payout = after(payout, &[(50, needs_attention())]);
        assert_eq!(all(&payout), attentive, "{state} with attention");
    }
}

#[test]
fn what_is_written_is_legal_and_said_again_changes_nothing() {
    for state in State::ALL {
        for attentive in [false, true] {
            for verb in Verb::ALL {
                let mut payout = payout_in(state);
                if attentive {
                    payout = after(payout, &[(50, needs_attention())]);
                }
                let mut writes = 0;
                while let Effect::Write(event) | Effect::WriteOnEvidence(event) =
                    intervene(&payout, &word(verb))
                {
                    payout = apply(&payout, event, at(60)).expect("legal");
                    writes += 1;
                    assert!(writes < 3, "{verb} of a payout that is {state} has no end");
                }
                let known = intervene(&payout, &word(verb)) == Effect::Known;
                assert!(writes == 0 || known, "{verb} of a payout that is {state}");
            }
        }
    }
}

#[test]
fn a_payout_that_is_to_be_cancelled_is_not_approved() {
    let unwanted = after(payout_in(State::Held), &[(5, cancel_requested())]);
    assert_eq!(effect(&unwanted, Verb::Approve), "no");
    assert!(
        apply(
            &after(payout_in(State::Started), &[(5, cancel_requested())]),
            confirm_decided(),
            at(6)
        )
        .is_err()
    );
}

fn cancel_requested() -> Event {
    Event::CancelRequested { reason: "no".into() }
}

#[test]
fn another_session_that_may_pay_and_an_unclear_one_speak_against_a_release() {
    let payout = payout_in(State::Bound);
    let objects = |session: &Session| objection(&payout, session).is_some();
    assert!(!objects(&session(S::Created, &[])));
    assert!(!objects(&awaiting()));
    assert!(!objects(&session(S::Accepted, &[P::Succeeded])), "an end settles it");
    assert!(objects(&session(S::Error, &[P::Failed])));
    assert!(objects(&session(S::InProgress, &[P::Pending, P::Pending])));
    let mut other = awaiting();
    other.id = SessionId::new("ps_other");
    assert!(objects(&other));
    other.status = S::Cancelled;
    assert!(!objects(&other), "nothing can be paid there any more");
}

/// A second one, while a person is called already: a release must not overlook it.
#[test]
fn every_other_session_that_may_pay_is_remembered_and_each_once() {
    let mut payout = after(payout_in(State::Started), &[(5, needs_attention())]);
    for n in 0..40 {
        let mut other = awaiting();
        other.id = SessionId::new(format!("ps_other_{}", n / 2));
        let sight = webhook(other);
        if let Step::Write(event) = next_step(&payout, Some(&sight), &policy(), at(6)) {
            payout = apply(&payout, event, at(6)).expect("legal");
        }
    }
    assert_eq!(payout.strangers.len(), 16, "bounded");
    assert_eq!(payout.strangers[1], SessionId::new("ps_other_1"));
    let called = payout.history.iter().filter(|e| e.event.name() == "needs_attention").count();
    assert_eq!(called, 1 + 16, "once for each");
    assert_eq!(effect(&payout, Verb::Release), "no", "some may be overlooked");
}

#[test]
fn a_session_that_a_person_was_called_for_is_remembered_once() {
    let other = || Event::NeedsAttention {
        reason: "another session".into(),
        session: Some(SessionId::new("ps_2")),
    };
    let payout = after(payout_in(State::Started), &[(5, other()), (6, other())]);
    assert_eq!(payout.strangers, [SessionId::new("ps_2")]);
}
