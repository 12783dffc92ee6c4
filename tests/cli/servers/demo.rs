//! `payoutd demo --backend rabbitmq-redis`: each role a process of its own.

use serde_json::Value;

use super::installation::{amqp_url, redis_url};
use crate::place::Place;

const AGREE: &str = "payoutd's records and the bank's ledger agree.";

fn with_servers() -> Place {
    let mut place = Place::empty();
    place.set("backend.amqp_url", &amqp_url());
    place.set("backend.redis_url", &redis_url());
    // Nobody's real bank is touched.
    place.set("bank.base_url", "https://proxy.bank131.ru");
    place.set("bank.live", "true");
    place
}

#[test]
fn the_demo_on_servers_ends_in_agreement_and_leaves_nothing() {
    let place = with_servers();
    let demo = place.ran(["demo", "--backend", "rabbitmq-redis"]);
    assert_eq!(demo.code, Some(0), "{demo:?}");
    assert!(demo.out.contains("4 cancelled, 2 failed, 1 rejected, 4 succeeded"), "{}", demo.out);
    assert!(demo.out.contains(AGREE), "{}", demo.out);
    let processes = "ingress-1, reconciler-1, decider-1, decider-2, executor-1, executor-2";
    assert!(demo.out.contains(processes), "{}", demo.out);
    assert_eq!(std::fs::read_dir(place.dir()).expect("a folder").count(), 0, "it left files");
}

#[test]
fn the_demo_leaves_nothing_on_the_servers() {
    let mut place = with_servers();
    // The folder stays, and tells the names.
    let demo = place.ran(["demo", "--backend", "rabbitmq-redis", "--data", "data"]);
    assert_eq!(demo.code, Some(0), "{demo:?}");
    let settings = place.read("data/payoutd.toml");
    let (_, after) = settings.split_once("prefix = \"").expect("a prefix");
    let (prefix, _) = after.split_once('"').expect("its end");

    let client = ::redis::Client::open(redis_url()).expect("a URL");
    let mut connection = client.get_connection().expect("a connection");
    let keys: Vec<String> =
        ::redis::cmd("KEYS").arg(format!("*{prefix}*")).query(&mut connection).expect("answered");
    assert_eq!(keys, [""; 0]);

    place.set("backend.kind", "rabbitmq-redis");
    place.set("backend.prefix", prefix);
    let topology = place.ran(["topology", "--json"]);
    let found: Vec<Value> =
        topology.out.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    assert!(found.len() > 5, "{topology:?}");
    assert!(found.iter().all(|object| object["found"] == "missing"), "{found:#?}");
}

#[test]
fn the_demo_on_servers_agrees_with_a_rough_bank_too() {
    let demo =
        with_servers().ran(["demo", "--backend", "rabbitmq-redis", "--payouts", "60", "--faults"]);
    assert_eq!(demo.code, Some(0), "{demo:?}");
    assert!(demo.out.contains(AGREE), "{}", demo.out);
}

#[test]
fn a_kept_demo_holds_no_credentials_and_can_be_looked_at() {
    let place = with_servers();
    let demo = place.ran(["demo", "--backend", "rabbitmq-redis", "--keep", "--data", "kept"]);
    assert_eq!(demo.code, Some(0), "{demo:?}");
    let settings = place.read("kept/payoutd.toml");
    assert!(!settings.contains("amqp://") && !settings.contains("redis://"), "{settings}");
    let list = place.ran(["--config", "kept/payoutd.toml", "list"]);
    assert!(list.out.contains("bank-refuses-start"), "{list:?}");
    assert!(place.read("kept/executor-1.log").contains("run.started"));
}
