//! Commands, good and bad.

mod methods;

use serde_json::json;

use super::invalid::VIOLATIONS_MAX;
use super::*;

fn card_command() -> Value {
    json!({
        "type": "payout.create",
        "payout_id": "inv-1",
        "payment_method": {"type": "card", "card": {
            "type": "encrypted_card", "encrypted_card": {"number_hash": "63191fa1"}}},
        "amount_details": {"amount": 10000, "currency": "rub"},
    })
}

fn parse(value: &Value) -> Result<CreateCommand, InvalidCommand> {
    CreateCommand::parse(value.to_string().as_bytes())
}

fn pointers(value: &Value) -> Vec<String> {
    let invalid = parse(value).expect_err("must be refused");
    invalid.violations.into_iter().map(|v| v.pointer).collect()
}

#[test]
fn the_least_a_command_needs() {
    let command = parse(&card_command()).expect("valid");
    assert_eq!(command.account, Account::Collateral);
    assert_eq!(command.money.amount, 10_000);
    let names: Vec<_> = command.bank_fields().map(|(name, _)| name).collect();
    assert_eq!(names, ["amount_details", "payment_method"]);
}

#[test]
fn all_violations_are_reported_at_once_each_with_its_place() {
    let bad = json!({
        "type": "payout.maybe", "payout_id": "a b", "account": "savings",
        "amount_details": {"amount": 1.5, "currency": "rubles"},
        "payment_method": {"type": "card", "card": {"type": "bank_card"}},
        "confirm_before": "tomorrow", "session_id": "ps_1",
    });
    assert_eq!(
        pointers(&bad),
        [
            "/type",
            "/payout_id",
            "/account",
            "/amount_details/amount",
            "/amount_details/currency",
            "/payment_method/card/type",
            "/confirm_before",
            "/session_id"
        ]
    );
    assert_eq!(pointers(&json!({})), ["/type", "/payout_id", "/amount_details", "/payment_method"]);
}

#[test]
fn violations_beyond_the_bound_are_counted() {
    let mut bad = card_command();
    let numbers = |count| vec![json!("2200240123454940"); count];
    bad["cards"] = json!(numbers(VIOLATIONS_MAX));
    assert_eq!(pointers(&bad).len(), VIOLATIONS_MAX, "all are listed");
    bad["cards"] = json!(numbers(VIOLATIONS_MAX + 3));
    let told = parse(&bad).expect_err("must be refused").violations;
    assert_eq!(told.len(), VIOLATIONS_MAX + 1);
    let last = told.last().expect("listed").to_string();
    assert_eq!(last, "the message has 3 more violations than the 20 listed here");
}

#[test]
fn amounts_are_whole_numbers_of_minor_units_above_zero() {
    for bad in ["0", "-1", "1.0", "1e3", "\"100\"", "9223372036854775808", "null"] {
        let text = card_command().to_string().replace("10000", bad);
        assert!(CreateCommand::parse(text.as_bytes()).is_err(), "{bad}");
    }
}

#[test]
fn messages_that_are_no_json_object_are_refused() {
    let large = format!("{{\"a\":\"{}\"}}", "x".repeat(COMMAND_BYTES_MAX));
    let messages: [&[u8]; 7] =
        [b"", b"{", b"[]", b"\"a\"", b"\xff{}", b"{\"a\":1,\"a\":2}", large.as_bytes()];
    for message in messages {
        assert!(CreateCommand::parse(message).is_err());
    }
}

