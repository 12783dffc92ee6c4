//! Reading the parts of a frame, whatever they say of their own length.

/// What is left to read. `None`: it is not there.
pub(super) struct Reader<'a>(pub(super) &'a [u8]);

impl<'a> Reader<'a> {
    pub(super) fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(taken)
    }

    pub(super) fn u16(&mut self) -> Option<u16> {
        self.take(2).map(|two| u16::from_be_bytes([two[0], two[1]]))
    }

    pub(super) fn length(&self) -> Option<usize> {
        let four = self.0.get(..4)?;
        usize::try_from(u32::from_be_bytes(four.try_into().expect("four bytes"))).ok()
    }

    pub(super) fn short_text(&mut self) -> Option<&'a [u8]> {
        let length = self.take(1)?[0];
        self.take(usize::from(length))
    }

    /// What comes after its length.
    pub(super) fn long(&mut self) -> Option<&'a [u8]> {
        let length = self.length()?;
        self.take(4)?;
        self.take(length)
    }

    /// An entry of a table: key, kind and value, the value with its length if it has one.
    pub(super) fn entry(&mut self) -> Option<(&'a [u8], u8, &'a [u8])> {
        let key = self.short_text()?;
        let (&kind, value) = self.element()?.split_first()?;
        Some((key, kind, value))
    }

    /// An element of a list: kind and value.
    pub(super) fn element(&mut self) -> Option<&'a [u8]> {
        let length = match self.0.first()? {
            b'V' => 0,
            b't' | b'b' | b'B' => 1,
            b's' | b'U' | b'u' => 2,
            b'I' | b'i' | b'f' => 4,
            b'D' => 5,
            b'l' | b'L' | b'd' | b'T' => 8,
            b'S' | b'x' | b'A' | b'F' => 4 + Reader(&self.0[1..]).length()?,
            _ => return None,
        };
        self.take(1 + length)
    }
}
