//! When a start is sent, sent again, and given up.

use super::*;

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
fn a_postponed_start_goes_out_as_the_same_try_unless_its_command_is_past_its_time() {
    let postponed = Event::Postponed { until: at(8) };
    let payout = after(payout_in(State::Bound), &[(3, postponed)]);
    assert_eq!(step(&payout, None, 7), Step::Wait(Some(at(8))));
    assert_eq!(step(&payout, None, 8), Step::Write(Event::Intended { attempt: 1 }));
    assert_eq!(name(&step(&payout, None, 36_000)), "rejected");
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
fn a_session_that_is_not_new_is_not_started_in() {
    let mut used = session(S::InProgress, &[P::Pending]);
    used.id = SessionId::new("ps_2");
    let event = record_answer(&accepted(), &Answer::Done(used), &policy(), at(1));
    assert_eq!(event.name(), "needs_attention");
}

/// The store forgot a start that was made in another session; the bank ends the new, empty one.
#[test]
fn a_used_key_is_for_a_person_also_when_the_bank_ends_the_empty_session() {
    let used = Event::OutcomeUnknown { why: "key".into(), key_used: true };
    let payout = after(payout_in(State::Bound), &[(2, used)]);
    let ended = answer(session(S::Cancelled, &[]), at(16));
    assert_eq!(name(&step(&payout, Some(&ended), 16)), "needs_attention");
    let called = after(payout, &[(16, needs_attention())]);
    let later = answer(session(S::Cancelled, &[]), at(14_400));
    assert_eq!(step(&called, Some(&later), 14_400), Step::Wait(None));
    let rejected = after(called, &[(14_401, Event::Released { reason: "nothing there".into() })]);
    assert_eq!(name(&step(&rejected, Some(&later), 14_401)), "cancelled");
}

#[test]
fn a_second_start_that_was_put_off_is_looked_up_before_it_goes_out() {
    let second = [
        (11, unknown()),
        (16, Event::Intended { attempt: 2 }),
        (16, Event::Postponed { until: at(316) }),
    ];
    let payout = after(payout_in(State::Bound), &second);
    assert_eq!(step(&payout, None, 4000), Step::AskStatus);
    let empty = answer(session(S::Created, &[]), at(4000));
    assert_eq!(step(&payout, Some(&empty), 4000), Step::Write(Event::Intended { attempt: 2 }));
}

#[test]
fn a_refused_start_is_not_judged_by_the_answer_to_create() {
    let refused = after(payout_in(State::Bound), &[(2, Event::Refused { reason: reason() })]);
    let of_create = answer(session(S::Created, &[]), at(0));
    assert_eq!(step(&refused, Some(&of_create), 2), Step::AskStatus);
}

#[test]
fn a_refused_start_fails_with_the_banks_reason_also_when_the_bank_ends_the_session() {
    let refused = after(payout_in(State::Bound), &[(2, Event::Refused { reason: reason() })]);
    let ended = answer(session(S::Cancelled, &[]), at(16));
    let failed = Step::Write(Event::Failed { reason: reason() });
    assert_eq!(step(&refused, Some(&ended), 16), failed);
    let called = after(refused, &[(17, needs_attention())]);
    assert_eq!(step(&called, Some(&ended), 17), Step::Wait(None));
}

#[test]
fn what_cannot_be_sent_for_hours_calls_a_person_once() {
    let six_hours = 6 * 3600;
    for state in [State::Creating, State::Initiating, State::Bound] {
        let postponed = |s| (s, Event::Postponed { until: at(s + 300) });
        let waits = after(payout_in(state), &[postponed(2)]);
        assert_eq!(step(&waits, None, 3), Step::Wait(Some(at(302))), "{state}");
        let tired = after(waits, &[postponed(six_hours + 2)]);
        assert_eq!(name(&step(&tired, None, six_hours + 3)), "needs_attention", "{state}");
        let called = after(tired, &[(six_hours + 3, needs_attention())]);
        assert_ne!(name(&step(&called, None, six_hours + 4)), "needs_attention", "{state}");
    }
}
