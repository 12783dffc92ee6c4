//! Every verb × state, and what speaks against a release.

use super::super::samples::*;
use super::super::session::{PayoutStatus as P, SessionStatus as S};
use super::super::transition::apply;
use super::*;
use crate::domain::id::SessionId;
use crate::domain::step::{Step, next_step};

fn word(verb: Verb) -> Intervention {
    let session = (verb == Verb::Adopt).then(found);
    Intervention { verb, payout_id: "inv-1".parse().expect("an id"), session, reason: "why".into() }
}

/// A session that no record knows.
fn found() -> SessionId {
    SessionId::new("ps_found")
}

/// Long after any call, and before a held payout's deadline.
fn said(payout: &Payout, verb: Verb) -> Effect {
    intervene(payout, &word(verb), &policy(), at(200))
}

fn effect(payout: &Payout, verb: Verb) -> String {
    match said(payout, verb) {
        Effect::Write(event) => event.name().into(),
        Effect::WriteOnEvidence(event) => format!("{}*", event.name()),
        Effect::Adopt(_) => "adopt".into(),
        Effect::Known => "known".into(),
        Effect::Refused(_) => "no".into(),
    }
}

/// An asterisk: once every known session was looked at.
#[test]
fn every_verb_has_its_effect_in_every_state() {
    #[rustfmt::skip]
    let table = [
        // cancel, approve, reject, release, adopt; then the same with attention set
        (State::Stub, "known no known no no", "known no released* no no"),
        (State::Creating, "cancel_requested no no no no", "cancel_requested no cancel_requested released* adopt"),
        (State::Initiating, "cancel_requested no no no no", "cancel_requested no cancel_requested no adopt"),
        (State::Bound, "cancel_requested no no no no", "cancel_requested no cancel_requested released* adopt"),
        (State::Started, "cancel_requested no no no no", "cancel_requested no cancel_requested released* adopt"),
        (State::Held, "cancel_requested approved cancel_requested no no", "cancel_requested approved cancel_requested released* adopt"),
        (State::Confirming, "no no no no no", "no no cancel_requested released* adopt"),
        (State::Cancelling, "known no known no no", "known no released* released* adopt"),
        (State::Confirmed, "no no no no no", "no no no released* adopt"),
        (State::Succeeded, "no no no no no", "no no no released no"),
        (State::Failed, "no no no no no", "no no no released no"),
        (State::Cancelled, "known no no no no", "known no no released no"),
        (State::Rejected, "no no no no no", "no no no released no"),
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
                    said(&payout, verb)
                {
                    payout = apply(&payout, event, at(200)).expect("legal");
                    writes += 1;
                    assert!(writes < 3, "{verb} of a payout that is {state} has no end");
                }
                let known = said(&payout, verb) == Effect::Known;
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
    let payout = after(payout_in(State::Started), &[(5, other_session()), (6, other_session())]);
    assert_eq!(payout.strangers, [SessionId::new("ps_2")]);
}

fn other_session() -> Event {
    Event::NeedsAttention {
        reason: "another session".into(),
        session: Some(SessionId::new("ps_2")),
    }
}

fn why_not(payout: &Payout, verb: Verb, seconds: i64) -> String {
    match intervene(payout, &word(verb), &policy(), at(seconds)) {
        Effect::Refused(why) => why,
        effect => panic!("{effect:?}"),
    }
}

#[test]
fn nothing_is_released_while_a_call_may_be_on_its_way() {
    let bound = after(payout_in(State::Bound), &[(2, needs_attention())]);
    assert!(why_not(&bound, Verb::Release, 15).contains("not known before 1970-01-01T00:00:16"));
    assert_eq!(effect(&bound, Verb::Release), "released*");
    // Of a start in one request only a webhook can tell.
    let wish = (3, cancel_requested());
    let initiating = after(payout_in(State::Initiating), &[(2, needs_attention()), wish]);
    let why = why_not(&initiating, Verb::Reject, 99);
    assert!(why.starts_with("it is to be cancelled, and still needs attention"), "{why}");
    let late = intervene(&initiating, &word(Verb::Reject), &policy(), at(100));
    assert!(matches!(late, Effect::WriteOnEvidence(_)), "{late:?}");
}

#[test]
fn a_release_that_comes_again_does_not_end_the_next_attention() {
    let released = || Event::Released { reason: "why".into() };
    for state in [State::Bound, State::Started, State::Confirming, State::Cancelled] {
        let payout = after(payout_in(state), &[(20, needs_attention()), (30, released())]);
        assert_eq!(effect(&payout, Verb::Release), "known");
        let payout = after(payout, &[(40, needs_attention())]);
        assert!(why_not(&payout, Verb::Release, 200).contains("earlier attention"), "{state}");
        let other = Intervention { reason: "looked again".into(), ..word(Verb::Release) };
        let taken = intervene(&payout, &other, &policy(), at(200));
        assert!(matches!(taken, Effect::WriteOnEvidence(_) | Effect::Write(_)), "{taken:?}");
    }
}

#[test]
fn a_call_that_the_bank_had_seen_before_is_rejected_and_never_released() {
    let used = Event::OutcomeUnknown { why: "key".into(), key_used: true };
    for state in [State::Creating, State::Bound, State::Confirming] {
        let payout = after(payout_in(state), &[(2, used.clone()), (3, needs_attention())]);
        assert_eq!(effect(&payout, Verb::Release), "no");
        assert_eq!(effect(&payout, Verb::Reject), "cancel_requested");
    }
}

#[test]
fn an_approval_comes_too_late_once_the_deadline_is_over() {
    let held = payout_in(State::Held);
    let approve = |seconds| intervene(&held, &word(Verb::Approve), &policy(), at(seconds));
    assert!(matches!(approve(899), Effect::Write(Event::Approved { .. })));
    assert!(why_not(&held, Verb::Approve, 900).contains("in time"));
}

#[test]
fn a_wish_to_cancel_does_not_hide_that_the_payout_was_paid() {
    let paid = Event::Succeeded { bank_payout: None };
    let payout = after(payout_in(State::Started), &[(5, cancel_requested()), (6, paid)]);
    assert!(why_not(&payout, Verb::Cancel, 7).contains("paid already"));
}

#[test]
fn an_ended_payout_is_released_only_if_somebody_was_called() {
    let paid = payout_in(State::Succeeded);
    assert_eq!(why_not(&paid, Verb::Reject, 9), "the payout has ended as succeeded");
    let called = after(paid, &[(9, other_session())]);
    assert!(why_not(&called, Verb::Reject, 9).ends_with("; release it instead"));
}

fn shown(named: Option<&str>) -> Session {
    let payout_id = named.map(|id| id.parse().expect("an id"));
    Session { id: found(), payout_id, ..awaiting() }
}

#[test]
fn a_session_is_adopted_if_the_bank_shows_the_payouts_id_in_it_and_that_something_may_be_paid() {
    let creating = after(payout_in(State::Creating), &[(50, needs_attention())]);
    let event = adoption(&creating, &shown(Some("inv-1")), None).expect("its own");
    let why = adoption(&creating, &shown(Some("inv-2")), None).expect_err("another's");
    assert!(why.contains("inv-2"), "{why}");
    assert!(adoption(&creating, &shown(None), None).is_err());
    let dead = Session { status: S::Cancelled, ..shown(Some("inv-1")) };
    assert!(adoption(&creating, &dead, None).is_err());
    let adopted = after(creating, &[(200, event)]);
    assert_eq!((adopted.session.clone(), adopted.state), (Some(found()), State::Started));
    assert!(adopted.attention.is_some(), "a person decides what becomes of it");
    assert_eq!(effect(&adopted, Verb::Adopt), "known");
    assert_eq!(effect(&adopted, Verb::Release), "released*");
    let initiating = after(payout_in(State::Initiating), &[(50, needs_attention())]);
    let event = adoption(&initiating, &shown(Some("inv-1")), None).expect("its own");
    assert_eq!(event.name(), "initiated");
    assert!(why_not(&initiating, Verb::Adopt, 51).contains("not known before"), "init may land");
}

#[test]
fn an_adopted_session_takes_the_place_of_one_in_which_nothing_may_be_paid() {
    let bound = after(payout_in(State::Bound), &[(50, needs_attention())]);
    let own = bound.session.clone().expect("bound");
    let empty = session(S::Created, &[]);
    let event =
        adoption(&bound, &shown(Some("inv-1")), Some(&empty)).expect("nothing is paid there");
    assert!(adoption(&bound, &shown(Some("inv-1")), Some(&awaiting())).is_err());
    assert!(
        apply(&payout_in(State::Bound), event.clone(), at(200)).is_err(),
        "no person was called"
    );
    let adopted = after(bound, &[(200, event)]);
    assert_eq!((adopted.session, adopted.strangers), (Some(found()), vec![own]));
    assert!(
        why_not(&after(payout_in(State::Bound), &[(5, needs_attention())]), Verb::Adopt, 6)
            .contains("not known before"),
        "a start may land"
    );
    let held = after(payout_in(State::Held), &[(50, needs_attention())]);
    let approved = Payout { approved: Some("yes".into()), ..held };
    let adopted = after(approved, &[(200, Event::Adopted { session: found() })]);
    assert_eq!(
        (adopted.approved, adopted.held_until, adopted.confirm_information),
        (None, None, None)
    );
}
