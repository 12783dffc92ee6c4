//! What follows in each situation, and properties of every step.

mod one_request;
mod review;
mod wishes;

use proptest::prelude::*;

use super::super::call::{Answer, Call, record_answer};
use super::super::samples::*;
use super::super::session::{BankReason, PayoutStatus as P, SessionStatus as S};
use super::super::transition::apply;
use super::*;
use crate::domain::id::SessionId;
use crate::domain::json::Raw;
use crate::domain::payout::CallOutcome;
use crate::domain::policy::TRIES_MAX;

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

/// Said here once more: the properties must not ask the code that they test.
fn may_be_on_its_way(payout: &Payout) -> bool {
    matches!(payout.intention.outcome, CallOutcome::Pending | CallOutcome::Unknown { .. })
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
        (State::Confirming, "wait confirmed intended succeeded failed cancelled needs_attention needs_attention"),
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
        (State::Confirming, "wait wait wait succeeded failed cancelled needs_attention needs_attention"),
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
fn an_answer_from_before_the_deadline_proves_nothing_about_a_start() {
    let payout = after(payout_in(State::Bound), &[(2, unknown())]);
    let early = answer(session(S::Created, &[]), at(15));
    assert_eq!(step(&payout, Some(&early), 16), Step::AskStatus);
    let late = answer(session(S::Created, &[]), at(16));
    assert_eq!(step(&payout, Some(&late), 16), Step::Write(Event::Intended { attempt: 2 }));
}

#[test]
fn a_start_sent_twice_is_decided_on_only_by_an_answer_from_past_the_last_deadline() {
    let twice = after(
        payout_in(State::Bound),
        &[
            (2, unknown()),
            (16, Event::Intended { attempt: 2 }),
            (17, Event::Started { bank_payout: None, answered: false }),
        ],
    );
    assert_eq!(step(&twice, Some(&webhook(awaiting())), 18), Step::Wait(Some(at(31))));
    assert_eq!(step(&twice, Some(&webhook(awaiting())), 31), Step::AskStatus);
    let fresh = answer(awaiting(), at(31));
    assert_eq!(name(&step(&twice, Some(&fresh), 31)), "confirm_decided");
    let failed = webhook(session(S::Cancelled, &[P::Failed]));
    assert_eq!(step(&twice, Some(&failed), 18), Step::Wait(Some(at(31))), "not failed early");
}

#[test]
fn a_refused_start_fails_once_status_shows_no_payout() {
    let refused = Event::Refused { reason: reason() };
    let once = after(payout_in(State::Bound), &[(2, refused.clone())]);
    assert_eq!(step(&once, None, 2), Step::AskStatus);
    let empty = answer(session(S::Created, &[]), at(2));
    assert_eq!(step(&once, Some(&empty), 2), Step::Write(Event::Failed { reason: reason() }));
    let shown = answer(session(S::InProgress, &[P::Pending]), at(2));
    assert_eq!(name(&step(&once, Some(&shown), 2)), "started", "it was done after all");

    let twice = after(
        payout_in(State::Bound),
        &[(2, unknown()), (16, Event::Intended { attempt: 2 }), (17, refused)],
    );
    assert_eq!(step(&twice, None, 18), Step::Wait(Some(at(31))), "the first may be in flight");
    let empty = answer(session(S::Created, &[]), at(31));
    assert_eq!(step(&twice, Some(&empty), 31), Step::Write(Event::Failed { reason: reason() }));
}

#[test]
fn a_refused_start_is_not_failed_while_an_earlier_try_may_be_in_flight() {
    let refused = Event::Refused { reason: reason() };
    let twice = after(
        payout_in(State::Bound),
        &[(2, unknown()), (16, Event::Intended { attempt: 2 }), (17, refused.clone())],
    );
    let empty = answer(session(S::Created, &[]), at(18));
    assert_eq!(step(&twice, Some(&empty), 18), Step::Wait(Some(at(31))));
    let once = after(payout_in(State::Bound), &[(2, refused)]);
    let hint = webhook(session(S::Created, &[]));
    assert_eq!(step(&once, Some(&hint), 16), Step::AskStatus, "a webhook is no proof");
}

#[test]
fn an_empty_session_that_the_bank_ended_may_still_have_a_start_on_its_way() {
    let ended = session(S::Cancelled, &[]);
    let bound = payout_in(State::Bound);
    assert_eq!(step(&bound, Some(&webhook(ended.clone())), 5), Step::Wait(Some(at(16))));
    assert_eq!(step(&bound, Some(&answer(ended.clone(), at(5))), 5), Step::Wait(Some(at(16))));
    assert_eq!(name(&step(&bound, Some(&answer(ended, at(16))), 16)), "cancelled");
}

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
fn with_attention_set_a_payout_that_awaits_confirmation_waits_for_a_person() {
    let attention = needs_attention();
    let started = after(payout_in(State::Started), &[(3, attention)]);
    assert_eq!(step(&started, Some(&answer(awaiting(), at(100))), 100), Step::Wait(None));
    let paid = answer(session(S::Accepted, &[P::Succeeded]), at(100));
    assert_eq!(name(&step(&started, Some(&paid), 100)), "succeeded", "an end still settles it");
}

#[test]
fn a_postponed_start_goes_out_as_the_same_try_unless_its_command_is_past_its_time() {
    let postponed = Event::Postponed { until: at(8) };
    let payout = after(payout_in(State::Bound), &[(3, postponed)]);
    assert_eq!(step(&payout, None, 7), Step::Wait(Some(at(8))));
    assert_eq!(step(&payout, None, 8), Step::Write(Event::Intended { attempt: 1 }));
    assert_eq!(name(&step(&payout, None, 36_000)), "rejected");
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
fn a_confirmation_window_that_ran_out_is_named_in_the_reason() {
    let mut ended = session(S::Cancelled, &[P::Failed]);
    let error = BankReason { code: "confirm_timeout".into(), text: String::new() };
    ended.payouts[0].error = Some(error);
    let found = step(&payout_in(State::Started), Some(&answer(ended, at(5))), 5);
    let reason = "not confirmed in time (confirm_timeout)".into();
    assert_eq!(found, Step::Write(Event::Cancelled { reason }));
}

#[test]
fn a_bank_that_confirms_by_itself_is_never_asked_to_start_twice() {
    let mut policy = policy();
    policy.confirms_automatically = true;
    let payout = after(payout_in(State::Bound), &[(2, unknown())]);
    let empty = answer(session(S::Created, &[]), at(16));
    let step = next_step(&payout, Some(&empty), &policy, at(16));
    assert_eq!(name(&step), "needs_attention");
}

#[test]
fn a_key_that_the_bank_has_seen_is_followed_or_shown_to_a_person() {
    let used =
        |payout: &Payout, seconds| record_answer(payout, &Answer::KeyUsed, &policy(), at(seconds));
    let creating = payout_in(State::Creating);
    let first = after(creating.clone(), &[(1, used(&creating, 1))]);
    assert_eq!(name(&step(&first, None, 1)), "needs_attention");
    let second =
        after(payout_in(State::Bound), &[(2, unknown()), (16, Event::Intended { attempt: 2 })]);
    let used = used(&second, 17);
    let payout = after(second, &[(17, used)]);
    let empty = answer(session(S::Created, &[]), at(31));
    assert_eq!(name(&step(&payout, Some(&empty), 31)), "needs_attention", "never a new key");
    let shown = answer(awaiting(), at(31));
    assert_eq!(name(&step(&payout, Some(&shown), 31)), "started");
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
    assert_eq!(name(&step(&payout, Some(&paid), 4)), "succeeded");
}

/// Case 43 of the fault matrix: what was checked is not what the bank would do now.
#[test]
fn a_refusal_to_confirm_what_the_bank_has_changed_since_is_a_reason_to_cancel() {
    let refused = Event::Refused { reason: reason() };
    let payout = after(payout_in(State::Confirming), &[(4, refused)]);
    let mut changed = awaiting();
    changed.confirm_information = Raw::parse(r#"{"account_details": {}}"#);
    let found = step(&payout, Some(&answer(changed.clone(), at(4))), 4);
    let Step::Write(Event::CancelDecided { confirm_information, .. }) = found else {
        panic!("{found:?}")
    };
    assert_eq!(confirm_information, changed.confirm_information, "what is echoed now");
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
}

#[test]
fn a_session_that_is_not_new_is_not_started_in() {
    let mut used = session(S::InProgress, &[P::Pending]);
    used.id = SessionId::new("ps_2");
    let event = record_answer(&accepted(), &Answer::Done(used), &policy(), at(1));
    assert_eq!(event.name(), "needs_attention");
}

#[test]
fn a_new_word_beside_the_wish_to_be_confirmed_is_not_taken_for_a_confirmation() {
    let mut odd = session(S::InProgress, &[P::Unfamiliar]);
    odd.awaits_confirmation = true;
    let found = step(&payout_in(State::Confirming), Some(&answer(odd, at(99))), 99);
    assert_eq!(found, Step::Wait(None));
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

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn every_event_proposed_is_legal(
        payout in any_payout(),
        sight in proptest::option::of(any_sight()),
        seconds in 0i64..40_000,
    ) {
        if let Step::Write(event) = step(&payout, sight.as_ref(), seconds) {
            prop_assert!(apply(&payout, event.clone(), at(seconds)).is_ok(), "{:?}", event);
        }
    }

    #[test]
    fn no_call_is_repeated_before_its_intentions_deadline(
        payout in any_payout(),
        sight in proptest::option::of(any_sight()),
        seconds in 0i64..400,
    ) {
        let open = may_be_on_its_way(&payout);
        let early = at(seconds) < policy().deadline(&payout.intention);
        if open && early && let Step::Write(event) = step(&payout, sight.as_ref(), seconds) {
            prop_assert!(!matches!(event, Event::Intended { .. }), "{:?}", event);
        }
    }

    #[test]
    fn a_repeated_start_or_confirm_follows_an_answer_from_past_the_deadline(
        payout in any_payout(),
        sight in proptest::option::of(any_sight()),
        seconds in 0i64..400,
    ) {
        let open = may_be_on_its_way(&payout);
        if payout.state != State::Creating
            && open
            && let Step::Write(Event::Intended { .. }) = step(&payout, sight.as_ref(), seconds)
        {
            let sight = sight.expect("decided on what the bank shows");
            prop_assert!(is_bound_to(&payout, &sight.session.id));
            prop_assert!(sight.asked_after(policy().deadline(&payout.intention)));
        }
    }

    #[test]
    fn only_the_bound_session_is_ever_confirmed(
        payout in any_payout(),
        sight in proptest::option::of(any_sight()),
        seconds in 0i64..400,
    ) {
        let step = step(&payout, sight.as_ref(), seconds);
        if let Step::Write(Event::ConfirmDecided { .. }) = step {
            let session = sight.expect("decided on a session").session;
            prop_assert_eq!(Some(&session.id), payout.session.as_ref());
            prop_assert_eq!(session.payouts.len(), 1);
            prop_assert!(session.awaits_confirmation);
        }
    }

    #[test]
    fn what_is_to_be_cancelled_is_never_confirmed(
        payout in any_payout(),
        sight in proptest::option::of(any_sight()),
        seconds in 0i64..400,
    ) {
        if payout.cancel_requested.is_some() {
            let found = name(&step(&payout, sight.as_ref(), seconds));
            prop_assert_ne!(found, "confirm_decided");
        }
    }

    #[test]
    fn a_start_in_one_request_is_sent_again_only_if_it_certainly_was_not_sent(
        payout in any_payout(),
        sight in proptest::option::of(any_sight()),
        seconds in 0i64..400,
    ) {
        if payout.intention.call == Call::Init
            && let Step::Write(event @ Event::Intended { .. }) =
                step(&payout, sight.as_ref(), seconds)
        {
            let unsent = matches!(payout.intention.outcome, CallOutcome::Postponed { .. });
            prop_assert!(unsent);
            prop_assert_eq!(event, Event::Intended { attempt: 1 });
        }
    }

    #[test]
    fn with_attention_set_nothing_is_started_or_confirmed(
        mut payout in any_payout(),
        sight in proptest::option::of(any_sight()),
        seconds in 0i64..400,
    ) {
        if !payout.state.is_final() && payout.attention.is_none() {
            payout = after(payout, &[(300, needs_attention())]);
        }
        if let Step::Write(event) = step(&payout, sight.as_ref(), seconds) {
            let cancels = payout.state == State::Cancelling;
            let cancel =
                matches!(event, Event::CancelDecided { .. } | Event::StrayFound { .. });
            let calls = event.intends_call() && !cancel;
            prop_assert!(!calls || cancels, "{:?}", event);
        }
    }

    #[test]
    fn any_answer_is_recorded_by_a_legal_event(payout in any_payout(), which in 0usize..7) {
        let answers = [
            Answer::Done(awaiting()),
            Answer::Refused(reason()),
            Answer::Forbidden(reason()),
            Answer::Misconfigured(reason()),
            Answer::KeyUsed,
            Answer::NotSent("refused".into()),
            Answer::Unknown("timeout".into()),
        ];
        let event = record_answer(&payout, &answers[which], &policy(), at(500));
        let calling = matches!(
            payout.state,
            State::Creating
                | State::Initiating
                | State::Bound
                | State::Confirming
                | State::Cancelling
        );
        prop_assert!(!calling || apply(&payout, event, at(500)).is_ok());
    }
}
