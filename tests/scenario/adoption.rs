//! Payouts that the store has lost without leaving a ticket (case 50): nothing is told of them before
//! somebody has found their session in the bank's cabinet, or the bank shows that there is none.

use payoutd::bus::{Message, Queue};
use payoutd::domain::command::{CreateCommand, Flow};
use payoutd::domain::id::SessionId;
use payoutd::domain::payout::{Payout, State};
use payoutd::domain::standing::{Epoch, Scope};
use payoutd::domain::ticket::Ticket;
use payoutd::simulator::{BankKind, FaultKind, Faults, Idempotency, Rule};
use serde_json::Value;

use crate::bank::Behaviour;
use crate::lost::{
    end, now, paid_at_the_bank, resume, started_at_the_bank, ticket_of_before, until,
    without_webhooks,
};
use crate::world::{World, card, word};

/// No ticket is left: somebody finds the session in the bank's cabinet.
#[tokio::test(flavor = "multi_thread")]
async fn case_50_a_session_that_a_person_names_is_taken_for_the_payouts_if_the_bank_shows_that() {
    let mut world = without_webhooks().await;
    let session = started_at_the_bank(&world, "inv-1").await;
    let other = started_at_the_bank(&world, "inv-2").await;
    let machine = world.machine();
    world.publish(&card("inv-1", 10_000)).await;
    world.kind("inv-1", "payout.needs_attention").await;
    for named in [&other, &session] {
        world.publish(&adopt(named)).await;
    }
    let refused = world.kind("inv-1", "payout.command_refused").await;
    assert!(refused["data"]["reason"].as_str().expect("text").contains("is of inv-2"), "{refused}");
    world.recorded("inv-1", |payout| payout.session.as_ref() == Some(&session)).await;
    world.publish(&word("release", "inv-1", "it is to be paid")).await;
    assert_eq!(world.settled("inv-1").await["type"], "payout.succeeded");
    end(&world, machine).await;
    world.assert_paid_once("inv-1").await;
}

