//! Our own rules, and payouts held for a person.

use std::sync::Arc;

use super::*;
use crate::domain::json::Raw;
use crate::domain::money::{Currency, Money};
use crate::domain::recipient::{Identifier, Kind};
use crate::domain::rules::{Amounts, Denied, Rules};

fn rub(amount: i64) -> Amounts {
    let currency = Currency::try_from("rub".to_owned()).expect("a code");
    [Money { amount, currency }].into_iter().collect()
}

fn with(rules: Rules) -> Policy {
    Policy { rules: Arc::new(rules), ..policy() }
}

fn reviewed() -> Policy {
    with(Rules { review_above: Some(rub(299_999)), ..rules() })
}

fn waits() -> Sight {
    webhook(awaiting())
}

#[test]
fn above_its_amount_a_payout_is_held_until_its_deadline() {
    let started = payout_in(State::Started);
    let found = next_step(&started, Some(&waits()), &reviewed(), at(5));
    // The session was bound at 1 s, and reviews take 1000 s at most.
    let Step::Write(held @ Event::Held { until, .. }) = found else { panic!("{found:?}") };
    assert_eq!(until, at(1001));
    let held = after(started, &[(5, held)]);
    assert_eq!(next_step(&held, Some(&waits()), &reviewed(), at(6)), Step::Wait(Some(at(1001))));
    assert_eq!(next_step(&held, None, &reviewed(), at(1001)), Step::AskStatus);
    let late = next_step(&held, Some(&answer(awaiting(), at(1001))), &reviewed(), at(1001));
    assert_eq!(name(&late), "cancel_decided");
}

#[test]
fn what_the_bank_asks_about_too_late_for_a_review_is_cancelled() {
    let found = next_step(&payout_in(State::Started), Some(&waits()), &reviewed(), at(1001));
    let Step::Write(Event::CancelDecided { reason, .. }) = found else { panic!("{found:?}") };
    assert!(reason.contains("above the amount for review in rub; no time was left"), "{reason}");
}

#[test]
fn up_to_its_amount_nothing_is_held_and_the_decision_says_why() {
    let generous = with(Rules { review_above: Some(rub(300_000)), ..rules() });
    let found = next_step(&payout_in(State::Started), Some(&waits()), &generous, at(5));
    let Step::Write(Event::ConfirmDecided { reason, .. }) = found else { panic!("{found:?}") };
    assert_eq!(reason, "agrees with the command");
}

#[test]
fn a_command_of_less_time_is_held_for_less() {
    let mut command = settlement_command();
    command["confirm_before"] = "1970-01-01T00:10:00Z".into();
    let command = super::super::super::samples::command(&command);
    let payout = Payout::accept(command, "hash".into(), Default::default(), at(0), at(15));
    let payout = after(payout, &[(1, bound()), (2, started())]);
    let found = next_step(&payout, Some(&waits()), &reviewed(), at(5));
    assert!(
        matches!(found, Step::Write(Event::Held { until, .. }) if until == at(600)),
        "{found:?}"
    );
}

#[test]
fn an_approved_payout_is_held_against_what_the_bank_shows_once_more() {
    let approved = Event::Approved { reason: "checked".into() };
    let payout = after(payout_in(State::Held), &[(50, approved)]);
    assert_eq!(payout.state, State::Started);
    assert_eq!(next_step(&payout, None, &reviewed(), at(50)), Step::AskStatus, "at once");
    let found = next_step(&payout, Some(&answer(awaiting(), at(50))), &reviewed(), at(50));
    let Step::Write(Event::ConfirmDecided { reason, .. }) = found else { panic!("{found:?}") };
    assert_eq!(reason, "agrees with the command; approved: checked");
    let mut other = awaiting();
    other.payouts[0].money = None;
    let found = next_step(&payout, Some(&answer(other, at(50))), &reviewed(), at(50));
    assert_eq!(name(&found), "cancel_decided", "an approval is not blind");
}

/// What a person approved is what the bank showed when it was held.
#[test]
fn what_the_bank_has_changed_since_it_was_held_is_cancelled_and_what_it_hides_is_kept() {
    let Step::Write(held) =
        next_step(&payout_in(State::Started), Some(&waits()), &reviewed(), at(5))
    else {
        panic!("not held")
    };
    let approved = Event::Approved { reason: "checked".into() };
    let payout = after(payout_in(State::Started), &[(5, held), (50, approved)]);
    let shown = |information: Option<&str>| {
        let mut session = awaiting();
        session.confirm_information = information.map(|text| Raw::parse(text).expect("JSON"));
        next_step(&payout, Some(&answer(session, at(50))), &reviewed(), at(50))
    };
    let text = settlement_information().text().to_owned();
    assert_eq!(name(&shown(Some(&text.replace("1.50", "1.51")))), "cancel_decided");
    let respaced = text.replace(": ", ":");
    let Step::Write(Event::ConfirmDecided { confirm_information, .. }) = shown(Some(&respaced))
    else {
        panic!("not confirmed")
    };
    assert_eq!(confirm_information.expect("some").text(), respaced, "what is echoed now");
    let Step::Write(Event::ConfirmDecided { confirm_information, .. }) = shown(None) else {
        panic!("not confirmed")
    };
    assert_eq!(confirm_information, Some(settlement_information()), "what was shown then");
}

