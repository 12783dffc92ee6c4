//! The methods that the same calls carry: what the bank's pages show is taken, and what it would
//! refuse is refused with its place.

use serde_json::{Value, json};

use super::{card_command, parse, pointers};
use crate::domain::stored_command::StoredCommand;

const RU: &str = "/payment_method/bank_account/ru";
const FPS: &str = "/payment_method/bank_account/faster_payment_system";
const RECEIPT: &str = "/fiscalization_details/professional_income_taxpayer";

fn with_method(method: Value) -> Value {
    let mut command = card_command();
    command["payment_method"] = method;
    command
}

/// The bank's example of a payout by account number.
fn by_number() -> Value {
    with_method(json!({"type": "bank_account", "bank_account": {"system_type": "ru", "ru": {
        "bik": "044525974", "account": "40817810400003869535",
        "full_name": "Ivanov Ivan Ivanovich",
        "description": "Wire for agreement № 5015553111 Ivanov Ivan Ivanovich VAT exempt"}}}))
}

fn ru(change: impl FnOnce(&mut Value)) -> Value {
    let mut command = by_number();
    change(&mut command["payment_method"]["bank_account"]["ru"]);
    command
}

fn from_settlement(mut command: Value) -> Value {
    command["account"] = json!("settlement");
    command["participant_details"] = json!({"sender": {"account": "40702810300200000013"}});
    command
}

fn by_phone() -> Value {
    with_method(json!({"type": "bank_account", "bank_account": {
        "system_type": "faster_payment_system", "faster_payment_system": {
            "phone": "70000000000", "bank_id": "100000000111", "description": "Service fee"}}}))
}

fn to_wallet() -> Value {
    with_method(json!({"type": "wallet", "wallet": {"type": "yoomoney",
        "yoomoney": {"account": "410012411727100"}}}))
}

fn with_receipt() -> Value {
    let mut command = card_command();
    command["fiscalization_details"] = json!({"professional_income_taxpayer": {
        "tax_reference": "123456789012", "payer_type": "legal", "payer_tax_number": "3316004777",
        "payer_name": "OOO Vector", "services": [{"name": "Goods delivery",
            "amount_details": {"amount": 5000, "currency": "rub"}, "quantity": 2}]}});
    command
}

fn refused(command: &Value, pointer: &str) {
    assert_eq!(pointers(command), [pointer], "{command}");
}

#[test]
fn the_payouts_of_the_banks_other_pages_are_taken() {
    let firm = ru(|ru| {
        ru["account"] = json!("40702810500000000001");
        ru["inn"] = json!("3316004790");
        ru["kpp"] = json!("156605101");
    });
    let proprietor = ru(|ru| {
        ru["account"] = json!("40802810400003869535");
        ru["inn"] = json!("331600479012");
    });
    for command in [
        by_number(),
        firm.clone(),
        proprietor,
        by_phone(),
        to_wallet(),
        with_receipt(),
        from_settlement(by_number()),
        from_settlement(firm),
        from_settlement(by_phone()),
    ] {
        parse(&command).unwrap_or_else(|refusal| panic!("{command}: {refusal}"));
    }
}

#[test]
fn account_numbers_are_those_that_the_bank_pays_to_from_that_account() {
    let both = [
        "40817810", "42301810", "42302810", "42303810", "42304810", "42305810", "42306810",
        "42307810", "40802810", "40702810",
    ];
    let account = format!("{RU}/account");
    let numbered = |prefix: &str| ru(|ru| ru["account"] = json!(format!("{prefix}000000000001")));
    for prefix in both {
        assert!(parse(&numbered(prefix)).is_ok(), "{prefix}");
        assert!(parse(&from_settlement(numbered(prefix))).is_ok(), "{prefix}");
    }
    assert!(parse(&numbered("40820810")).is_ok());
    refused(&from_settlement(numbered("40820810")), &account);
    for prefix in ["40701810", "40502810"] {
        assert!(parse(&from_settlement(numbered(prefix))).is_ok());
        refused(&numbered(prefix), &account);
    }
    for prefix in ["40817840", "30101810", "42308810", "00000000"] {
        refused(&numbered(prefix), &account);
        refused(&from_settlement(numbered(prefix)), &account);
    }
}

