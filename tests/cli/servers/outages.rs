//! Killed and frozen in the middle of 300 payouts: cases 1 to 11, 46, 48 and 52 of the fault
//! matrix, with two processes for every role. All payouts end, none is paid twice, and every
//! process takes work again by itself.
//!
//! How long that took is printed, not asserted: `scripts/outages` shows it.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::broker::Broker;
use super::installation::{Installation, Role, place_on, until};
use crate::place::{lines, to_card};
use crate::services::{RabbitMq, Redis};

const PAYOUTS: usize = 300;

/// The outage comes when so many were paid.
const PAID_BEFORE: usize = 60;

/// As long as the frozen stay frozen.
const FROZEN: Duration = Duration::from_secs(30);

/// What there is while the outage lasts.
struct Scene {
    rabbitmq: RabbitMq,
    redis: Redis,
    installation: Installation,
}

/// Pays 300 payouts; `outage` happens in the middle.
fn survive(outage: impl FnOnce(&mut Scene)) {
    let (rabbitmq, redis) = (RabbitMq::start(), Redis::start());
    let installation = Installation::start(place_on(&rabbitmq.url(), &redis.url()));
    let prefix = installation.place.setting("backend.prefix").to_owned();
    Broker::connect(&rabbitmq.url()).keep_events(&prefix);
    let ids: Vec<_> = (0..PAYOUTS).map(|n| format!("inv-{n:03}")).collect();
    let commands = ids.iter().map(|id| to_card(id, 10_000));
    installation.place.write("commands.jsonl", lines(commands));
    installation.place.publish("commands.jsonl");
    until("the first are paid", || installation.bank.paid().len() >= PAID_BEFORE);

    let mut scene = Scene { rabbitmq, redis, installation };
    outage(&mut scene);
    let Scene { rabbitmq, redis, installation } = scene;

    let mut states = BTreeMap::new();
    until("all are final", || {
        states.clear();
        for payout in installation.payouts() {
            *states.entry(payout["state"].to_string()).or_insert(0) += 1;
        }
        states.get("\"succeeded\"") == Some(&PAYOUTS)
    });
    let paid = installation.bank.paid();
    assert!(paid.iter().map(|(id, _)| id).eq(&ids), "each is paid once: {paid:#?}");
    let attention = installation.place.ran(["list", "--attention", "--json"]);
    assert_eq!(attention.out, "", "nobody has to look at anything");
    let letters = installation.place.ran(["dead-letters", "list"]);
    assert_eq!((letters.out.as_str(), letters.code), ("", Some(0)), "{letters:?}");
    installation.stop();
    one_final_event_each(&Broker::connect(&rabbitmq.url()), &prefix);
    drop(redis);
}

/// A durable queue of a subscriber has them all.
fn one_final_event_each(broker: &Broker, prefix: &str) {
    let mut finals = BTreeMap::<String, BTreeSet<String>>::new();
    for event in broker.kept_events(prefix) {
        if event["type"] == "payout.succeeded" {
            let (subject, id) = (event["subject"].to_string(), event["id"].to_string());
            finals.entry(subject).or_default().insert(id);
        }
    }
    assert_eq!(finals.len(), PAYOUTS);
    assert!(finals.values().all(|ids| ids.len() == 1), "{finals:#?}");
}

/// Waits until every process can work, and tells how long that took since the service was back.
fn tell_recovery(after: &str, installation: &Installation) {
    let took = installation.all_ready();
    println!("outage: {after}: every process ready {} ms after its return", took.as_millis());
}

#[test]
fn case_52_rabbitmq_is_killed_and_restarted() {
    survive(|scene| {
        scene.rabbitmq.kill();
        scene.rabbitmq.start_again();
        tell_recovery("RabbitMQ killed and restarted", &scene.installation);
    });
}

#[test]
fn case_48_redis_is_killed_and_restarted() {
    survive(|scene| {
        scene.redis.kill();
        scene.redis.start_again();
        tell_recovery("Redis killed and restarted", &scene.installation);
    });
}

#[test]
fn rabbitmq_is_frozen_for_30_s() {
    survive(|scene| {
        scene.rabbitmq.freeze();
        std::thread::sleep(FROZEN);
        scene.rabbitmq.thaw();
        tell_recovery("RabbitMQ frozen for 30 s", &scene.installation);
    });
}

#[test]
fn redis_is_frozen_for_30_s() {
    survive(|scene| {
        scene.redis.freeze();
        std::thread::sleep(FROZEN);
        scene.redis.thaw();
        tell_recovery("Redis frozen for 30 s", &scene.installation);
    });
}

/// Each role's first process, one after the other; a supervisor starts the ingress again, which
/// nobody stands in for.
#[test]
fn cases_1_to_11_a_process_of_every_role_is_killed() {
    survive(|scene| {
        let Installation { place, bank, roles } = &mut scene.installation;
        for name in ["executor", "decider", "reconciler", "ingress"] {
            let paid = bank.paid().len();
            let at = roles.iter().position(|role| role.name == name).expect("there are two");
            let killed = roles.remove(at).process.kill();
            assert_eq!(killed.code, None, "it ended before: {}", killed.err);
            if name == "ingress" {
                roles.push(Role::start(place, name));
            }
            until("others go on", || bank.paid().len() > paid);
        }
        tell_recovery("a process of every role killed", &scene.installation);
    });
}
