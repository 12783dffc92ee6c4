//! Payouts that the store has lost (case 50): what is left of them are their tickets, and what the
//! bank has. In most of them webhooks are lost too.

use std::time::SystemTime;

use payoutd::bus::{Message, Queue};
use payoutd::domain::call::Answer;
use payoutd::domain::command::{CreateCommand, Flow};
use payoutd::domain::event::Event;
use payoutd::domain::id::SessionId;
use payoutd::domain::payout::{Payout, State};
use payoutd::domain::standing::{Epoch, Scope};
use payoutd::domain::ticket::Ticket;
use payoutd::domain::time::Timestamp;
use payoutd::domain::transition::apply;
use payoutd::simulator::{FaultKind, Faults, Rule};
use serde_json::Value;

use crate::bank::Behaviour;
use crate::world::{Machine, PATIENCE, World, card, word};

/// A person looks, and it goes on from the session.
#[tokio::test(flavor = "multi_thread")]
async fn case_50_what_the_store_has_lost_goes_on_from_the_session_of_its_ticket() {
    let mut world = without_webhooks().await;
    let session = started_at_the_bank(&world, "inv-1").await;
    let machine = world.machine();
    ticket_of_before(&world, 3, Some(session)).await;
    resume(&world).await;
    world.kind("inv-1", "payout.needs_attention").await;
    world.publish(&card("inv-1", 10_000)).await;
    world.kind("inv-1", "payout.accepted").await;
    assert_eq!(world.payout("inv-1").await.state, State::Stub, "nobody has looked");
    world.publish(&word("release", "inv-1", "it is this one's")).await;
    assert_eq!(world.settled("inv-1").await["type"], "payout.succeeded");
    end(&world, machine).await;
    world.assert_paid_once("inv-1").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn case_50_what_was_paid_before_it_was_lost_is_told_as_paid_once_its_command_is_there() {
    let mut world = without_webhooks().await;
    let session = paid_at_the_bank(&world, "inv-1").await;
    let machine = world.machine();
    ticket_of_before(&world, 6, Some(session)).await;
    resume(&world).await;
    world.kind("inv-1", "payout.needs_attention").await;
    world.publish(&card("inv-1", 10_000)).await;
    assert_eq!(world.settled("inv-1").await["type"], "payout.succeeded");
    end(&world, machine).await;
    world.assert_paid_once("inv-1").await;
}

/// The command came before the ticket, so there is a record, and it is of another try.
#[tokio::test(flavor = "multi_thread")]
async fn case_50_a_session_that_is_lost_is_found_by_its_ticket_though_its_record_was_made_anew() {
    let mut world = without_webhooks().await;
    let session = paid_at_the_bank(&world, "inv-1").await;
    let machine = world.machine();
    world.publish(&card("inv-1", 10_000)).await;
    world.recorded("inv-1", |payout| payout.attention.is_some() && payout.looks >= 2).await;
    ticket_of_before(&world, 1, Some(session)).await;
    resume(&world).await;
    assert_eq!(world.settled("inv-1").await["type"], "payout.succeeded");
    end(&world, machine).await;
    world.assert_paid_once("inv-1").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn case_50_a_later_ticket_tells_of_the_session_that_an_earlier_one_did_not_know() {
    let mut world = without_webhooks().await;
    let session = paid_at_the_bank(&world, "inv-1").await;
    let machine = world.machine();
    ticket_of_before(&world, 2, None).await;
    resume(&world).await;
    world.recorded("inv-1", |payout| payout.attention.is_some()).await;
    ticket_of_before(&world, 6, Some(session.clone())).await;
    world.recorded("inv-1", |payout| payout.knows(&session)).await;
    world.publish(&card("inv-1", 10_000)).await;
    world.kind("inv-1", "payout.accepted").await;
    world.publish(&word("cancel", "inv-1", "the shop gave up")).await;
    world.recorded("inv-1", |payout| payout.cancel_requested.is_some()).await;
    world.publish(&word("reject", "inv-1", "nobody waits for it")).await;
    assert_eq!(world.settled("inv-1").await["type"], "payout.succeeded");
    end(&world, machine).await;
    world.assert_paid_once("inv-1").await;
}

/// No ticket is left: the bank's own webhook names the payout, by our metadata.
#[tokio::test(flavor = "multi_thread")]
async fn case_50_a_webhook_tells_of_a_payout_that_the_store_has_lost() {
    let mut world = World::new().await;
    world.fence().suspect(None, "a test says so").await.expect("paused");
    let session = started_at_the_bank(&world, "inv-1").await;
    let machine = world.machine();
    world.fence().resume(Scope::ALL).await.expect("resumed");
    world.recorded("inv-1", |payout| payout.knows(&session)).await;
    world.publish(&card("inv-1", 10_000)).await;
    world.kind("inv-1", "payout.accepted").await;
    world.publish(&word("release", "inv-1", "it is this one's")).await;
    assert_eq!(world.settled("inv-1").await["type"], "payout.succeeded");
    end(&world, machine).await;
    world.assert_paid_once("inv-1").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn case_50_an_expired_command_of_a_lost_payout_waits_for_a_person() {
    let mut world = without_webhooks().await;
    let machine = world.machine();
    ticket_of_before(&world, 2, None).await;
    resume(&world).await;
    world.recorded("inv-1", |payout| payout.attention.is_some()).await;
    let mut late = card("inv-1", 10_000);
    late["confirm_before"] = "2020-01-01T00:00:00Z".into();
    world.publish(&late).await;
    world.recorded("inv-1", |payout| payout.looks >= 2).await;
    world.publish(&word("reject", "inv-1", "it is too late for it")).await;
    assert_eq!(world.settled("inv-1").await["type"], "payout.cancelled");
    end(&world, machine).await;
    world.assert_not_paid("inv-1").await;
}

pub(crate) async fn without_webhooks() -> World {
    let faults = Faults { rules: vec![Rule::always(FaultKind::Lost)] };
    World::with(Behaviour { faults, ..Behaviour::default() }).await
}

/// A ticket that was published before the loss, and is ahead of whatever record there is.
pub(crate) async fn ticket_of_before(world: &World, version: u64, session: Option<SessionId>) {
    let payout = "inv-1".parse().expect("an id");
    let ticket = Ticket { payout, number: 1, session, version, epoch: Some(Epoch(7)) };
    let message = Message::Queued { queue: Queue::Tickets, body: ticket.to_json().into() };
    world.bus().publish(vec![message]).await.expect("published");
}

pub(crate) async fn resume(world: &World) {
    world.paused().await;
    world.fence().resume(Scope::ALL).await.expect("resumed");
}

pub(crate) async fn end(world: &World, machine: Machine) {
    machine.stop().await;
    assert!(world.dead_letters().await.is_empty());
}

/// As the process that is gone had done it.
pub(crate) async fn started_at_the_bank(world: &World, id: &str) -> SessionId {
    let (session, _) = started(world, id).await;
    session
}

/// The same, and it was confirmed and paid.
pub(crate) async fn paid_at_the_bank(world: &World, id: &str) -> SessionId {
    let (session, mut payout) = started(world, id).await;
    for event in [
        Event::Started { bank_payout: None, answered: true },
        Event::ConfirmDecided { reason: "agrees".into(), confirm_information: None },
    ] {
        payout = apply(&payout, event, now()).expect("legal");
    }
    let waits = |session: &Value| session["waits_for_confirm"] == true;
    until(async || world.bank.sessions().await.iter().any(waits)).await;
    let answer = world.parts().bank.send(&payout).await;
    assert!(matches!(answer, Answer::Done(_)), "{answer:?}");
    until(async || world.bank.paid(id).await.len() == 1).await;
    session
}

async fn started(world: &World, id: &str) -> (SessionId, Payout) {
    let command = CreateCommand::parse(card(id, 10_000).to_string().as_bytes()).expect("valid");
    let accepted = Payout::accept(command, String::new(), Flow::TwoStep, now(), now());
    let bank = world.parts().bank;
    let Answer::Done(session) = bank.send(&accepted).await else { panic!("no session") };
    let bound = Event::SessionBound { session: session.id.clone(), next_look_at: now() };
    let bound = apply(&accepted, bound, now()).expect("legal");
    let Answer::Done(_) = bank.send(&bound).await else { panic!("not started") };
    (session.id, bound)
}

pub(crate) fn now() -> Timestamp {
    Timestamp::from(SystemTime::now())
}

/// Asks the bank until it is so.
pub(crate) async fn until(is_so: impl AsyncFn() -> bool) {
    let asking = async { while !is_so().await {} };
    tokio::time::timeout(PATIENCE, asking).await.expect("in time");
}
