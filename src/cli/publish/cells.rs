//! One row of a CSV file: from its cells to the JSON command of the documentation.
//!
//! The row itself is checked for what only a spreadsheet does to it; everything else is left to
//! the command's own reader, whose pointers are told as columns.

use std::borrow::Cow;

use serde_json::{Value, json};

use crate::domain::command::{InvalidCommand, Violation};
use crate::domain::json::{Object, Raw, canonical};

use super::columns::{self, AMOUNT, FREE_TEXT, METADATA, METHOD, METHODS, Method, REQUIRED};
use super::rows::{Flaw, Good, read};

/// The command that a row of cells stands for; those that are empty count as absent.
pub(super) fn command<'a>(
    cells: impl IntoIterator<Item = (&'static str, &'a [u8])>,
) -> Result<Good, Vec<Flaw>> {
    let text = |(column, cell)| (column, trimmed(cell));
    let cells: Vec<_> = cells.into_iter().map(text).filter(|(_, text)| !text.is_empty()).collect();
    let cell =
        |column: &str| cells.iter().find(|(name, _)| *name == column).map(|(_, text)| &**text);
    let mut draft = Draft::new(cell(METHOD));
    for (column, text) in cells.iter().filter(|(column, _)| *column != METHOD) {
        draft.read_cell(column, text);
    }
    draft.demand_required(|column| cell(column).is_none());
    draft.finish(cell(METADATA))
}

fn trimmed(cell: &[u8]) -> Cow<'_, str> {
    match String::from_utf8_lossy(cell) {
        Cow::Borrowed(text) => text.trim().into(),
        Cow::Owned(text) => text.into(),
    }
}

/// A command as far as the cells have been read.
struct Draft {
    method: Option<&'static Method>,
    /// All but the metadata, which has to stay as it was written.
    command: Value,
    flaws: Vec<Flaw>,
}

impl Draft {
    fn new(method: Option<&str>) -> Self {
        let command = json!({"type": "payout.create"});
        let mut draft = Self { method: method.and_then(Method::named), command, flaws: Vec::new() };
        if let Some(method) = draft.method {
            for (pointer, mark) in method.marks {
                draft.put(pointer, json!(mark));
            }
        } else if method.is_some() {
            let known = METHODS.map(|method| method.name).join(", ");
            draft.refuse(METHOD, format!("must be one of {known}"));
        }
        draft
    }

    fn refuse(&mut self, column: &str, problem: impl Into<String>) {
        // A cell that is not for this method has no field: then it is about the method.
        let pointer = columns::pointer(column, self.method).unwrap_or("/payment_method");
        let violation = Violation { pointer: pointer.into(), problem: problem.into() };
        self.flaws.push(Flaw { column: Some(column.into()), violation });
    }

    fn put(&mut self, pointer: &str, value: Value) {
        let names = pointer.split('/').skip(1);
        *names.fold(&mut self.command, |place, name| &mut place[name]) = value;
    }

    fn read_cell(&mut self, column: &'static str, text: &str) {
        let Some(pointer) = columns::pointer(column, self.method) else {
            // Without a method nobody can tell which cells belong to it.
            if let Some(method) = self.method {
                self.refuse(column, format!("is not for method {}: leave it empty", method.name));
            }
            return;
        };
        if let Err(problem) = check(column, text) {
            self.refuse(column, problem);
        }
        match text.parse::<i64>() {
            _ if column == METADATA => {}
            Ok(amount) if column == AMOUNT => self.put(pointer, json!(amount)),
            Ok(_) | Err(_) => self.put(pointer, json!(text)),
        }
    }

    fn demand_required(&mut self, is_empty: impl Fn(&str) -> bool) {
        for (column, pointer) in REQUIRED.iter().filter(|(column, _)| is_empty(column)) {
            self.refuse(column, "is empty: every payout needs it");
            self.put(pointer, Value::Null);
        }
        let Some(method) = self.method else { return };
        for (column, pointer) in method.required.iter().filter(|(column, _)| is_empty(column)) {
            self.refuse(column, format!("is empty: method {} needs it", method.name));
            self.put(pointer, Value::Null);
        }
    }

