//! `payoutd dead-letters`: what cannot be handled waits for a person, who decides.

use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};

use crate::bank::BankSim;
use crate::place::{Place, lines, to_card, wait_for_ends};
use crate::process::{Process, Stream};

/// A place whose executor has refused a command: its `issued_at` is too long ago.
fn with_a_dead_letter() -> (Place, BankSim, Process) {
    let mut place = Place::with_keys();
    let bank = BankSim::start(&mut place, &[]);
    let run = place.run([]);
    let mut command = to_card("inv-old", 10_000);
    command["issued_at"] = json!("2020-01-01T00:00:00Z");
    place.write("commands.jsonl", lines([command]));
    place.publish("commands.jsonl");
    run.line(Stream::Err, |line| line.contains("message.dead_lettered").then_some(()));
    (place, bank, run)
}

fn json_lines(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
}

fn only_letter(place: &Place) -> Value {
    let list = place.ran(["dead-letters", "list", "--json"]);
    assert_eq!(list.code, Some(0), "{list:?}");
    let letters = json_lines(&list.out);
    assert_eq!(letters.len(), 1, "{list:?}");
    letters[0].clone()
}

#[test]
fn a_dead_letter_is_listed_with_its_reason_and_shown_with_its_body_only_when_asked() {
    let (place, bank, run) = with_a_dead_letter();
    let letter = only_letter(&place);
    assert_eq!((&letter["queue"], &letter["payout_id"]), (&json!("commands"), &json!("inv-old")));
    assert!(letter["reason"].as_str().expect("text").contains("/issued_at"), "{letter}");
    let id = letter["id"].as_str().expect("text");

    let list = place.ran(["dead-letters", "list"]);
    assert!(list.out.contains("inv-old") && list.out.contains("/issued_at"), "{list:?}");
    let show = place.ran(["dead-letters", "show", id]);
    assert!(show.out.contains("payout   inv-old"), "{show:?}");
    assert!(!show.out.contains("number_hash"), "{show:?}");
    let body = place.ran(["dead-letters", "show", id, "--body"]);
    assert_eq!(body.out.trim(), place.read("commands.jsonl").trim());
    run.terminate();
    bank.stop();
}

/// Puts a command among the dead letters, as if its handling had crashed too often.
fn bury(place: &Place, command: &Value, at_ms: i64) {
    let file = rusqlite::Connection::open(place.path("payoutd.db")).expect("the backend's file");
    let sql = "INSERT INTO dead_letters (queue, reason, at, deliveries, body)
               VALUES ('commands', 'delivered 20 times and never settled', ?1, 20, ?2)";
    file.execute(sql, (at_ms, command.to_string().into_bytes())).expect("a row");
}

#[test]
fn a_replayed_letter_goes_through_the_executor_again() {
    let mut place = Place::with_keys();
    let bank = BankSim::start(&mut place, &[]);
    let run = place.run([]);
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_millis();
    bury(&place, &to_card("inv-1", 10_000), i64::try_from(now).expect("fits"));
    let watch = place.watch();
    let id = only_letter(&place)["id"].as_str().expect("text").to_owned();
    let replayed = place.ran(["dead-letters", "replay", &id]);
    assert_eq!((replayed.code, replayed.out.trim()), (Some(0), &*format!("replayed {id}")));
    assert_eq!(wait_for_ends(&watch, 1)["inv-1"], "succeeded");
    assert_eq!(bank.paid(), [("inv-1".to_owned(), 10_000)]);

    let none = place.ran(["dead-letters", "list"]);
    assert_eq!((none.out.as_str(), none.err.trim()), ("", "no dead letters"));
    let trace = json_lines(&place.ran(["dead-letters", "list", "--settled", "--json"]).out);
    assert_eq!(trace[0]["settled"]["verdict"], "replayed");
    let again = place.ran(["dead-letters", "replay", &id]);
    assert_eq!(again.code, Some(2), "{again:?}");
    assert!(again.err.contains("list --settled"), "{again:?}");
    run.terminate();
    bank.stop();
}

/// Its payout may have been paid and forgotten since.
#[test]
fn a_command_that_lay_there_longer_than_payouts_are_remembered_is_not_replayed() {
    let place = Place::with_keys();
    assert_eq!(place.ran(["publish", "/dev/null"]).code, Some(0), "makes the file");
    bury(&place, &to_card("inv-1", 10_000), 1_600_000_000_000);
    let id = only_letter(&place)["id"].as_str().expect("text").to_owned();
    let refused = place.ran(["dead-letters", "replay", &id]);
    assert_eq!(refused.code, Some(2), "{refused:?}");
    assert!(refused.err.contains("backend.retention"), "{refused:?}");
    only_letter(&place);
}

#[test]
fn a_discarded_letter_wants_a_reason_and_keeps_it() {
    let (place, bank, run) = with_a_dead_letter();
    run.terminate();
    let id = only_letter(&place)["id"].as_str().expect("text").to_owned();
    for args in
        [&["dead-letters", "discard", &id][..], &["dead-letters", "discard", &id, "--reason", ""]]
    {
        let refused = place.ran(args.iter().copied());
        assert_eq!(refused.code, Some(2), "{refused:?}");
        assert!(refused.err.contains("--reason"), "{refused:?}");
    }
    let discarded = place.ran(["dead-letters", "discard", &id, "--reason", "sent by mistake"]);
    assert_eq!(discarded.code, Some(0), "{discarded:?}");
    let trace = json_lines(&place.ran(["dead-letters", "list", "--settled", "--json"]).out);
    assert_eq!(trace[0]["settled"]["verdict"], "discarded");
    assert_eq!(trace[0]["settled"]["reason"], "sent by mistake");
    let text = place.ran(["dead-letters", "list", "--settled"]).out;
    assert!(text.contains("(sent by mistake)"), "{text}");
    bank.stop();
}

/// Its payout could have been paid and forgotten since.
#[test]
fn an_old_command_is_not_replayed_but_can_be_discarded() {
    let (mut place, bank, run) = with_a_dead_letter();
    run.terminate();
    let letter = only_letter(&place);
    let id = letter["id"].as_str().expect("text");
    place.set("backend.retention", "2days");
    let file = rusqlite::Connection::open(place.path("payoutd.db")).expect("opens");
    let three_days_ms = 3 * 86_400_000_i64;
    file.execute("UPDATE dead_letters SET at = at - ?1", [three_days_ms]).expect("aged");
    let refused = place.ran(["dead-letters", "replay", id]);
    assert_eq!(refused.code, Some(2), "{refused:?}");
    assert!(refused.err.contains("backend.retention"), "{refused:?}");
    assert_eq!(only_letter(&place)["id"], id, "it still waits");
    let discarded = place.ran(["dead-letters", "discard", id, "--reason", "too old"]);
    assert_eq!(discarded.code, Some(0), "{discarded:?}");
    bank.stop();
}
