//! Names of things: each kind of id is a type of its own, so that none can stand in for another.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The caller's name for a payout, and its idempotency key: 1–64 of `A-Z a-z 0-9 . _ : -`.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct PayoutId(String);

/// Longest payout id, in characters: it travels in keys, queue messages and event ids.
pub const PAYOUT_ID_CHARS_MAX: usize = 64;

#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("must be 1 to 64 characters of A-Z a-z 0-9 . _ : -")]
pub struct InvalidPayoutId;

impl PayoutId {
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for PayoutId {
    type Error = InvalidPayoutId;

    fn try_from(text: String) -> Result<Self, InvalidPayoutId> {
        let allowed = |b: u8| b.is_ascii_alphanumeric() || b"._:-".contains(&b);
        if (1..=PAYOUT_ID_CHARS_MAX).contains(&text.len()) && text.bytes().all(allowed) {
            Ok(Self(text))
        } else {
            Err(InvalidPayoutId)
        }
    }
}

impl std::str::FromStr for PayoutId {
    type Err = InvalidPayoutId;

    fn from_str(text: &str) -> Result<Self, InvalidPayoutId> {
        Self::try_from(text.to_owned())
    }
}

impl From<PayoutId> for String {
    fn from(id: PayoutId) -> Self {
        id.0
    }
}

impl fmt::Display for PayoutId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for PayoutId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

macro_rules! bank_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(String);

        impl $name {
            pub fn new(text: impl Into<String>) -> Self {
                Self(text.into())
            }

            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

bank_id! {
    /// The bank's name for a payment session, such as `ps_3230`. Whatever the bank says, verbatim.
    SessionId
}

bank_id! {
    /// The bank's name for a payout inside a session, such as `po_2025`.
    BankPayoutId
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_payout_id_is_1_to_64_of_the_allowed_characters() {
        for good in ["a", "inv-2026-000123", "A.b_c:d-9", &"x".repeat(64)] {
            assert!(good.parse::<PayoutId>().is_ok(), "{good}");
        }
        for bad in ["", "a b", "é", "a/b", "{a}", "a\n", &"x".repeat(65)] {
            assert_eq!(bad.parse::<PayoutId>(), Err(InvalidPayoutId), "{bad}");
        }
    }
}
