//! The example programs for those who publish and subscribe, as docs/messages.md shows them.

use std::collections::BTreeSet;
use std::process::{Command, Stdio};

use super::installation::{Role, amqp_url, place_on, redis_url, until};
use crate::bank::BankSim;
use crate::place::{DEMO_COMMANDS, Place};
use crate::process::{Process, Stream};

/// Pays the demo's payouts, published and followed by these programs.
pub(super) fn pay(place: &mut Place, mut publish: Command, subscribe: Command) {
    let bank = BankSim::start(place, &[]);
    let roles = ["ingress", "executor", "decider", "reconciler"].map(|n| Role::start(place, n));
    until("all are ready", || roles.iter().all(Role::is_ready));
    let subscriber = Process::start("subscribe", subscribe);
    subscriber.line(Stream::Out, |line| line.starts_with("listening").then_some(()));

    publish.stdin(Stdio::piped());
    let mut publisher = Process::start("publish", publish);
    publisher.feed(DEMO_COMMANDS);
    let published = publisher.end();
    assert_eq!(published.code, Some(0), "{published:?}");
    assert_eq!(published.out.trim(), "11 published");

    let expected: BTreeSet<_> = [
        "account-individual payout.succeeded",
        "account-legal-entity payout.succeeded",
        "bank-fails-after-confirm payout.failed",
        "bank-has-other-amount payout.cancelled",
        "bank-has-other-recipient payout.cancelled",
        "bank-has-other-sender payout.cancelled",
        "bank-refuses-start payout.failed",
        "card-by-hash payout.succeeded",
        "card-by-token payout.succeeded",
        "command-too-late payout.rejected",
        "two-payouts-in-session payout.cancelled",
    ]
    .map(str::to_owned)
    .into();
    let told = subscriber.output(Stream::Out, |lines| {
        (lines.len() > expected.len()).then(|| lines[1..].iter().cloned().collect::<BTreeSet<_>>())
    });
    assert_eq!(told, expected);
    bank.stop();
}

fn with_servers(place: &Place, mut command: Command) -> Command {
    for key in ["amqp_url", "prefix"] {
        let variable = format!("PAYOUTD_BACKEND__{}", key.to_uppercase());
        command.env(variable, place.setting(&format!("backend.{key}")));
    }
    command
}

pub(super) fn example(name: &str) -> String {
    format!("{}/deploy/examples/{name}", env!("CARGO_MANIFEST_DIR"))
}

/// The distribution's Python has the distribution's pika, whichever comes first in the path.
pub(super) fn python() -> Command {
    let has_pika = |python: &&str| {
        let asked = Command::new(python).args(["-c", "import pika"]).stderr(Stdio::null()).status();
        asked.is_ok_and(|status| status.success())
    };
    let found = ["python3", "/usr/bin/python3"].into_iter().find(has_pika);
    let found = found.expect("no Python with pika: install python3-pika, or run scripts/test");
    Command::new(found)
}

#[test]
fn the_python_programs_publish_and_subscribe() {
    let mut place = place_on(&amqp_url(), &redis_url());
    let queue = format!("{}.my-results", place.setting("backend.prefix"));
    let (mut publish, mut subscribe) = (python(), python());
    publish.arg(example("publish.py"));
    subscribe.args([example("subscribe.py"), queue]);
    let [publish, subscribe] = [publish, subscribe].map(|command| with_servers(&place, command));
    pay(&mut place, publish, subscribe);
}

/// A program under deploy/examples, built by the same cargo.
fn rust(name: &str) -> Command {
    let mut command = Command::new(env!("CARGO"));
    command.args(["run", "--locked", "--quiet", "--example", name, "--"]);
    command.current_dir(env!("CARGO_MANIFEST_DIR"));
    command
}

#[test]
fn the_rust_programs_publish_and_subscribe() {
    let mut place = place_on(&amqp_url(), &redis_url());
    let queue = format!("{}.my-results", place.setting("backend.prefix"));
    let mut subscribe = rust("subscribe");
    subscribe.arg(queue);
    let [publish, subscribe] =
        [rust("publish"), subscribe].map(|command| with_servers(&place, command));
    pay(&mut place, publish, subscribe);
}
