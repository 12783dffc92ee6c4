//! `payoutd publish`: what is good goes out, what is not is told.

mod csv;
mod memory;
mod terminal;

use std::process::Stdio;

use rusqlite::Connection;
use serde_json::{Value, json};

use crate::place::{Place, lines, to_card};
use crate::process::Process;

/// The second line is no JSON, the fourth has three things wrong with it.
fn mixed() -> String {
    let wrong = json!({
        "type": "payout.create",
        "payout_id": "bad id",
        "payment_method": {"type": "card", "card": {"type": "encrypted_card", "encrypted_card": {}}},
        "amount_details": {"amount": 0, "currency": "rub"},
    });
    let good = |id| lines([to_card(id, 10_000)]);
    format!("{}{{oops\n\n{}{}", good("good-1"), lines([wrong]), good("good-2"))
}

/// What is wrong with [`mixed`].
const WRONG: [(u64, &str, &str); 4] = [
    (2, "", "is not valid JSON"),
    (4, "/payout_id", "must be 1 to 64 characters of A-Z a-z 0-9 . _ : -"),
    (4, "/amount_details/amount", "must be a whole number of minor units above 0 (10000 = 100.00)"),
    (4, "/payment_method/card/encrypted_card/number_hash", "must be a non-empty string"),
];

/// The ids of the commands in the queue.
fn queued(place: &Place) -> Vec<String> {
    let file = Connection::open(place.path("payoutd.db")).expect("the backend's file");
    let mut select = file.prepare("SELECT body FROM messages ORDER BY id").expect("its table");
    let bodies = select.query_map([], |row| row.get::<_, Vec<u8>>(0)).expect("rows");
    let id = |body: Vec<u8>| {
        let command: Value = serde_json::from_slice(&body).expect("a command");
        command["payout_id"].as_str().expect("an id").to_owned()
    };
    bodies.map(|body| id(body.expect("a row"))).collect()
}

#[test]
fn publish_sends_the_good_lines_and_reports_all_that_is_wrong_with_the_others() {
    let place = Place::empty();
    place.write("mixed.jsonl", mixed());
    let published = place.ran(["publish", "mixed.jsonl"]);
    assert_eq!(published.code, Some(3), "{published:?}");
    assert_eq!(published.out, "2 published, 2 refused");
    let reported: Vec<_> = published.err.lines().collect();
    let expected = WRONG.map(|(line, pointer, problem)| {
        let pointer = if pointer.is_empty() { "the row" } else { pointer };
        format!("line {line}: {pointer} {problem}")
    });
    assert_eq!(reported, expected);
    assert_eq!(queued(&place), ["good-1", "good-2"]);
}

#[test]
fn publish_in_json_says_the_same_to_machines() {
    let place = Place::empty();
    place.write("mixed.jsonl", mixed());
    let published = place.ran(["publish", "--json", "mixed.jsonl"]);
    assert_eq!((published.code, published.err.as_str()), (Some(3), ""), "{published:?}");
    let said: Vec<Value> =
        published.out.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let violations = |of| -> Vec<_> {
        let on_line = WRONG.iter().filter(|(line, _, _)| *line == of);
        on_line.map(|(_, at, problem)| json!({"pointer": at, "problem": problem})).collect()
    };
    assert_eq!(
        said,
        [
            json!({"line": 2, "violations": violations(2)}),
            json!({"line": 4, "violations": violations(4)}),
            json!({"published": 2, "refused": 2}),
        ]
    );
}

#[test]
fn publish_of_bad_lines_only_is_bad_input() {
    let place = Place::empty();
    place.write("bad.jsonl", "{}\n[]\n");
    let published = place.ran(["publish", "bad.jsonl"]);
    assert_eq!(published.code, Some(2), "{published:?}");
    assert_eq!(published.out, "0 published, 2 refused");
    assert!(queued(&place).is_empty());
}

#[test]
fn publish_reads_standard_input() {
    let place = Place::empty();
    let mut command = place.payoutd(["publish", "-"]);
    command.stdin(Stdio::piped());
    let mut publish = Process::start("payoutd publish -", command);
    // No line feed at the end, as some programs write it.
    let last = to_card("from-stdin-2", 10_000).to_string();
    publish.feed(&(lines([to_card("from-stdin-1", 10_000)]) + &last));
    let ended = publish.end();
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert_eq!(ended.out, "2 published, 0 refused");
    assert_eq!(queued(&place), ["from-stdin-1", "from-stdin-2"]);
}

#[test]
fn publish_names_the_file_that_is_missing_and_makes_no_other() {
    let place = Place::empty();
    let refused = place.ran(["publish", "nowhere.jsonl"]);
    assert_eq!(refused.code, Some(2), "{refused:?}");
    assert!(refused.err.contains("nowhere.jsonl: No such file"), "{}", refused.err);
    let folder = place.ran(["publish", "."]);
    assert_eq!(folder.code, Some(2), "{folder:?}");
    assert!(!place.path("payoutd.db").exists(), "made for nothing");
}
