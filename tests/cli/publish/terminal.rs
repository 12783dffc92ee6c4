//! `payoutd publish` in front of a person: on a terminal that `script` makes.

use std::net::{Ipv4Addr, TcpListener};
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::thread;

use super::{mixed, queued};
use crate::place::{Place, lines, to_card};
use crate::process::{PATIENCE, Process, Stream};

/// The sums of [`mixed`].
const SUMS: &str = "2 payouts: 200.00 RUB; 2 refused";

/// `payoutd publish` with these arguments, on a terminal of its own.
fn on_terminal(place: &Place, args: &str) -> Process {
    let mut script = Command::new("script");
    // Without a shell in between, which would end by Ctrl-C itself.
    let publish = format!("exec {} publish {args}", env!("CARGO_BIN_EXE_payoutd"));
    script.args(["--quiet", "--return", "--command", &publish, "/dev/null"]);
    let payoutd = place.payoutd([]);
    script.current_dir(place.dir()).env_clear().stdin(Stdio::piped());
    script.envs(payoutd.get_envs().filter_map(|(name, value)| Some((name, value?))));
    Process::start(&format!("payoutd publish {args}"), script)
}

/// Waits until the sums are shown: from then on an answer is waited for.
fn wait_for_sums(process: &Process) {
    process.line(Stream::Out, |line| line.contains(SUMS).then_some(()));
}

fn with_mixed() -> Place {
    let place = Place::empty();
    place.write("mixed.jsonl", mixed());
    place
}

#[test]
fn yes_publishes_what_the_sums_were_shown_of() {
    let place = with_mixed();
    let mut publish = on_terminal(&place, "mixed.jsonl");
    wait_for_sums(&publish);
    assert!(!place.path("payoutd.db").exists(), "before it is answered");
    publish.feed_more("y\n");
    let ended = publish.end();
    assert_eq!(ended.code, Some(3), "{ended:?}");
    assert!(ended.out.contains("Publish 2 payouts? [y/N]"), "{}", ended.out);
    assert!(ended.out.contains("2 published, 2 refused"), "{}", ended.out);
    let told = ended.out.matches("line 4: /payout_id must be").count();
    assert_eq!(told, 1, "what is wrong is told once, before the question: {}", ended.out);
    assert_eq!(queued(&place), ["good-1", "good-2"]);
}

#[test]
fn no_and_ctrl_c_publish_nothing() {
    let end_of_input = "\x04";
    let ctrl_c = "\x03";
    for answer in ["n\n", "\n", end_of_input, ctrl_c] {
        let place = with_mixed();
        let mut publish = on_terminal(&place, "mixed.jsonl");
        wait_for_sums(&publish);
        publish.feed_more(answer);
        let ended = publish.end();
        assert_eq!(ended.code, Some(1), "{answer:?}: {ended:?}");
        assert!(ended.out.contains("nothing was published"), "{}", ended.out);
        assert!(!place.path("payoutd.db").exists(), "{answer:?}");
    }
}

#[test]
fn ctrl_c_while_it_publishes_ends_it_and_says_what_is_not_known() {
    // A broker that takes the connection and says nothing more.
    let broker = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
    let address = broker.local_addr().expect("bound");
    let mut place = with_mixed();
    place.set("backend.kind", "rabbitmq-redis");
    place.set("backend.amqp_url", &format!("amqp://{address}"));
    let mut publish = on_terminal(&place, "mixed.jsonl");
    wait_for_sums(&publish);
    publish.feed_more("y\n");
    let (send, connected) = mpsc::channel();
    thread::spawn(move || send.send(broker.accept()));
    let _connection = connected.recv_timeout(PATIENCE).expect("it connects to publish");
    publish.feed_more("\x03");
    let ended = publish.end();
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(ended.out.contains("some commands may have been published"), "{}", ended.out);
}

#[test]
fn with_yes_the_sums_are_shown_and_nobody_is_asked() {
    let place = with_mixed();
    let ended = on_terminal(&place, "--yes mixed.jsonl").end();
    assert_eq!(ended.code, Some(3), "{ended:?}");
    assert!(ended.out.contains(SUMS), "{}", ended.out);
    assert!(!ended.out.contains("[y/N]"), "{}", ended.out);
    assert_eq!(queued(&place), ["good-1", "good-2"]);
}

#[test]
fn in_json_and_for_a_file_without_payouts_nobody_is_asked() {
    let place = with_mixed();
    let ended = on_terminal(&place, "--json mixed.jsonl").end();
    assert_eq!(ended.code, Some(3), "{ended:?}");
    assert!(!ended.out.contains("[y/N]"), "{}", ended.out);
    place.write("bad.jsonl", "{}\n");
    let ended = on_terminal(&place, "bad.jsonl").end();
    assert_eq!(ended.code, Some(2), "{ended:?}");
    assert!(!ended.out.contains("[y/N]"), "{}", ended.out);
}

#[test]
fn a_file_that_changed_before_the_answer_is_not_published() {
    let place = with_mixed();
    let mut publish = on_terminal(&place, "mixed.jsonl");
    wait_for_sums(&publish);
    place.write("mixed.jsonl", lines([to_card("other", 9_000_000)]));
    publish.feed_more("y\n");
    let ended = publish.end();
    assert_eq!(ended.code, Some(2), "{ended:?}");
    assert!(ended.out.contains("has changed since it was read"), "{}", ended.out);
    assert!(!place.path("payoutd.db").exists(), "published");
}
