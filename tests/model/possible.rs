//! What can still happen, and when: each is a way that the search finds. One that is closed makes
//! its test fail, and then belongs to what holds.

use crate::checking::{PAID_ONCE, falls};
use crate::holds::forgotten_start;
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

/// The store went back to before the session was known, at a bank that heeds keys. The first start
/// and the first confirmation had failed without using up theirs: only the fence's count is left.
#[test]
fn a_start_and_a_confirmation_whose_keys_stayed_unused_are_forgotten_for_good() {
    let mut protocol = forgotten_start();
    protocol.faults.failed_calls = 2;
    protocol.version_max = 15;
    falls("two unused keys", protocol, PAID_ONCE);
}
