//! Lines of a stream, numbered, each bounded in size.

use std::io::{BufRead, Read};

use crate::domain::command::COMMAND_BYTES_MAX;

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
        let limit = COMMAND_BYTES_MAX as u64 + 2;
        if self.input.by_ref().take(limit).read_until(b'\n', &mut line)? == 0 {
            return Ok(None);
        }
        self.number += 1;
        if line.pop_if(|last| *last == b'\n').is_none() && line.len() as u64 == limit {
            self.input.skip_until(b'\n')?;
        }
        line.pop_if(|last| *last == b'\r');
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
}
