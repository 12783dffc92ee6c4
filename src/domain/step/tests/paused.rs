//! What is paused goes out later; and what the store has lost is for a person.

use super::*;
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

#[test]
fn what_was_lost_is_settled_if_it_was_paid_and_otherwise_waits_for_a_person() {
    assert_eq!(step(&lost(), None, 5), Step::AskStatus);
    for (shown, alone, looked_at) in [
        (session(S::Accepted, &[P::Succeeded]), "succeeded", "succeeded"),
        (session(S::Cancelled, &[P::Failed]), "wait", "cancelled"),
        (session(S::Cancelled, &[P::Pending]), "wait", "cancelled"),
        (awaiting(), "wait", "wait"),
        (session(S::Error, &[P::Pending]), "wait", "wait"),
    ] {
        let seen = answer(shown, at(5));
        assert_eq!(name(&step(&lost(), Some(&seen), 5)), alone);
        assert_eq!(name(&step(&after(lost(), &[(6, released())]), Some(&seen), 6)), looked_at);
    }
}

#[test]
fn what_was_lost_goes_on_from_its_session_once_its_command_is_there_and_a_person_has_looked() {
    let filled = after(lost(), &[(5, command_came())]);
    assert_eq!(step(&filled, Some(&waits()), 50), Step::Wait(None), "nobody has looked");
    let looked = after(filled, &[(6, released())]);
    let Step::Write(adopted) = step(&looked, Some(&waits()), 50) else { panic!("not adopted") };
    let payout = after(looked, &[(50, adopted)]);
    assert_eq!(payout.state, State::Started);
    let late = answer(awaiting(), at(66));
    assert_eq!(name(&step(&payout, Some(&late), 66)), "confirm_decided");
}

#[test]
fn of_what_was_lost_without_a_session_nothing_is_ever_sent() {
    let lost = Payout::lost("inv-1".parse().expect("an id"), None, "lost".into(), at(1));
    assert_eq!(step(&lost, None, 5), Step::Done);
    let filled = after(lost, &[(5, command_came())]);
    assert_eq!(step(&filled, None, 5), Step::Wait(None));
    let unwanted = Event::CancelRequested { reason: "no".into() };
    let ended = after(filled, &[(6, unwanted), (7, released())]);
    assert_eq!(name(&step(&ended, None, 7)), "cancelled");
}
