//! The store goes back to an earlier record at each point of a payout (case 49), before banks that
//! heed idempotency keys. The model has every combination; here are the real roles and the fence.

use payoutd::domain::payout::State;
use payoutd::domain::standing::Scope;
use payoutd::roles::Parts;
use payoutd::simulator::{BankKind, Idempotency, SecondStart};

use crate::bank::Behaviour;
use crate::crash::Plan;
use crate::crashes::crash_everywhere;
use crate::world::{World, card};

#[tokio::test(flavor = "multi_thread")]
async fn case_49_rolled_back_at_any_point_a_payout_is_paid_once_or_calls_a_person() {
    crash_everywhere(20, go_back_and_recover).await;
}

/// `false`: the payout was through before the point came.
async fn go_back_and_recover(point: usize) -> bool {
    let idempotency =
        if point.is_multiple_of(2) { Idempotency::Refused } else { Idempotency::Replayed };
    let second_start = SecondStart::Appended;
    let kind = BankKind { idempotency, second_start, ..BankKind::default() };
    let mut world = World::with(Behaviour { kind, ..Behaviour::default() }).await;
    let plan = Plan::stop_at(point);
    let first = world.machine_with(|parts| plan.wrap(parts));
    world.publish(&card("inv-1", 10_000)).await;
    let crashed = tokio::select! {
        () = plan.stopped.notified() => true,
        _ = world.settled("inv-1") => false,
    };
    first.kill().await;
    go_back(&world, &plan, point).await;
    let second = world.machine();
    let parts = world.parts();
    let payout = tokio::select! {
        payout = world.recorded("inv-1", |payout| {
            payout.state.is_final() || payout.attention.is_some()
        }) => payout,
        never = resume_whenever_paused(&parts) => never,
    };
    second.stop().await;
    let paid = world.bank.paid("inv-1").await.len();
    assert!(paid <= 1, "rolled back at point {point}: paid {paid} times");
    if payout.attention.is_none() {
        let told = usize::from(payout.state == State::Succeeded);
        assert_eq!(paid, told, "rolled back at point {point}: it is told as {}", payout.state);
    }
    world.bank.stop().await;
    crashed
}

/// By one write, or to the first, if there is one before the newest.
async fn go_back(world: &World, plan: &Plan, point: usize) {
    let id = "inv-1".parse().expect("an id");
    let Some(newest) = world.store().load(&id).await.expect("a store").payout else { return };
    let written = plan.written.lock().expect("no test panicked in it").clone();
    let mut older = written.into_iter().filter(|payout| payout.version < newest.version);
    let older = if point % 4 < 2 { older.next_back() } else { older.next() };
    if let Some(older) = older {
        world.store().record(&older, newest.version).await.expect("written");
    }
}

/// As a person does who has looked into it.
async fn resume_whenever_paused<Never>(parts: &Parts) -> Never {
    let nobody = "nobody".parse().expect("an id");
    loop {
        parts.store.load(&nobody).await.expect("a store");
        if parts.fence.standing().paused.anything() {
            parts.fence.resume(Scope::ALL).await.expect("resumed");
        }
        tokio::task::yield_now().await;
    }
}
