//! Create and start in one request: `session/init/payout` and its settlement twin.

use futures_util::{StreamExt, stream};
use payoutd::domain::command::Flow;
use payoutd::domain::payout::State;
use payoutd::simulator::{FaultKind, Faults, Rule};
use serde_json::{Value, json};

use crate::bank::Behaviour;
use crate::crash::Plan;
use crate::crashes::crash_everywhere;
use crate::world::{World, account, card};

const AT_ONCE: usize = 6;

fn in_one_request(mut command: Value) -> Value {
    command["flow"] = json!("one_request");
    command
}

const METHODS: [&str; 2] = ["session/init/payout", "session/init/payout/rko"];

#[tokio::test(flavor = "multi_thread")]
async fn a_payout_in_one_request_is_paid_once_through_no_other_call() {
    let mut world = World::new().await;
    let machine = world.machine();
    let commands = [card("card", 10_000), account("account", 300_000)].map(in_one_request);
    for (command, method) in commands.iter().zip(METHODS) {
        world.publish(command).await;
        let id = command["payout_id"].as_str().expect("an id");
        assert_eq!(world.settled(id).await["type"], "payout.succeeded");
        world.kind(id, "payout.started").await;
        world.assert_paid_once(id).await;
        let calls = world.bank.calls(method).await;
        assert_eq!(calls.len(), 1);
        assert!(calls[0]["idempotency_key"].is_string(), "{}", calls[0]);
    }
    machine.stop().await;
    for method in ["session/create", "session/start/payout", "session/start/payout/rko"] {
        assert_eq!(world.bank.calls(method).await.len(), 0, "{method}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_configuration_may_say_so_for_commands_that_do_not() {
    let mut world = World::new().await;
    world.policy.flow = Flow::OneRequest;
    let machine = world.machine();
    let mut two_steps = card("two", 10_000);
    two_steps["flow"] = json!("two_step");
    world.publish(&card("one", 10_000)).await;
    world.publish(&two_steps).await;
    world.settled("one").await;
    world.settled("two").await;
    machine.stop().await;
    assert_eq!(world.bank.calls("session/init/payout").await.len(), 1);
    assert_eq!(world.bank.calls("session/start/payout").await.len(), 1);
}

/// Whatever becomes of the answer: sent once; and if it was done, the webhook ties the session.
async fn lost_answer(kind: FaultKind, done: bool, command: Value) {
    let rules = METHODS.map(|method| Rule::always(kind).on(method)).to_vec();
    let mut world =
        World::with(Behaviour { faults: Faults { rules }, ..Behaviour::default() }).await;
    let machine = world.machine();
    world.publish(&command).await;
    if done {
        assert_eq!(world.settled("inv-1").await["type"], "payout.succeeded", "{kind:?}");
        world.assert_paid_once("inv-1").await;
    } else {
        let event = world.kind("inv-1", "payout.needs_attention").await;
        let reason = event["data"]["reason"].as_str().expect("text");
        assert!(reason.contains("no webhook told"), "{kind:?}: {reason}");
        world.assert_not_paid("inv-1").await;
    }
    machine.stop().await;
    let mut calls = 0;
    for method in METHODS {
        calls += world.bank.calls(method).await.len();
    }
    assert_eq!(calls, 1, "{kind:?}: never sent twice");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_outcome_is_never_sent_again_and_is_found_by_the_metadata_in_the_webhook() {
    use FaultKind::*;
    let kinds = [
        (DropAfterEffect, true),
        (TimeoutAfter, true),
        (Status5xxAfter, true),
        (GarbageBody, true),
        (DelayedEffect { ms: 1500 }, true),
        (DropBeforeEffect, false),
        (TimeoutBefore, false),
        (Status5xxBefore, false),
        (UnknownCode, false),
        (RateLimited, false),
    ];
    let mut cases = Vec::new();
    for (kind, done) in kinds {
        for command in [card("inv-1", 10_000), account("inv-1", 300_000)] {
            cases.push(lost_answer(kind, done, in_one_request(command)));
        }
    }
    stream::iter(cases).buffer_unordered(AT_ONCE).collect::<Vec<()>>().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_fails_it_and_a_bank_that_does_not_know_us_fails_nothing() {
    let faults = Faults {
        rules: vec![Rule::always(FaultKind::AuthenticationError).on(METHODS[0]).times(2)],
    };
    let mut world = World::with(Behaviour { faults, ..Behaviour::default() }).await;
    let machine = world.machine();
    world.publish(&in_one_request(card("unknown-to-the-bank", 10_000))).await;
    assert_eq!(world.settled("unknown-to-the-bank").await["type"], "payout.succeeded");
    // 01: refused.
    world.publish(&in_one_request(card("refused", 10_001))).await;
    let failed = world.settled("refused").await;
    assert_eq!(failed["data"]["error"]["code"], "account_not_found");
    machine.stop().await;
    world.assert_paid_once("unknown-to-the-bank").await;
    world.assert_not_paid("refused").await;
}

/// Killed around every write and publication: paid once, or a person is called and nothing was
/// ever paid.
async fn crash_and_recover(point: usize) -> bool {
    let mut world = World::new().await;
    let plan = Plan::stop_at(point);
    let first = world.machine_with(|parts| plan.wrap(parts));
    world.publish(&in_one_request(card("inv-1", 10_000))).await;
    let crashed = tokio::select! {
        () = plan.stopped.notified() => true,
        _ = world.settled("inv-1") => false,
    };
    first.kill().await;
    let second = world.machine();
    let told = |event: &Value| {
        let kind = event["type"].as_str().expect("text");
        event["subject"] == "inv-1"
            && ["payout.succeeded", "payout.needs_attention"].contains(&kind)
    };
    let told = world.event(told).await;
    second.stop().await;
    assert!(world.bank.calls(METHODS[0]).await.len() <= 1, "crash at point {point}");
    if told["type"] == "payout.succeeded" {
        world.assert_paid_once("inv-1").await;
    } else {
        world.assert_not_paid("inv-1").await;
        assert_eq!(world.payout("inv-1").await.state, State::Initiating);
    }
    crashed
}

#[tokio::test(flavor = "multi_thread")]
async fn cases_1_to_11_killed_at_any_point_a_payout_in_one_request_is_paid_at_most_once() {
    crash_everywhere(12, crash_and_recover).await;
}
