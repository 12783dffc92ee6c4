//! Lines of a stream, numbered, each bounded in size.

use std::io::{BufRead, Read};

use crate::domain::command::COMMAND_BYTES_MAX;

/// A byte order mark in UTF-8: some editors put one before the first line. It is no part of it.
pub(super) const BYTE_ORDER_MARK: &[u8] = "\u{feff}".as_bytes();

pub(super) struct Lines<R> {
    input: R,
    /// Of the line read last; the first is 1.
    pub(super) number: u64,
}

impl<R: BufRead> Lines<R> {
    pub(super) fn new(input: R) -> Self {
        Self { input, number: 0 }
    }

    /// The next line, cut off just above the size that is refused anyway.
    pub(super) fn next(&mut self) -> std::io::Result<Option<Vec<u8>>> {
        let mut line = Vec::new();
        let mark = if self.number == 0 { BYTE_ORDER_MARK } else { &[] };
        let limit = (mark.len() + COMMAND_BYTES_MAX) as u64 + 2;
        if self.input.by_ref().take(limit).read_until(b'\n', &mut line)? == 0 {
            return Ok(None);
        }
        self.number += 1;
        if line.pop_if(|last| *last == b'\n').is_none() && line.len() as u64 == limit {
            self.input.skip_until(b'\n')?;
        }
        line.pop_if(|last| *last == b'\r');
        if line.starts_with(mark) {
            line.drain(..mark.len());
        }
        Ok(Some(line))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_numbered_and_bounded_whatever_is_in_them() {
        let huge = "x".repeat(3 * COMMAND_BYTES_MAX);
        let text = format!("one\r\n\n{huge}\nlast");
        let mut lines = Lines::new(text.as_bytes());
        let mut sizes = Vec::new();
        while let Some(line) = lines.next().expect("readable") {
            sizes.push((lines.number, line.len()));
        }
        assert_eq!(sizes, [(1, 3), (2, 0), (3, COMMAND_BYTES_MAX + 2), (4, 4)]);
    }

    #[test]
    fn a_byte_order_mark_is_passed_over_before_the_first_line_only() {
        let text = "\u{feff}{}\r\n\u{feff}{}";
        let mut lines = Lines::new(text.as_bytes());
        assert_eq!(lines.next().expect("readable").as_deref(), Some(b"{}".as_slice()));
        assert_eq!(lines.next().expect("readable").as_deref(), Some("\u{feff}{}".as_bytes()));
        let huge = format!("\u{feff}{}", "x".repeat(2 * COMMAND_BYTES_MAX));
        let line = Lines::new(huge.as_bytes()).next().expect("readable").expect("a line");
        assert_eq!(line.len(), COMMAND_BYTES_MAX + 2, "still larger than any command");
        assert_eq!(Lines::new("\u{feff}".as_bytes()).next().expect("readable"), Some(Vec::new()));
    }
}
