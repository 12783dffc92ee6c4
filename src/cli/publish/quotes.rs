//! Whether each quoted cell of a CSV record ends where its quote is closed (RFC 4180).
//!
//! `csv-core` takes `"ab"cd` for `abcd`: a token that nobody has written, and another recipient. It
//! does not tell, so that its bytes are followed here too, in whatever pieces they come.

/// Follows the bytes of one record.
pub(super) struct Quotes {
    delimiter: u8,
    place: Place,
    has_text_after: bool,
}

/// Where in a record a byte stands.
enum Place {
    /// At the beginning of a cell.
    Start,
    /// In a cell that did not begin with a quote: quotes are text there.
    Plain,
    /// Between a cell's quotes.
    Quoted,
    /// After a quote in a quoted cell: it was the first of two, or closed the cell.
    Quote,
    /// Behind the quote that closed the cell.
    Closed,
}

impl Quotes {
    pub(super) fn new(delimiter: u8) -> Self {
        Self { delimiter, place: Place::Start, has_text_after: false }
    }

    pub(super) fn follow(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.place = self.next(*byte);
        }
    }

    /// Whether a quote was closed inside a cell. Spaces behind one do not count, as around any cell.
    pub(super) fn has_text_after(&self) -> bool {
        self.has_text_after
    }

    fn next(&mut self, byte: u8) -> Place {
        match (&self.place, byte) {
            (Place::Quoted, b'"') => Place::Quote,
            (Place::Quoted, _) | (Place::Quote, b'"') => Place::Quoted,
            (Place::Start | Place::Plain | Place::Quote | Place::Closed, b'\r' | b'\n') => {
                Place::Start
            }
            (Place::Start | Place::Plain | Place::Quote | Place::Closed, _)
                if byte == self.delimiter =>
            {
                Place::Start
            }
            (Place::Start, b'"') => Place::Quoted,
            (Place::Start | Place::Plain, _) => Place::Plain,
            (Place::Quote | Place::Closed, b' ' | b'\t') => Place::Closed,
            (Place::Quote | Place::Closed, _) => {
                self.has_text_after = true;
                Place::Plain
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn has_text_after(record: &str) -> bool {
        let mut quotes = Quotes::new(b',');
        record.as_bytes().chunks(1).for_each(|piece| quotes.follow(piece));
        quotes.has_text_after()
    }

    #[test]
    fn a_quoted_cell_ends_with_its_quote() {
        for good in [
            "",
            "a,b\n",
            "\"a\",\"b\"\r\n",
            "\"\",\"\"\"\",\"a\"\"b\"\n",
            "\"a,\"\"b\"\"\nc\"",
            "\"a\" ,\"b\"\t\n",
            "OOO \"Vector\",a\"b\"c\n",
            " \"a\"b\n",
            "\"open, \n b",
        ] {
            assert!(!has_text_after(good), "{good}");
        }
        for bad in [
            "\"ab\"cd\n",
            "1,\"ab\"cd",
            "\"\"a,",
            "\"a\"\"\"b",
            "\"a\" b",
            "\"a\"b\"",
            "\"a\" \"b\"",
        ] {
            assert!(has_text_after(bad), "{bad}");
        }
    }
}
