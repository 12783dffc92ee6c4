//! With every guard in its place.

use crate::checking::holds;
use crate::protocol::{BankKind, Faults, Protocol};

const NONE: Faults = Faults::NONE;

#[test]
fn a_crash_and_a_lost_call_at_every_kind_of_bank() {
    for bank in [BankKind::DESCRIBED] {
        let faults = Faults { crashes: 1, lost_calls: 1, ..NONE };
        holds(&format!("{bank:?}, {faults:?}"), Protocol::new(bank, faults));
    }
}
