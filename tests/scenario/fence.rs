//! Pausing, by a person or because the store has lost something (cases 49 and 50): nothing goes out
//! that could pay, in any process, until somebody resumes.

use payoutd::bus::{Message, Queue};
use payoutd::domain::command::Flow;
use payoutd::domain::payout::{Payout, State};
use payoutd::domain::standing::Scope;
use payoutd::domain::ticket::Ticket;
use payoutd::simulator::{FaultKind, Faults, Rule};

use crate::bank::Behaviour;
use crate::lost::started_at_the_bank;
use crate::world::{World, card, word};

const STARTS: Scope = Scope { starts: true, confirms: false };
const CONFIRMS: Scope = Scope { starts: false, confirms: true };

#[tokio::test(flavor = "multi_thread")]
async fn while_starts_are_paused_commands_are_recorded_and_wait() {
    let mut world = World::new().await;
    world.fence().pause(STARTS, "the bank is being moved").await.expect("paused");
    let machine = world.machine();
    world.publish(&card("inv-1", 10_000)).await;
    world.publish(&card("inv-2", 10_000)).await;
    for id in ["inv-1", "inv-2"] {
        world.recorded(id, |payout| payout.looks >= 2).await;
    }
    assert!(world.bank.calls("session/create").await.is_empty());
    world.publish(&word("cancel", "inv-2", "not any more")).await;
    assert_eq!(world.settled("inv-2").await["type"], "payout.cancelled");
    world.fence().resume(Scope::ALL).await.expect("resumed");
    assert_eq!(world.settled("inv-1").await["type"], "payout.succeeded");
    machine.stop().await;
    world.assert_paid_once("inv-1").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn while_confirms_are_paused_nothing_is_confirmed_and_what_is_unwanted_is_cancelled() {
    let mut world = World::new().await;
    world.fence().pause(CONFIRMS, "somebody looks into something").await.expect("paused");
    let machine = world.machine();
    world.publish(&card("inv-1", 10_000)).await;
    world.publish(&card("inv-2", 10_000)).await;
    for id in ["inv-1", "inv-2"] {
        world.recorded(id, |payout| payout.state == State::Started && payout.looks >= 2).await;
    }
    world.publish(&word("cancel", "inv-2", "not any more")).await;
    assert_eq!(world.settled("inv-2").await["type"], "payout.cancelled");
    assert!(world.bank.calls("session/confirm").await.is_empty());
    world.fence().resume(CONFIRMS).await.expect("resumed");
    assert_eq!(world.settled("inv-1").await["type"], "payout.succeeded");
    machine.stop().await;
    world.assert_paid_once("inv-1").await;
}

/// Paused between the write that intends a call and the call.
#[tokio::test(flavor = "multi_thread")]
async fn a_pause_is_felt_by_the_next_call_of_a_payout_that_is_on_its_way() {
    let slow = Rule::always(FaultKind::Delay { ms: 500 }).on("session/create");
    let faults = Faults { rules: vec![slow] };
    let mut world = World::with(Behaviour { faults, ..Behaviour::default() }).await;
    let machine = world.machine();
    world.publish(&card("inv-1", 10_000)).await;
    world.recorded("inv-1", |payout| payout.state == State::Creating).await;
    world.fence().pause(STARTS, "stop").await.expect("paused");
    world.recorded("inv-1", |payout| payout.state == State::Bound && payout.looks >= 1).await;
    assert!(world.bank.calls("session/start/payout").await.is_empty());
    world.fence().resume(STARTS).await.expect("resumed");
    assert_eq!(world.settled("inv-1").await["type"], "payout.succeeded");
    machine.stop().await;
}

/// As an older dump has it: the version that its ticket was published with is gone.
async fn rolled_back(world: &mut World, id: &str) -> Payout {
    let machine = world.machine();
    // 08: the bank confirms it, and never finishes.
    world.publish(&card(id, 10_008)).await;
    world.recorded(id, |payout| payout.state == State::Confirmed && payout.looks >= 1).await;
    machine.kill().await;
    let newest = world.payout(id).await;
    let command = newest.command.create().expect("known").clone();
    let (hash, at) = (newest.content_hash.clone(), newest.history[0].at);
    let older = Payout { version: 1, ..Payout::accept(command, hash, Flow::TwoStep, at, at) };
    world.store().record(&older, newest.version).await.expect("written");
    newest
}

#[tokio::test(flavor = "multi_thread")]
async fn case_49_a_ticket_that_is_ahead_of_its_record_pauses_everything_and_then_calls_a_person() {
    let mut world = World::new().await;
    let newest = rolled_back(&mut world, "inv-1").await;
    let session = newest.session.expect("bound");
    let machine = world.machine();
    world.paused().await;
    world.publish(&card("inv-2", 10_000)).await;
    world.recorded("inv-2", |payout| payout.looks >= 1).await;
    let created = world.bank.calls("session/create").await.len();
    assert_eq!(created, 1, "nothing was started since");
    world.fence().resume(Scope::ALL).await.expect("resumed");
    let called = world.kind("inv-1", "payout.needs_attention").await;
    let reason = called["data"]["reason"].as_str().expect("a reason").to_owned();
    assert!(reason.contains("lost") || reason.contains(session.as_str()), "{reason}");
    assert_eq!(world.settled("inv-2").await["type"], "payout.succeeded");
    machine.stop().await;
    assert_eq!(world.bank.calls("session/confirm").await.len(), 2, "one of each");
}

/// The store was rolled back to before the session was bound, and a ticket still names it.
#[tokio::test(flavor = "multi_thread")]
async fn case_61_a_session_from_before_a_roll_back_is_looked_up_before_anything_is_confirmed() {
    let faults = Faults { rules: vec![Rule::always(FaultKind::Lost)] };
    let mut world = World::with(Behaviour { faults, ..Behaviour::default() }).await;
    let session = started_at_the_bank(&world, "inv-1").await;
    world.fence().pause(STARTS, "so that the ticket is first").await.expect("paused");
    let machine = world.machine();
    world.publish(&card("inv-1", 10_000)).await;
    let waits = world.recorded("inv-1", |payout| payout.looks >= 1).await;
    let ticket = Ticket { session: Some(session), ..Ticket::of(&waits, waits.ticket + 9, None) };
    let message = Message::Queued { queue: Queue::Tickets, body: ticket.to_json().into() };
    world.bus().publish(vec![message]).await.expect("published");
    let called = world.kind("inv-1", "payout.needs_attention").await;
    assert!(called["data"]["reason"].as_str().expect("text").contains("may pay it"), "{called}");
    world.fence().resume(Scope::ALL).await.expect("resumed");
    world.recorded("inv-1", |payout| payout.looks >= 3).await;
    machine.stop().await;
    assert_eq!(world.bank.calls("session/create").await.len(), 1, "the forgotten one");
    assert!(world.bank.calls("session/confirm").await.is_empty());
}
