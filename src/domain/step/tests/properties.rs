//! What holds of every step, whatever the payout, the sight and the hour.

use proptest::prelude::*;

use super::*;

/// Said here once more: the properties must not ask the code that they test.
fn may_be_on_its_way(payout: &Payout) -> bool {
    matches!(payout.intention.outcome, CallOutcome::Pending | CallOutcome::Unknown { .. })
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
    fn not_paid_is_never_told_while_a_person_looks_into_another_session(
        mut payout in any_payout(),
        sight in proptest::option::of(any_sight()),
        seconds in 0i64..400,
    ) {
        if payout.attention.is_none() {
            payout = after(payout, &[(300, needs_attention())]);
        }
        if !payout.strangers.is_empty()
            && let Step::Write(event) = step(&payout, sight.as_ref(), seconds)
        {
            let ends = matches!(
                event,
                Event::Failed { .. } | Event::Cancelled { .. } | Event::Rejected { .. }
            );
            prop_assert!(!ends, "{:?}", event);
        }
    }

    #[test]
    fn another_session_that_may_pay_is_always_remembered(
        payout in any_payout(),
        sight in any_sight(),
        seconds in 0i64..400,
    ) {
        let known = |payout: &Payout| {
            let mut all = payout.session.iter().chain(&payout.strangers);
            all.any(|session| *session == sight.session.id)
        };
        if sight.session.may_pay() && !known(&payout) {
            let Step::Write(event) = step(&payout, Some(&sight), seconds) else {
                return Err(TestCaseError::fail("forgotten"));
            };
            prop_assert!(known(&apply(&payout, event, at(seconds)).expect("legal")));
        }
    }

    #[test]
    fn a_confirmation_is_told_only_by_what_was_asked_after_its_intention(
        payout in any_payout(),
        sight in any_sight(),
        seconds in 0i64..400,
    ) {
        if let Step::Write(Event::Confirmed) = step(&payout, Some(&sight), seconds) {
            let paid = sight.session.reading() == Reading::Succeeded;
            prop_assert!(paid || sight.asked_after(payout.intention.at));
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
