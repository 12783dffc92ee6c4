//! What a business asks for: one JSON object a command, checked whole before anything is done.
//!
//! Fields that the bank knows and payoutd does not are passed through as they were written.
//! Open card numbers are refused: payoutd stays out of PCI DSS scope.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::id::PayoutId;
use super::json::{Object, Raw, canonical, is_word};
use super::money::{Currency, Money};
use super::time::Timestamp;

/// Largest command, in bytes: the seeds' are under 1 KiB, and a queue is no place for files.
pub const COMMAND_BYTES_MAX: usize = 64 * 1024;

/// Most violations listed for one command: enough to mend it, bounded for whoever must carry it.
const VIOLATIONS_MAX: usize = 20;

/// Which of the business's accounts at the bank pays.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Account {
    /// The collateral account: `session/create`, `session/start/payout`.
    Collateral,
    /// A settlement account: the same calls with `/rko`, and `confirm_information` to echo.
    Settlement,
}

/// `payout.create`: pay this amount to this recipient.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Object", into = "Object")]
pub struct CreateCommand {
    /// The command as it was written, less what only payoutd reads.
    fields: Object,
    pub payout_id: PayoutId,
    pub account: Account,
    pub money: Money,
    pub payment_method: Value,
    /// `Null` when the command names none.
    pub participants: Value,
    /// Digits the command cannot know by itself (it holds a hash), given by the caller.
    pub expected: Expected,
    /// When the caller wrote the command.
    pub issued_at: Option<Timestamp>,
    /// Not started, and not confirmed, after this time.
    pub confirm_before: Option<Timestamp>,
}

/// What the bank has to show of a card that the command names by a hash or token only.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Expected {
    pub last4: Option<String>,
    pub bin: Option<String>,
}

/// One thing wrong with a command: where (a JSON pointer, RFC 6901) and what to do about it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Violation {
    pub pointer: String,
    pub problem: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let place = if self.pointer.is_empty() { "the message" } else { &self.pointer };
        write!(f, "{place} {}", self.problem)
    }
}

/// Everything that is wrong with a message that was meant as a command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvalidCommand {
    /// The payout id it named, if it named one.
    pub payout_id: Option<PayoutId>,
    pub violations: Vec<Violation>,
}

impl fmt::Display for InvalidCommand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (n, violation) in self.violations.iter().enumerate() {
            write!(f, "{}{violation}", if n > 0 { "; " } else { "" })?;
        }
        Ok(())
    }
}

impl std::error::Error for InvalidCommand {}

impl CreateCommand {
    /// Reads a queue message. Reports all violations at once.
    pub fn parse(message: &[u8]) -> Result<Self, InvalidCommand> {
        let whole = |problem: String| InvalidCommand {
            payout_id: None,
            violations: vec![Violation { pointer: String::new(), problem }],
        };
        if message.len() > COMMAND_BYTES_MAX {
            let size = message.len();
            return Err(whole(format!("has {size} bytes; at most {COMMAND_BYTES_MAX} are taken")));
        }
        let text = std::str::from_utf8(message).map_err(|e| whole(format!("is not UTF-8: {e}")))?;
        let raw = Raw::parse(text).ok_or_else(|| whole("is not valid JSON".into()))?;
        canonical(&raw).map_err(&whole)?;
        let fields: Object = raw.read().map_err(|_| whole("must be one JSON object".into()))?;
        Self::try_from(fields)
    }

    /// A field for the bank's start call, as the caller wrote it.
    pub fn field(&self, name: &str) -> Option<&Raw> {
        self.fields.get(name)
    }

    /// The fields that go to the bank as they are: all but payoutd's own and the metadata, which
    /// travels beside the payout id.
    pub fn bank_fields(&self) -> impl Iterator<Item = (&str, &Raw)> {
        self.fields.fields().filter(|(name, _)| !OWN_FIELDS.contains(name))
    }

    pub fn metadata(&self) -> Option<&Raw> {
        self.fields.get("metadata")
    }

    pub fn expired(&self, now: Timestamp) -> bool {
        self.confirm_before.is_some_and(|deadline| now >= deadline)
    }

