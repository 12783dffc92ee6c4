//! Records of a CSV file (RFC 4180), each bounded in size.
//!
//! A quoted cell may run over several lines; a quote that is left open takes in what follows, so
//! a record says when it is larger than any command, and no more of it is held than that. The
//! parser is `csv-core` rather than `csv`, which would hold all of such a record.

use std::io::{self, BufRead, BufReader, Cursor, Read};

use csv_core::{ReadRecordResult, Reader, ReaderBuilder};

use crate::domain::command::COMMAND_BYTES_MAX;

use super::lines::BYTE_ORDER_MARK;
use super::quotes::Quotes;

/// Far more cells than there are columns: a longer row is wrong in any case.
const CELLS_MAX: usize = 256;

pub(super) struct Records<R> {
    input: io::Chain<Cursor<Vec<u8>>, BufReader<R>>,
    parser: Reader,
    delimiter: u8,
    /// Of the byte that comes next; the first line is 1.
    line: u64,
    after_return: bool,
    /// The record read last: its cells one after the other, and where each ends.
    text: Vec<u8>,
    ends: Vec<usize>,
}

/// A record, and where it begins.
pub(super) struct Record<'a> {
    pub(super) line: u64,
    pub(super) cells: Result<Vec<&'a [u8]>, Fault>,
}

/// Why nobody can tell what the cells of a record are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// It is larger than any command.
    TooLong,
    /// Behind the quote that closes a cell, the cell goes on.
    TextAfterQuote,
}

impl<R: Read> Records<R> {
    /// Commas or semicolons: what the first line has more of. Spreadsheets write semicolons where
    /// the comma is in numbers. A byte order mark is passed over.
    pub(super) fn new(input: R) -> io::Result<Self> {
        let mut input = BufReader::new(input);
        let mut first = Vec::new();
        input.by_ref().take(COMMAND_BYTES_MAX as u64).read_until(b'\n', &mut first)?;
        if first.starts_with(BYTE_ORDER_MARK) {
            first.drain(..BYTE_ORDER_MARK.len());
        }
        let count = |delimiter| first.iter().filter(|byte| **byte == delimiter).count();
        let delimiter = if count(b';') > count(b',') { b';' } else { b',' };
        Ok(Self {
            parser: ReaderBuilder::new().delimiter(delimiter).build(),
            delimiter,
            input: Cursor::new(first).chain(input),
            line: 1,
            after_return: false,
            text: vec![0; COMMAND_BYTES_MAX],
            ends: vec![0; CELLS_MAX],
        })
    }

    /// The next record; empty lines are passed over.
    pub(super) fn next(&mut self) -> io::Result<Option<Record<'_>>> {
        self.skip_line_breaks()?;
        let line = self.line;
        let (mut bytes, mut cells, mut is_too_long) = (0, 0, false);
        let mut quotes = Quotes::new(self.delimiter);
        loop {
            let input = self.input.fill_buf()?;
            let (result, read, written, ended) =
                self.parser.read_record(input, &mut self.text[bytes..], &mut self.ends[cells..]);
            self.line += line_breaks(&input[..read], &mut self.after_return);
            quotes.follow(&input[..read]);
            self.input.consume(read);
            (bytes, cells) = (bytes + written, cells + ended);
            match result {
                ReadRecordResult::InputEmpty => {}
                ReadRecordResult::OutputFull | ReadRecordResult::OutputEndsFull => {
                    (bytes, cells, is_too_long) = (0, 0, true);
                }
                ReadRecordResult::Record if is_too_long => {
                    return Ok(Some(Record { line, cells: Err(Fault::TooLong) }));
                }
                ReadRecordResult::Record if quotes.has_text_after() => {
                    return Ok(Some(Record { line, cells: Err(Fault::TextAfterQuote) }));
                }
                ReadRecordResult::Record => {
                    let starts = [0].into_iter().chain(self.ends[..cells].iter().copied());
                    let ends = self.ends[..cells].iter();
                    let cells = starts.zip(ends).map(|(start, end)| &self.text[start..*end]);
                    return Ok(Some(Record { line, cells: Ok(cells.collect()) }));
                }
                ReadRecordResult::End => return Ok(None),
            }
        }
    }

    /// So that a record's line is where it begins, not where empty lines before it do.
    fn skip_line_breaks(&mut self) -> io::Result<()> {
        loop {
            let input = self.input.fill_buf()?;
            let skipped = input.iter().take_while(|byte| b"\r\n".contains(byte)).count();
            if skipped == 0 {
                return Ok(());
            }
            self.line += line_breaks(&input[..skipped], &mut self.after_return);
            self.input.consume(skipped);
        }
    }
}

