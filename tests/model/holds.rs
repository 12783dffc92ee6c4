//! With every guard in its place everything is kept, as long as the store forgets nothing.

use payoutd::domain::payout::State;

use crate::checking::{
    BY_ITSELF, CONFIRMED_ONCE, NEVER_STUCK, NOT_TWICE, PAID_ONCE, STARTED_ONCE, holds,
};
use crate::protocol::{BankKind, Faults, Keys, Protocol, SecondStart};

const NONE: Faults = Faults::NONE;

const REPLAYING: BankKind =
    BankKind { keys: Keys::Replayed, failed_uses_key: true, second_start: SecondStart::Appended };

/// One bank of each way to treat keys.
const KEYS: [BankKind; 3] = [BankKind::DESCRIBED, REPLAYING, BankKind::WORST];

/// Nobody is called either.
fn unattended(bank: BankKind, faults: Faults) -> Protocol {
    Protocol { check: BY_ITSELF, ..Protocol::new(bank, faults) }
}

#[test]
fn whatever_becomes_of_calls_at_every_kind_of_bank() {
    for bank in BankKind::ALL {
        let name = |what: &str| format!("{what} at {bank:?}");
        let lost = Faults { lost_calls: 3, ..NONE };
        holds(&name("three lost calls"), unattended(bank, lost));
        let failed = Faults { failed_calls: 2, lost_calls: 1, ..NONE };
        holds(&name("failed and lost calls"), unattended(bank, failed));
        let unsent = Faults { unsent_calls: 2, lost_calls: 1, silences: 1, ..NONE };
        holds(&name("unsent and lost calls"), unattended(bank, unsent));
        let refused = Faults { refused_calls: 1, lost_calls: 1, failures: 1, ..NONE };
        holds(&name("refused and lost calls"), Protocol::new(bank, refused));
        let expired = Faults { expiries: 1, lost_calls: 1, failures: 1, ..NONE };
        holds(&name("sessions that the bank ends"), Protocol::new(bank, expired));
    }
}

#[test]
fn a_call_that_lands_twice_is_paid_once() {
    for bank in KEYS {
        let faults = Faults { doubled_calls: 1, crashes: 1, ..NONE };
        let protocol = Protocol { check: NOT_TWICE, ..Protocol::new(bank, faults) };
        holds(&format!("a doubled call and a crash at {bank:?}"), protocol);
    }
}

#[test]
fn a_crash_anywhere_and_a_lost_call() {
    let faults = Faults { crashes: 1, lost_calls: 1, ..NONE };
    holds("a crash and a lost call", unattended(BankKind::WORST, faults));
}

#[test]
fn a_second_command_of_the_same_id_changes_nothing() {
    let protocol = unattended(BankKind::WORST, Faults { crashes: 1, ..NONE });
    holds("a conflict and a crash", Protocol { conflict: true, ..protocol });
}

#[test]
fn a_cancellation_at_any_time() {
    for bank in KEYS {
        let protocol = unattended(bank, Faults { lost_calls: 1, ..NONE });
        let what = format!("a cancellation and a lost call at {bank:?}");
        holds(&what, Protocol { cancellation: true, ..protocol });
    }
}

#[test]
fn a_message_lost_and_one_doubled() {
    let faults = Faults { lost_letters: 1, doubled_letters: 1, ..NONE };
    holds("a lost and a doubled message", unattended(BankKind::WORST, faults));
}

#[test]
fn webhooks_late_out_of_order_and_lost() {
    let faults = Faults { lost_letters: 1, lost_calls: 1, ..NONE };
    let protocol = unattended(BankKind::WORST, faults);
    holds("webhooks and a lost call", Protocol { webhooks: true, ..protocol });
}

#[test]
fn a_worker_that_is_frozen_past_two_deadlines() {
    let faults = Faults { freezes: 2, ..NONE };
    holds("two freezes", unattended(BankKind::WORST, faults));
}

/// The key names the payout: the bank itself remembers what the store forgot, fence or none.
#[test]
fn a_store_that_went_back_where_the_bank_heeds_keys() {
    for bank in [BankKind::DESCRIBED, REPLAYING] {
        for fence in [false, true] {
            let mut protocol = Protocol::new(bank, Faults { roll_backs: 1, ..NONE });
            protocol.guards.fence = fence;
            let what = format!("a roll-back, fence {fence}, at {bank:?}");
            holds(&what, Protocol { check: &[PAID_ONCE], ..protocol });
        }
    }
}

/// A store that went back to before the session was known, at a bank that heeds keys; the first
/// start had failed without using up its key.
pub(crate) fn forgotten_start() -> Protocol {
    let bank = BankKind { failed_uses_key: false, ..BankKind::DESCRIBED };
    let faults = Faults { roll_backs: 1, failed_calls: 1, ..NONE };
    Protocol {
        check: &[PAID_ONCE],
        goes_back_to: Some(State::Creating),
        ..Protocol::new(bank, faults)
    }
}

/// The bank says that the confirmation's key was used, and a person is called.
#[test]
fn a_used_key_of_the_first_confirmation_is_heeded() {
    holds("a used key at confirm", forgotten_start());
}

/// A machine's clock that stood still dates an intention back: to others its deadline is over at once.
#[test]
fn a_start_dated_by_a_clock_that_stood_still_is_not_sent() {
    let faults = Faults { freezes: 1, crashes: 1, ..NONE };
    let protocol = Protocol::new(BankKind::WORST, faults);
    let check = &[PAID_ONCE, CONFIRMED_ONCE, STARTED_ONCE, NEVER_STUCK];
    holds("a clock that stood still", Protocol { clocks_stand_still: true, check, ..protocol });
}

/// One fault more: at one kind of bank, or at length, for minutes, where the environment says so.
#[test]
fn more_goes_wrong_at_once() {
    let two = Faults { crashes: 2, ..NONE };
    holds("two crashes", unattended(BankKind::DESCRIBED, two));
    if std::env::var_os("PAYOUTD_TEST_MODEL_AT_LENGTH").is_none() {
        return;
    }
    for bank in KEYS {
        let name = |what: &str| format!("{what} at {bank:?}");
        holds(&name("two crashes"), unattended(bank, two));
        let both = Faults { crashes: 1, lost_calls: 2, ..NONE };
        holds(&name("a crash and two lost calls"), unattended(bank, both));
    }
    let frozen = Faults { freezes: 2, crashes: 1, ..NONE };
    holds("two freezes and a crash", unattended(BankKind::WORST, frozen));
    let late = Faults { freezes: 1, lost_calls: 1, doubled_letters: 1, ..NONE };
    holds("a freeze, a lost call, a doubled message", unattended(BankKind::WORST, late));
    let protocol = unattended(BankKind::WORST, Faults { crashes: 1, lost_calls: 1, ..NONE });
    holds("webhooks, a crash and a lost call", Protocol { webhooks: true, ..protocol });
}
