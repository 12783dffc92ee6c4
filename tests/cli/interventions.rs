//! `payoutd cancel`, `approve`, `reject`, `release`, and the rules they answer to.

use crate::bank::BankSim;
use crate::place::{Place, events, lines, to_card, wait_for_ends};
use crate::process::{Ended, Process, Stream};

const SALT: &str = "0123456789abcdef0123456789abcdef";

/// A folder, a bank and all roles, where payouts above 100.00 are reviewed.
fn reviewing() -> (Place, BankSim, Process, Process) {
    let mut place = Place::with_keys();
    place.set("decision.policy", "review");
    place.set("decision.review_above", "rub=10000");
    let bank = BankSim::start(&mut place, &[]);
    let run = place.run([]);
    let watch = place.watch();
    (place, bank, run, watch)
}

fn wait_for(watch: &Process, kind: &str, payout: &str) {
    watch.output(Stream::Out, |lines| {
        events(lines).iter().any(|e| e.kind == kind && e.payout == payout).then_some(())
    });
}

#[test]
fn held_payouts_are_approved_rejected_and_cancelled_by_command() {
    let (place, bank, _run, watch) = reviewing();
    let ids = ["good", "bad", "unwanted"];
    place.write("c.jsonl", lines(ids.map(|id| to_card(id, 20_000))));
    place.publish("c.jsonl");
    for id in ids {
        wait_for(&watch, "payout.held", id);
    }
    let held = place.ran(["list", "--state", "held"]);
    assert!(ids.iter().all(|id| held.out.contains(id)), "{}", held.out);
    let shown = place.ran(["show", "good"]).out;
    assert!(shown.contains("waits for approval until"), "{shown}");
    let few = place.ran(["list", "--state", "held", "--limit", "2"]);
    assert!(few.err.contains("more than 2: --limit"), "{}", few.err);
    for (verb, id) in [("approve", "good"), ("reject", "bad"), ("cancel", "unwanted")] {
        let said = place.ran([verb, id, "--reason", "looked at it"]);
        assert_eq!(said.code, Some(0), "{said:?}");
        assert!(said.out.contains(&format!("{id}: {verb} published")), "{}", said.out);
    }
    let ends = wait_for_ends(&watch, 3);
    let ends: Vec<_> = ends.iter().map(|(id, end)| (id.as_str(), end.as_str())).collect();
    assert_eq!(ends, [("bad", "cancelled"), ("good", "succeeded"), ("unwanted", "cancelled")]);
    assert_eq!(bank.paid(), [("good".to_owned(), 20_000)]);
    let story = place.ran(["show", "bad"]).out;
    assert!(story.contains("cancel_requested") && story.contains("looked at it"), "{story}");
}

#[test]
fn what_has_nothing_to_change_is_refused_at_once_and_said_twice_is_no_fault() {
    let (place, _bank, _run, watch) = reviewing();
    place.write("c.jsonl", lines([to_card("paid", 10_000)]));
    place.publish("c.jsonl");
    wait_for_ends(&watch, 1);
    for (verb, id, why) in [
        ("approve", "paid", "not held for review"),
        ("cancel", "paid", "paid already"),
        ("release", "paid", "does not need attention"),
        ("reject", "nobody", "there is no payout nobody"),
    ] {
        let refused = place.ran([verb, id, "--reason", "why not"]);
        assert_eq!(refused.code, Some(2), "{refused:?}");
        assert!(refused.err.contains(why), "{}", refused.err);
    }
    let adopt = |session: &str| place.ran(["adopt", "paid", session, "--reason", "why not"]);
    assert!(adopt("ps_none").err.contains("has ended as succeeded"), "{:?}", adopt("ps_none"));
    assert!(adopt("no id").err.contains("SESSION must be"), "{:?}", adopt("no id"));
    let empty = place.ran(["cancel", "paid", "--reason", " "]);
    assert_eq!(empty.code, Some(2), "{empty:?}");
    assert!(empty.err.contains("say why"), "{}", empty.err);
    let ahead = place.ran(["cancel", "later", "--reason", "not yet"]);
    assert!(ahead.err.contains("no payout later is known"), "{}", ahead.err);
    assert!(ahead.out.contains("ahead of its command"), "{}", ahead.out);
    place.write("later.jsonl", lines([to_card("later", 10_000)]));
    place.publish("later.jsonl");
    let ends = wait_for_ends(&watch, 2);
    assert_eq!(ends["later"], "cancelled");
    let late = place.ran(["approve", "later", "--reason", "fine"]);
    assert!(late.err.contains("is cancelled, and not held"), "{}", late.err);
    let again = place.ran(["cancel", "later", "--reason", "not yet"]);
    assert_eq!(again.code, Some(0), "{again:?}");
    assert!(again.out.contains("decided before"), "{}", again.out);
}

