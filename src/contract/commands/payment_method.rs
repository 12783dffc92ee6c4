//! How the money gets to the recipient: the bank's own `payment_method`.

use schemars::{JsonSchema, Schema};
use serde_json::{Value, json};

/// As the bank documents it: `type` names the field that holds the details, which is an object. Of
/// methods that are not described here, everything is passed to the bank. Of the fields described
/// here, what the bank shows has to agree before it is told to pay.
#[derive(JsonSchema)]
#[schemars(transform = details_of_the_method)]
pub struct PaymentMethod {
    #[serde(rename = "type")]
    pub kind: String,
    pub card: Option<Card>,
    pub bank_account: Option<BankAccount>,
    pub wallet: Option<Wallet>,
}

/// A card, by the hash or the token that the bank gave for it. Open card numbers (`bank_card`) are
/// refused, so that payoutd stays out of PCI DSS scope.
#[derive(JsonSchema)]
#[schemars(transform = details_of_the_card)]
pub struct Card {
    #[serde(rename = "type")]
    #[schemars(extend("not" = {"pattern": "^[Bb][Aa][Nn][Kk]_[Cc][Aa][Rr][Dd]$"}))]
    pub kind: String,
    pub encrypted_card: Option<EncryptedCard>,
    pub tokenized_card: Option<TokenizedCard>,
}

/// By the hash that the bank's widget gives.
#[derive(JsonSchema)]
pub struct EncryptedCard {
    #[schemars(length(min = 1))]
    pub number_hash: String,
}

/// By the token that the bank gives.
#[derive(JsonSchema)]
pub struct TokenizedCard {
    #[schemars(length(min = 1))]
    pub token: String,
}

/// An account at a bank.
#[derive(JsonSchema)]
#[schemars(transform = details_of_the_system)]
pub struct BankAccount {
    /// `ru`, `faster_payment_system`, or newer.
    pub system_type: String,
    pub ru: Option<RuAccount>,
    pub faster_payment_system: Option<FasterPayment>,
}

/// A Russian bank account, by `token` or by `account`.
#[derive(JsonSchema)]
#[schemars(extend("anyOf" = [
    {"required": ["token"], "properties": {"token": {"type": "string"}}},
    {"required": ["account"], "properties": {"account": {"type": "string"}}},
]))]
pub struct RuAccount {
    /// The recipient's name.
    #[schemars(length(min = 1))]
    pub full_name: String,
    /// The token that the bank's widget gives for the account.
    pub token: Option<String>,
    /// The account's number.
    pub account: Option<String>,
    /// Of the account's bank.
    pub bik: Option<String>,
}

/// By phone number, through the faster payment system.
#[derive(JsonSchema)]
pub struct FasterPayment {
    pub phone: Option<String>,
    /// The recipient's bank.
    pub bank_id: Option<String>,
}

/// An electronic wallet.
#[derive(JsonSchema)]
pub struct Wallet {
    #[serde(rename = "type")]
    pub kind: Option<String>,
    pub yoomoney: Option<YooMoney>,
}

/// A YooMoney wallet.
#[derive(JsonSchema)]
pub struct YooMoney {
    pub account: Option<String>,
}

fn details_of_the_method(schema: &mut Schema) {
    demand(schema, "type", &["card", "bank_account", "wallet"]);
}

fn details_of_the_card(schema: &mut Schema) {
    demand(schema, "type", &["encrypted_card", "tokenized_card"]);
}

fn details_of_the_system(schema: &mut Schema) {
    demand(schema, "system_type", &["ru"]);
}

/// Where `selector` names one of these fields, that field has to be there, and an object.
fn demand(schema: &mut Schema, selector: &str, fields: &[&str]) {
    let rules = fields.iter().map(|&field| {
        json!({
            "if": {"properties": {selector: {"const": field}}, "required": [selector]},
            "then": {"properties": {field: {"type": "object"}}, "required": [field]},
        })
    });
    schema.insert("allOf".into(), Value::Array(rules.collect()));
}
