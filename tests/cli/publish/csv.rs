//! CSV with a header, its template, and dry runs.

use std::process::Stdio;

use serde_json::{Value, json};

use super::queued;
use crate::place::{DEMO_COMMANDS, Place, free_port, lines, to_card};
use crate::process::{Ended, Process};

/// A good row, then one with four things wrong on its third line, then a good one.
const MIXED: &str = "\
payout_id;amount;currency;method;card_hash;account_number;bik;full_name;description
good-1;10000;rub;card_hash;63191fa17cc7edf8;;;Ivanov Ivan;
bad id;100,00;rub;account_number;;4,07E+19;;Vector LLC;Agreement 7
good-2;20050;rub;card_hash;63191fa17cc7edf8;;;;
";

const WRONG: [(&str, &str, &str); 4] = [
    (
        "amount",
        "/amount_details/amount",
        "must be a whole number of minor units, digits only: 10000 for 100.00",
    ),
    (
        "account_number",
        "/payment_method/bank_account/ru/account",
        "was rewritten by a spreadsheet, like 4.07E+19, and has lost its digits: format the column as \
         text, and enter it again",
    ),
    ("bik", "/payment_method/bank_account/ru/bik", "is empty: method account_number needs it"),
    ("payout_id", "/payout_id", "must be 1 to 64 characters of A-Z a-z 0-9 . _ : -"),
];

fn json_lines(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
}

fn fed(place: &Place, args: &[&str], text: &str) -> Ended {
    let mut command = place.payoutd(args.iter().copied());
    command.stdin(Stdio::piped());
    let mut process = Process::start(&format!("payoutd {}", args.join(" ")), command);
    process.feed(text);
    process.end()
}

#[test]
fn csv_rows_are_published_and_what_is_wrong_is_told_by_line_and_column() {
    let place = Place::empty();
    place.write("mixed.csv", MIXED);
    let published = place.ran(["publish", "mixed.csv"]);
    assert_eq!(published.code, Some(3), "{published:?}");
    assert_eq!(published.out, "2 published, 1 refused");
    let told: Vec<_> = published.err.lines().collect();
    assert_eq!(
        told,
        WRONG.map(|(column, _, problem)| format!("line 3, column {column}: {problem}"))
    );
    assert_eq!(queued(&place), ["good-1", "good-2"]);
}

#[test]
fn csv_in_json_is_told_by_pointer_and_column_to_machines() {
    let place = Place::empty();
    let args = ["publish", "--json", "--format", "csv", "-"];
    let published = fed(&place, &args, MIXED);
    assert_eq!((published.code, published.err.as_str()), (Some(3), ""), "{published:?}");
    let violations = WRONG.map(|(column, pointer, problem)| {
        json!({"column": column, "pointer": pointer, "problem": problem})
    });
    assert_eq!(
        json_lines(&published.out),
        [json!({"line": 3, "violations": violations}), json!({"published": 2, "refused": 1})]
    );
    assert_eq!(queued(&place), ["good-1", "good-2"]);
}

#[test]
fn the_example_file_in_csv_queues_the_same_payouts_as_the_one_in_json() {
    let (csv, jsonl) = (Place::empty(), Place::empty());
    csv.write("payouts.csv", include_str!("../../../deploy/examples/payouts.csv"));
    jsonl.write("payouts.jsonl", DEMO_COMMANDS);
    csv.publish("payouts.csv");
    jsonl.publish("payouts.jsonl");
    assert_eq!(queued(&csv), queued(&jsonl));
}

#[test]
fn the_template_is_a_file_that_passes_its_own_dry_run() {
    let place = Place::empty();
    // It needs no settings, whatever the environment says of them.
    let template = place.ran_with(&[("PAYOUTD_CONFIG", "nowhere")], &["publish", "--template"]);
    assert_eq!(template.code, Some(0), "{template:?}");
    place.write("template.csv", &template.out);
    let checked = place.ran(["publish", "--dry-run", "template.csv"]);
    assert_eq!((checked.code, checked.err.as_str()), (Some(0), ""), "{checked:?}");
    assert_eq!(checked.out, "6 payouts: 6400.00 RUB; 0 refused; nothing was published: a dry run");
    let both = place.ran(["publish", "--template", "template.csv"]);
    assert_eq!(both.code, Some(2), "{both:?}");
    assert_eq!(place.ran(["publish"]).code, Some(2), "neither a file nor --template");
}

#[test]
fn a_dry_run_reports_and_ends_like_publishing_and_touches_no_backend() {
    let mut place = Place::empty();
    place.write("mixed.csv", MIXED);
    place.write("bad.jsonl", "{}\n");
    place.write("good.jsonl", lines([to_card("good-1", 10_000)]));
    for kind in ["embedded", "rabbitmq-redis"] {
        place.set("backend.kind", kind);
        place.set("backend.amqp_url", &format!("amqp://127.0.0.1:{}", free_port()));
        let mixed = place.ran(["publish", "--dry-run", "mixed.csv"]);
        assert_eq!(mixed.code, Some(3), "{mixed:?}");
        assert_eq!(mixed.out, "2 payouts: 300.50 RUB; 1 refused; nothing was published: a dry run");
        assert!(mixed.err.starts_with("line 3, column amount: must be"), "{}", mixed.err);
        assert_eq!(place.ran(["publish", "--dry-run", "bad.jsonl"]).code, Some(2));
        assert_eq!(place.ran(["publish", "--dry-run", "good.jsonl"]).code, Some(0));
    }
    assert!(!place.path("payoutd.db").exists(), "made for nothing");
}

#[test]
fn a_dry_run_in_json_gives_the_sums_to_machines() {
    let place = Place::empty();
    let mut usd = to_card("good-2", 5);
    usd["amount_details"]["currency"] = json!("USD");
    let text = lines([to_card("good-1", 10_000), usd]) + "{}\n";
    let checked = fed(&place, &["publish", "--dry-run", "--json", "-"], &text);
    assert_eq!(checked.code, Some(3), "{checked:?}");
    let said = json_lines(&checked.out);
    assert_eq!(said[0]["line"], 3);
    let sums = json!([{"currency": "rub", "amount": 10_000}, {"currency": "usd", "amount": 5}]);
    assert_eq!(
        said[1],
        json!({"published": 0, "payouts": 2, "interventions": 0, "refused": 1, "sums": sums})
    );
}

#[test]
fn a_csv_file_with_a_bad_header_is_bad_input_and_nothing_of_it_is_published() {
    let place = Place::empty();
    place.write("payouts.csv", MIXED.replace("amount;", "sum;"));
    let refused = place.ran(["publish", "payouts.csv"]);
    assert_eq!(refused.code, Some(2), "{refused:?}");
    assert_eq!(refused.out, "0 published, 1 refused");
    assert!(refused.err.contains("line 1, column amount: is missing"), "{}", refused.err);
    assert!(queued(&place).is_empty());
}
