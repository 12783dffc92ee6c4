//! What the bank's documentation leaves open, every way: cases 24 and 32 of the fault matrix.

use futures_util::{StreamExt, stream};
use payoutd::bus::{Message, Queue};
use payoutd::domain::payout::{Payout, State};
use payoutd::domain::ticket::Ticket;
use payoutd::simulator::{BankKind, FaultKind, Faults, Idempotency, Rule, SecondStart};

use crate::bank::Behaviour;
use crate::world::{World, card};

const AT_ONCE: usize = 6;

fn kinds() -> Vec<BankKind> {
    let mut kinds = Vec::new();
    for idempotency in [Idempotency::Refused, Idempotency::Replayed, Idempotency::Ignored] {
        for failed_request_uses_key in [false, true] {
            for second_start in [SecondStart::Refused, SecondStart::Appended] {
                kinds.push(BankKind {
                    idempotency,
                    failed_request_uses_key,
                    second_start,
                    ..BankKind::default()
                });
            }
        }
    }
    kinds
}

async fn run(kind: BankKind, faults: Faults) -> (World, String) {
    let mut world = World::with(Behaviour { kind, faults, ..Behaviour::default() }).await;
    let machine = world.machine();
    world.publish(&card("inv-1", 10_000)).await;
    let settled = world.settled("inv-1").await;
    machine.stop().await;
    (world, settled["type"].as_str().expect("a type").to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn case_24_every_kind_of_bank_pays_once_when_nothing_goes_wrong() {
    let runs = kinds().into_iter().map(|kind| async move {
        let (world, settled) = run(kind, Faults::none()).await;
        assert_eq!(settled, "payout.succeeded", "{kind:?}");
        world.assert_paid_once("inv-1").await;
    });
    stream::iter(runs).buffer_unordered(AT_ONCE).collect::<Vec<()>>().await;
}

/// Both calls that can pay have an unknown outcome, once with and once without effect.
#[tokio::test(flavor = "multi_thread")]
async fn case_24_no_kind_of_bank_pays_twice_when_outcomes_are_unknown() {
    let mut runs = Vec::new();
    for kind in kinds() {
        for fault in [FaultKind::DropAfterEffect, FaultKind::Status5xxBefore] {
            let rules = ["session/start/payout", "session/confirm"]
                .map(|method| Rule::always(fault).on(method).times(1));
            runs.push(async move {
                let (world, settled) = run(kind, Faults { rules: rules.to_vec() }).await;
                assert_eq!(settled, "payout.succeeded", "{kind:?} {fault:?}");
                world.assert_paid_once("inv-1").await;
            });
        }
    }
    stream::iter(runs).buffer_unordered(AT_ONCE).collect::<Vec<()>>().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn case_32_a_bank_that_confirms_by_itself_is_paid_through_once() {
    let kind = BankKind { confirms_automatically: true, ..BankKind::default() };
    let (world, settled) = run(kind, Faults::none()).await;
    assert_eq!(settled, "payout.succeeded");
    world.assert_paid_once("inv-1").await;
}

/// With a bank that confirms by itself a lost start may have paid: it is never sent again.
#[tokio::test(flavor = "multi_thread")]
async fn case_32_a_start_without_trace_is_not_repeated_where_the_bank_confirms_by_itself() {
    let kind = BankKind { confirms_automatically: true, ..BankKind::default() };
    let lost = Rule::always(FaultKind::DropBeforeEffect).on("session/start/payout").times(1);
    let faults = Faults { rules: vec![lost] };
    let mut world = World::with(Behaviour { kind, faults, ..Behaviour::default() }).await;
    world.policy.confirms_automatically = true;
    let machine = world.machine();
    world.publish(&card("inv-1", 10_000)).await;
    world.kind("inv-1", "payout.needs_attention").await;
    machine.stop().await;
    world.assert_not_paid("inv-1").await;
    assert_eq!(world.bank.calls("session/start/payout").await.len(), 1);
}

/// Not configured, but seen once: from then on this process repeats no start either.
#[tokio::test(flavor = "multi_thread")]
async fn case_32_once_seen_to_confirm_by_itself_the_bank_gets_no_second_start() {
    let kind = BankKind { confirms_automatically: true, ..BankKind::default() };
    let mut world = World::with(Behaviour { kind, ..Behaviour::default() }).await;
    let machine = world.machine();
    world.publish(&card("inv-1", 10_000)).await;
    assert_eq!(world.settled("inv-1").await["type"], "payout.succeeded");
    let lost = Rule::always(FaultKind::DropBeforeEffect).on("session/start/payout");
    world.bank.set_faults(&Faults { rules: vec![lost] }).await;
    world.publish(&card("inv-2", 10_000)).await;
    let attention = world.kind("inv-2", "payout.needs_attention").await;
    assert!(attention["data"]["reason"].as_str().expect("text").contains("by itself"));
    machine.stop().await;
    assert_eq!(world.bank.calls("session/start/payout").await.len(), 2);
    world.assert_not_paid("inv-2").await;
}

/// A confirmation that the store has lost looks as if there had been none. Nothing is learnt from it.
#[tokio::test(flavor = "multi_thread")]
async fn case_49_a_confirmation_that_the_store_has_lost_does_not_make_the_bank_confirm_by_itself() {
    let faults = Faults { rules: vec![Rule::always(FaultKind::Lost)] };
    let mut world = World::with(Behaviour { faults, ..Behaviour::default() }).await;
    let machine = world.machine();
    world.publish(&card("inv-1", 10_000)).await;
    let started = world.recorded("inv-1", |payout| payout.state == State::Started).await;
    assert_eq!(world.settled("inv-1").await["type"], "payout.succeeded");
    machine.kill().await;
    // As an older dump has it.
    let newest = world.payout("inv-1").await;
    let ticket = Ticket::of(&started, newest.ticket + 9, None);
    let older = Payout { version: newest.version + 1, ..started };
    world.store().record(&older, newest.version).await.expect("written");

    let machine = world.machine();
    let body = ticket.to_json().into();
    let message = Message::Queued { queue: Queue::Tickets, body };
    world.bus().publish(vec![message]).await.expect("published");
    world.recorded("inv-1", |payout| payout.state == State::Succeeded).await;
    let lost = Rule::always(FaultKind::DropBeforeEffect).on("session/start/payout").times(1);
    world.bank.set_faults(&Faults { rules: vec![lost] }).await;
    world.publish(&card("inv-2", 10_000)).await;
    assert_eq!(world.settled("inv-2").await["type"], "payout.succeeded");
    machine.stop().await;
    world.assert_paid_once("inv-2").await;
}
