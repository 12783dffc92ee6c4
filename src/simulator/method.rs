//! How the bank shows a payment method and what it knows of the accounts behind it.
//!
//! A card is shown by its digits and country, never by its hash or token; every other method as it was sent.
//! Digits behind a hash or token are those that somebody entered into the widget; else they are made up, the same each
//! time; those of the bank's own examples are theirs.

use aws_lc_rs::digest::{SHA256, digest};
use serde::Serialize;
use serde_json::{Value, json};

/// The hash in the bank's own example, and the digits that its webhook shows.
const EXAMPLE_HASH: &str = "63191fa17cc7edf818ee5d6611a2c2169ab30b705111cffd710af39880deef09";
/// The account token in the bank's own example, and the account behind it.
const EXAMPLE_TOKEN: &str = "3f03ee2580046153bb0aa859558e7ada10d3835270fdb4c4b70961239d37f31d";

/// What is known of a card.
pub(super) struct Card {
    pub(super) last4: String,
    pub(super) bin: String,
}

impl Card {
    /// From the content of `card`: a hash, a token or an open number. `entered` is what the widget was told.
    fn known(card: &Value, entered: Option<&str>) -> Option<Self> {
        let kind = card.get("type")?.as_str()?;
        let content = card.get(kind)?;
        match kind {
            "encrypted_card" => Some(Self::behind(text(content, "number_hash")?, entered)),
            "tokenized_card" => Some(Self::behind(text(content, "token")?, entered)),
            "bank_card" => {
                let number = text(content, "number")?;
                let digits = (12..=19).contains(&number.len())
                    && number.bytes().all(|byte| byte.is_ascii_digit());
                digits.then(|| Self {
                    last4: number[number.len() - 4..].to_owned(),
                    bin: number[..6].to_owned(),
                })
            }
            _ => None,
        }
    }

    fn behind(secret: &str, entered: Option<&str>) -> Self {
        if let Some((bin, last4)) = entered.and_then(ends) {
            return Self { last4, bin };
        }
        let last4 = if secret == EXAMPLE_HASH {
            String::from("4940")
        } else {
            format!("{:04}", number_behind(secret) % 10_000)
        };
        Self { last4, bin: String::from("220024") }
    }

    fn brand(&self) -> &'static str {
        match self.bin.as_bytes() {
            [b'4', ..] => "visa",
            [b'5', ..] => "mastercard",
            _ => "mir",
        }
    }
}

/// The first six digits and the last four.
fn ends(number: &str) -> Option<(String, String)> {
    let bin = number.get(..6)?;
    let last4 = number.get(number.len().checked_sub(4)?..)?;
    Some((bin.to_owned(), last4.to_owned()))
}

/// The hash or token in a payment method, or in the same shape anywhere else.
pub(super) fn secret(method: &Value) -> Option<&str> {
    let places = [
        "/card/encrypted_card/number_hash",
        "/card/tokenized_card/token",
        "/bank_account/ru/token",
    ];
    places.iter().find_map(|place| method.pointer(place)?.as_str())
}

/// The method as the bank shows it, as JSON text; `None` when it is not a method the bank can pay to.
/// `sent` is its text, `value` the same parsed, `entered` what the widget was told of its hash or token.
pub(super) fn shown(sent: &str, value: &Value, entered: Option<&str>) -> Option<(String, String)> {
    let kind = text(value, "type")?;
    let content = value.get(kind).filter(|content| content.is_object())?;
    let shown = match kind {
        "card" => {
            let card = Card::known(content, entered)?;
            let brand = card.brand();
            let (last4, bin) = (card.last4, card.bin);
            json!({"type": "card", "card":
                {"last4": last4, "brand": brand, "bin": bin, "country_iso3": "RUS"}})
            .to_string()
        }
        "bank_account" => {
            let system = text(content, "system_type")?;
            let details = content.get(system).filter(|details| details.is_object())?;
            has_all(details, needed(system, details)).then(|| sent.to_owned())?
        }
        "wallet" => {
            let wallet = text(content, "type")?;
            let details = content.get(wallet).filter(|details| details.is_object())?;
            has_all(details, needed(wallet, details)).then(|| sent.to_owned())?
        }
        _ => sent.to_owned(),
    };
    Some((kind.to_owned(), shown))
}

/// Without which this bank does not pay. Nothing is known of what a newer bank takes.
fn needed(system: &str, details: &Value) -> &'static [&'static str] {
    match system {
        "ru" if details.get("token").is_some() => &["token", "full_name"],
        "ru" => &["bik", "account", "full_name"],
        "faster_payment_system" => &["phone", "bank_id", "description"],
        "yoomoney" => &["account"],
        _ => &[],
    }
}

fn has_all(details: &Value, fields: &[&str]) -> bool {
    fields.iter().all(|field| text(details, field).is_some_and(|text| !text.is_empty()))
}

/// Whether it can be made a receipt of.
pub(super) fn is_receipt(details: &str) -> bool {
    let details: Value = serde_json::from_str(details).unwrap_or(Value::Null);
    let taxpayer = &details["professional_income_taxpayer"];
    let listed = taxpayer["services"].as_array().is_some_and(|services| !services.is_empty());
    has_all(taxpayer, &["tax_reference"]) && listed
}

