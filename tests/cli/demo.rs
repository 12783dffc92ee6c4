//! `payoutd demo`: everything, from fresh keys to the bank's ledger, in one command.

use crate::place::Place;

const AGREE: &str = "payoutd's records and the bank's ledger agree.";

#[test]
fn the_demo_ends_in_agreement_whatever_the_environment_says() {
    let mut place = Place::empty();
    // Nobody's real bank or store is touched.
    place.set("bank.base_url", "https://proxy.bank131.ru");
    place.set("bank.live", "true");
    place.set("backend.path", "real.db");
    let demo = place.ran(["demo"]);
    assert_eq!(demo.code, Some(0), "{demo:?}");
    assert!(demo.out.contains("4 cancelled, 2 failed, 1 rejected, 4 succeeded"), "{}", demo.out);
    assert!(demo.out.contains(AGREE), "{}", demo.out);
    assert_eq!(demo.err, "");
    assert_eq!(std::fs::read_dir(place.dir()).expect("a folder").count(), 0, "it left files");
}

#[test]
fn the_demo_agrees_with_a_rough_bank_too() {
    let demo = Place::empty().ran(["demo", "--payouts", "60", "--faults"]);
    assert_eq!(demo.code, Some(0), "{demo:?}");
    assert!(demo.out.contains(AGREE), "{}", demo.out);
    assert!(demo.out.contains("60 payouts in "), "{}", demo.out);
}

#[test]
fn a_kept_demo_can_be_looked_at_and_is_not_written_over() {
    let place = Place::empty();
    let demo = place.ran(["demo", "--keep", "--data", "kept"]);
    assert_eq!(demo.code, Some(0), "{demo:?}");
    let folder = place.path("kept").canonicalize().expect("kept");
    let settings = folder.join("payoutd.toml");
    let settings = settings.to_str().expect("plain text");
    assert!(demo.out.contains(&format!("payoutd --config {settings} list")), "{}", demo.out);

    // From anywhere: the paths in the settings do not depend on the folder one is in.
    let elsewhere = Place::empty();
    let list = elsewhere.ran(["--config", settings, "list"]);
    assert_eq!(list.code, Some(0), "{list:?}");
    assert!(list.out.contains("bank-refuses-start"), "{}", list.out);
    let show = elsewhere.ran(["--config", settings, "show", "card-by-hash"]);
    assert_eq!(show.code, Some(0), "{show:?}");
    assert!(show.out.contains("state    succeeded"), "{}", show.out);

    let again = place.ran(["demo", "--keep", "--data", "kept"]);
    assert_eq!(again.code, Some(2), "{again:?}");
    assert!(again.err.contains("kept exists; remove it, or name another with --data"), "{again:?}");
    let show = elsewhere.ran(["--config", settings, "show", "card-by-hash"]);
    assert_eq!(show.code, Some(0), "{show:?}");
}

#[test]
fn the_demo_says_the_same_in_json() {
    let demo = Place::empty().ran(["demo", "--json"]);
    assert_eq!(demo.code, Some(0), "{demo:?}");
    let lines: Vec<serde_json::Value> =
        demo.out.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let (sum, rows) = lines.split_last().expect("lines");
    assert_eq!(rows.len(), 11);
    assert!(rows.iter().all(|row| row["agrees"] == true), "{}", demo.out);
    assert_eq!(sum["outcome"]["agree"], true);
    assert_eq!(sum["figures"]["payouts"], 11);
}