#[test]
fn unknown_fields_are_kept_as_they_were_written() {
    let text = card_command().to_string();
    let text = text.replacen('{', r#"{ "newer": {"z":1.50, "a": [ ]},"#, 1);
    let command = CreateCommand::parse(text.as_bytes()).expect("valid");
    assert_eq!(command.field("newer").map(Raw::text), Some(r#"{"z":1.50, "a": [ ]}"#));
    let stored = serde_json::to_string(&command).expect("JSON");
    let loaded: CreateCommand = serde_json::from_str(&stored).expect("round trip");
    assert_eq!(loaded, command);
}

#[test]
fn spelling_does_not_make_another_command_but_content_does() {
    let one = parse(&card_command()).expect("valid");
    let spaced = serde_json::to_string_pretty(&card_command()).expect("JSON");
    let same = CreateCommand::parse(spaced.as_bytes()).expect("valid");
    assert_eq!(one.canonical(), same.canonical());
    let mut other = card_command();
    other["amount_details"]["amount"] = json!(10001);
    assert_ne!(one.canonical(), parse(&other).expect("valid").canonical());
}

#[test]
fn a_command_prints_without_what_identifies_the_recipient() {
    let command = parse(&card_command()).expect("valid");
    assert!(!format!("{command:?}").contains("63191fa1"));
}

#[test]
fn a_card_is_refused_wherever_it_stands_openly() {
    let number = json!({"number": "2200240000000000"});
    let mut beside = card_command();
    beside["payment_method"]["card"]["bank_card"] = number.clone();
    let mut wallet = card_command();
    wallet["payment_method"] = json!({"type": "wallet", "wallet": {"type": "yoomoney"},
        "card": {"bank_card": number}});
    let mut spelled = card_command();
    spelled["payment_method"]["card"] = json!({"type": "Bank_Card", "Bank_Card": number});
    let mut newer = card_command();
    newer["newer"] = json!([{"card": {"number": "2200 2400 0000 0000"}}]);
    let mut other_name = card_command();
    other_name["payout_details"] = json!({"type": "card"});
    let mut fraction = card_command();
    fraction["newer"] = json!({"number": 2200240000000000.0});
    let mut as_hash = card_command();
    as_hash["payment_method"]["card"]["encrypted_card"]["number_hash"] = json!("2200240000000000");
    let mut as_token = card_command();
    as_token["payment_method"]["card"] =
        json!({"type": "tokenized_card", "tokenized_card": {"token": "2200 2400 0000 0000"}});
    for bad in [beside, wallet, spelled, newer, other_name, fraction, as_hash, as_token] {
        assert!(parse(&bad).is_err(), "{bad}");
    }
    let mut caller_own = card_command();
    caller_own["metadata"] = json!({"number": 17});
    caller_own["participant_details"] = json!({"document": {"number": "4509 123456"}});
    assert!(parse(&caller_own).is_ok(), "no card's length, and metadata is the caller's");
}

#[test]
fn an_open_card_is_told_once_and_at_its_place() {
    let number = "2200240123454940";
    let at = |change: fn(&mut Value, Value)| {
        let mut command = card_command();
        change(&mut command, json!(number));
        let invalid = parse(&command).expect_err("must be refused");
        assert!(!invalid.to_string().contains(number), "{invalid}");
        pointers(&command)
    };
    let method = |rest: &str| [format!("/payment_method/card{rest}")];
    let hash = |command: &mut Value, number| {
        command["payment_method"]["card"]["encrypted_card"]["number_hash"] = number;
    };
    assert_eq!(at(hash), method("/encrypted_card/number_hash"));
    let pan = |command: &mut Value, number| command["payment_method"]["card"]["pan"] = number;
    assert_eq!(at(pan), method("/pan"));
    let plain = |command: &mut Value, number| {
        command["payment_method"]["card"] =
            json!({"type": "plain_card", "plain_card": {"card_number": number}});
    };
    assert_eq!(at(plain), method("/plain_card/card_number"));
    let bank_card = |command: &mut Value, number| {
        command["payment_method"]["card"] =
            json!({"type": "bank_card", "bank_card": {"number": number}});
    };
    assert_eq!(at(bank_card), method("/bank_card"));
    assert_eq!(at(|command, number| command["card_number"] = number), ["/card_number"]);
    assert_eq!(
        at(|command, number| (command["PAN"], command["Card"]) = (number.clone(), number)),
        [""],
        "names that are no words are not repeated, and their place is told once"
    );
}

#[test]
fn a_word_is_text_and_digits_that_are_expected_can_be_shown() {
    for (field, value) in [
        ("account", json!({"settlement": null})),
        ("flow", json!({"two_step": null})),
        ("flow", json!("three_steps")),
        ("expected", json!(["0000", "220024"])),
        ("expected", json!({"last4": 4940})),
    ] {
        let mut command = card_command();
        command[field] = value.clone();
        assert_eq!(pointers(&command), [format!("/{field}")], "{value}");
    }
    let mut command = card_command();
    command["expected"] = json!({"last4": "494", "bin": "22002x"});
    assert_eq!(pointers(&command), ["/expected/last4", "/expected/bin"]);
    let mut account = super::super::samples::settlement_command();
    account["expected"] = json!({"last4": "0001"});
    assert_eq!(pointers(&account), ["/expected"], "the bank could never show them");
}

/// All that is wrong with a word about a payout, at once.
#[test]
fn a_word_about_a_payout_names_it_and_its_reason_and_nothing_else() {
    let word = |value: &Value| Command::parse(value.to_string().as_bytes());
    for verb in Verb::ALL {
        let mut good = json!({"type": verb.command_type(), "payout_id": "inv-1", "reason": "why"});
        if verb == Verb::Adopt {
            good["session_id"] = "ps_1".into();
        }
        let Ok(Command::Intervention(read)) = word(&good) else { panic!("{good}") };
        assert_eq!((read.verb, read.reason.as_str()), (verb, "why"));
        assert_eq!(Command::parse(&read.to_json()), Ok(Command::Intervention(read)));
    }
    let refused = |value: Value| -> Vec<String> {
        let invalid = word(&value).expect_err("refused");
        invalid.violations.into_iter().map(|violation| violation.pointer).collect()
    };
    let bare = json!({"type": "payout.cancel", "amount_details": {}});
    assert_eq!(refused(bare), ["/payout_id", "/reason", "/amount_details"]);
    for reason in [
        json!(""),
        json!("  "),
        json!("two\nlines"),
        json!("two\u{2028}lines"),
        json!("\u{202e}drawkcab"),
        json!("x".repeat(501)),
        json!(7),
    ] {
        let value = json!({"type": "payout.reject", "payout_id": "inv-1", "reason": reason});
        assert_eq!(refused(value), ["/reason"], "{reason}");
    }
    for (session, pointers) in [(json!(null), 1), (json!("no id"), 1), (json!("ps_1"), 0)] {
        let value = json!({
            "type": "payout.adopt", "payout_id": "inv-1", "reason": "why", "session_id": session,
        });
        let violations = word(&value).err().map(|invalid| invalid.violations).unwrap_or_default();
        assert_eq!(violations.len(), pointers, "{session}");
    }
    let elsewhere = json!({
        "type": "payout.reject", "payout_id": "inv-1", "reason": "why", "session_id": "ps_1",
    });
    assert_eq!(refused(elsewhere), ["/session_id"]);
    let unknown =
        word(&json!({"type": "payout.adapt", "payout_id": "inv-1"})).expect_err("refused");
    assert!(unknown.to_string().contains("payout.create, payout.cancel"), "{unknown}");
}

#[test]
fn what_the_gate_could_not_compare_is_refused() {
    let mut number = card_command();
    number["participant_details"] = json!({"sender": {"account": 4_070_281_030_020_000_013_u64}});
    assert_eq!(pointers(&number), ["/participant_details/sender/account"]);
    let mut list = card_command();
    list["participant_details"] = json!({"recipient": ["Ivanov"]});
    assert_eq!(pointers(&list), ["/participant_details/recipient/full_name"]);
    let text = card_command().to_string().replacen('{', r#"{"customer":{"x":1e999},"#, 1);
    let invalid = CreateCommand::parse(text.as_bytes()).expect_err("must be refused");
    assert_eq!(invalid.violations[0].pointer, "/customer");
}

#[test]
fn a_command_is_refused_once_it_is_older_than_the_retention_or_far_ahead_and_never_without_its_time()
 {
    let retention = Duration::from_secs(60);
    let issued_at = Timestamp::parse("2026-11-21T12:00:00Z").expect("a time");
    let mut command = card_command();
    command["issued_at"] = json!("2026-11-21T12:00:00Z");
    let timed = parse(&command).expect("valid");
    let just_after = issued_at + retention + Duration::from_millis(1);
    for now in [issued_at - retention, issued_at, issued_at + retention] {
        assert_eq!(timed.forgotten(retention, now), Ok(()), "{now}");
    }
    let told = timed.forgotten(retention, just_after).expect_err("too old");
    assert_eq!(told.payout_id, Some(timed.payout_id.clone()));
    assert_eq!(told.violations[0].pointer, "/issued_at");
    let ahead = Duration::from_secs(86_400);
    assert_eq!(timed.forgotten(retention, issued_at - ahead), Ok(()), "clocks differ");
    let told = timed
        .forgotten(retention, issued_at - ahead - Duration::from_millis(1))
        .expect_err("in the future");
    assert!(told.to_string().contains("in the future"), "{told}");
    let untimed = parse(&card_command()).expect("valid");
    assert_eq!(untimed.forgotten(retention, just_after), Ok(()));
}