/// CR, LF or both; `after_return`: the byte before these was a CR.
fn line_breaks(bytes: &[u8], after_return: &mut bool) -> u64 {
    let mut count = 0;
    for byte in bytes {
        let is_second_half = *byte == b'\n' && *after_return;
        count += u64::from(b"\r\n".contains(byte) && !is_second_half);
        *after_return = *byte == b'\r';
    }
    count
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Gives a byte at a time: whatever the chunks, the records are the same.
    struct Slowly<'a>(&'a [u8]);

    impl Read for Slowly<'_> {
        fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
            let count = 1.min(into.len());
            self.0.read(&mut into[..count])
        }
    }

    /// Each record's line and cells; instead of those, the fault of one that has none.
    fn records(text: &str) -> Vec<(u64, Vec<String>)> {
        let all = |input: &mut dyn Read| {
            let mut records = Records::new(input).expect("readable");
            let mut found = Vec::new();
            while let Some(record) = records.next().expect("readable") {
                let text = |cell: &&[u8]| String::from_utf8_lossy(cell).into_owned();
                let cells = match record.cells {
                    Ok(cells) => cells.iter().map(text).collect(),
                    Err(fault) => vec![format!("{fault:?}")],
                };
                found.push((record.line, cells));
            }
            found
        };
        let found = all(&mut text.as_bytes());
        assert_eq!(found, all(&mut Slowly(text.as_bytes())), "a byte at a time");
        found
    }

    fn record<const N: usize>(line: u64, cells: [&str; N]) -> (u64, Vec<String>) {
        (line, cells.map(str::to_owned).to_vec())
    }

    #[test]
    fn records_know_their_lines_whatever_ends_them_and_whatever_is_quoted() {
        let text = "\u{feff}a,b\r\n\r\n1,\"x, \"\"y\"\"\r\nz\"\n\n,\n\"\",last";
        assert_eq!(
            records(text),
            [
                record(1, ["a", "b"]),
                record(3, ["1", "x, \"y\"\r\nz"]),
                record(6, ["", ""]),
                record(7, ["", "last"]),
            ]
        );
        let of_a_mac = text.replace("\r\n", "\n").replace('\n', "\r");
        let lines = |text| records(text).into_iter().map(|(line, _)| line).collect::<Vec<_>>();
        assert_eq!(lines(&of_a_mac), lines(text));
        assert_eq!(records(""), []);
        assert_eq!(records("\n\r\n"), []);
    }

    #[test]
    fn the_first_line_says_which_delimiter_it_is() {
        assert_eq!(records("a;b\n1,5;2"), [record(1, ["a", "b"]), record(2, ["1,5", "2"])]);
        assert_eq!(records("a,b\n1;5,2"), [record(1, ["a", "b"]), record(2, ["1;5", "2"])]);
    }

    #[test]
    fn a_record_is_bounded_and_the_next_one_is_read_all_the_same() {
        let huge = "x".repeat(3 * COMMAND_BYTES_MAX);
        let text = format!("a,b\n1,{huge}\n{}\n2,3\n4,\"{huge}", ",".repeat(2 * CELLS_MAX));
        let expected = [
            record(1, ["a", "b"]),
            record(2, ["TooLong"]),
            record(3, ["TooLong"]),
            record(4, ["2", "3"]),
            record(5, ["TooLong"]),
        ];
        assert_eq!(records(&text), expected);
    }

    #[test]
    fn a_cell_that_goes_on_behind_its_quote_spoils_its_record_and_no_other() {
        let text = "\u{feff}\"a\",b\n1,\"ab\"cd\n\"x\" ,y\n\"q\"\"\"r,z\r\n\"2\",\"3\"";
        assert_eq!(
            records(text),
            [
                record(1, ["a", "b"]),
                record(2, ["TextAfterQuote"]),
                record(3, ["x ", "y"]),
                record(4, ["TextAfterQuote"]),
                record(5, ["2", "3"]),
            ]
        );
    }
}
