//! When what waits for us is confirmed or cancelled, and what proves that the bank took it.

use super::*;
use crate::domain::money::Money;

#[test]
fn an_answer_from_before_the_deadline_proves_nothing_about_a_confirm_or_cancel() {
    for state in [State::Confirming, State::Cancelling] {
        for payout in [payout_in(state), after(payout_in(state), &[(4, unknown())])] {
            let early = answer(awaiting(), at(17));
            assert_eq!(step(&payout, Some(&early), 18), Step::AskStatus, "{state}");
            let late = answer(awaiting(), at(18));
            assert_eq!(name(&step(&payout, Some(&late), 18)), "intended", "{state}");
        }
    }
}

#[test]
fn a_webhook_proves_nothing_about_a_refused_confirm() {
    let refused = Event::Refused { reason: reason() };
    let payout = after(payout_in(State::Confirming), &[(4, refused)]);
    assert_eq!(step(&payout, Some(&webhook(awaiting())), 5), Step::AskStatus);
}

#[test]
fn a_confirmation_window_that_ran_out_is_named_in_the_reason() {
    let mut ended = session(S::Cancelled, &[P::Failed]);
    let error = BankReason { code: "confirm_timeout".into(), text: String::new() };
    ended.payouts[0].error = Some(error);
    let found = step(&payout_in(State::Started), Some(&answer(ended, at(5))), 5);
    let reason = "not confirmed in time (confirm_timeout)".into();
    assert_eq!(found, Step::Write(Event::Cancelled { reason }));
}

#[test]
fn a_settlement_payout_without_confirm_information_is_asked_for_and_then_cancelled() {
    let mut session = awaiting();
    session.confirm_information = None;
    let started = payout_in(State::Started);
    assert_eq!(step(&started, Some(&webhook(session.clone())), 5), Step::AskStatus);
    assert_eq!(name(&step(&started, Some(&answer(session, at(5))), 5)), "cancel_decided");
}

#[test]
fn two_payouts_in_a_session_are_cancelled_and_shown_to_a_person() {
    let mut shown = session(S::InProgress, &[P::Pending, P::Pending]);
    shown.awaits_confirmation = true;
    let two = answer(shown, at(5));
    let started = payout_in(State::Started);
    let Step::Write(attention) = step(&started, Some(&two), 5) else { panic!("no event") };
    assert_eq!(attention.name(), "needs_attention");
    let attentive = after(started, &[(5, attention)]);
    assert_eq!(name(&step(&attentive, Some(&two), 5)), "cancel_decided");
}

#[test]
fn a_refusal_to_confirm_is_shown_to_a_person_if_the_bank_still_waits() {
    let refused = Event::Refused { reason: reason() };
    let payout = after(payout_in(State::Confirming), &[(4, refused)]);
    assert_eq!(step(&payout, None, 4), Step::AskStatus);
    assert_eq!(name(&step(&payout, Some(&answer(awaiting(), at(4))), 4)), "needs_attention");
    let paid = answer(session(S::Accepted, &[P::Succeeded]), at(4));
    assert_eq!(name(&step(&payout, Some(&paid), 4)), "confirmed", "told before its end");
}

