//! A bank that answers late, wrongly or not at all. Cases 18 to 31, 34 and 64 of the fault matrix.

use std::time::{Duration, SystemTime};

use futures_util::{StreamExt, stream};
use payoutd::domain::event::{Entry, Event};
use payoutd::domain::time::Timestamp;
use payoutd::simulator::{FaultKind, Faults, Rule};
use serde_json::{Value, json};

use crate::bank::Behaviour;
use crate::world::{World, account, card};

const AT_ONCE: usize = 6;

fn once(method: &str, kind: FaultKind) -> Faults {
    Faults { rules: vec![Rule::always(kind).on(method).times(1)] }
}

/// One fault in one call: the payout is paid once all the same.
async fn paid_once_despite(faults: Faults, command: Value) {
    let name = format!("{faults:?}");
    let mut world = World::with(Behaviour { faults, ..Behaviour::default() }).await;
    let machine = world.machine();
    let id = command["payout_id"].as_str().expect("an id");
    world.publish(&command).await;
    let settled = world.settled(id).await;
    assert_eq!(settled["type"], "payout.succeeded", "{name}: {settled}");
    machine.stop().await;
    world.assert_paid_once(id).await;
}

async fn each(cases: Vec<(Faults, Value)>) {
    let runs = cases.into_iter().map(|(faults, command)| paid_once_despite(faults, command));
    stream::iter(runs).buffer_unordered(AT_ONCE).collect::<Vec<()>>().await;
}

/// Every way in which the outcome of a call is unknown, in each call that changes something.
#[tokio::test(flavor = "multi_thread")]
async fn cases_18_to_23_and_28_an_unknown_outcome_is_looked_up_and_paid_once() {
    use FaultKind::*;
    let mut cases = Vec::new();
    let kinds = [
        DropBeforeEffect,
        DropAfterEffect,
        TimeoutBefore,
        TimeoutAfter,
        Status5xxBefore,
        Status5xxAfter,
        RateLimited,
        UnknownCode,
        GarbageBody,
    ];
    for kind in kinds {
        for method in ["session/create", "session/start/payout", "session/confirm"] {
            cases.push((once(method, kind), card("inv-1", 10_000)));
        }
        cases.push((once("session/start/payout/rko", kind), account("inv-1", 300_000)));
    }
    each(cases).await;
}

