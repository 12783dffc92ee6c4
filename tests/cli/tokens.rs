//! `payoutd token`: what it prints, and what it says when it cannot.

use std::process::Stdio;

use serde_json::{Value, json};

use crate::bank::BankSim;
use crate::place::Place;
use crate::process::Process;

const HASH: &str = "63191fa17cc7edf818ee5d6611a2c2169ab30b705111cffd710af39880deef09";
const TOKEN: &str = "3f03ee2580046153bb0aa859558e7ada10d3835270fdb4c4b70961239d37f31d";

#[test]
fn a_public_token_is_issued_as_text_and_as_json() {
    let mut place = Place::with_keys();
    let bank = BankSim::start(&mut place, &[]);
    let text = place.ran(["token", "issue"]);
    assert_eq!(text.code, Some(0), "{text:?}");
    assert!(text.out.len() == 64 && text.out.bytes().all(|b| b.is_ascii_hexdigit()), "{text:?}");
    let line = place.ran(["token", "issue", "--json"]);
    let line: Value = serde_json::from_str(&line.out).expect("JSON");
    assert!(line["public_token"].as_str().is_some_and(|token| token != text.out), "{line}");
    assert!(bank.requests().iter().all(|asked| asked["idempotency_key"].is_null()));
    bank.stop();
}

#[test]
fn what_is_behind_a_hash_or_token_is_told_from_a_file_or_standard_input() {
    let mut place = Place::with_keys();
    let bank = BankSim::start(&mut place, &[]);
    place.write("hash", format!("  {HASH}\n"));
    place.write("token", TOKEN);
    let card = place.ran(["token", "info", "--card-hash", "hash"]);
    assert_eq!(card.code, Some(0), "{card:?}");
    for line in ["brand    mir", "last4    4940", "bin      220024", "country  RUS"] {
        assert!(card.out.lines().any(|said| said == line), "{line}: {}", card.out);
    }
    let account = place.ran(["token", "info", "--json", "--account-token", "token"]);
    let told: Value = serde_json::from_str(&account.out).expect("JSON");
    assert_eq!(told, json!({"type": "bank_account", "first5": "40702", "last4": "0001"}));

    let mut command = place.payoutd(["token", "info", "--json", "--card-token", "-"]);
    command.stdin(Stdio::piped());
    let mut asking = Process::start("payoutd token info", command);
    asking.feed(TOKEN);
    let told = asking.end();
    assert_eq!(told.code, Some(0), "{told:?}");
    let told: Value = serde_json::from_str(&told.out).expect("JSON");
    assert_eq!(told["type"], "card");
    bank.stop();
}

#[test]
fn what_cannot_be_asked_is_told_with_its_cure_and_without_its_content() {
    let mut place = Place::with_keys();
    let bank = BankSim::start(&mut place, &[]);
    place.write("hash", HASH);
    place.write("two", format!("{HASH} {TOKEN}"));
    place.write("empty", " \n");
    place.write("number", "2200240123454940\n");
    place.write("large", "a".repeat(4096));
    let refused = |place: &Place, args: &[&str], code: i32, said: &str| {
        let refused = place.ran(["token"].into_iter().chain(args.iter().copied()));
        assert_eq!(refused.code, Some(code), "{args:?}: {refused:?}");
        assert!(refused.err.contains(said), "{args:?}: {}", refused.err);
        assert!(!refused.err.contains(HASH) && refused.out.is_empty(), "{refused:?}");
    };
    refused(&place, &["info"], 2, "--card-hash");
    let two_kinds = ["info", "--card-hash", "hash", "--card-token", "hash"];
    refused(&place, &two_kinds, 2, "cannot be used with");
    refused(&place, &["info", "--card-hash", "nowhere"], 2, "--card-hash: No such file");
    refused(&place, &["info", "--card-token", HASH], 2, "--card-token: No such file");
    for file in ["two", "empty", "large", "number"] {
        let said = "--card-hash: the file must hold one hash or token and nothing else";
        refused(&place, &["info", "--card-hash", file], 2, said);
    }
    place.set("bank.project", "somebody-else");
    refused(&place, &["issue"], 2, "identification_error");
    place.set("bank.project", "demo");
    bank.stop();
    refused(&place, &["issue"], 1, "try again later");
    refused(&place, &["info", "--card-hash", "hash"], 1, "no connection");
}
