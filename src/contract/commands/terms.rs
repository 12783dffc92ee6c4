//! What one field of a command demands of another.

use schemars::Schema;
use serde_json::{Value, json};

/// What the numbers of accounts begin with that a collateral account pays to, and a settlement
/// account.
const FROM_COLLATERAL: &str = "^(40817810|4230[1-7]810|40802810|40820810|40702810)";
const FROM_SETTLEMENT: &str = "^(40817810|4230[1-7]810|40802810|40701810|40502810|40702810)";

/// Adds the rules to those that the command has.
pub(super) fn demand(schema: &mut Schema) {
    let rules = schema.get_mut("allOf").and_then(Value::as_array_mut);
    let rules = rules.expect("the rules about open cards stand there already");
    rules.extend([by_account(), roubles_only(), digits_of_cards_only()]);
}

/// Who pays decides what has to be said and who can be paid.
fn by_account() -> Value {
    json!({
        "if": {"properties": {"account": {"const": "settlement"}}, "required": ["account"]},
        "then": {
            "required": ["participant_details"],
            "properties": {
                "participant_details": sender_named(),
                "payment_method": {"allOf": [
                    pays_to(FROM_SETTLEMENT),
                    {"not": yoomoney()},
                    {"properties": {"type": {"not": {"const": "card"}}}},
                ]},
                "fiscalization_details": {"type": "null"},
            },
        },
        "else": {"properties": {"payment_method": pays_to(FROM_COLLATERAL)}},
    })
}

fn sender_named() -> Value {
    let account = json!({"type": "string", "pattern": "^[0-9]{20}$"});
    json!({
        "type": "object",
        "required": ["sender"],
        "properties": {"sender": {
            "type": "object",
            "required": ["account"],
            "properties": {"account": account},
        }},
    })
}

fn pays_to(begins: &str) -> Value {
    let account = json!({"properties": {"account": {"pattern": begins}}});
    json!({"properties": {"bank_account": {"properties": {"ru": account}}}})
}

/// Methods that are paid in roubles alone.
fn roubles_only() -> Value {
    let phone = json!({
        "required": ["type", "bank_account"],
        "properties": {
            "type": {"const": "bank_account"},
            "bank_account": {
                "required": ["system_type"],
                "properties": {"system_type": {"const": "faster_payment_system"}},
            },
        },
    });
    json!({
        "if": {"properties": {"payment_method": {"anyOf": [phone, yoomoney()]}}},
        "then": {"properties": {"amount_details": {
            "properties": {"currency": {"pattern": "^[Rr][Uu][Bb]$"}},
        }}},
    })
}

/// The bank shows digits of cards, and of nothing else.
fn digits_of_cards_only() -> Value {
    let none = json!({"type": "null"});
    json!({
        "if": {"properties": {"payment_method": {
            "required": ["type"],
            "properties": {"type": {"enum": ["bank_account", "wallet"]}},
        }}},
        "then": {"properties": {"expected": {"properties": {"last4": none, "bin": none}}}},
    })
}

fn yoomoney() -> Value {
    json!({
        "required": ["type", "wallet"],
        "properties": {
            "type": {"const": "wallet"},
            "wallet": {"required": ["type"], "properties": {"type": {"const": "yoomoney"}}},
        },
    })
}