#[test]
fn a_review_lasts_from_when_the_start_went_out() {
    let postponed = (2, Event::Postponed { until: at(2000) });
    let sent = (2000, Event::Intended { attempt: 1 });
    let payout = after(payout_in(State::Bound), &[postponed, sent, (2001, started())]);
    let found = next_step(&payout, Some(&waits()), &reviewed(), at(2002));
    assert!(matches!(found, Step::Write(Event::Held { until, .. }) if until == at(3000)));
    let twice = [
        (2, Event::Postponed { until: at(2000) }),
        (2000, Event::Intended { attempt: 1 }),
        (2010, unknown()),
        (2016, Event::Intended { attempt: 2 }),
        (2017, started()),
    ];
    let payout = after(payout_in(State::Bound), &twice);
    let seen = answer(awaiting(), at(2032));
    let found = next_step(&payout, Some(&seen), &reviewed(), at(2032));
    assert!(matches!(found, Step::Write(Event::Held { until, .. }) if until == at(3016)));
}

#[test]
fn what_a_person_should_approve_is_not_started_where_the_bank_asks_nobody() {
    let automatic = Policy { confirms_automatically: true, ..reviewed() };
    assert_eq!(name(&next_step(&payout_in(State::Creating), None, &automatic, at(1))), "rejected");
    assert!(!may_start(&payout_in(State::Bound), &automatic, at(1)));
}

#[test]
fn an_approval_does_not_lift_a_prohibition() {
    let approved = Event::Approved { reason: "checked".into() };
    let payout = after(payout_in(State::Held), &[(50, approved)]);
    let strict = with(Rules { amount_max: rub(100), ..rules() });
    let found = next_step(&payout, Some(&answer(awaiting(), at(50))), &strict, at(50));
    assert_eq!(name(&found), "cancel_decided");
}

#[test]
fn what_the_rules_forbid_is_rejected_before_anything_is_started() {
    let strict = with(Rules { currencies: vec!["usd".into()], ..rules() });
    assert_eq!(name(&next_step(&payout_in(State::Creating), None, &strict, at(1))), "rejected");
    assert!(!may_start(&payout_in(State::Bound), &strict, at(1)));
    assert!(may_start(&payout_in(State::Bound), &policy(), at(1)));
    let unsent = after(payout_in(State::Bound), &[(2, Event::Postponed { until: at(9) })]);
    assert_eq!(name(&next_step(&unsent, None, &strict, at(3))), "rejected");
}

#[test]
fn a_recipient_that_only_the_bank_shows_is_denied_too() {
    let salt = || "0123456789abcdef0123456789abcdef".to_owned().into();
    let number = Identifier::new(Kind::Account, "40702810500000000001");
    let denied = Denied::new(salt(), [Denied::hash(&salt(), &number)]);
    let strict = with(Rules { denied, ..rules() });
    let started = payout_in(State::Started);
    assert_eq!(name(&next_step(&started, Some(&waits()), &strict, at(5))), "confirm_decided");
    let mut shown = awaiting();
    shown.confirm_information = Raw::parse(
        r#"{"account_details": {"sender": {"account_number": "40702810300200000013"},
            "recipient": {"name": "Vector LLC", "account_number": "40702810500000000001"}}}"#,
    );
    let found = next_step(&started, Some(&webhook(shown)), &strict, at(5));
    assert_eq!(name(&found), "cancel_decided");
}

#[test]
fn what_was_paid_though_a_person_should_have_approved_it_is_shown_to_one() {
    let paid = answer(session(S::Accepted, &[P::Succeeded]), at(50));
    let started = payout_in(State::Started);
    let succeeded = Event::Succeeded { bank_payout: None };
    let unasked = after(started.clone(), &[(50, succeeded.clone())]);
    let found = next_step(&unasked, Some(&paid), &reviewed(), at(50));
    assert!(
        matches!(&found, Step::Write(Event::NeedsAttention { reason, .. })
        if reason.contains("without asking") && reason.contains("above the amount")),
        "{found:?}"
    );
    assert_eq!(next_step(&unasked, Some(&paid), &policy(), at(50)), Step::Done);
    let asked = after(started, &[(5, held()), (50, succeeded)]);
    assert_eq!(next_step(&asked, Some(&paid), &reviewed(), at(50)), Step::Done);
}
