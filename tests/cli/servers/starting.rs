//! Servers that are not there yet, or not as they have to be, when a process starts.

use super::installation::{Role, place_on, until};
use crate::bank::BankSim;
use crate::place::{lines, to_card};
use crate::process::Stream;
use crate::services::{RabbitMq, Redis};

#[test]
fn a_process_waits_for_absent_servers_says_so_and_comes_up_with_them() {
    let (mut rabbitmq, mut redis) = (RabbitMq::start(), Redis::start());
    rabbitmq.kill();
    redis.kill();
    let mut place = place_on(&rabbitmq.url(), &redis.url());
    let bank = BankSim::start(&mut place, &[]);
    let roles = ["executor", "ingress", "decider", "reconciler"].map(|n| Role::start(&place, n));
    for role in &roles {
        role.process.line(Stream::Err, |line| line.contains("run.waiting").then_some(()));
        let mut told = None;
        until("it tells", || {
            told = role.readiness();
            told.is_some()
        });
        let told = told.expect("it tells");
        assert_eq!(told["ready"], false);
        for server in ["bus", "store"] {
            let text = told[server].as_str().expect("text");
            assert!(text.contains("unavailable"), "{server}: {text}");
            assert!(!text.contains("guest:"), "{server}: {text}");
        }
    }
    redis.start_again();
    until("the store is there", || {
        roles.iter().all(|role| role.readiness().is_some_and(|told| told["store"] == "ok"))
    });
    assert!(roles.iter().all(|role| !role.is_ready()), "the bus is still missing");
    rabbitmq.start_again();
    until("all are ready", || roles.iter().all(Role::is_ready));

    place.write("commands.jsonl", lines([to_card("inv-1", 10_000)]));
    place.publish("commands.jsonl");
    until("it is paid", || bank.paid() == [("inv-1".to_owned(), 10_000)]);
}

#[test]
fn a_redis_that_forgets_is_refused_with_the_cure() {
    let (rabbitmq, redis) = (RabbitMq::start(), Redis::start());
    let mut place = place_on(&rabbitmq.url(), &redis.url());
    let bank = BankSim::start(&mut place, &[]);
    let configure = |setting: &str, value: &str| {
        let client = ::redis::Client::open(redis.url()).expect("a URL");
        let mut connection = client.get_connection().expect("a connection");
        let mut command = ::redis::cmd("CONFIG");
        command.arg("SET").arg(setting).arg(value).exec(&mut connection).expect("it is set");
    };
    for (setting, bad, good) in
        [("maxmemory-policy", "allkeys-lru", "noeviction"), ("appendonly", "no", "yes")]
    {
        configure(setting, bad);
        let refused = place.ran(["run"]);
        assert_eq!(refused.code, Some(2), "{refused:?}");
        assert!(refused.err.contains(setting) && refused.err.contains(good), "{}", refused.err);
        configure(setting, good);
    }
    configure("maxmemory-policy", "allkeys-lru");
    place.set("backend.allow_volatile_store", "true");
    let run = Role::start(&place, "executor");
    until("it runs when told so", || run.is_ready());
    bank.stop();
}
