//! Commands for the tests: those of the examples, of the pages, and of the bank's own pages.

use payoutd::domain::command::Verb;
use serde_json::{Value, json};

const JSON_LINES: &str = include_str!("../../deploy/examples/payouts.jsonl");

const PAGES: [(&str, &str); 2] = [
    ("README.md", include_str!("../../README.md")),
    ("docs/messages.md", include_str!("../../docs/messages.md")),
];

/// The bank's own start requests, and the account that each is for.
const STARTS: [(&str, &str); 3] = [
    ("collateral", include_str!("../fixtures/collateral_start_hash_request.json")),
    ("settlement", include_str!("../fixtures/settlement_start_individual_request.json")),
    ("settlement", include_str!("../fixtures/settlement_start_legal_entity_request.json")),
];

fn read(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|e| panic!("{e}: {text}"))
}

/// Every command of the examples, each with where it stands.
pub(crate) fn commands() -> Vec<(String, Value)> {
    let lines = JSON_LINES.lines().map(|line| ("payouts.jsonl".to_owned(), read(line)));
    let pages = blocks().into_iter().filter(|(_, block)| block["type"] == "payout.create");
    let starts = STARTS.iter().map(|(account, request)| {
        let mut command = read(request);
        let fields = command.as_object_mut().expect("an object");
        fields.remove("session_id");
        fields.insert("type".into(), json!("payout.create"));
        fields.insert("payout_id".into(), json!("inv-1"));
        fields.insert("account".into(), json!(account));
        ("the bank's page".to_owned(), command)
    });
    lines.chain(pages).chain(starts).collect()
}

/// Every event of the pages, each with where it stands.
pub(crate) fn events() -> Vec<(String, Value)> {
    blocks().into_iter().filter(|(_, block)| block["specversion"].is_string()).collect()
}

/// The blocks of JSON in the pages.
fn blocks() -> Vec<(String, Value)> {
    let of_page = |(name, page): &(&str, &str)| {
        let blocks = page.split("```json\n").skip(1);
        let texts = blocks.map(|block| block.split("```").next().unwrap_or_default());
        texts.map(|text| ((*name).to_owned(), read(text))).collect::<Vec<_>>()
    };
    PAGES.iter().flat_map(of_page).collect()
}

/// One command of each shape that the reader tells apart, with every field that it reads.
pub(crate) fn shapes() -> Vec<Value> {
    [creates(), Verb::ALL.map(intervention).to_vec()].concat()
}

fn intervention(verb: Verb) -> Value {
    let mut word =
        json!({"type": verb.command_type(), "payout_id": "inv-1", "reason": "changed our mind"});
    if verb == Verb::Adopt {
        word["session_id"] = "ps_3230".into();
    }
    word
}

fn creates() -> Vec<Value> {
    let card = |card: Value| json!({"type": "card", "card": card});
    let ru = |ru: Value| json!({"type": "bank_account", "bank_account": {"system_type": "ru", "ru": ru}});
    let shapes = [
        (
            "collateral",
            card(json!({
            "type": "encrypted_card", "encrypted_card": {"number_hash": "63191fa1"}})),
        ),
        (
            "collateral",
            card(json!({
            "type": "tokenized_card", "tokenized_card": {"token": "a1b2c3d4"}})),
        ),
        (
            "settlement",
            ru(json!({
            "token": "3f03ee", "full_name": "Vector LLC", "description": "Agreement 5"})),
        ),
        (
            "settlement",
            ru(json!({
            "account": "40702810500000000001", "bik": "044525974", "full_name": "Vector LLC",
            "description": "Agreement 5", "inn": "1111111111", "kpp": "156605101"})),
        ),
        (
            "collateral",
            json!({"type": "bank_account", "bank_account": {
            "system_type": "faster_payment_system",
            "faster_payment_system": {
                "phone": "79260000000", "bank_id": "100000000004", "description": "Prize"}}}),
        ),
        (
            "collateral",
            json!({"type": "wallet", "wallet": {
            "type": "yoomoney", "yoomoney": {"account": "4100175017397"}}}),
        ),
        ("collateral", json!({"type": "newer", "newer": {"id": 1}})),
    ];
    let mut shapes: Vec<_> =
        shapes.into_iter().map(|(account, method)| shape(account, &method)).collect();
    let mut self_employed = shapes[1].clone();
    self_employed["fiscalization_details"] = json!({"professional_income_taxpayer": {
        "tax_reference": "111111111111", "payer_type": "legal", "payer_tax_number": "1111111111",
        "services": [{"name": "A logo", "amount_details": {"amount": 10000, "currency": "rub"}}],
    }});
    shapes.push(self_employed);
    shapes
}

fn shape(account: &str, method: &Value) -> Value {
    let of_card = json!({"last4": "0000", "bin": "220024"});
    let expected = if method["type"] == "card" { of_card } else { json!({}) };
    json!({
        "type": "payout.create",
        "payout_id": "inv-1",
        "account": account,
        "payment_method": method,
        "amount_details": {"amount": 10000, "currency": "rub", "newer": 1},
        "participant_details": {
            "recipient": {"full_name": "Ivanov Ivan Ivanovich", "newer": "1"},
            "sender": {"full_name": "ABC LLC", "account": "40702810300200000013"},
        },
        "flow": "two_step",
        "customer": {"reference": "lucky"},
        "expected": expected,
        "issued_at": "2026-11-21T12:00:00Z",
        "confirm_before": "2026-11-21T18:00:00+03:00",
        "metadata": {"order": 17, "number": "2200240000000000"},
        "newer": {"list": [{"number": "17"}]},
    })
}
