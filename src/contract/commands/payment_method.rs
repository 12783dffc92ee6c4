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

/// A card, by the hash or the token that the bank gave for it; from the collateral account. Open card
/// numbers (`bank_card`) are refused, so that payoutd stays out of PCI DSS scope.
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
    pub number_hash: Filled,
}

/// By the token that the bank gives.
#[derive(JsonSchema)]
pub struct TokenizedCard {
    pub token: Filled,
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

/// A Russian bank account, by `token`, or by `account` and `bik`; never by both. The bank pays to
/// some kinds of accounts only, which their first digits tell.
#[derive(JsonSchema)]
#[schemars(extend(
    "anyOf" = [
        {"required": ["token"],
         "properties": {"token": {"type": "string"}, "account": {"type": "null"}}},
        {"required": ["account", "bik"],
         "properties": {"account": {"type": "string"}, "bik": {"type": "string"},
                        "token": {"type": "null"}}},
    ],
    "if" = {"required": ["kpp"], "properties": {"kpp": {"type": "string"}}},
    "then" = {"required": ["inn"],
              "properties": {"inn": {"type": "string", "pattern": "^[0-9]{10}$"}}},
))]
pub struct RuAccount {
    /// The recipient's name.
    pub full_name: Filled,
    /// What the payment is for.
    pub description: Filled,
    /// The token that the bank's widget gives for the account.
    #[schemars(extend("pattern" = r"\S"))]
    pub token: Option<String>,
    /// The account's number.
    #[schemars(extend("pattern" = "^[0-9]{20}$"))]
    pub account: Option<String>,
    /// Of the account's bank.
    #[schemars(extend("pattern" = "^[0-9]{9}$"))]
    pub bik: Option<String>,
    /// The recipient's tax number: 10 digits for legal entities, 12 for others.
    #[schemars(extend("pattern" = "^([0-9]{10}|[0-9]{12})$"))]
    pub inn: Option<String>,
    /// Of legal entities, beside their `inn`.
    #[schemars(extend("pattern" = "^[0-9]{9}$"))]
    pub kpp: Option<String>,
}

/// By phone number, through the Faster Payments System, in roubles.
#[derive(JsonSchema)]
pub struct FasterPayment {
    /// 11 digits, without a plus sign.
    #[schemars(extend("pattern" = "^[0-9]{11}$"))]
    pub phone: String,
    /// The recipient's bank in the system.
    #[schemars(extend("pattern" = "^[0-9]+$"))]
    pub bank_id: String,
    /// What the payment is for.
    pub description: Filled,
}

/// An electronic wallet.
#[derive(JsonSchema)]
#[schemars(transform = details_of_the_wallet)]
pub struct Wallet {
    /// `yoomoney`, or newer.
    #[serde(rename = "type")]
    pub kind: String,
    pub yoomoney: Option<YooMoney>,
}

/// A YooMoney wallet, in roubles and from the collateral account.
#[derive(JsonSchema)]
pub struct YooMoney {
    /// The wallet's number.
    #[schemars(extend("pattern" = "^[0-9]{11,20}$"))]
    pub account: String,
}

/// Text that is not blank.
#[derive(JsonSchema)]
#[schemars(extend("pattern" = r"\S"))]
pub struct Filled(pub String);

fn details_of_the_wallet(schema: &mut Schema) {
    demand(schema, "type", &["yoomoney"]);
}

fn details_of_the_method(schema: &mut Schema) {
    demand(schema, "type", &["card", "bank_account", "wallet"]);
}

fn details_of_the_card(schema: &mut Schema) {
    demand(schema, "type", &["encrypted_card", "tokenized_card"]);
}

fn details_of_the_system(schema: &mut Schema) {
    demand(schema, "system_type", &["ru", "faster_payment_system"]);
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
