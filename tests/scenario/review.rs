//! Our own rules: what is rejected, what is held for a person, and what a person says.

use std::sync::Arc;
use std::time::Duration;

use payoutd::domain::money::{Currency, Money};
use payoutd::domain::payout::State;
use payoutd::domain::recipient::{Identifier, Kind};
use payoutd::domain::rules::{Amounts, Denied, Rules};
use payoutd::roles::Role;
use serde_json::{Value, json};

use crate::world::{World, account, card, word};

fn rub(amount: i64) -> Amounts {
    let currency = Currency::try_from("rub".to_owned()).expect("a code");
    [Money { amount, currency }].into_iter().collect()
}

async fn under(rules: Rules) -> World {
    let mut world = World::new().await;
    world.policy.rules = Arc::new(rules);
    world
}

async fn reviewing() -> World {
    under(Rules { review_above: Some(rub(10_000)), ..Rules::default() }).await
}

fn reason(event: &Value) -> &str {
    event["data"]["reason"].as_str().expect("text")
}

#[tokio::test(flavor = "multi_thread")]
async fn above_its_amount_a_payout_waits_for_an_approval_and_is_paid_once() {
    let mut world = reviewing().await;
    let machine = world.machine();
    world.publish(&card("small", 10_000)).await;
    let confirmed = world.kind("small", "payout.confirmed").await;
    assert_eq!(reason(&confirmed), "agrees with the command");
    world.publish(&account("large", 300_000)).await;
    let held = world.kind("large", "payout.held").await;
    assert_eq!(held["data"]["state"], "held");
    assert!(reason(&held).contains("above the amount for review"), "{held}");
    assert!(held["data"]["approve_before"].is_string(), "{held}");
    world.publish(&word("approve", "large", "checked by phone")).await;
    assert_eq!(world.settled("large").await["type"], "payout.succeeded");
    let confirmed = world.kind("large", "payout.confirmed").await;
    assert_eq!(reason(&confirmed), "agrees with the command; approved: checked by phone");
    machine.stop().await;
    world.assert_paid_once("large").await;
}

/// Whoever takes the word acts on it: no ticket is waited for.
#[tokio::test(flavor = "multi_thread")]
async fn an_approval_is_acted_on_at_once() {
    let mut world = reviewing().await;
    let without_tickets = &[Role::Executor, Role::Ingress, Role::Decider];
    let machine = world.machine_of(without_tickets, |parts| parts);
    world.publish(&account("inv-1", 300_000)).await;
    world.kind("inv-1", "payout.held").await;
    world.publish(&word("approve", "inv-1", "checked")).await;
    assert_eq!(world.settled("inv-1").await["type"], "payout.succeeded");
    machine.stop().await;
    world.assert_paid_once("inv-1").await;
}

/// What a person is asked about survives every process.
#[tokio::test(flavor = "multi_thread")]
async fn a_held_payout_and_its_approval_outlive_the_machines() {
    let mut world = reviewing().await;
    let first = world.machine();
    world.publish(&account("inv-1", 300_000)).await;
    world.kind("inv-1", "payout.held").await;
    first.kill().await;
    for _ in 0..2 {
        world.publish(&word("approve", "inv-1", "checked")).await;
    }
    let second = world.machine();
    assert_eq!(world.settled("inv-1").await["type"], "payout.succeeded");
    second.stop().await;
    world.assert_paid_once("inv-1").await;
    let refused = world.seen.iter().filter(|e| e["type"] == "payout.command_refused").count();
    assert_eq!(refused, 0, "the same word twice is no fault");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rejected_and_a_cancelled_payout_are_cancelled_at_the_bank_with_the_reason() {
    let mut world = reviewing().await;
    let machine = world.machine();
    for (id, verb) in [("rejected", "reject"), ("unwanted", "cancel")] {
        world.publish(&account(id, 300_000)).await;
        world.kind(id, "payout.held").await;
        world.publish(&word(verb, id, "looks odd")).await;
        let settled = world.settled(id).await;
        assert_eq!(
            (settled["type"].as_str(), reason(&settled)),
            (Some("payout.cancelled"), "looks odd")
        );
        world.assert_not_paid(id).await;
    }
    machine.stop().await;
    assert_eq!(world.bank.calls("session/cancel").await.len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_answers_and_a_held_payout_is_cancelled_before_the_bank_ends_it() {
    let rules = Rules {
        review_above: Some(Amounts::default()),
        review_within: Duration::from_secs(5),
        ..Rules::default()
    };
    let mut world = under(rules).await;
    let machine = world.machine();
    world.publish(&card("inv-1", 10_000)).await;
    world.kind("inv-1", "payout.held").await;
    let settled = world.settled("inv-1").await;
    assert_eq!(settled["type"], "payout.cancelled");
    assert!(reason(&settled).contains("nobody approved it in time"), "{settled}");
    machine.stop().await;
    world.assert_not_paid("inv-1").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn case_17_a_held_payout_ends_with_its_commands_own_time() {
    let mut world = reviewing().await;
    let machine = world.machine();
    let mut command = card("inv-1", 20_000);
    command["confirm_before"] = json!(crate::faults::from_now(Duration::from_secs(5)));
    world.publish(&command).await;
    world.kind("inv-1", "payout.held").await;
    let settled = world.settled("inv-1").await;
    assert!(reason(&settled).contains("confirm_before"), "{settled}");
    machine.stop().await;
    world.assert_not_paid("inv-1").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_rules_forbid_never_reaches_the_bank() {
    let salt = || "0123456789abcdef0123456789abcdef".to_owned().into();
    let denied = Identifier::new(Kind::Name, "vector llc");
    let mut world = under(Rules {
        amount_max: rub(300_000),
        currencies: vec!["rub".into()],
        denied: Denied::new(salt(), [Denied::hash(&salt(), &denied)]),
        ..Rules::default()
    })
    .await;
    let machine = world.machine();
    let mut foreign = card("foreign", 10_000);
    foreign["amount_details"]["currency"] = json!("usd");
    for (command, why) in [
        (card("large", 300_001), "above the largest amount"),
        (foreign, "currency usd is not allowed"),
        (account("denied", 300_000), "deny list"),
    ] {
        world.publish(&command).await;
        let id = command["payout_id"].as_str().expect("an id");
        let settled = world.settled(id).await;
        assert_eq!(settled["type"], "payout.rejected");
        assert!(reason(&settled).contains(why), "{settled}");
    }
    machine.stop().await;
    for method in ["session/create", "session/create/rko", "session/start/payout"] {
        assert_eq!(world.bank.calls(method).await.len(), 0, "{method}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_word_that_has_nothing_to_change_is_refused_with_its_reason() {
    let mut world = World::new().await;
    let machine = world.machine();
    world.publish(&card("paid", 10_000)).await;
    world.settled("paid").await;
    for (verb, id, why) in [
        ("approve", "paid", "not held"),
        ("reject", "paid", "has ended as succeeded"),
        ("release", "paid", "does not need attention"),
        ("cancel", "paid", "paid already"),
        ("approve", "nobody", "no payout of this id"),
    ] {
        world.seen.clear();
        world.publish(&word(verb, id, "why not")).await;
        let refused = world.kind(id, "payout.command_refused").await;
        assert!(reason(&refused).contains(why), "{refused}");
        assert_eq!(refused["data"]["command"], format!("payout.{verb}"));
    }
    machine.stop().await;
    assert_eq!(world.payout("paid").await.state, State::Succeeded);
    world.assert_paid_once_in_the_ledger("paid").await;
}
