//! What can still happen, and when: each is a way that the search finds. One that is closed makes
//! its test fail, and then belongs to what holds.

use payoutd::domain::payout::State;

use crate::checking::{CONFIRMED_ONCE, NEVER_STUCK, PAID_ONCE, STARTED_ONCE, falls, holds};
use crate::protocol::{BankKind, Faults, Protocol};

const NONE: Faults = Faults::NONE;

/// The store went back, the bank ignores keys, and something else than a newer ticket (here the
/// sweep) is first to have the payout looked at.
#[test]
fn a_bank_that_ignores_keys_and_a_store_that_forgot_pay_twice() {
    let protocol = Protocol::new(BankKind::WORST, Faults { roll_backs: 1, ..NONE });
    let protocol = Protocol { check: &[PAID_ONCE], ..protocol };
    falls("a roll-back where keys are ignored", protocol, PAID_ONCE);
}

/// A store that went back to before the session was known, at a bank that heeds keys; the first
/// start had failed without using up its key.
fn forgotten_start() -> Protocol {
    let bank = BankKind { failed_uses_key: false, ..BankKind::DESCRIBED };
    let faults = Faults { roll_backs: 1, failed_calls: 1, ..NONE };
    Protocol {
        check: &[PAID_ONCE],
        goes_back_to: Some(State::Creating),
        ..Protocol::new(bank, faults)
    }
}

/// The bank says that the confirmation's key was used, and the next try gets another.
#[test]
fn a_used_key_of_the_first_confirmation_is_not_heeded() {
    falls("a used key at confirm", forgotten_start(), PAID_ONCE);
}

#[test]
#[ignore = "half a minute"]
fn heeding_the_used_key_of_the_first_confirmation_closes_that() {
    let protocol = forgotten_start();
    holds("a used key at confirm, heeded", Protocol { heeds_used_key: true, ..protocol });
}

/// Where the first confirmation failed too, neither key was ever used, and only the fence is left.
#[test]
#[ignore = "ten seconds"]
fn a_start_and_a_confirmation_whose_keys_stayed_unused_are_forgotten_for_good() {
    let mut protocol = forgotten_start();
    protocol.faults.failed_calls = 2;
    protocol.version_max = 15;
    falls("two unused keys", Protocol { heeds_used_key: true, ..protocol }, PAID_ONCE);
}

fn clock_that_stood_still() -> Protocol {
    let faults = Faults { freezes: 1, crashes: 1, ..NONE };
    let protocol = Protocol::new(BankKind::WORST, faults);
    Protocol { clocks_stand_still: true, check: &[STARTED_ONCE], ..protocol }
}

/// The intention is dated by a clock that stood still: to others its deadline is over at once.
#[test]
fn an_intention_dated_by_a_clock_that_stood_still_is_repeated_too_early() {
    falls("a clock that stood still", clock_that_stood_still(), STARTED_ONCE);
}

#[test]
#[ignore = "half a minute"]
fn a_clock_that_stood_still_pays_nothing_twice() {
    let protocol = Protocol { check: &[PAID_ONCE, CONFIRMED_ONCE], ..clock_that_stood_still() };
    holds("a clock that stood still", protocol);
}

/// Holding the intention's time against the store's before sending keeps the second start back.
#[test]
#[ignore = "half a minute"]
fn an_intention_held_against_the_stores_time_is_not_sent_too_late() {
    let protocol = Protocol { dated_by_store: true, ..clock_that_stood_still() };
    holds("a clock that stood still, noticed", protocol);
}

/// But a status from before the decision then counts as one from after its deadline: the payout is
/// taken for confirmed, and nobody confirms it. The bank ends it after hours, which are not modelled.
#[test]
fn an_intention_that_is_only_held_back_leaves_the_bank_waiting() {
    let protocol = Protocol { dated_by_store: true, ..clock_that_stood_still() };
    let protocol = Protocol { check: &[NEVER_STUCK], ..protocol };
    falls("a clock that stood still, noticed by its owner alone", protocol, NEVER_STUCK);
}