/// Case 43 of the fault matrix: what was checked is not what the bank would do now.
#[test]
fn what_the_bank_has_changed_since_the_decision_is_a_reason_to_cancel() {
    let refused = Event::Refused { reason: reason() };
    for outcome in [refused, unknown(), Event::Postponed { until: at(30) }] {
        let payout = after(payout_in(State::Confirming), &[(4, outcome)]);
        let mut changed = awaiting();
        changed.confirm_information = Raw::parse(r#"{"account_details": {}}"#);
        let found = step(&payout, Some(&answer(changed.clone(), at(40))), 40);
        let Step::Write(Event::CancelDecided { confirm_information, .. }) = found else {
            panic!("{found:?}")
        };
        assert_eq!(confirm_information, changed.confirm_information, "what is echoed now");
    }
}

#[test]
fn a_confirmation_that_was_put_off_is_held_against_the_rules_of_then() {
    let rules = Rules { currencies: vec!["usd".into()], ..rules() };
    let strict = Policy { rules: Arc::new(rules), ..policy() };
    for outcome in [unknown(), Event::Postponed { until: at(30) }] {
        let payout = after(payout_in(State::Confirming), &[(4, outcome)]);
        let waits = answer(awaiting(), at(40));
        assert_eq!(name(&next_step(&payout, Some(&waits), &strict, at(40))), "cancel_decided");
        let mut other = awaiting();
        other.payouts[0].money = None;
        assert_eq!(name(&step(&payout, Some(&answer(other, at(40))), 40)), "cancel_decided");
    }
}

/// An answer to start may come when others have decided; it says nothing of their confirmation.
#[test]
fn an_answer_from_before_the_confirmation_is_not_taken_for_its_own() {
    let going = |seconds| answer(session(S::InProgress, &[P::InProgress]), at(seconds));
    for outcome in [Event::Refused { reason: reason() }, Event::Postponed { until: at(30) }] {
        let payout = after(payout_in(State::Confirming), &[(4, outcome)]);
        assert_ne!(name(&step(&payout, Some(&going(1)), 5)), "confirmed");
    }
    let unsent = after(payout_in(State::Confirming), &[(4, Event::Postponed { until: at(30) })]);
    assert_eq!(name(&step(&unsent, Some(&going(40)), 40)), "wait", "it never was sent");
    let paid = answer(session(S::Accepted, &[P::Succeeded]), at(40));
    assert_eq!(name(&step(&unsent, Some(&paid), 40)), "succeeded", "by somebody else");
}

#[test]
fn a_refused_cancellation_is_sent_again_as_long_as_the_bank_waits() {
    let payout = after(payout_in(State::Cancelling), &[(4, Event::Refused { reason: reason() })]);
    assert_eq!(step(&payout, None, 4), Step::AskStatus);
    let waits = answer(awaiting(), at(4));
    assert_eq!(step(&payout, Some(&waits), 4), Step::Wait(Some(at(18))));
    let waits = answer(awaiting(), at(18));
    assert_eq!(step(&payout, Some(&waits), 18), Step::Write(Event::Intended { attempt: 2 }));
    let empty = answer(session(S::Created, &[]), at(18));
    assert_eq!(name(&step(&payout, Some(&empty), 18)), "cancelled", "nothing to cancel");
}

#[test]
fn a_new_word_beside_the_wish_to_be_confirmed_is_not_taken_for_a_confirmation() {
    let mut odd = session(S::InProgress, &[P::Unfamiliar]);
    odd.awaits_confirmation = true;
    let found = step(&payout_in(State::Confirming), Some(&answer(odd, at(99))), 99);
    assert_eq!(found, Step::Wait(None));
}

#[test]
fn a_refusal_from_before_the_clock_was_set_back_does_not_ask_on_and_on() {
    for state in [State::Confirming, State::Cancelling] {
        let mut payout = payout_in(state);
        payout.intention.at = at(86_403);
        let payout = after(payout, &[(86_404, Event::Refused { reason: reason() })]);
        let seen = answer(awaiting(), at(10));
        assert_eq!(step(&payout, Some(&seen), 10), Step::Wait(Some(at(86_403))), "{state}");
    }
}

/// What the bank says to the cancellation of an empty session is not documented.
#[test]
fn an_empty_session_that_cannot_be_cancelled_holds_up_nobody_for_ever() {
    let mut payout = payout_in(State::Cancelling);
    payout.intention.attempt = TRIES_MAX;
    let looked = Event::Released { reason: "looked".into() };
    let tired = after(payout, &[(4, unknown()), (9000, needs_attention()), (9001, looked)]);
    let empty = |s| answer(session(S::Created, &[]), at(s));
    let again = Event::Intended { attempt: TRIES_MAX + 1 };
    assert_eq!(step(&tired, Some(&empty(9001)), 9001), Step::Write(again.clone()));
    let tried = after(tired, &[(9001, again), (9002, unknown())]);
    assert_eq!(name(&step(&tried, Some(&empty(9100)), 9100)), "cancelled");
}

/// A forgotten session may have been confirmed with it.
#[test]
fn a_confirmation_whose_key_was_used_is_never_sent_with_another() {
    let used = Event::OutcomeUnknown { why: "key".into(), key_used: true };
    let payout = after(payout_in(State::Confirming), &[(4, used)]);
    let waits = answer(awaiting(), at(20));
    let Step::Write(called) = step(&payout, Some(&waits), 20) else { panic!("nobody is called") };
    assert_eq!(called.name(), "needs_attention");
    let called = after(payout, &[(20, called)]);
    assert_eq!(step(&called, Some(&waits), 21), Step::Wait(None));
}

#[test]
fn an_empty_session_whose_cancellation_the_bank_took_is_cancelled() {
    let taken = after(payout_in(State::Cancelling), &[(4, Event::CancelTaken)]);
    let empty = |s| answer(session(S::Created, &[]), at(s));
    assert_eq!(name(&step(&taken, Some(&empty(5)), 5)), "wait");
    assert_eq!(name(&step(&taken, Some(&empty(400)), 400)), "cancelled");
}

/// Where the bank confirms by itself, or somebody does so there, payoutd can only tell.
#[test]
fn what_was_paid_otherwise_than_asked_is_told_as_paid_and_shown_to_a_person_once() {
    let mut paid = session(S::Accepted, &[P::Succeeded]);
    paid.payouts[0].money =
        Some(Money { amount: 77_700, ..paid.payouts[0].money.clone().expect("some") });
    let seen = answer(paid, at(50));
    let payout = payout_in(State::Confirmed);
    let Step::Write(succeeded) = step(&payout, Some(&seen), 50) else { panic!("not told") };
    let payout = after(payout, &[(50, succeeded)]);
    assert_eq!(payout.state, State::Succeeded);
    let Step::Write(Event::NeedsAttention { reason, session }) = step(&payout, Some(&seen), 50)
    else {
        panic!("nobody is called")
    };
    assert_eq!(reason, "the bank paid it otherwise than asked: amount, it was 777.00 RUB");
    let looked = Event::Released { reason: "we talk to the bank".into() };
    let called = Event::NeedsAttention { reason, session };
    let payout = after(payout, &[(50, called), (60, looked)]);
    assert_eq!(step(&payout, Some(&seen), 61), Step::Done);
    let hidden = answer(session_without_details(), at(50));
    let payout = payout_in(State::Succeeded);
    assert_eq!(step(&payout, Some(&hidden), 50), Step::Done, "what is not shown says nothing");
}

fn session_without_details() -> Session {
    let mut bare = session(S::Accepted, &[P::Succeeded]);
    bare.payouts[0].money = None;
    bare.payouts[0].payment_method = serde_json::Value::Null;
    bare
}