    fn finish(mut self, metadata: Option<&str>) -> Result<Good, Vec<Flaw>> {
        let mut command = Object::default();
        for (name, value) in self.command.as_object().expect("made as one") {
            command.push(name, Raw::of(value).expect("a value is JSON"));
        }
        if let Some(metadata) = metadata.and_then(|text| read_metadata(text).ok()) {
            command.push(METADATA, metadata);
        }
        let body = serde_json::to_vec(&command).expect("an object of raw JSON is JSON");
        match read(body) {
            Ok(good) if self.flaws.is_empty() => return Ok(good),
            Ok(_) => {}
            Err(InvalidCommand { violations, .. }) => self.add(violations),
        }
        Err(self.flaws)
    }

    /// What the command's reader found, unless the row's own check has said it better.
    fn add(&mut self, violations: Vec<Violation>) {
        let own = self.flaws.len();
        for violation in violations {
            let column = columns::column(&violation.pointer, self.method);
            let is_told = self.flaws[..own].iter().any(|flaw| {
                let (told, found) = (&flaw.violation.pointer, &violation.pointer);
                // The reader may miss another field of the same object.
                told == found || column.is_none() && are_siblings(told, found)
            });
            if !is_told {
                self.flaws.push(Flaw { column: column.map(Into::into), violation });
            }
        }
    }
}

fn are_siblings(one: &str, other: &str) -> bool {
    let parent = |pointer: &str| pointer.rfind('/').unwrap_or(0);
    let (of_one, of_other) = (parent(one), parent(other));
    of_one > 0 && one[..of_one] == other[..of_other]
}

/// What a spreadsheet, or whoever fills it, does to a cell. The text itself is not repeated: it
/// may be an account number or a name.
fn check(column: &str, text: &str) -> Result<(), String> {
    let is_free_text = FREE_TEXT.contains(&column);
    if text.contains(char::REPLACEMENT_CHARACTER) {
        return Err("holds characters that are not UTF-8: save the file as CSV in UTF-8".into());
    }
    if !is_free_text && is_rewritten(text) {
        return Err(
            "was rewritten by a spreadsheet, like 4.07E+19, and has lost its digits: format \
                    the column as text, and enter it again"
                .into(),
        );
    }
    if column == METADATA {
        return read_metadata(text).map(drop);
    }
    if has_line_break(text) {
        return Err(LINE_BREAK.into());
    }
    if column == AMOUNT && !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err("must be a whole number of minor units, digits only: 10000 for 100.00".into());
    }
    Ok(())
}

/// A quote that is left open takes in the rows after it, up to the next quote.
const LINE_BREAK: &str = "holds a line break: take it out, or close the quote that was left open";

fn has_line_break(text: &str) -> bool {
    text.contains(['\n', '\r'])
}

/// How spreadsheets show numbers that are too long for them: `4,07E+19`. The plus tells them from
/// tokens and hashes.
fn is_rewritten(text: &str) -> bool {
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let Some((number, exponent)) = text.split_once(['E', 'e']) else { return false };
    let number = number.trim_start_matches(['-', '+']);
    let (whole, decimals) = number.split_once(['.', ',']).unwrap_or((number, "0"));
    digits(whole) && digits(decimals) && exponent.strip_prefix('+').is_some_and(digits)
}

/// JSON if it begins like an object, a list or a string; otherwise text, also when it is a number:
/// an order number is not one to be computed with.
fn read_metadata(text: &str) -> Result<Raw, String> {
    if !text.starts_with(['{', '[', '"']) {
        let text = (!has_line_break(text)).then_some(text).ok_or(LINE_BREAK)?;
        return Ok(Raw::of(&text).expect("text is JSON"));
    }
    let raw = Raw::parse(text).ok_or("begins like JSON and is none: mend it, or quote it")?;
    canonical(&raw)?;
    Ok(raw)
}

#[cfg(test)]
mod tests;
