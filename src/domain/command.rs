//! What a business asks for: one JSON object a command, checked whole before anything is done.
//!
//! Fields that the bank knows and payoutd does not are passed through as they were written.
//! Open card numbers are refused: payoutd stays out of PCI DSS scope.

mod intervention;
mod invalid;
mod reader;

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::decision::not_comparable;
use super::id::PayoutId;
use super::json::{Object, Raw, canonical};
use super::money::Money;
use super::time::Timestamp;
use reader::{Reader, Terms};

pub use intervention::{Intervention, REASON_CHARS_MAX, SESSION_ID_CHARS_MAX, Verb};
pub use invalid::{InvalidCommand, Violation};

/// Largest command, in bytes: the bank's own examples are under 1 KiB, and a queue is no place for files.
pub const COMMAND_BYTES_MAX: usize = 64 * 1024;

/// Which of the business's accounts at the bank pays.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Account {
    /// The collateral account: `session/create`, `session/start/payout`.
    Collateral,
    /// A settlement account: the same calls with `/rko`, and `confirm_information` to echo.
    Settlement,
}

/// How the payout is started at the bank.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Flow {
    /// A session first, then the payout in it: what is unknown can be looked up and sent again.
    #[default]
    TwoStep,
    /// Both in one request, which the bank does not recommend: until its answer nobody knows the
    /// session, so it is never sent twice.
    OneRequest,
}

/// A message of the command queue.
#[derive(Clone, Debug, PartialEq)]
pub enum Command {
    Create(Box<CreateCommand>),
    Intervention(Intervention),
}

impl Command {
    /// Reads a queue message. Reports all violations at once.
    pub fn parse(message: &[u8]) -> Result<Self, InvalidCommand> {
        let fields = fields(message)?;
        let named = fields.get("type").and_then(|raw| raw.read::<String>().ok());
        let verb = Verb::ALL.into_iter().find(|v| named.as_deref() == Some(v.command_type()));
        match verb {
            Some(verb) => Intervention::read(verb, &fields).map(Self::Intervention),
            None => CreateCommand::try_from(fields).map(|create| Self::Create(Box::new(create))),
        }
    }
}

/// `payout.create`: pay this amount to this recipient.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Object", into = "Object")]
pub struct CreateCommand {
    /// The command as it was written.
    fields: Object,
    pub payout_id: PayoutId,
    pub account: Account,
    pub money: Money,
    pub payment_method: Value,
    /// `Null` when the command names none.
    pub participants: Value,
    /// Digits the command cannot know by itself (it holds a hash), given by the caller.
    pub expected: Expected,
    /// `None`: as the configuration says.
    pub flow: Option<Flow>,
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

/// How far a sender's clock may be ahead of the store's.
const AHEAD_MAX: Duration = Duration::from_secs(86_400);

/// The fields of a message, whatever they say.
fn fields(message: &[u8]) -> Result<Object, InvalidCommand> {
    let whole = InvalidCommand::whole;
    if message.len() > COMMAND_BYTES_MAX {
        let size = message.len();
        return Err(whole(format!("has {size} bytes; at most {COMMAND_BYTES_MAX} are taken")));
    }
    let text = std::str::from_utf8(message).map_err(|e| whole(format!("is not UTF-8: {e}")))?;
    let raw = Raw::parse(text).ok_or_else(|| whole("is not valid JSON".into()))?;
    canonical(&raw).map_err(whole)?;
    raw.read().map_err(|_| whole("must be one JSON object".into()))
}

impl CreateCommand {
    /// Reads a message that has to be a `payout.create`.
    pub fn parse(message: &[u8]) -> Result<Self, InvalidCommand> {
        Self::try_from(fields(message)?)
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

    /// Whether the bank also issues the recipient, who is self-employed, a receipt.
    pub fn asks_for_receipt(&self) -> bool {
        self.fields.get("fiscalization_details").is_some_and(|raw| raw.text() != "null")
    }

    pub fn metadata(&self) -> Option<&Raw> {
        self.fields.get("metadata")
    }

    /// Whether a payout of this command could have been settled and forgotten since, and what to
    /// do then. A command without `issued_at` does not tell.
    pub fn forgotten(&self, retention: Duration, now: Timestamp) -> Result<(), InvalidCommand> {
        let Some(issued_at) = self.issued_at else { return Ok(()) };
        let problem = if issued_at.since(now) > AHEAD_MAX {
            "is in the future: see to the clock of whoever sent it"
        } else if now.since(issued_at) > retention {
            "is longer ago than payouts are remembered: it may have been paid already; find out, \
             and send a new command under a new payout_id"
        } else {
            return Ok(());
        };
        let problem = problem.to_owned();
        let violations = vec![Violation { pointer: "/issued_at".into(), problem }];
        Err(InvalidCommand { payout_id: Some(self.payout_id.clone()), violations })
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
const OWN_FIELDS: [&str; 8] =
    ["type", "payout_id", "account", "metadata", "issued_at", "confirm_before", "expected", "flow"];

impl TryFrom<Object> for CreateCommand {
    type Error = InvalidCommand;

    fn try_from(fields: Object) -> Result<Self, InvalidCommand> {
        let (command, violations) = Self::read(fields)?;
        match violations.is_empty() {
            true => Ok(command),
            false => Err(InvalidCommand::new(Some(command.payout_id), violations)),
        }
    }
}

impl CreateCommand {
    /// A command that was taken before, perhaps by a version that asked for less.
    pub(super) fn stored(fields: Object) -> Result<Self, InvalidCommand> {
        Self::read(fields).map(|(command, _)| command)
    }

    /// The command, with what is wrong with it. An error if there is no telling what to pay.
    fn read(fields: Object) -> Result<(Self, Vec<Violation>), InvalidCommand> {
        let mut reader = Reader { fields: &fields, violations: Vec::new() };
        reader.command_type();
        let payout_id = reader.payout_id();
        let account = reader.account();
        let money = reader.money();
        let payment_method = reader.payment_method();
        let participants = reader.participants();
        let terms = Terms { account, money: money.as_ref() };
        reader.check_method(&payment_method, terms);
        reader.paying_account(account, &participants);
        reader.receipt(account);
        for pointer in not_comparable(&payment_method, &participants) {
            reader.refuse_too(&pointer, "must be text, in an object");
        }
        let expected = reader.expected(&payment_method);
        let flow = reader.flow();
        let issued_at = reader.time("issued_at");
        let confirm_before = reader.time("confirm_before");
        reader.refuse_foreign_fields();
        let violations = reader.violations;
        match (payout_id, money) {
            (Some(payout_id), Some(money)) => {
                let command = Self {
                    payout_id,
                    account: account.unwrap_or(Account::Collateral),
                    money,
                    payment_method,
                    participants,
                    expected,
                    flow,
                    issued_at,
                    confirm_before,
                    fields,
                };
                Ok((command, violations))
            }
            (payout_id, _) => Err(InvalidCommand::new(payout_id, violations)),
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

#[cfg(test)]
mod tests;
