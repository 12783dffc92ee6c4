//! Webhooks lost, repeated, reordered, forged, replayed. Cases 35 to 44 of the fault matrix.

use payoutd::simulator::{FaultKind, Faults, Rule};

use crate::bank::Behaviour;
use crate::world::{World, account, card};

async fn paid_once_with(rules: Vec<Rule>) -> World {
    let behaviour = Behaviour { faults: Faults { rules }, ..Behaviour::default() };
    let mut world = World::with(behaviour).await;
    let machine = world.machine();
    world.publish(&card("inv-card", 10_000)).await;
    world.publish(&account("inv-account", 300_000)).await;
    for id in ["inv-card", "inv-account"] {
        assert_eq!(world.settled(id).await["type"], "payout.succeeded");
    }
    machine.stop().await;
    for id in ["inv-card", "inv-account"] {
        world.assert_paid_once(id).await;
    }
    world
}

#[tokio::test(flavor = "multi_thread")]
async fn case_35_a_lost_ready_to_confirm_is_found_by_status() {
    paid_once_with(vec![Rule::always(FaultKind::Lost).on("webhook:ready_to_confirm")]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn case_36_with_every_webhook_lost_status_is_enough() {
    paid_once_with(vec![Rule::always(FaultKind::Lost)]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn case_37_fifty_copies_of_each_webhook_lead_to_one_confirm() {
    let world = paid_once_with(vec![Rule::always(FaultKind::Duplicate { copies: 49 })]).await;
    assert_eq!(world.bank.calls("session/confirm").await.len(), 2, "one for each payout");
}

#[tokio::test(flavor = "multi_thread")]
async fn case_38_payment_finished_before_ready_to_confirm_is_no_step_back() {
    let reordered = Rule::always(FaultKind::Reordered).on("webhook:ready_to_confirm");
    paid_once_with(vec![reordered]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn case_39_ready_to_confirm_before_the_answer_of_start_is_confirmed() {
    let late = FaultKind::Delay { ms: 300 };
    let methods = ["session/start/payout", "session/start/payout/rko"];
    paid_once_with(methods.map(|method| Rule::always(late).on(method)).to_vec()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn case_40_forged_and_tampered_webhooks_have_no_effect() {
    paid_once_with(vec![
        Rule::always(FaultKind::Forged).with_probability(0.5),
        Rule::always(FaultKind::Tampered),
    ])
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn case_41_a_genuine_webhook_that_is_sent_again_later_has_no_effect() {
    let mut world = World::new().await;
    let machine = world.machine();
    world.publish(&card("inv-1", 10_000)).await;
    world.settled("inv-1").await;
    let session = world.payout("inv-1").await.session.expect("bound");
    world.bank.send_webhook(session.as_str(), "ready_to_confirm").await;
    world.bank.send_webhook(session.as_str(), "payment_finished").await;
    world.publish(&card("inv-2", 10_000)).await;
    world.settled("inv-2").await;
    machine.stop().await;
    world.assert_paid_once("inv-1").await;
    assert_eq!(world.bank.calls("session/confirm").await.len(), 2, "one for each payout");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refund_after_success_is_an_event_of_its_own_and_told_once() {
    let mut world = World::new().await;
    let machine = world.machine();
    world.publish(&card("inv-1", 10_000)).await;
    world.settled("inv-1").await;
    let session = world.payout("inv-1").await.session.expect("bound");
    for _ in 0..3 {
        world.bank.send_webhook(session.as_str(), "payment_refunded").await;
    }
    let refunded = world.kind("inv-1", "payout.refunded").await;
    assert_eq!(refunded["data"]["state"], "succeeded");
    world.publish(&card("inv-2", 10_000)).await;
    world.settled("inv-2").await;
    machine.stop().await;
    let told = world.seen.iter().filter(|event| event["type"] == "payout.refunded");
    let ids: std::collections::BTreeSet<_> = told.map(|event| event["id"].to_string()).collect();
    assert_eq!(ids.len(), 1, "{ids:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn unknown_types_of_webhooks_break_nothing() {
    let mut world = World::new().await;
    let machine = world.machine();
    world.publish(&card("inv-1", 10_000)).await;
    world.settled("inv-1").await;
    let session = world.payout("inv-1").await.session.expect("bound");
    for kind in ["action_required", "ready_to_capture", "brand_new"] {
        world.bank.send_webhook(session.as_str(), kind).await;
    }
    world.publish(&card("inv-2", 10_000)).await;
    world.settled("inv-2").await;
    machine.stop().await;
    assert_eq!(world.dead_letters().await, []);
}