fn deny_hash(place: &Place, kind: &str, file: &str) -> Ended {
    let program = env!("CARGO_BIN_EXE_payoutd");
    let mut shell = std::process::Command::new("sh");
    shell.args(["-c", &format!("{program} deny-hash {kind} --salt-file salt < {file}")]);
    shell.current_dir(place.dir());
    Process::start("deny-hash", shell).end()
}

#[test]
fn what_could_never_be_denied_is_refused_and_not_repeated() {
    let mut place = Place::with_keys();
    place.write("salt", SALT);
    place.write("phones", "79001234567\n+79007654321\n");
    let made = deny_hash(&place, "phone", "phones");
    assert_eq!((made.code, made.out.lines().count()), (Some(2), 1), "{made:?}");
    assert_eq!(made.err, "line 2 must have 11 digits, and no plus sign");
    place.set("decision.deny_file", "denied");
    place.set("decision.deny_salt_file", "salt");
    let refused = |place: &Place, cure: &str| {
        let refused = place.ran(["run"]);
        assert_eq!(refused.code, Some(2), "{refused:?}");
        assert!(refused.err.contains(cure), "{cure}: {}", refused.err);
    };
    place.write("denied", "# nobody\n");
    refused(&place, "holds no hash");
    place.write("denied", made.out.trim());
    place.write("salt", SALT.replace('0', "1"));
    refused(&place, "line 1 was made with another salt");
}

#[test]
fn a_deny_list_is_made_of_hashes_and_stops_a_recipient() {
    let mut place = Place::with_keys();
    place.write("salt", SALT);
    place.write("names", "\u{feff}Ivanov  IVAN\n\nPetrov Petr\n");
    let made = deny_hash(&place, "name", "names");
    assert_eq!(made.code, Some(0), "{made:?}");
    let hashes: Vec<_> = made.out.lines().collect();
    assert_eq!(hashes.len(), 2, "{hashes:?}");
    place.write("denied", format!("\u{feff}# people\n{} # asked by the bank\n", hashes[0]));
    place.set("decision.deny_file", "denied");
    place.set("decision.deny_salt_file", "salt");
    let bank = BankSim::start(&mut place, &[]);
    let _run = place.run([]);
    let watch = place.watch();
    let named = |id, name: &str| {
        let mut command = to_card(id, 10_000);
        command["participant_details"]["recipient"]["full_name"] = name.into();
        command
    };
    place
        .write("c.jsonl", lines([named("denied", "Ivanov Ivan"), named("allowed", "Petrov Petr")]));
    place.publish("c.jsonl");
    let ends = wait_for_ends(&watch, 2);
    assert_eq!((ends["denied"].as_str(), ends["allowed"].as_str()), ("rejected", "succeeded"));
    assert_eq!(bank.paid(), [("allowed".to_owned(), 10_000)]);
}

#[test]
fn rules_that_cannot_be_used_stop_the_start_and_name_their_cure() {
    let mut place = Place::with_keys();
    place.write("short", "short");
    place.write("denied", "Ivanov Ivan\n");
    place.set("decision.policy", "always");
    place.set("decision.amount_max", "rub");
    place.set("decision.currencies", "rubles");
    place.set("decision.review_within", "5h");
    place.set("decision.deny_file", "denied");
    let refused = place.ran(["run"]);
    assert_eq!(refused.code, Some(2), "{refused:?}");
    for cure in [
        "decision.policy (environment variable",
        "must be \"auto\" or \"review\"",
        "rub=10000000",
        "three-letter currency codes",
        "between 1m and 230m",
        "needs the salt",
    ] {
        assert!(refused.err.contains(cure), "{cure}: {}", refused.err);
    }
    for key in ["policy", "amount_max", "currencies", "review_within"] {
        place.unset(&format!("decision.{key}"));
    }
    place.set("decision.deny_salt_file", "short");
    let refused = place.ran(["run"]);
    assert!(refused.err.contains("fewer than 32 characters"), "{}", refused.err);
    assert!(refused.err.contains("line 1 is no hash"), "{}", refused.err);
    assert!(!refused.err.contains("Ivanov"), "{}", refused.err);
    let examined = place.ran(["doctor"]);
    assert_eq!(examined.code, Some(1), "{examined:?}");
    assert!(examined.out.contains("line 1 is no hash"), "{}", examined.out);
}