/// The same method, changed so that it is another one: other digits, another token.
pub(super) fn other(shown: &str) -> String {
    let mut value: Value = serde_json::from_str(shown).unwrap_or(Value::Null);
    for (path, text) in [
        ("/card/last4", "0000"),
        ("/bank_account/ru/token", "0000000000000000"),
        ("/bank_account/ru/account", "40702810000000000000"),
        ("/bank_account/faster_payment_system/phone", "79990000000"),
        ("/wallet/yoomoney/account", "410000000000000"),
    ] {
        if let Some(field) = value.pointer_mut(path) {
            *field = Value::from(text);
        }
    }
    value.to_string()
}

/// The recipient of a settlement payout with another name.
pub(super) fn other_recipient(json_text: &str) -> String {
    let mut value: Value = serde_json::from_str(json_text).unwrap_or(Value::Null);
    for path in ["/recipient/full_name", "/bank_account/ru/full_name"] {
        if let Some(field) = value.pointer_mut(path) {
            *field = Value::from("Sidorov Sidor Sidorovich");
        }
    }
    value.to_string()
}

/// What a partner has to send back to confirm a settlement payout, in the bank's order of fields.
#[derive(Serialize)]
struct Information<'a> {
    account_details: AccountDetails<'a>,
}

#[derive(Serialize)]
struct AccountDetails<'a> {
    sender: Side<'a>,
    recipient: Side<'a>,
}

#[derive(Serialize)]
struct Side<'a> {
    account_number: &'a str,
    name: &'a str,
    bank_name: &'a str,
    bik: &'a str,
    correspondent_account_number: &'a str,
    inn: &'a str,
    kpp: &'a str,
}

/// `method` and `participants` are JSON text as stored. Written the way PHP writes JSON (`\/`, `\u0418`): whoever
/// parses it and writes it anew sends back other bytes, and is refused.
pub(super) fn information(
    method: &str,
    participants: Option<&str>,
    entered: Option<&str>,
) -> Option<String> {
    let method: Value = serde_json::from_str(method).ok()?;
    let participants: Value = serde_json::from_str(participants?).ok()?;
    let recipient = method
        .pointer("/bank_account")
        .and_then(|account| account.get("ru").or_else(|| account.get("faster_payment_system")))?;
    let account = recipient_account(recipient, entered);
    // Behind a phone the bank finds a name by itself.
    let by_phone = text(recipient, "phone").map(|_| "Ivan Ivanovich I");
    let information = Information {
        account_details: AccountDetails {
            sender: Side {
                account_number: participants.pointer("/sender/account")?.as_str()?,
                name: "ABC LLC",
                bank_name: "Bank 131",
                bik: "049205131",
                correspondent_account_number: "30101810822029205131",
                inn: "3316004790",
                kpp: "156667101",
            },
            recipient: Side {
                account_number: &account,
                name: text(recipient, "full_name").or(by_phone)?,
                bank_name: "Bank 131",
                bik: text(recipient, "bik").unwrap_or("044525974"),
                correspondent_account_number: "30101810822000000974",
                inn: text(recipient, "inn").unwrap_or("1111111111"),
                kpp: text(recipient, "kpp").unwrap_or("156605101"),
            },
        },
    };
    serde_json::to_string(&information).ok().map(|text| as_php_writes(&text))
}

fn recipient_account(recipient: &Value, entered: Option<&str>) -> String {
    if let Some(account) = text(recipient, "account").or(entered) {
        return account.to_owned();
    }
    match text(recipient, "token") {
        Some(EXAMPLE_TOKEN) | None => String::from("40702810500000000001"),
        Some(token) => format!("40702810{:012}", number_behind(token) % 1_000_000_000_000),
    }
}

/// Slashes and everything beyond ASCII escaped. Both occur only inside strings, so this is safe on whole documents.
fn as_php_writes(json_text: &str) -> String {
    let mut written = String::with_capacity(json_text.len());
    for character in json_text.chars() {
        match character {
            '/' => written.push_str("\\/"),
            character if character.is_ascii() => written.push(character),
            character => {
                for unit in character.encode_utf16(&mut [0; 2]) {
                    written.push_str(&format!("\\u{unit:04x}"));
                }
            }
        }
    }
    written
}

/// What `token/info` tells.
pub(super) fn token_info(request: &Value, entered: Option<&str>) -> Option<Value> {
    match text(request, "type")? {
        "card" => {
            let card = Card::known(request.get("card")?, entered)?;
            Some(json!({"type": "card", "brand": card.brand(), "last4": card.last4,
                "bin": card.bin, "country_iso3": "RUS"}))
        }
        "bank_account" => {
            let account = recipient_account(request.pointer("/bank_account/ru")?, entered);
            let (first5, last4) = (account.get(..5)?, account.get(account.len() - 4..)?);
            Some(json!({"type": "bank_account", "first5": first5, "last4": last4}))
        }
        _ => None,
    }
}

/// A number that stands for what is behind a hash or token.
fn number_behind(secret: &str) -> u64 {
    let hash = digest(&SHA256, secret.as_bytes());
    hash.as_ref().iter().take(8).fold(0, |number, byte| (number << 8) | u64::from(*byte))
}

fn text<'a>(value: &'a Value, field: &str) -> Option<&'a str> {
    value.get(field)?.as_str()
}
