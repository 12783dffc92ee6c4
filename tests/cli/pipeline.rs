//! Commands in, results out, through processes that share nothing but a file and loopback.

use serde_json::Value;

use crate::bank::BankSim;
use crate::place::{DEMO_COMMANDS, Place, wait_for_ends};
use crate::process::{Ended, Process};

/// How the demo's commands end, by payout id.
const ENDS: [(&str, &str); 11] = [
    ("account-individual", "succeeded"),
    ("account-legal-entity", "succeeded"),
    ("bank-fails-after-confirm", "failed"),
    ("bank-has-other-amount", "cancelled"),
    ("bank-has-other-recipient", "cancelled"),
    ("bank-has-other-sender", "cancelled"),
    ("bank-refuses-start", "failed"),
    ("card-by-hash", "succeeded"),
    ("card-by-token", "succeeded"),
    ("command-too-late", "rejected"),
    ("two-payouts-in-session", "cancelled"),
];

const PAID: [(&str, i64); 4] = [
    ("account-individual", 300_000),
    ("account-legal-entity", 300_000),
    ("card-by-hash", 10_000),
    ("card-by-token", 10_000),
];

/// Publishes the demo's commands, and holds what was told and what was paid against each other.
fn pay_the_demos_payouts(place: &Place, bank: &BankSim) {
    let watch = place.watch();
    place.write("commands.jsonl", DEMO_COMMANDS);
    place.publish("commands.jsonl");
    let ends = wait_for_ends(&watch, ENDS.len());
    assert!(ends.iter().map(|(id, end)| (id.as_str(), end.as_str())).eq(ENDS), "{ends:?}");
    let paid = bank.paid();
    assert!(paid.iter().map(|(id, amount)| (id.as_str(), *amount)).eq(PAID), "{paid:?}");
    // Interrupted, as a person does it.
    watch.signal("INT");
    assert_eq!(watch.end().code, Some(0));
}

fn all_end_in_order(processes: Vec<Process>, bank: BankSim) {
    for Ended { code, err, .. } in processes.into_iter().map(Process::terminate) {
        assert_eq!(code, Some(0), "{err}");
        assert!(err.contains("run.stopped"), "{err}");
    }
    let Ended { code, err, .. } = bank.stop();
    assert_eq!(code, Some(0), "{err}");
}

#[test]
fn payouts_run_through_one_process_and_are_shown_by_others() {
    let mut place = Place::with_keys();
    let bank = BankSim::start(&mut place, &[]);
    let run = place.run([]);
    pay_the_demos_payouts(&place, &bank);
    show_tells_a_payouts_story(&place);
    list_shows_payouts_and_filters_them(&place);
    all_end_in_order(vec![run], bank);
}

#[test]
fn payouts_run_through_four_processes_with_a_role_each() {
    let mut place = Place::with_keys();
    // No ticket comes before the test is over: webhooks have to do it.
    place.set("tickets.delays", "1h,2h");
    let bank = BankSim::start(&mut place, &[]);
    let roles = ["executor", "ingress", "decider", "reconciler"];
    let processes = roles.map(|role| place.run(["--role", role])).into();
    pay_the_demos_payouts(&place, &bank);
    all_end_in_order(processes, bank);
}

#[test]
fn case_36_payouts_run_without_webhooks_through_executor_and_reconciler() {
    let mut place = Place::with_keys();
    let bank = BankSim::start(&mut place, &[]);
    let roles = ["executor", "reconciler"];
    let processes = roles.map(|role| place.run(["--role", role])).into();
    pay_the_demos_payouts(&place, &bank);
    all_end_in_order(processes, bank);
}

fn show_tells_a_payouts_story(place: &Place) {
    let shown = place.ran(["show", "card-by-hash"]);
    assert_eq!(shown.code, Some(0), "{shown:?}");
    for part in ["payout   card-by-hash", "state    succeeded since ", "100.00 RUB", "session  ps_"]
    {
        assert!(shown.out.contains(part), "{part:?} in:\n{}", shown.out);
    }

    let shown = place.ran(["show", "card-by-hash", "--json"]);
    let payout: Value = serde_json::from_str(&shown.out).expect("one line of JSON");
    assert_eq!(payout["payout_id"], "card-by-hash");
    assert_eq!(payout["state"], "succeeded");
    assert_eq!(payout["amount_details"]["amount"], 10_000);
    let history = payout["history"].as_array().expect("a history");
    assert!(history.iter().all(|entry| entry["time"].is_string()), "{payout}");

    let unknown = place.ran(["show", "nobody-knows"]);
    assert_eq!(unknown.code, Some(2));
    assert!(unknown.err.contains("there is no payout nobody-knows in payoutd.db"), "{unknown:?}");
}

fn list_shows_payouts_and_filters_them(place: &Place) {
    let all = place.ran(["list"]);
    assert_eq!(all.code, Some(0), "{all:?}");
    for (id, end) in ENDS {
        let row = all.out.lines().find(|line| line.starts_with(&format!("{id} ")));
        assert!(row.is_some_and(|row| row.contains(end)), "{id} {end} in:\n{}", all.out);
    }

    assert_eq!(listed(place, &[]).len(), ENDS.len());
    assert_eq!(listed(place, &["--limit", "3"]).len(), 3);
    assert_eq!(
        listed(place, &["--state", "failed"]),
        ["bank-fails-after-confirm", "bank-refuses-start"]
    );
    assert_eq!(listed(place, &["--attention"]), ["two-payouts-in-session"]);

    let none = place.ran(["list", "--state", "confirming"]);
    assert_eq!((none.code, none.out.as_str()), (Some(0), ""));
    let bad = place.ran(["list", "--state", "paid"]);
    assert_eq!(bad.code, Some(2));
    assert!(bad.err.contains("there are: stub, creating, "), "{}", bad.err);
}

/// The ids that `list --json` shows, sorted.
fn listed(place: &Place, filter: &[&str]) -> Vec<String> {
    let listed = place.ran(["list", "--json"].into_iter().chain(filter.iter().copied()));
    assert_eq!(listed.code, Some(0), "{listed:?}");
    let id = |line: &str| {
        let payout: Value = serde_json::from_str(line).expect("a line of JSON");
        payout["payout_id"].as_str().expect("an id").to_owned()
    };
    let mut ids: Vec<_> = listed.out.lines().map(id).collect();
    ids.sort();
    ids
}
