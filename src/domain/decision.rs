//! The gate: may this payout be confirmed?
//!
//! Holds what the bank shows against what the command asked for, by the table in `fields`.
//! Anything that disagrees, or cannot be read, is a reason to cancel; what the table does not name
//! decides nothing.

mod compare;
mod fields;

use serde_json::Value;

use super::command::{Account, CreateCommand};
use super::session::Session;
use super::time::Timestamp;
use compare::{Found, Outcome, Shown, find};
use fields::Part;

#[derive(Clone, Debug, PartialEq)]
pub enum Verdict {
    Confirm,
    /// Cancel, for this reason.
    Cancel {
        reason: String,
    },
    /// A settlement payout whose `confirm_information` was not shown: ask status for it.
    NeedsInformation,
}

/// Decides on a session that awaits confirmation, holds one payout and is the payout's own.
pub fn decide(command: &CreateCommand, session: &Session, now: Timestamp) -> Verdict {
    let cancel = |reason: String| Verdict::Cancel { reason };
    let Some(payout) = session.payout() else {
        return cancel("the session does not hold exactly one payout".into());
    };
    if command.expired(now) {
        return cancel("the command's confirm_before has passed".into());
    }
    match command.account {
        Account::Settlement if session.confirm_information.is_none() => {
            return Verdict::NeedsInformation;
        }
        Account::Settlement | Account::Collateral => {}
    }
    let differs = differences(command, Shown { session, payout });
    if differs.is_empty() {
        Verdict::Confirm
    } else {
        cancel(format!("differs from the command: {}", differs.join(", ")))
    }
}

/// In what the bank shows of a payout that it paid contradicts the command, with the amount if that
/// is it. What it does not show any more says nothing.
pub fn contradictions(command: &CreateCommand, session: &Session) -> Vec<String> {
    let Some(payout) = session.payout() else { return Vec::new() };
    let shown = Shown { session, payout };
    let differs = |field: &&fields::Field| field.outcome(command, shown) == Outcome::Differs;
    let mut names: Vec<_> =
        fields::of_command(command).filter(differs).map(|field| field.name.to_owned()).collect();
    if let Some(paid) = payout.money.as_ref().filter(|paid| **paid != command.money) {
        names.push(format!("it was {paid}"));
    }
    names
}

/// Names of the fields in which the bank's payout disagrees with the command. Names only: values
/// may be somebody's account.
fn differences(command: &CreateCommand, shown: Shown<'_>) -> Vec<String> {
    let mut differs = Vec::new();
    let mut unreadable = false;
    for field in fields::of_command(command) {
        if shown.is_unreadable(field.shown.part) {
            unreadable = true;
            continue;
        }
        match field.outcome(command, shown) {
            Outcome::Agrees => {}
            Outcome::Differs => differs.push(field.name.to_owned()),
            Outcome::NotShown => differs.push(format!("{} (not shown)", field.name)),
        }
    }
    if unreadable {
        differs.push("details that cannot be read".into());
    }
    differs
}

/// JSON pointers of what a command asks for and the gate could not compare, because it is no text:
/// a number of 20 digits, say, does not survive being read as a number.
pub(super) fn not_comparable(payment_method: &Value, participants: &Value) -> Vec<String> {
    let pointer = |field: &'static fields::Field| {
        let place = field.asked?;
        let (whole, name) = match place.part {
            Part::Method => (payment_method, "payment_method"),
            Part::Participants => (participants, "participant_details"),
            Part::Amount
            | Part::Currency
            | Part::PayoutId
            | Part::ExpectedLast4
            | Part::ExpectedBin
            | Part::Information
            | Part::Unread => return None,
        };
        match find(whole, place.path) {
            Found::Nothing | Found::Text(_) => None,
            Found::NoText | Found::Unreadable => Some(format!("/{name}/{}", place.path.join("/"))),
        }
    };
    fields::of_method(payment_method).filter_map(pointer).collect()
}

#[cfg(test)]
mod tests;
