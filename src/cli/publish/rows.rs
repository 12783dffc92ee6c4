//! What a file of commands holds, row by row, whichever format it is in.
//!
//! Streams: one row is held at a time, and none is larger than a command may be.

use std::fmt;
use std::io::{self, BufReader, Read};

use bytes::Bytes;
use serde::Serialize;

use crate::domain::command::{Command, InvalidCommand, Violation};

use super::csv::Csv;
use super::lines::Lines;

/// The formats of a file of commands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Format {
    /// One JSON object a line
    Jsonl,
    /// A header that names the columns, then one payout a row
    Csv,
}

pub(super) enum Rows<R> {
    JsonLines(Lines<BufReader<R>>),
    Csv(Box<Csv<R>>),
}

/// One row, and where it begins.
pub(super) struct Row {
    /// The first line of the file is 1.
    pub(super) line: u64,
    pub(super) command: Result<Good, Vec<Flaw>>,
}

/// A command that may go out.
pub(super) struct Good {
    pub(super) body: Bytes,
    pub(super) command: Command,
}

/// One thing wrong with a row: a violation, and the column of a CSV file that it comes from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(in crate::cli) struct Flaw {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) column: Option<String>,
    #[serde(flatten)]
    pub(super) violation: Violation,
}

impl<R: Read> Rows<R> {
    pub(super) fn json_lines(input: R) -> Self {
        Self::JsonLines(Lines::new(BufReader::new(input)))
    }

    /// Reads a CSV file's header already.
    pub(super) fn new(format: Format, input: R) -> io::Result<Self> {
        match format {
            Format::Jsonl => Ok(Self::json_lines(input)),
            Format::Csv => Ok(Self::Csv(Box::new(Csv::new(input)?))),
        }
    }

    /// The next row that is not blank.
    pub(super) fn next(&mut self) -> io::Result<Option<Row>> {
        match self {
            Self::JsonLines(lines) => {
                while let Some(body) = lines.next()? {
                    if !body.trim_ascii().is_empty() {
                        let command = read(body).map_err(Flaw::all);
                        return Ok(Some(Row { line: lines.number, command }));
                    }
                }
                Ok(None)
            }
            Self::Csv(csv) => csv.next(),
        }
    }
}

/// Reads a command as the executors will. The one place here where commands are parsed.
pub(super) fn read(body: Vec<u8>) -> Result<Good, InvalidCommand> {
    let command = Command::parse(&body)?;
    Ok(Good { body: body.into(), command })
}

impl Flaw {
    fn all(invalid: InvalidCommand) -> Vec<Self> {
        let flaw = |violation| Self { column: None, violation };
        invalid.violations.into_iter().map(flaw).collect()
    }
}

impl fmt::Display for Flaw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.column {
            Some(column) => write!(f, ", column {column}: {}", self.violation.problem),
            None if self.violation.pointer.is_empty() => {
                write!(f, ": the row {}", self.violation.problem)
            }
            None => write!(f, ": {}", self.violation),
        }
    }
}

#[cfg(test)]
impl Good {
    pub(super) fn create(&self) -> &crate::domain::command::CreateCommand {
        match &self.command {
            Command::Create(create) => create,
            Command::Intervention(word) => panic!("{word:?} is no payout"),
        }
    }
}
