//! Files of any size stream: memory does not grow with them.

use std::fmt::Write;
use std::process::Stdio;

use serde_json::Value;

use crate::place::{Place, to_card};
use crate::process::{Process, Stream};

/// What may come on top: the allocator's own ways, not rows. 20,000 commands have some 6 MiB of
/// JSON Lines, and read they would take several times as much.
const MARGIN_KIB: u64 = 2 * 1024;

const FEW: usize = 200;
const MANY: usize = 20_000;

fn json_lines(rows: usize) -> String {
    let row = |n: usize| format!("{}\n", to_card(&format!("payout-{n}"), 10_000));
    (0..rows).map(row).collect()
}

fn csv(rows: usize) -> String {
    let hash = &to_card("p", 1)["payment_method"]["card"]["encrypted_card"]["number_hash"];
    let hash = hash.as_str().expect("text");
    let mut text = "payout_id,amount,currency,method,card_hash,full_name\n".to_owned();
    for n in 0..rows {
        writeln!(text, "payout-{n},10000,rub,card_hash,{hash},Ivanov Ivan Ivanovich")
            .expect("text takes text");
    }
    text
}

/// The most memory that a dry run has held once it has read so many rows.
fn memory_kib(format: &str, rows: usize, text: String) -> u64 {
    let place = Place::empty();
    let mut command = place.payoutd(["publish", "--dry-run", "--json", "--format", format, "-"]);
    command.stdin(Stdio::piped());
    let mut publish = Process::start("payoutd publish --dry-run", command);
    // The row at the end is bad in either format: it is told when all before it were read.
    publish.feed_more(&(text + "{}\n"));
    publish.line(Stream::Out, |line| line.contains("violations").then_some(()));
    let memory = publish.memory_kib_max();
    publish.feed("");
    let ended = publish.end();
    let last: Value =
        ended.out.lines().last().and_then(|line| serde_json::from_str(line).ok()).expect("JSON");
    assert_eq!((&last["payouts"], &last["refused"]), (&rows.into(), &1.into()), "{ended:?}");
    memory
}

fn assert_flat(format: &str, text: impl Fn(usize) -> String) {
    let few = memory_kib(format, FEW, text(FEW));
    let many = memory_kib(format, MANY, text(MANY));
    assert!(many < few + MARGIN_KIB, "{format}: {few} KiB for {FEW} rows, {many} for {MANY}");
}

#[test]
fn memory_does_not_grow_with_the_rows_of_json_lines() {
    assert_flat("jsonl", json_lines);
}

#[test]
fn memory_does_not_grow_with_the_rows_of_csv() {
    assert_flat("csv", csv);
}