/// A command that comes again, too late to be paid now.
#[tokio::test(flavor = "multi_thread")]
async fn case_50_an_expired_command_is_not_rejected_after_a_loss_before_a_person_has_looked() {
    let mut world = without_webhooks().await;
    let session = paid_at_the_bank(&world, "inv-1").await;
    lose_and_resume(&world).await;
    let machine = world.machine();
    let mut late = card("inv-1", 10_000);
    late["confirm_before"] = "2020-01-01T00:00:00Z".into();
    world.publish(&late).await;
    late["payout_id"] = "inv-2".into();
    world.publish(&late).await;
    for id in ["inv-1", "inv-2"] {
        world.kind(id, "payout.needs_attention").await;
    }
    world.publish(&word("reject", "inv-2", "the bank's cabinet shows nothing")).await;
    assert_eq!(world.settled("inv-2").await["type"], "payout.cancelled");
    world.publish(&adopt(&session)).await;
    assert_eq!(world.settled("inv-1").await["type"], "payout.succeeded");
    end(&world, machine).await;
    world.assert_paid_once("inv-1").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn case_50_a_cancellation_ahead_of_its_command_calls_a_person_after_a_loss() {
    let mut world = without_webhooks().await;
    let session = paid_at_the_bank(&world, "inv-1").await;
    lose_and_resume(&world).await;
    let machine = world.machine();
    world.publish(&word("cancel", "inv-1", "the shop gave up")).await;
    world.recorded("inv-1", |payout| payout.cancel_requested.is_some()).await;
    world.publish(&card("inv-1", 10_000)).await;
    world.kind("inv-1", "payout.needs_attention").await;
    world.publish(&adopt(&session)).await;
    assert_eq!(world.settled("inv-1").await["type"], "payout.succeeded");
    end(&world, machine).await;
    world.assert_paid_once("inv-1").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn case_50_a_cancellation_ends_nothing_while_a_loss_is_not_looked_into() {
    let world = without_webhooks().await;
    let session = paid_at_the_bank(&world, "inv-1").await;
    let machine = world.machine();
    ticket_of_before(&world, 6, Some(session.clone())).await;
    world.paused().await;
    world.publish(&card("inv-1", 10_000)).await;
    world.recorded("inv-1", |payout| payout.state == State::Creating).await;
    world.publish(&word("cancel", "inv-1", "the shop gave up")).await;
    let unwanted = |payout: &Payout| payout.cancel_requested.is_some() && payout.looks >= 2;
    assert_eq!(world.recorded("inv-1", unwanted).await.state, State::Creating);
    resume(&world).await;
    world.recorded("inv-1", |payout| payout.state == State::Succeeded).await;
    end(&world, machine).await;
}

/// Rolled back to its first write after it was paid; it has opened another session since, and the
/// bank has seen the key of its start.
#[tokio::test(flavor = "multi_thread")]
async fn case_49_a_lost_session_is_adopted_in_place_of_one_in_which_nothing_is_paid() {
    let mut world = without_webhooks().await;
    let session = paid_at_the_bank(&world, "inv-1").await;
    let command =
        CreateCommand::parse(card("inv-1", 10_000).to_string().as_bytes()).expect("valid");
    let first = Payout::accept(command, "h".into(), Flow::TwoStep, now(), now());
    let first = Payout { version: 1, ..first };
    world.store().record(&first, 0).await.expect("written");
    let machine = world.machine();
    publish(&world, &Ticket::of(&first, 1, None)).await;
    let bound = |payout: &Payout| payout.state == State::Bound && payout.attention.is_some();
    let payout = world.recorded("inv-1", bound).await;
    assert_ne!(payout.session.as_ref(), Some(&session));
    world.publish(&adopt(&session)).await;
    assert_eq!(world.settled("inv-1").await["type"], "payout.succeeded");
    end(&world, machine).await;
    world.assert_paid_once("inv-1").await;
}

/// The bank took a second start of it, which waits for confirmation.
#[tokio::test(flavor = "multi_thread")]
async fn case_50_a_lost_session_is_adopted_once_the_payouts_own_is_cancelled() {
    let kind = BankKind { idempotency: Idempotency::Ignored, ..BankKind::default() };
    let faults = Faults { rules: vec![Rule::always(FaultKind::Lost)] };
    let mut world = World::with(Behaviour { kind, faults, ..Behaviour::default() }).await;
    let session = paid_at_the_bank(&world, "inv-1").await;
    lose_and_resume(&world).await;
    let confirms = Scope { starts: false, confirms: true };
    world.fence().pause(confirms, "somebody looks").await.expect("paused");
    let machine = world.machine();
    world.publish(&card("inv-1", 10_000)).await;
    world.recorded("inv-1", |payout| payout.state == State::Started).await;
    ticket_of_before(&world, 99, None).await;
    world.recorded("inv-1", |payout| payout.attention.is_some()).await;
    world.publish(&adopt(&session)).await;
    world.recorded("inv-1", |payout| payout.knows(&session)).await;
    world.publish(&word("reject", "inv-1", "the other one was paid")).await;
    world.recorded("inv-1", |payout| payout.state == State::Cancelling).await;
    let waits = |session: &Value| session["waits_for_confirm"] == true;
    until(async || !world.bank.sessions().await.iter().any(waits)).await;
    let payout = world.payout("inv-1").await;
    let known_by = world.policy.deadline(&payout.intention);
    until(async || world.store().load(payout.id()).await.expect("a store").now >= known_by).await;
    world.publish(&adopt(&session)).await;
    assert_eq!(world.settled("inv-1").await["type"], "payout.succeeded");
    end(&world, machine).await;
    world.assert_paid_once("inv-1").await;
}

/// The bank has forgotten it, or it is of another bank.
#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_the_bank_does_not_know_is_asked_for_once() {
    let mut world = World::new().await;
    let machine = world.machine();
    world.publish(&card("inv-1", 10_000)).await;
    world.settled("inv-1").await;
    let payout = world.payout("inv-1").await;
    let session = Some(SessionId::new("ps_unheard_of"));
    publish(&world, &Ticket { session, ..Ticket::of(&payout, 1, None) }).await;
    // 08: the bank confirms it, and never finishes. Longer than a ticket is put off.
    world.publish(&card("inv-2", 10_008)).await;
    world.recorded("inv-2", |payout| payout.looks >= 3).await;
    end(&world, machine).await;
    let asked = world.bank.calls("session/status").await;
    let asked = asked.iter().filter(|call| call.to_string().contains("ps_unheard_of"));
    assert_eq!(asked.count(), 1);
}

fn adopt(session: &SessionId) -> Value {
    let mut adopt = word("adopt", "inv-1", "the bank's cabinet shows it");
    adopt["session_id"] = session.as_str().into();
    adopt
}

/// The epoch is that of [`ticket_of_before`].
async fn lose_and_resume(world: &World) {
    world.fence().suspect(Some(Epoch(7)), "a test says so").await.expect("paused");
    world.fence().resume(Scope::ALL).await.expect("resumed");
}

async fn publish(world: &World, ticket: &Ticket) {
    let message = Message::Queued { queue: Queue::Tickets, body: ticket.to_json().into() };
    world.bus().publish(vec![message]).await.expect("published");
}
