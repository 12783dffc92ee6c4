//! `confirm_information` through the whole pipeline, byte for byte: whatever the bank puts into it,
//! however it writes it, wherever it shows it, and whoever echoes it.
//!
//! The simulator takes a confirmation or cancellation only with the very bytes that it showed.

use std::time::Duration;

use payoutd::simulator::{FaultKind, Faults, Rule};
use serde_json::Value;

use crate::bank::Behaviour;
use crate::world::{World, account};

/// Agrees with [`account`]: an escaped digit in the number, another letter case in the name. Beside
/// it unknown fields, odd spacing, numbers that fit no type, escapes and letters beyond ASCII.
const ODD: &str = "{ \"newer\" : [ 1E+999, -0, 123456789012345678901234567890.50,\t1e-7 ],\r\n  \
    \"account_details\":{\"sender\":{\"account_number\":\"\\u0034070281030020000001\\u0033\" , \
    \"name\":\"ООО \\u0410\\/Б №\" },\"recipient\" : {\"name\":\" vector   LLC\", \
    \"note\":\"\\uD83D\\ude00 😀 \\\\ \\\" \\b\" , \"kpp\":1.0e0, \"inn\" : null}},\n\"z\":{ }, \
    \"\\u0416\" : [ ] }";

/// Amounts that ask the simulator for a script: another amount, so that the payout is cancelled;
/// and a webhook without the object, which `session/status` then has.
const CONFIRMED: i64 = 300_000;
const CANCELLED: i64 = 300_004;
const CONFIRMED_FROM_STATUS: i64 = 300_013;

async fn world(faults: Faults) -> World {
    let world = World::with(Behaviour { faults, ..Behaviour::default() }).await;
    world.bank.dictate_information(ODD).await;
    world
}

/// Every body of the call, as it came to the bank.
async fn bodies(world: &World, method: &str) -> Vec<String> {
    let calls = world.bank.calls(method).await;
    calls.iter().map(|call| call["body"].as_str().expect("text").to_owned()).collect()
}

async fn assert_echoed(world: &World, id: &str, method: &str) {
    let session = world.payout(id).await.session.expect("bound");
    let expected =
        format!(r#"{{"session_id":"{}","confirm_information":{ODD}}}"#, session.as_str());
    let bodies = bodies(world, method).await;
    assert!(!bodies.is_empty(), "{method} was called");
    for body in bodies {
        assert_eq!(body, expected, "{method}");
    }
}

async fn runs_through(amount: i64, faults: Faults, end: &str, method: &str) {
    let mut world = world(faults).await;
    let machine = world.machine();
    world.publish(&account("inv-1", amount)).await;
    let settled = world.settled("inv-1").await;
    assert_eq!(settled["type"], end, "{}", settled["data"]["reason"]);
    machine.stop().await;
    assert_echoed(&world, "inv-1", method).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_webhook_shows_is_echoed_in_confirm_and_in_cancel() {
    runs_through(CONFIRMED, Faults::none(), "payout.succeeded", "session/confirm").await;
    runs_through(CANCELLED, Faults::none(), "payout.cancelled", "session/cancel").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_only_status_shows_is_echoed_in_confirm_and_in_cancel() {
    let lost = || Faults { rules: vec![Rule::always(FaultKind::Lost)] };
    let status = "payout.succeeded";
    runs_through(CONFIRMED_FROM_STATUS, Faults::none(), status, "session/confirm").await;
    runs_through(CONFIRMED, lost(), status, "session/confirm").await;
    runs_through(CANCELLED, lost(), "payout.cancelled", "session/cancel").await;
}

/// The machine that decided dies before the bank has taken its call; another one, which has never
/// seen the bank's bytes but in the record, makes it again.
#[tokio::test(flavor = "multi_thread")]
async fn what_the_record_holds_is_echoed_after_a_restart() {
    for (amount, method, end) in [
        (CONFIRMED, "session/confirm", "payout.succeeded"),
        (CANCELLED, "session/cancel", "payout.cancelled"),
    ] {
        let lost = Rule::always(FaultKind::DropBeforeEffect).on(method);
        let mut world = world(Faults { rules: vec![lost] }).await;
        let first = world.machine();
        world.publish(&account("inv-1", amount)).await;
        let called = async { while bodies(&world, method).await.is_empty() {} };
        tokio::time::timeout(Duration::from_secs(60), called).await.expect("it is called");
        first.kill().await;
        let before = bodies(&world, method).await.len();
        world.bank.set_faults(&Faults::none()).await;
        let second = world.machine();
        let settled = world.settled("inv-1").await;
        assert_eq!(settled["type"], end, "{}", settled["data"]["reason"]);
        second.stop().await;
        assert!(bodies(&world, method).await.len() > before, "the second machine called");
        assert_echoed(&world, "inv-1", method).await;
    }
}

/// The object names an account of somebody else: it cancels, and is still echoed as it is.
#[tokio::test(flavor = "multi_thread")]
async fn information_that_disagrees_is_echoed_in_the_cancel() {
    let mut world = World::new().await;
    let other = ODD.replace("vector   LLC", "victor   LLC");
    world.bank.dictate_information(&other).await;
    let machine = world.machine();
    world.publish(&account("inv-1", CONFIRMED)).await;
    let settled: Value = world.settled("inv-1").await;
    assert_eq!(settled["type"], "payout.cancelled");
    let reason = settled["data"]["reason"].as_str().expect("text");
    assert_eq!(reason, "differs from the command: confirm_information's recipient name");
    machine.stop().await;
    let sent = bodies(&world, "session/cancel").await;
    assert!(!sent.is_empty(), "it was called");
    assert!(sent.iter().all(|body| body.ends_with(&format!(":{other}}}"))), "{sent:?}");
    world.assert_not_paid("inv-1").await;
}