#[test]
fn of_an_account_that_cannot_be_read_nothing_is_said_that_depends_on_it() {
    let misspelt = |mut command: Value| {
        command["account"] = json!("settlment");
        command
    };
    let numbered = |prefix: &str| ru(|ru| ru["account"] = json!(format!("{prefix}000000000001")));
    for command in [
        numbered("40701810"),
        numbered("40820810"),
        from_settlement(numbered("40701810")),
        by_number(),
        card_command(),
        to_wallet(),
        with_receipt(),
    ] {
        refused(&misspelt(command), "/account");
    }
    let neither = misspelt(numbered("30101810"));
    assert_eq!(pointers(&neither), ["/account".to_owned(), format!("{RU}/account")]);
    let told = parse(&neither).expect_err("must be refused").to_string();
    assert!(told.contains("40820810") && told.contains("40502810"), "{told}");
}

#[test]
fn a_refused_number_is_not_repeated_and_what_may_be_sent_is_said() {
    let refusal = parse(&ru(|ru| ru["account"] = json!("30101810500000000001")));
    let told = refusal.expect_err("must be refused").to_string();
    assert!(told.contains("40817810") && !told.contains("30101810"), "{told}");
    let phone = "+70000000001";
    let mut command = by_phone();
    command["payment_method"]["bank_account"]["faster_payment_system"]["phone"] = json!(phone);
    let told = parse(&command).expect_err("must be refused").to_string();
    assert!(told.contains("without a plus sign") && !told.contains(phone), "{told}");
}

#[test]
fn an_account_is_named_by_its_number_or_by_its_token_and_never_by_both() {
    refused(&ru(|ru| ru["token"] = json!("3f03ee")), &format!("{RU}/token"));
    refused(&ru(|ru| ru["account"] = Value::Null), &format!("{RU}/token"));
    refused(&ru(|ru| ru["bik"] = Value::Null), &format!("{RU}/bik"));
    let by_token = |token: &str| {
        ru(|ru| {
            (ru["bik"], ru["account"]) = (Value::Null, Value::Null);
            ru["token"] = json!(token);
        })
    };
    assert!(parse(&by_token("3f03ee")).is_ok());
    refused(&by_token(" "), &format!("{RU}/token"));
}

#[test]
fn digits_of_an_account_are_counted_and_are_text() {
    for (field, bad) in [
        ("bik", json!("04452597")),
        ("bik", json!("04452597a")),
        ("bik", json!(44_525_974)),
        ("account", json!("4081781040000386953")),
        ("account", json!("４0817810400003869535")),
        ("account", json!(4_081_781_040_000_386_953_u64)),
        ("inn", json!("33160047901")),
        ("inn", json!(3_316_004_790_u64)),
        ("kpp", json!("156605101")),
        ("full_name", json!("")),
        ("description", json!(" ")),
        ("description", Value::Null),
    ] {
        refused(&ru(|ru| ru[field] = bad.clone()), &format!("{RU}/{field}"));
    }
    let proprietor = ru(|ru| {
        ru["inn"] = json!("331600479012");
        ru["kpp"] = json!("156605101");
    });
    refused(&proprietor, &format!("{RU}/kpp"));
    let short = ru(|ru| {
        ru["inn"] = json!("3316004790");
        ru["kpp"] = json!("15660510");
    });
    refused(&short, &format!("{RU}/kpp"));
}

#[test]
fn a_payout_by_phone_names_the_phone_the_bank_and_the_purpose() {
    for (field, bad) in [
        ("phone", json!("7000000000")),
        ("phone", json!("+70000000000")),
        ("phone", json!(70_000_000_000_u64)),
        ("phone", Value::Null),
        ("bank_id", json!("")),
        ("bank_id", json!("sber")),
        ("description", json!("")),
    ] {
        let mut command = by_phone();
        command["payment_method"]["bank_account"]["faster_payment_system"][field] = bad;
        refused(&command, &format!("{FPS}/{field}"));
    }
    let mut dollars = by_phone();
    dollars["amount_details"]["currency"] = json!("usd");
    refused(&dollars, "/amount_details/currency");
}

#[test]
fn a_wallet_is_paid_in_roubles_from_the_collateral_account() {
    for bad in [json!("4100124117"), json!("410012411727100410012"), json!("41001241172710a")] {
        let mut command = to_wallet();
        command["payment_method"]["wallet"]["yoomoney"]["account"] = bad;
        refused(&command, "/payment_method/wallet/yoomoney/account");
    }
    let mut dollars = to_wallet();
    dollars["amount_details"]["currency"] = json!("USD");
    refused(&dollars, "/amount_details/currency");
    refused(&from_settlement(to_wallet()), "/account");
    refused(&with_method(json!({"type": "wallet", "wallet": {}})), "/payment_method/wallet/type");
}