/// The first start lands after it was given up: before the second is sent, or after.
#[tokio::test(flavor = "multi_thread")]
async fn cases_21_and_64_a_start_that_lands_late_is_paid_once_or_stopped() {
    for late_ms in [300, 1100, 1500, 2500] {
        let faults = once("session/start/payout", FaultKind::DelayedEffect { ms: late_ms });
        let mut world = World::with(Behaviour { faults, ..Behaviour::default() }).await;
        let machine = world.machine();
        world.publish(&card("inv-1", 10_000)).await;
        world.settled("inv-1").await;
        machine.stop().await;
        let paid = world.bank.paid("inv-1").await;
        assert!(paid.len() <= 1, "late by {late_ms} ms: {paid:#?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn case_25_a_bank_that_cannot_be_reached_is_called_later_as_the_same_try() {
    let mut world = World::new().await;
    world.policy.call_timeout = Duration::from_secs(20);
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let reachable = std::mem::replace(
        &mut world.bank_url,
        format!("http://{}", nobody.local_addr().expect("bound")),
    );
    drop(nobody);
    let cut_off = world.machine();
    world.publish(&card("inv-1", 10_000)).await;
    world.kind("inv-1", "payout.accepted").await;
    cut_off.stop().await;
    world.bank_url = reachable;
    let machine = world.machine();
    world.settled("inv-1").await;
    machine.stop().await;
    world.assert_paid_once("inv-1").await;
    let next_try =
        |entry: &Entry| matches!(entry.event, Event::Intended { attempt } if attempt > 1);
    assert!(!world.payout("inv-1").await.history.iter().any(next_try), "it was not sent before");
}

#[tokio::test(flavor = "multi_thread")]
async fn case_26_a_bank_that_does_not_know_us_fails_nothing() {
    let faults = Faults {
        rules: ["session/create", "session/start/payout", "session/confirm"]
            .map(|method| Rule::always(FaultKind::AuthenticationError).on(method).times(2))
            .to_vec(),
    };
    paid_once_despite(faults, card("inv-1", 10_000)).await;
}

/// Of many payouts a few ask whether the bank knows us by now; the others wait, and none is failed.
#[tokio::test(flavor = "multi_thread")]
async fn case_26_while_the_bank_does_not_know_us_calls_wait_for_a_probe() {
    let unknown = Rule::always(FaultKind::AuthenticationError);
    let mut world = World::new().await;
    world.bank.set_faults(&Faults { rules: vec![unknown] }).await;
    let machine = world.machine();
    let ids: Vec<_> = (0..40).map(|n| format!("inv-{n}")).collect();
    for id in &ids {
        world.publish(&card(id, 10_000)).await;
    }
    for id in &ids {
        world.recorded(id, |payout| payout.looks >= 3).await;
    }
    // All that were in hand when the first was answered, and then a probe now and then.
    let asked = world.bank.calls("session/create").await.len();
    assert!(asked < 2 * ids.len(), "{asked} calls of {} payouts in three rounds", ids.len());
    world.bank.set_faults(&Faults::default()).await;
    for id in &ids {
        assert_eq!(world.settled(id).await["type"], "payout.succeeded");
    }
    machine.stop().await;
    for id in &ids {
        world.assert_paid_once(id).await;
    }
}

/// What the bank says no to, or shows otherwise: amounts choose the simulator's script.
#[tokio::test(flavor = "multi_thread")]
async fn cases_27_and_31_refusals_fail_and_differences_cancel_with_the_reason() {
    let cases = [
        (card("refused", 10_001), "payout.failed", "account_not_found"),
        (card("failed", 10_002), "payout.failed", "provider_exceeds_amount_limit"),
        (card("early", 10_003), "payout.failed", "provider_foreign_transfer_prohibited"),
        (card("amount", 10_004), "payout.cancelled", "amount"),
        (card("name", 10_005), "payout.cancelled", "recipient name"),
        (card("currency", 10_009), "payout.cancelled", "currency"),
        (account("token", 300_010), "payout.cancelled", "account token"),
        (account("sender", 300_012), "payout.cancelled", "sender account"),
    ];
    let mut world = World::new().await;
    let machine = world.machine();
    for (command, ..) in &cases {
        world.publish(command).await;
    }
    for (command, kind, why) in &cases {
        let id = command["payout_id"].as_str().expect("an id");
        let settled = world.settled(id).await;
        assert_eq!(settled["type"], *kind, "{settled}");
        assert!(settled["data"].to_string().contains(why), "{settled}");
    }
    machine.stop().await;
    for (command, ..) in &cases {
        world.assert_not_paid(command["payout_id"].as_str().expect("an id")).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn case_29_a_session_in_error_needs_attention_until_the_bank_settles_it() {
    let mut world = World::new().await;
    let machine = world.machine();
    // 07: error after the confirmation, and success 50 processing times later.
    world.publish(&card("inv-1", 10_007)).await;
    let attention = world.kind("inv-1", "payout.needs_attention").await;
    assert!(attention["data"]["reason"].as_str().expect("text").contains("unknown"));
    assert_eq!(world.settled("inv-1").await["type"], "payout.succeeded");
    machine.stop().await;
    world.assert_paid_once("inv-1").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn case_30_two_payouts_in_a_session_are_cancelled_and_need_attention() {
    let mut world = World::new().await;
    let machine = world.machine();
    world.publish(&card("inv-1", 10_006)).await;
    world.kind("inv-1", "payout.needs_attention").await;
    assert_eq!(world.settled("inv-1").await["type"], "payout.cancelled");
    machine.stop().await;
    world.assert_not_paid("inv-1").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn case_33_a_confirmation_window_that_runs_out_is_told() {
    // 11: the bank never asks, and ends it after its 240 minutes, here 240 ms.
    let behaviour = Behaviour { speed_up: 60_000.0, ..Behaviour::default() };
    let mut world = World::with(behaviour).await;
    let machine = world.machine();
    world.publish(&card("inv-1", 10_011)).await;
    let settled = world.settled("inv-1").await;
    assert_eq!(settled["type"], "payout.cancelled");
    assert!(settled["data"]["reason"].as_str().expect("text").contains("confirm_timeout"));
    machine.stop().await;
    world.assert_not_paid("inv-1").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn case_34_a_bank_slower_than_the_timeout_is_paid_through_once() {
    let slow = FaultKind::Delay { ms: 1500 };
    let methods = ["session/start/payout", "session/confirm"];
    let rules = methods.map(|method| Rule::always(slow).on(method)).to_vec();
    paid_once_despite(Faults { rules }, card("inv-1", 10_000)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn case_60_a_ticket_during_a_slow_call_does_not_repeat_it() {
    let slow = FaultKind::Delay { ms: 500 };
    let faults = Faults { rules: vec![Rule::always(slow).on("session/start/payout")] };
    let mut world = World::with(Behaviour { faults, ..Behaviour::default() }).await;
    world.policy.call_timeout = Duration::from_secs(2);
    let machines = [world.machine(), world.machine()];
    world.publish(&card("inv-1", 10_000)).await;
    world.settled("inv-1").await;
    for machine in machines {
        machine.stop().await;
    }
    world.assert_paid_once("inv-1").await;
    assert_eq!(world.bank.calls("session/start/payout").await.len(), 1);
}

/// The only start lands after the payout was given up: its session is cancelled, not left waiting.
#[tokio::test(flavor = "multi_thread")]
async fn case_21_a_start_that_lands_after_the_end_is_cancelled() {
    let faults = once("session/start/payout", FaultKind::DelayedEffect { ms: 5000 });
    let mut world = World::with(Behaviour { faults, ..Behaviour::default() }).await;
    let machine = world.machine();
    let mut command = card("inv-1", 10_000);
    command["confirm_before"] = json!(from_now(Duration::from_millis(2000)));
    world.publish(&command).await;
    let settled = world.settled("inv-1").await;
    assert_eq!(settled["type"], "payout.cancelled");
    assert!(settled["data"]["reason"].as_str().expect("text").contains("confirm_before"));
    machine.stop().await;
    world.assert_not_paid("inv-1").await;
}

pub(crate) fn from_now(later: Duration) -> String {
    (Timestamp::from(SystemTime::now()) + later).to_string()
}
