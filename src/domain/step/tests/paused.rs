//! What is paused goes out later; and what the store has lost is for a person.

use super::*;
use crate::domain::id::PayoutId;
use crate::domain::standing::Paused;

fn pausing(starts: bool, confirms: bool) -> Policy {
    let why = |set: bool| set.then(|| "why".to_owned());
    Policy { paused: Paused { starts: why(starts), confirms: why(confirms) }, ..policy() }
}

fn waits() -> Sight {
    answer(awaiting(), at(50))
}

#[test]
fn nothing_is_started_while_starts_are_paused() {
    for state in [State::Creating, State::Bound, State::Initiating] {
        let payout = after(payout_in(state), &[(2, Event::Postponed { until: at(2) })]);
        let paused = next_step(&payout, None, &pausing(true, false), at(50));
        assert!(matches!(paused, Step::Wait(_)), "{state}: {paused:?}");
        let resumed = next_step(&payout, None, &pausing(false, true), at(50));
        assert_eq!(resumed, Step::Write(Event::Intended { attempt: 1 }), "{state}");
    }
}

#[test]
fn nothing_is_confirmed_while_confirms_are_paused_and_cancelling_goes_on() {
    let started = payout_in(State::Started);
    let confirming = after(payout_in(State::Confirming), &[(4, Event::Postponed { until: at(4) })]);
    for payout in [&started, &confirming] {
        let paused = next_step(payout, Some(&waits()), &pausing(false, true), at(50));
        assert!(matches!(paused, Step::Wait(_)), "{paused:?}");
        let resumed = next_step(payout, Some(&waits()), &pausing(true, false), at(50));
        assert!(matches!(name(&resumed), "confirm_decided" | "intended"), "{resumed:?}");
    }
    let wanted = Event::CancelRequested { reason: "no".into() };
    let unwanted = after(started, &[(6, wanted)]);
    let found = next_step(&unwanted, Some(&waits()), &pausing(true, true), at(50));
    assert_eq!(name(&found), "cancel_decided");
}

fn lost() -> Payout {
    let session = Some(SessionId::new(SESSION));
    Payout::lost("inv-1".parse().expect("an id"), session, "lost".into(), at(1))
}

fn released() -> Event {
    Event::Released { reason: "looked".into() }
}

/// Its terms are not known, so nothing could be told of its end.
#[test]
fn what_was_lost_waits_for_its_command() {
    let paid = answer(session(S::Accepted, &[P::Succeeded]), at(5));
    for sight in [None, Some(&paid)] {
        assert_eq!(step(&lost(), sight, 5), Step::Done);
        assert_eq!(step(&after(lost(), &[(6, released())]), sight, 6), Step::Done);
    }
}

#[test]
fn what_was_lost_goes_on_from_its_session_when_it_was_paid_or_a_person_has_looked() {
    let filled = after(lost(), &[(5, command_came())]);
    assert_eq!(step(&filled, None, 50), Step::AskStatus);
    let paid = answer(session(S::Accepted, &[P::Succeeded]), at(50));
    let failed = answer(session(S::Cancelled, &[P::Failed]), at(50));
    for (sight, alone) in [(&paid, "adopted"), (&failed, "wait"), (&waits(), "wait")] {
        assert_eq!(name(&step(&filled, Some(sight), 50)), alone);
        let looked = after(filled.clone(), &[(6, released())]);
        let Step::Write(adopted) = step(&looked, Some(sight), 50) else { panic!("not adopted") };
        assert_eq!(after(looked, &[(50, adopted)]).state, State::Started);
    }
    let Step::Write(adopted) = step(&filled, Some(&paid), 50) else { panic!("not adopted") };
    let payout = after(filled, &[(50, adopted)]);
    assert_eq!(name(&step(&payout, Some(&paid), 50)), "succeeded", "whoever has looked");
    let looked = after(lost(), &[(5, command_came()), (6, released())]);
    let Step::Write(adopted) = step(&looked, Some(&waits()), 50) else { panic!("not adopted") };
    let payout = after(looked, &[(50, adopted)]);
    let late = answer(awaiting(), at(66));
    assert_eq!(name(&step(&payout, Some(&late), 66)), "confirm_decided");
}

