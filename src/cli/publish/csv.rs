//! CSV with a header: which columns there are, and then a command a row.

use std::io::{self, Read};

use crate::domain::command::{COMMAND_BYTES_MAX, Violation};
use crate::domain::open_card::without_long_numbers;

use super::cells;
use super::columns::{COLUMNS, REQUIRED};
use super::records::{Fault, Record, Records};
use super::rows::{Flaw, Good, Row};

pub(super) struct Csv<R> {
    records: Records<R>,
    /// The column of each cell. Empty when the header cannot be used: then nobody can tell what
    /// the rows mean, and none is read.
    header: Vec<&'static str>,
    /// What is wrong with the header, until it is told.
    refused: Option<Row>,
}

impl<R: Read> Csv<R> {
    pub(super) fn new(input: R) -> io::Result<Self> {
        let mut records = Records::new(input)?;
        let header = match records.next()? {
            Some(record) => (record.line, read_header(record)),
            None => (1, Err(vec![flaw(None, "is empty: the first line has to name the columns")])),
        };
        Ok(match header {
            (_, Ok(header)) => Self { records, header, refused: None },
            (line, Err(flaws)) => {
                let refused = Row { line, command: Err(flaws) };
                Self { records, header: Vec::new(), refused: Some(refused) }
            }
        })
    }

    pub(super) fn next(&mut self) -> io::Result<Option<Row>> {
        if self.header.is_empty() {
            return Ok(self.refused.take());
        }
        while let Some(record) = self.records.next()? {
            let line = record.line;
            if let Some(command) = read_row(&self.header, record) {
                return Ok(Some(Row { line, command }));
            }
        }
        Ok(None)
    }
}

fn flaw(column: Option<&str>, problem: impl Into<String>) -> Flaw {
    let violation = Violation { pointer: String::new(), problem: problem.into() };
    Flaw { column: column.map(Into::into), violation }
}

fn spoilt(fault: Fault) -> Vec<Flaw> {
    let problem = match fault {
        Fault::TooLong => format!(
            "has more than {COMMAND_BYTES_MAX} bytes, or far too many cells: look for a quote that \
             was left open; what follows was taken for part of it"
        ),
        Fault::TextAfterQuote => "has text behind the quote that closes a cell: write a quote \
                                  inside a quoted cell twice, or close the one that was left open"
            .into(),
    };
    vec![flaw(None, problem)]
}

/// The columns, or everything that is wrong with their names.
fn read_header(record: Record<'_>) -> Result<Vec<&'static str>, Vec<Flaw>> {
    let cells = record.cells.map_err(spoilt)?;
    not_comma_separated(&cells)?;
    let mut header = Vec::with_capacity(cells.len());
    let mut flaws = Vec::new();
    for (n, cell) in cells.iter().enumerate() {
        let name = String::from_utf8_lossy(cell);
        let name = name.trim();
        match COLUMNS.iter().find(|column| **column == name) {
            Some(column) if header.contains(column) => {
                flaws.push(flaw(Some(column), "occurs twice"));
            }
            Some(column) => header.push(*column),
            None => flaws.push(unknown(n + 1, name)),
        }
    }
    for (column, _) in REQUIRED.iter().filter(|(column, _)| !header.contains(column)) {
        flaws.push(flaw(Some(column), "is missing: every payout needs it"));
    }
    if flaws.is_empty() { Ok(header) } else { Err(flaws) }
}

/// What is text of another kind would only be called a list of unknown columns.
fn not_comma_separated(cells: &[&[u8]]) -> Result<(), Vec<Flaw>> {
    let holds = |byte| cells.iter().any(|cell| cell.contains(&byte));
    let problem = if holds(b'\0') {
        "is UTF-16, by the look of it: save the file as \"CSV UTF-8\""
    } else if cells.len() == 1 && (holds(b'\t') || holds(b'|')) {
        "is divided by neither commas nor semicolons: save the file with one of them"
    } else {
        return Ok(());
    };
    Err(vec![flaw(None, problem)])
}

/// From which likeness on (1 is the same) a name is taken for a misspelt one.
const MISSPELT: f64 = 0.8;

/// A name is repeated only if it resembles a column's and has no long number in it: a file without
/// a header, or with a damaged one, begins with somebody's account.
fn unknown(position: usize, name: &str) -> Flaw {
    let likeness = |column: &&str| strsim::jaro_winkler(&name.to_lowercase(), column);
    let nearest = COLUMNS.iter().max_by(|a, b| likeness(a).total_cmp(&likeness(b)));
    match nearest.filter(|column| likeness(column) > MISSPELT) {
        Some(nearest) if without_long_numbers(name) == name => {
            let shown = name.escape_debug().to_string();
            flaw(Some(&shown), format!("is not known: did you mean {nearest}?"))
        }
        Some(_) | None => {
            let cure = "payoutd publish --template shows all columns";
            flaw(None, format!("names a column that is not known, number {position}: {cure}"))
        }
    }
}

/// `None`: nothing is in it. Spreadsheets write such rows at the end.
fn read_row(header: &[&'static str], record: Record<'_>) -> Option<Result<Good, Vec<Flaw>>> {
    let cells = match record.cells {
        Ok(cells) => cells,
        Err(fault) => return Some(Err(spoilt(fault))),
    };
    if cells.iter().all(|cell| cell.trim_ascii().is_empty()) {
        return None;
    }
    if cells.len() != header.len() {
        let problem = format!(
            "has {} cells where the header names {} columns: a cell that holds the delimiter or a \
             quote has to be quoted",
            cells.len(),
            header.len()
        );
        return Some(Err(vec![flaw(None, problem)]));
    }
    Some(cells::command(header.iter().copied().zip(cells)))
}

#[cfg(test)]
mod tests;