    /// The command in one agreed spelling; two commands say the same if and only if this is equal.
    pub fn canonical(&self) -> String {
        let raw = Raw::of(&self.fields).expect("an object of raw JSON is JSON");
        canonical(&raw).expect("checked when the command was parsed")
    }
}

/// Read by payoutd, not by the bank.
const OWN_FIELDS: [&str; 7] =
    ["type", "payout_id", "account", "metadata", "issued_at", "confirm_before", "expected"];

impl TryFrom<Object> for CreateCommand {
    type Error = InvalidCommand;

    fn try_from(fields: Object) -> Result<Self, InvalidCommand> {
        let mut reader = Reader { fields: &fields, violations: Vec::new() };
        reader.command_type();
        let payout_id = reader.payout_id();
        let account = reader.account();
        let money = reader.money();
        let payment_method = reader.payment_method();
        let participants = reader.participants();
        let expected = reader.expected();
        let issued_at = reader.time("issued_at");
        let confirm_before = reader.time("confirm_before");
        if fields.get("session_id").is_some() {
            reader.refuse("/session_id", "must be left out: payoutd opens the session");
        }
        let mut violations = reader.violations;
        violations.truncate(VIOLATIONS_MAX);
        match (payout_id, money) {
            (Some(payout_id), Some(money)) if violations.is_empty() => Ok(Self {
                payout_id,
                account,
                money,
                payment_method,
                participants,
                expected,
                issued_at,
                confirm_before,
                fields,
            }),
            (payout_id, _) => Err(InvalidCommand { payout_id, violations }),
        }
    }
}

impl From<CreateCommand> for Object {
    fn from(command: CreateCommand) -> Self {
        command.fields
    }
}

impl fmt::Debug for CreateCommand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CreateCommand")
            .field("payout_id", &self.payout_id)
            .field("account", &self.account)
            .field("money", &self.money)
            .finish_non_exhaustive()
    }
}

/// Reads fields one by one and remembers everything that is wrong.
struct Reader<'a> {
    fields: &'a Object,
    violations: Vec<Violation>,
}

impl<'a> Reader<'a> {
    fn refuse(&mut self, pointer: &str, problem: impl Into<String>) {
        self.violations.push(Violation { pointer: pointer.into(), problem: problem.into() });
    }