/// A command that came again made a record of its own, of which nothing was started.
#[test]
fn what_was_paid_in_a_forgotten_session_is_told_as_paid() {
    let mut forgotten = session(S::Accepted, &[P::Succeeded]);
    forgotten.id = SessionId::new("ps_other");
    let used = Event::OutcomeUnknown { why: "key".into(), key_used: true };
    let called = Event::NeedsAttention {
        reason: "it may pay".into(),
        session: Some(SessionId::new("ps_other")),
    };
    let creating = after(payout_in(State::Creating), &[(2, used), (3, called)]);
    forgotten.payout_id = Some(creating.id().clone());
    let paid = |session: &Session| answer(session.clone(), at(50));
    let Step::Write(adopted) = step(&creating, Some(&paid(&forgotten)), 50) else {
        panic!("not adopted")
    };
    let payout = after(creating.clone(), &[(50, adopted)]);
    assert_eq!(payout.session, Some(SessionId::new("ps_other")));
    assert!(payout.strangers.is_empty());
    assert_eq!(name(&step(&payout, Some(&paid(&forgotten)), 50)), "succeeded");
    let nameless = Session { payout_id: None, ..forgotten.clone() };
    assert_eq!(name(&step(&creating, Some(&paid(&nameless)), 50)), "wait", "not surely ours");
    let waiting =
        Session { id: forgotten.id.clone(), payout_id: forgotten.payout_id, ..awaiting() };
    assert_eq!(name(&step(&creating, Some(&paid(&waiting)), 50)), "wait", "not paid");
    let bound = payout_in(State::Bound);
    let found = step(&bound, Some(&paid(&Session { id: SessionId::new("ps_x"), ..waiting })), 50);
    assert_eq!(name(&found), "needs_attention", "it has a session of its own");
}

#[test]
fn of_what_was_lost_without_a_session_nothing_is_ever_sent_nor_told_before_a_person_looks() {
    assert_eq!(step(&lost_without_session(), None, 5), Step::Done);
    let filled = after(lost_without_session(), &[(5, command_came())]);
    for seconds in [5, 36_001] {
        assert_eq!(step(&filled, None, seconds), Step::Wait(None), "also past its time");
    }
    let unwanted = after(filled, &[(6, Event::CancelRequested { reason: "no".into() })]);
    assert_eq!(step(&unwanted, None, 6), Step::Wait(None), "nobody has looked");
    let ended = after(unwanted, &[(7, released())]);
    assert_eq!(name(&step(&ended, None, 7)), "cancelled");
}

#[test]
fn what_is_decided_of_a_stub_can_be_written() {
    let filled = after(lost_without_session(), &[(5, command_came()), (6, released())]);
    for seconds in [6, 36_001] {
        let Step::Write(event) = step(&filled, None, seconds) else { panic!("nothing decided") };
        assert!(apply(&filled, event.clone(), at(seconds)).is_ok(), "{event:?}");
    }
}

fn lost_without_session() -> Payout {
    Payout::lost("inv-1".parse().expect("an id"), None, "lost".into(), at(1))
}

/// How often what was lost was tried, nobody knows: a webhook may be of an earlier try.
#[test]
fn what_was_adopted_is_confirmed_on_an_answer_and_not_on_a_webhook() {
    let looked = after(lost(), &[(5, command_came()), (6, released())]);
    let adopted = Event::Adopted { session: SessionId::new(SESSION) };
    let payout = after(looked, &[(50, adopted)]);
    assert_eq!(step(&payout, Some(&webhook(awaiting())), 66), Step::AskStatus);
    let seen = answer(awaiting(), at(66));
    assert_eq!(name(&step(&payout, Some(&seen), 66)), "confirm_decided");
}

/// Else its end is held back as a stranger's.
#[test]
fn what_becomes_the_payouts_own_session_is_a_stranger_no_more() {
    let session = Some(SessionId::new(SESSION));
    let called = Event::NeedsAttention { reason: "it had it".into(), session };
    let initiated = Event::Initiated { session: SessionId::new(SESSION), bank_payout: None };
    let payout = after(payout_in(State::Initiating), &[(2, called), (3, initiated)]);
    assert!(payout.strangers.is_empty(), "{:?}", payout.strangers);
}