/// The bank's page on settlement accounts pays to bank accounts only.
#[test]
fn a_card_is_paid_from_the_collateral_account() {
    refused(&from_settlement(card_command()), "/account");
    let mut newer = card_command();
    newer["payment_method"]["card"] = json!({"type": "newer_card", "newer_card": {}});
    refused(&from_settlement(newer), "/account");
    let mut receipt = with_receipt();
    receipt["account"] = json!("settlement");
    receipt["participant_details"] = json!({"sender": {"account": "40702810300200000013"}});
    refused(&receipt, "/account");
}

#[test]
fn a_receipt_says_who_is_paid_for_what() {
    let taxpayer = |change: fn(&mut Value)| {
        let mut command = with_receipt();
        change(&mut command["fiscalization_details"]["professional_income_taxpayer"]);
        command
    };
    for (change, pointer) in [
        ((|t| t["tax_reference"] = json!("3316004777")) as fn(&mut Value), "/tax_reference"),
        (|t| t["payer_tax_number"] = Value::Null, "/payer_tax_number"),
        (|t| t["payer_tax_number"] = json!("331"), "/payer_tax_number"),
        (|t| t["services"] = json!([]), "/services"),
        (|t| t["services"] = json!({}), "/services"),
        (|t| t["services"][0]["name"] = json!(""), "/services/0/name"),
        (|t| t["services"][0]["amount_details"] = Value::Null, "/services/0/amount_details"),
        (|t| t["services"][0]["amount_details"]["amount"] = json!(0), "/services/0/amount_details"),
    ] {
        refused(&taxpayer(change), &format!("{RECEIPT}{pointer}"));
    }
    let mut empty = with_receipt();
    empty["fiscalization_details"] = json!({});
    refused(&empty, RECEIPT);
    let mut settlement = from_settlement(by_number());
    settlement["fiscalization_details"] = with_receipt()["fiscalization_details"].clone();
    refused(&settlement, "/account");
}

#[test]
fn a_settlement_account_is_named() {
    let pointer = "/participant_details/sender/account";
    let mut nobody = from_settlement(by_number());
    nobody["participant_details"] = json!({"recipient": {"full_name": "Ivanov"}});
    refused(&nobody, pointer);
    let mut short = from_settlement(by_number());
    short["participant_details"]["sender"]["account"] = json!("407028103");
    refused(&short, pointer);
}

#[test]
fn everything_wrong_with_a_method_is_said_at_once() {
    let mut bad = from_settlement(ru(|ru| {
        *ru = json!({"bik": "1", "account": "2", "inn": "3", "kpp": "4"});
    }));
    bad["participant_details"] = Value::Null;
    let fields = ["full_name", "description", "bik", "account", "inn", "kpp"];
    let mut expected: Vec<_> = fields.iter().map(|field| format!("{RU}/{field}")).collect();
    expected.push("/participant_details/sender/account".into());
    assert_eq!(pointers(&bad), expected);
}

#[test]
fn what_is_newer_than_this_program_passes_as_it_was_written() {
    for newer in [
        json!({"type": "tax", "tax": {"type": "tax_short", "tax_details": {"period": "КВ.01.2026"}}}),
        json!({"type": "bank_account", "bank_account": {"system_type": "kz", "kz": {"iban": 7}}}),
        json!({"type": "wallet", "wallet": {"type": "newer", "newer": {"account": "x"}}}),
        json!({"type": "card", "card": {"type": "newer_card", "newer_card": {}}}),
    ] {
        let command = parse(&with_method(newer.clone())).expect("taken");
        let sent = command.bank_fields().find(|(name, _)| *name == "payment_method");
        assert_eq!(sent.expect("sent").1.text(), newer.to_string());
    }
}

/// What an earlier version took is under way: a newer rule must not make its record unreadable.
#[test]
fn a_record_is_read_though_its_command_would_no_longer_be_taken() {
    let mut old = from_settlement(ru(|ru| ru["bik"] = Value::Null));
    old["participant_details"] = Value::Null;
    assert!(parse(&old).is_err());
    let read: StoredCommand = serde_json::from_str(&old.to_string()).expect("a record");
    assert_eq!(serde_json::to_value(&read).expect("JSON"), old);
}
