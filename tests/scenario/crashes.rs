//! Killed at each point: cases 1 to 11 of the fault matrix.

use std::sync::Arc;

use futures_util::StreamExt;
use futures_util::stream;
use payoutd::domain::rules::{Amounts, Rules};
use serde_json::Value;

use crate::crash::Plan;
use crate::world::{World, account, card, is_final, word};

/// Worlds at once: they mostly wait for deadlines and tickets.
const AT_ONCE: usize = 6;

/// Crashes at one point, then recovers. `false`: the payout was through before the point came.
async fn crash_and_recover(command: Value, point: usize) -> bool {
    let mut world = World::new().await;
    let id = command["payout_id"].as_str().expect("an id").to_owned();
    let plan = Plan::stop_at(point);
    let first = world.machine_with(|parts| plan.wrap(parts));
    world.publish(&command).await;
    let crashed = tokio::select! {
        () = plan.stopped.notified() => true,
        _ = world.settled(&id) => false,
    };
    first.kill().await;
    let second = world.machine();
    let settled = world.settled(&id).await;
    assert_eq!(settled["type"], "payout.succeeded", "crash at point {point}");
    second.stop().await;
    world.assert_paid_once(&id).await;
    let sessions = world.bank.sessions().await.len();
    assert!(sessions <= 2, "crash at point {point}: {sessions} sessions, one unused at most");
    world.bank.stop().await;
    crashed
}

/// Around every write, publication and acknowledgement, from the first to past the last: until
/// `crash_and_recover` says that the payout was through before its point came.
pub(crate) async fn crash_everywhere<Crash: Future<Output = bool>>(
    at_least: usize,
    crash_and_recover: impl Fn(usize) -> Crash,
) {
    let points = stream::iter(1..)
        .map(crash_and_recover)
        .buffered(AT_ONCE)
        .take_while(|crashed| std::future::ready(*crashed))
        .count()
        .await;
    assert!(points > at_least, "only {points} points: the plan does not see what happens");
}

#[tokio::test(flavor = "multi_thread")]
async fn cases_1_to_11_killed_at_any_point_a_card_payout_is_paid_once() {
    crash_everywhere(20, |point| crash_and_recover(card("inv-card", 10_000), point)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn cases_1_to_11_killed_at_any_point_a_settlement_payout_is_paid_once() {
    crash_everywhere(20, |point| crash_and_recover(account("inv-account", 300_000), point)).await;
}

/// Crashing twice, the second time while recovering.
#[tokio::test(flavor = "multi_thread")]
async fn cases_1_to_11_killed_again_while_recovering_a_payout_is_paid_once() {
    let crash_twice = async |first_point: usize| {
        let mut world = World::new().await;
        world.publish(&card("inv-twice", 10_000)).await;
        for point in [first_point, 4] {
            let plan = Plan::stop_at(point);
            let machine = world.machine_with(|parts| plan.wrap(parts));
            tokio::select! {
                () = plan.stopped.notified() => {}
                _ = world.settled("inv-twice") => {}
            }
            machine.kill().await;
        }
        let machine = world.machine();
        world.settled("inv-twice").await;
        machine.stop().await;
        world.assert_paid_once("inv-twice").await;
    };
    stream::iter((1..24).step_by(2)).map(crash_twice).buffered(AT_ONCE).collect::<Vec<()>>().await;
}

/// Held for review, and approved whenever it says so: an approval given to a machine that dies is
/// not lost, and not taken twice.
#[tokio::test(flavor = "multi_thread")]
async fn cases_1_to_11_killed_at_any_point_a_reviewed_payout_is_paid_once() {
    let crash_and_recover = |point| async move {
        let mut world = World::new().await;
        let review_above = Some(Amounts::default());
        world.policy.rules = Arc::new(Rules { review_above, ..Rules::default() });
        let plan = Plan::stop_at(point);
        let first = world.machine_with(|parts| plan.wrap(parts));
        world.publish(&account("inv-1", 300_000)).await;
        let crashed = tokio::select! {
            () = plan.stopped.notified() => true,
            () = approve_and_settle(&mut world) => false,
        };
        first.kill().await;
        let second = world.machine();
        if crashed {
            approve_and_settle(&mut world).await;
        }
        second.stop().await;
        world.assert_paid_once("inv-1").await;
        crashed
    };
    crash_everywhere(24, crash_and_recover).await;
}

async fn approve_and_settle(world: &mut World) {
    world.kind("inv-1", "payout.held").await;
    world.publish(&word("approve", "inv-1", "checked")).await;
    world.settled("inv-1").await;
}

/// Cancelled at once: it ends as cancelled with nothing paid, or the word came too late, which is
/// said, and it is paid once.
#[tokio::test(flavor = "multi_thread")]
async fn cases_1_to_11_killed_at_any_point_a_cancellation_is_kept_or_refused() {
    let crash_and_recover = async |point: usize| {
        let mut world = World::new().await;
        let plan = Plan::stop_at(point);
        let first = world.machine_with(|parts| plan.wrap(parts));
        world.publish(&account("inv-1", 300_000)).await;
        world.publish(&word("cancel", "inv-1", "changed our mind")).await;
        let ended = |event: &Value| event["subject"] == "inv-1" && is_final(event);
        let crashed = tokio::select! {
            () = plan.stopped.notified() => true,
            _ = world.event(ended) => false,
        };
        first.kill().await;
        let second = world.machine();
        let settled = world.settled("inv-1").await;
        if settled["type"] == "payout.succeeded" {
            world.kind("inv-1", "payout.command_refused").await;
            world.assert_paid_once("inv-1").await;
        } else {
            assert_eq!(settled["type"], "payout.cancelled", "crash at point {point}: {settled}");
            world.assert_not_paid("inv-1").await;
        }
        second.stop().await;
        crashed
    };
    stream::iter(1..20).map(crash_and_recover).buffered(AT_ONCE).collect::<Vec<_>>().await;
}