/// What the bank has never shown may have been paid.
#[test]
fn where_the_store_has_lost_something_a_person_looks_before_anything_is_told_as_not_paid() {
    let unwanted = [(5, Event::CancelRequested { reason: "no".into() })];
    let policy = Policy { has_lost: true, ..policy() };
    let step = |payout: &Payout| next_step(payout, None, &policy, at(50));
    let creating = after(payout_in(State::Creating), &unwanted);
    let postponed = [unwanted[0].clone(), (6, Event::Postponed { until: at(7) })];
    let initiating = after(payout_in(State::Initiating), &postponed);
    let bound = after(payout_in(State::Bound), &postponed);
    let stub = Payout::stub("inv-1".parse().expect("an id"), "no".into(), at(1));
    for payout in [creating, initiating, bound, after(stub, &[(5, command_came())])] {
        assert_eq!(name(&step(&payout)), "needs_attention", "{}", payout.state);
        let looked = after(payout, &[(50, needs_attention()), (51, released())]);
        assert_eq!(name(&step(&looked)), "cancelled");
    }
}

/// The first try's key was new to the bank, or it would not have looked at what is wrong.
#[test]
fn where_the_store_has_lost_something_only_a_later_try_that_is_refused_needs_a_person() {
    let policy = Policy { has_lost: true, ..policy() };
    for (attempt, told) in [(1, "failed"), (2, "needs_attention")] {
        let mut payout = payout_in(State::Creating);
        payout.intention.attempt = attempt;
        let refused = after(payout, &[(5, Event::Refused { reason: reason() })]);
        assert_eq!(name(&next_step(&refused, None, &policy, at(50))), told);
    }
}

/// Its first try may have been one that the store has lost.
#[test]
fn where_the_store_has_lost_something_a_session_of_a_later_try_proves_nothing_of_the_first() {
    let policy = Policy { has_lost: true, ..policy() };
    let bound = Event::SessionBound { session: SessionId::new(SESSION), next_look_at: at(9) };
    let started = Event::Started { bank_payout: None, answered: true };
    let refused = Event::Refused { reason: reason() };
    let ended = answer(session(S::Cancelled, &[P::Failed]), at(50));
    let (again, unwanted) =
        (Event::Intended { attempt: 2 }, Event::CancelRequested { reason: "no".into() });
    for (retried, told) in [(false, ["failed", "failed"]), (true, ["needs_attention"; 2])] {
        let first = if retried { vec![(3, again.clone())] } else { vec![] };
        let creating = after(payout_in(State::Creating), &first);
        let bound = after(creating, &[(4, bound.clone())]);
        let at_start = after(bound.clone(), &[(5, refused.clone())]);
        let step =
            next_step(&at_start, Some(&answer(session(S::Created, &[]), at(50))), &policy, at(50));
        assert_eq!(name(&step), told[0], "a start that is refused, {retried}");
        let later = after(bound, &[(5, started.clone()), (6, unwanted.clone())]);
        assert_eq!(name(&next_step(&later, Some(&ended), &policy, at(50))), told[1], "{retried}");
    }
}

#[test]
fn what_was_paid_otherwise_than_asked_is_told_only_once_a_person_has_looked() {
    let mut other = session(S::Accepted, &[P::Succeeded]);
    let money = other.payouts[0].money.as_mut().expect("shown");
    money.amount += 1;
    let seen = answer(other, at(5));
    let lost = after(lost(), &[(3, command_came())]);
    assert_eq!(step(&lost, Some(&seen), 5), Step::Wait(None));
    assert_eq!(name(&step(&after(lost, &[(4, released())]), Some(&seen), 5)), "adopted");
    let seen = Sight { session: Session { payout_id: Some(id()), ..seen.session }, ..seen };
    let creating = Payout { session: None, ..payout_in(State::Creating) };
    assert_eq!(name(&step(&creating, Some(&seen), 5)), "needs_attention");
}

fn id() -> PayoutId {
    "inv-1".parse().expect("an id")
}
