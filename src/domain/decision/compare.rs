//! How one field is looked up on both sides, and held against each other.

use std::borrow::Cow;

use serde_json::Value;

use super::super::command::CreateCommand;
use super::super::id::PayoutId;
use super::super::json::{NoObject, Object, Raw};
use super::super::money::Money;
use super::super::recipient::same_name;
use super::super::session::{BankPayout, Session};
use super::fields::{Compare, Field, Part, Place, Rule};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    Agrees,
    Differs,
    NotShown,
}

/// What the bank shows: the session and the one payout in it.
#[derive(Clone, Copy)]
pub(super) struct Shown<'a> {
    pub(super) session: &'a Session,
    pub(super) payout: &'a BankPayout,
}

pub(super) enum Found<'a> {
    Nothing,
    Text(Cow<'a, str>),
    /// Something else than text.
    NoText,
    /// On the way there stands something that is not what it should be.
    Unreadable,
}

impl Field {
    pub(super) fn outcome(&self, command: &CreateCommand, shown: Shown<'_>) -> Outcome {
        if self.rule == Rule::Ignored {
            return Outcome::Agrees;
        }
        let asked = self.asked.map_or(Found::Nothing, |place| asked(command, place));
        match (self.rule, asked, shown.find(self.shown)) {
            (_, _, Found::Unreadable) | (Rule::Must, _, Found::NoText) => Outcome::Differs,
            (Rule::Must, _, Found::Nothing) => Outcome::NotShown,
            (_, Found::Nothing, _) => Outcome::Agrees,
            (Rule::MustIfAsked, _, Found::Nothing) => Outcome::NotShown,
            (Rule::IfShown | Rule::Ignored, _, Found::Nothing) => Outcome::Agrees,
            (_, Found::Text(asked), Found::Text(shown)) => {
                if self.compare.same(&asked, &shown) {
                    Outcome::Agrees
                } else {
                    Outcome::Differs
                }
            }
            (_, Found::NoText | Found::Unreadable, _) | (_, _, Found::NoText) => Outcome::Differs,
        }
    }
}

impl<'a> Shown<'a> {
    /// Whether the whole part is something that nobody can read a field of.
    pub(super) fn is_unreadable(self, part: Part) -> bool {
        let no_object = |value: &Value| !value.is_null() && !value.is_object();
        match part {
            Part::Method => no_object(&self.payout.payment_method),
            Part::Participants => no_object(&self.payout.participants),
            Part::Information => {
                let information = self.session.confirm_information.as_ref();
                information.is_some_and(|raw| raw.read::<Object>().is_err())
            }
            Part::Amount
            | Part::Currency
            | Part::PayoutId
            | Part::ExpectedLast4
            | Part::ExpectedBin
            | Part::Unread => false,
        }
    }

    fn find(self, place: Place) -> Found<'a> {
        match place.part {
            Part::Amount => amount(self.payout.money.as_ref()),
            Part::Currency => currency(self.payout.money.as_ref()),
            Part::Method => find(&self.payout.payment_method, place.path),
            Part::Participants => find(&self.payout.participants, place.path),
            Part::PayoutId => given(self.session.payout_id.as_ref().map(PayoutId::as_str)),
            Part::Information => {
                let information = self.session.confirm_information.as_ref();
                information.map_or(Found::Nothing, |raw| find_written(raw, place.path))
            }
            Part::ExpectedLast4 | Part::ExpectedBin | Part::Unread => Found::Nothing,
        }
    }
}

pub(super) fn asked(command: &CreateCommand, place: Place) -> Found<'_> {
    match place.part {
        Part::Amount => amount(Some(&command.money)),
        Part::Currency => currency(Some(&command.money)),
        Part::PayoutId => given(Some(command.payout_id.as_str())),
        Part::ExpectedLast4 => given(command.expected.last4.as_deref()),
        Part::ExpectedBin => given(command.expected.bin.as_deref()),
        Part::Method => find(&command.payment_method, place.path),
        Part::Participants => find(&command.participants, place.path),
        Part::Information | Part::Unread => Found::Nothing,
    }
}

fn given(text: Option<&str>) -> Found<'_> {
    text.map_or(Found::Nothing, |text| Found::Text(text.into()))
}

fn amount(money: Option<&Money>) -> Found<'static> {
    money.map_or(Found::Nothing, |money| Found::Text(money.amount.to_string().into()))
}

fn currency(money: Option<&Money>) -> Found<'static> {
    money.map_or(Found::Nothing, |money| Found::Text(money.currency.code().into()))
}

pub(super) fn find<'a>(whole: &'a Value, path: &[&str]) -> Found<'a> {
    let mut value = whole;
    for key in path {
        value = match value {
            Value::Null => return Found::Nothing,
            Value::Object(fields) => fields.get(*key).unwrap_or(&Value::Null),
            _ => return Found::Unreadable,
        };
    }
    match value {
        Value::Null => Found::Nothing,
        Value::String(text) => Found::Text(text.into()),
        _ => Found::NoText,
    }
}

/// As [`find`], without reading anything beside the path: what the bank adds there is echoed and
/// decides nothing.
fn find_written(whole: &Raw, path: &[&str]) -> Found<'static> {
    match whole.at(path) {
        Err(NoObject) => Found::Unreadable,
        Ok(None) => Found::Nothing,
        Ok(Some(raw)) => raw.read().map_or(Found::NoText, |text: String| Found::Text(text.into())),
    }
}

impl Compare {
    pub(super) fn same(self, one: &str, other: &str) -> bool {
        match self {
            Self::Exact => one == other,
            Self::Words => same_name(one, other),
        }
    }
}
