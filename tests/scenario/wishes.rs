//! Cancelling at each point, and releasing what needs a person. Case 62 of the fault matrix.

use payoutd::domain::payout::State;
use payoutd::simulator::{FaultKind, Faults, Rule};
use serde_json::Value;

use crate::bank::Behaviour;
use crate::world::{World, card, word};

fn reason(event: &Value) -> &str {
    event["data"]["reason"].as_str().expect("text")
}

async fn assert_bank_never_called(world: &World) {
    for method in ["session/create", "session/start/payout", "session/confirm"] {
        assert_eq!(world.bank.calls(method).await.len(), 0, "{method}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn case_62_a_cancellation_that_overtakes_its_command_ends_it_and_nothing_is_sent() {
    let mut world = World::new().await;
    let machine = world.machine();
    world.publish(&word("cancel", "inv-1", "changed our mind")).await;
    // A second message, so that the first is known to be through.
    world.publish(&word("approve", "inv-1", "in order")).await;
    world.kind("inv-1", "payout.command_refused").await;
    machine.stop().await;
    let stub = world.payout("inv-1").await;
    assert_eq!(stub.state, State::Stub);
    assert!(stub.is_settled(), "nobody looks at it before its command comes");
    let machine = world.machine();
    world.publish(&card("inv-1", 10_000)).await;
    let settled = world.settled("inv-1").await;
    assert_eq!(
        (settled["type"].as_str(), reason(&settled)),
        (Some("payout.cancelled"), "changed our mind")
    );
    world.kind("inv-1", "payout.accepted").await;
    // A copy of it gives the same end again.
    world.seen.clear();
    world.publish(&card("inv-1", 10_000)).await;
    assert_eq!(world.settled("inv-1").await["id"], settled["id"]);
    machine.stop().await;
    assert_bank_never_called(&world).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn cancelled_while_the_bank_cannot_be_reached_nothing_is_ever_sent() {
    let mut world = World::new().await;
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    world.bank_url = format!("http://{}", nobody.local_addr().expect("bound"));
    drop(nobody);
    let machine = world.machine();
    world.publish(&card("inv-1", 10_000)).await;
    world.kind("inv-1", "payout.accepted").await;
    world.publish(&word("cancel", "inv-1", "too late anyway")).await;
    let settled = world.settled("inv-1").await;
    assert_eq!(
        (settled["type"].as_str(), reason(&settled)),
        (Some("payout.cancelled"), "too late anyway")
    );
    machine.stop().await;
    assert_bank_never_called(&world).await;
}

/// The start may have been sent: it is looked up, and its session ended.
#[tokio::test(flavor = "multi_thread")]
async fn cancelled_while_a_start_may_be_on_its_way_nothing_is_paid() {
    for fault in [FaultKind::TimeoutBefore, FaultKind::TimeoutAfter] {
        let faults =
            Faults { rules: vec![Rule::always(fault).on("session/start/payout").times(1)] };
        // Slow enough that the confirmation is asked for after the cancellation.
        let processing = std::time::Duration::from_secs(5);
        let behaviour = Behaviour { faults, processing, ..Behaviour::default() };
        let mut world = World::with(behaviour).await;
        let machine = world.machine();
        world.publish(&card("inv-1", 10_000)).await;
        world.kind("inv-1", "payout.accepted").await;
        world.publish(&word("cancel", "inv-1", "changed our mind")).await;
        let settled = world.settled("inv-1").await;
        assert_eq!(settled["type"], "payout.cancelled", "{fault:?}: {settled}");
        machine.stop().await;
        world.assert_not_paid("inv-1").await;
        assert_eq!(world.bank.calls("session/confirm").await.len(), 0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancellation_after_the_decision_is_refused_with_its_reason() {
    // 08: the bank never finishes.
    let mut world = World::new().await;
    let machine = world.machine();
    world.publish(&card("inv-1", 10_008)).await;
    world.kind("inv-1", "payout.confirmed").await;
    world.publish(&word("cancel", "inv-1", "changed our mind")).await;
    let refused = world.kind("inv-1", "payout.command_refused").await;
    assert_eq!(reason(&refused), "the payout was confirmed already: only the bank can end it");
    assert_eq!(refused["data"]["state"], "confirmed");
    machine.stop().await;
    assert_eq!(world.payout("inv-1").await.cancel_requested, None);
}

/// Nobody knows what became of the start, and the bank shows nothing of it. As if it confirmed by
/// itself: then a lost start is not repeated without a person.
async fn lost_start() -> World {
    let faults = Faults {
        rules: vec![Rule::always(FaultKind::TimeoutBefore).on("session/start/payout").times(1)],
    };
    let mut world = World::with(Behaviour { faults, ..Behaviour::default() }).await;
    world.policy.confirms_automatically = true;
    world
}

#[tokio::test(flavor = "multi_thread")]
async fn released_a_start_that_left_no_trace_is_sent_again_and_paid_once() {
    let mut world = lost_start().await;
    let machine = world.machine();
    world.publish(&card("inv-1", 10_000)).await;
    world.kind("inv-1", "payout.needs_attention").await;
    for _ in 0..2 {
        world.publish(&word("release", "inv-1", "the bank has nothing of it")).await;
    }
    assert_eq!(world.settled("inv-1").await["type"], "payout.succeeded");
    machine.stop().await;
    world.assert_paid_once("inv-1").await;
    assert_eq!(world.bank.calls("session/start/payout").await.len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn rejected_a_start_that_left_no_trace_is_never_sent_again() {
    let mut world = lost_start().await;
    let machine = world.machine();
    world.publish(&card("inv-1", 10_000)).await;
    world.kind("inv-1", "payout.needs_attention").await;
    world.publish(&word("reject", "inv-1", "not worth it")).await;
    let settled = world.settled("inv-1").await;
    let told = (settled["type"].as_str(), reason(&settled));
    assert_eq!(told, (Some("payout.cancelled"), "not worth it"));
    machine.stop().await;
    world.assert_not_paid("inv-1").await;
    assert_eq!(world.payout("inv-1").await.attention, None);
    assert_eq!(world.bank.calls("session/start/payout").await.len(), 1);
}

/// A release is no way around the bank's own word.
#[tokio::test(flavor = "multi_thread")]
async fn what_the_bank_itself_does_not_know_is_not_released() {
    let mut world = World::new().await;
    let machine = world.machine();
    // 15: session `error`, for ever.
    world.publish(&card("inv-1", 10_015)).await;
    world.kind("inv-1", "payout.needs_attention").await;
    world.publish(&word("release", "inv-1", "let us see")).await;
    let refused = world.kind("inv-1", "payout.command_refused").await;
    assert!(reason(&refused).contains("outcome as unknown"), "{refused}");
    machine.stop().await;
    assert!(world.payout("inv-1").await.attention.is_some());
}
