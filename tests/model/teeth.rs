//! Each guard of the protocol taken away, one at a time: then something breaks.

use crate::checking::{
    CONFIRMED_ONCE, NEVER_STUCK, PAID_ONCE, STARTED_ONCE, UNATTENDED, holds, needs,
};
use crate::protocol::{BankKind, Faults, KeyText, Protocol};

const NONE: Faults = Faults::NONE;

fn worst(faults: Faults) -> Protocol {
    Protocol::new(BankKind::WORST, faults)
}

#[test]
fn without_compare_and_set_a_command_delivered_twice_is_started_twice() {
    let protocol = worst(Faults { doubled_letters: 1, ..NONE });
    needs("compare-and-set", &protocol, STARTED_ONCE, |guards| guards.compare_and_set = false);
}

#[test]
fn without_the_intention_first_a_crash_forgets_what_was_sent() {
    let protocol = worst(Faults { crashes: 1, ..NONE });
    needs("the intention first", &protocol, STARTED_ONCE, |guards| guards.intention_first = false);
}

#[test]
fn without_the_deadline_a_late_start_joins_the_one_that_replaced_it() {
    let protocol = Protocol { webhooks: true, ..worst(Faults { lost_calls: 1, ..NONE }) };
    needs("the deadline", &protocol, PAID_ONCE, |guards| guards.deadline = false);
}

#[test]
fn without_asking_status_first_a_start_whose_answer_was_lost_is_repeated() {
    let protocol = worst(Faults { lost_calls: 1, ..NONE });
    needs("status first", &protocol, STARTED_ONCE, |guards| guards.status_first = false);
}

#[test]
fn without_binding_once_the_slower_session_is_started_too() {
    let protocol = worst(Faults { freezes: 1, doubled_letters: 1, ..NONE });
    needs("binding once", &protocol, STARTED_ONCE, |guards| guards.session_once = false);
}

#[test]
fn without_counting_payouts_a_doubled_start_is_confirmed() {
    let protocol = worst(Faults { doubled_calls: 1, ..NONE });
    needs("exactly one payout", &protocol, PAID_ONCE, |guards| guards.exactly_one = false);
}

#[test]
fn without_the_ticket_first_and_without_the_sweep_a_payout_is_stuck() {
    let protocol = Protocol { sweep: false, ..worst(Faults { crashes: 1, ..NONE }) };
    needs("the ticket first", &protocol, NEVER_STUCK, |guards| guards.ticket_first = false);
}

#[test]
fn without_only_the_winner_sending_a_start_is_repeated_twice() {
    let protocol = worst(Faults { lost_calls: 1, doubled_letters: 1, ..NONE });
    needs("only the winner sends", &protocol, STARTED_ONCE, |guards| guards.winner_sends = false);
}

#[test]
fn without_too_late_to_send_a_frozen_start_joins_the_one_that_replaced_it() {
    let protocol = worst(Faults { freezes: 2, ..NONE });
    needs("too late to send", &protocol, PAID_ONCE, |guards| guards.too_late = false);
}

#[test]
fn without_the_try_in_the_key_a_failed_start_needs_a_person() {
    let protocol = Protocol::new(BankKind::DESCRIBED, Faults { failed_calls: 1, ..NONE });
    needs("the try in the key", &protocol, UNATTENDED, |guards| guards.key = KeyText::WithoutTry);
}

#[test]
fn without_the_payout_in_the_key_a_store_that_forgot_pays_twice() {
    let mut protocol = Protocol::new(BankKind::DESCRIBED, Faults { roll_backs: 1, ..NONE });
    protocol.guards.fence = false;
    needs("the payout in the key", &protocol, PAID_ONCE, |guards| {
        guards.key = KeyText::SessionInsteadOfPayout;
    });
}

/// Where nothing but tickets has the payout looked at: the newest one is then the one that comes.
#[test]
fn without_the_fence_a_store_that_forgot_confirms_two_sessions() {
    let faults = Faults { roll_backs: 1, ..NONE };
    let protocol = Protocol { sweep: false, ..worst(faults) };
    needs("the fence", &protocol, CONFIRMED_ONCE, |guards| guards.fence = false);
}

/// Not a guard alone: the sweep finds what the missing ticket would have.
#[test]
fn without_the_ticket_first_the_sweep_makes_up_for_it() {
    let mut protocol = worst(Faults { crashes: 1, ..NONE });
    protocol.guards.ticket_first = false;
    holds("no ticket first, and the sweep", protocol);
}