    /// A field that is there and is not `null`.
    fn present(&self, name: &str) -> Option<&'a Raw> {
        self.fields.get(name).filter(|raw| raw.text() != "null")
    }

    fn text(&mut self, name: &str) -> Option<String> {
        let text = self.present(name)?.read().ok();
        if text.is_none() {
            self.refuse(&format!("/{name}"), "must be a string");
        }
        text
    }

    fn command_type(&mut self) {
        if self.present("type").is_none() {
            self.refuse("/type", "is missing: say \"payout.create\"");
        } else if let Some(other) = self.text("type").filter(|t| t != "payout.create") {
            let shown = if is_word(&other) { format!("{other:?} ") } else { String::new() };
            self.refuse("/type", format!("{shown}is not known: say \"payout.create\""));
        }
    }

    fn payout_id(&mut self) -> Option<PayoutId> {
        if self.present("payout_id").is_none() {
            self.refuse(
                "/payout_id",
                "is missing: name the payout; the name is its idempotency key",
            );
            return None;
        }
        match PayoutId::try_from(self.text("payout_id")?) {
            Ok(id) => Some(id),
            Err(e) => {
                self.refuse("/payout_id", e.to_string());
                None
            }
        }
    }

    fn account(&mut self) -> Account {
        let Some(raw) = self.present("account") else { return Account::Collateral };
        raw.read().unwrap_or_else(|_| {
            self.refuse("/account", "must be \"collateral\" or \"settlement\"");
            Account::Collateral
        })
    }

    fn money(&mut self) -> Option<Money> {
        let details: Object = self.object("amount_details")?;
        let amount = match details.get("amount").map(Raw::read::<i64>) {
            Some(Ok(amount)) if amount > 0 => Some(amount),
            _ => {
                let problem = "must be a whole number of minor units above 0 (10000 = 100.00)";
                self.refuse("/amount_details/amount", problem);
                None
            }
        };
        let currency = match details.get("currency").map(Raw::read::<Currency>) {
            Some(Ok(currency)) => Some(currency),
            _ => {
                let problem = "must be a three-letter currency code, such as \"rub\"";
                self.refuse("/amount_details/currency", problem);
                None
            }
        };
        Some(Money { amount: amount?, currency: currency? })
    }

    fn object(&mut self, name: &str) -> Option<Object> {
        let Some(raw) = self.present(name) else {
            self.refuse(&format!("/{name}"), "is missing");
            return None;
        };
        let object = raw.read().ok();
        if object.is_none() {
            self.refuse(&format!("/{name}"), "must be an object");
        }
        object
    }

    fn payment_method(&mut self) -> Value {
        let Some(raw) = self.object("payment_method").and(self.present("payment_method")) else {
            return Value::Null;
        };
        let method: Value = raw.read().unwrap_or_default();
        let Some(kind) = method["type"].as_str() else {
            self.refuse("/payment_method/type", "must be a string, such as \"card\"");
            return method;
        };
        if !method[kind].is_object() && is_word(kind) {
            let pointer = format!("/payment_method/{kind}");
            self.refuse(&pointer, "is missing: the details of the method go here");
        } else if !method[kind].is_object() {
            self.refuse("/payment_method/type", "must name the field that holds the details");
        }
        match kind {
            "card" => self.card(&method["card"]),
            "bank_account" => self.bank_account(&method["bank_account"]),
            _ => {}
        }
        method
    }

    fn card(&mut self, card: &Value) {
        let pointer = "/payment_method/card/type";
        match card["type"].as_str() {
            Some("encrypted_card") => {
                self.required(card, "/payment_method/card", &["encrypted_card", "number_hash"]);
            }
            Some("tokenized_card") => {
                self.required(card, "/payment_method/card", &["tokenized_card", "token"]);
            }
            Some("bank_card") => self.refuse(pointer, OPEN_CARD),
            Some(_) => {}
            None => self.refuse(pointer, "must be \"encrypted_card\" or \"tokenized_card\""),
        }
        if !card["bank_card"].is_null() && card["type"] != "bank_card" {
            self.refuse("/payment_method/card/bank_card", OPEN_CARD);
        }
    }

    fn bank_account(&mut self, account: &Value) {
        let at = "/payment_method/bank_account";
        match account["system_type"].as_str() {
            Some("ru") => {
                self.required(account, at, &["ru", "full_name"]);
                if account["ru"]["token"].is_null() && account["ru"]["account"].is_null() {
                    let pointer = format!("{at}/ru/token");
                    self.refuse(&pointer, "is missing: give the account's token");
                }
            }
            Some(_) => {}
            None => self.refuse(&format!("{at}/system_type"), "must be a string, such as \"ru\""),
        }
    }

    fn required(&mut self, value: &Value, at: &str, path: &[&str]) {
        let found = path.iter().fold(value, |value, key| &value[key]);
        if found.as_str().is_none_or(str::is_empty) {
            self.refuse(&format!("{at}/{}", path.join("/")), "must be a non-empty string");
        }
    }

    fn participants(&mut self) -> Value {
        let Some(raw) = self.present("participant_details") else { return Value::Null };
        let participants: Value = raw.read().unwrap_or_default();
        if !participants.is_object() {
            self.refuse("/participant_details", "must be an object");
        }
        participants
    }

    fn expected(&mut self) -> Expected {
        let Some(raw) = self.present("expected") else { return Expected::default() };
        raw.read().unwrap_or_else(|_| {
            self.refuse("/expected", "may hold \"last4\" and \"bin\", both strings of digits");
            Expected::default()
        })
    }

    fn time(&mut self, name: &str) -> Option<Timestamp> {
        let text = self.text(name)?;
        let time = Timestamp::parse(&text);
        if time.is_none() {
            let problem = "must be an RFC 3339 time, such as \"2026-11-21T18:00:00Z\"";
            self.refuse(&format!("/{name}"), problem);
        }
        time
    }
}

const OPEN_CARD: &str = "open card numbers are refused, so that payoutd stays out of PCI DSS \
                         scope: use a hash (\"encrypted_card\") or a token (\"tokenized_card\")";

#[cfg(test)]
mod tests {
    use serde_json::json;

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
        assert_eq!(
            pointers(&json!({})),
            ["/type", "/payout_id", "/amount_details", "/payment_method"]
        );
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
}
