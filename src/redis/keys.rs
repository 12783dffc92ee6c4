//! The names of keys.
//!
//! Guarantees that all of them carry one hash tag, and no character of the prefix can break it.

use crate::domain::id::{PayoutId, SessionId};
use crate::domain::payout::State;
use crate::store::StoreError;

/// Longest prefix: it stands in each of a write's sixteen keys.
const PREFIX_CHARS_MAX: usize = 64;

#[derive(Clone, Debug)]
pub(super) struct Keys {
    prefix: String,
}

impl Keys {
    pub(super) fn new(prefix: &str) -> Result<Self, StoreError> {
        let allowed = |b: u8| b.is_ascii_alphanumeric() || b"._:-".contains(&b);
        if !(1..=PREFIX_CHARS_MAX).contains(&prefix.len()) || !prefix.bytes().all(allowed) {
            return Err(StoreError::Misconfigured(format!(
                "the prefix of Redis's keys must be 1 to {PREFIX_CHARS_MAX} characters of \
                 A-Z a-z 0-9 . _ : -"
            )));
        }
        Ok(Self { prefix: prefix.into() })
    }

    fn key(&self, rest: &str) -> String {
        format!("{{{}}}:{rest}", self.prefix)
    }

    /// A hash: version, record, state, number (µs of its first write), write (its count).
    pub(super) fn record(&self, id: &PayoutId) -> String {
        self.key(&format!("payout:{id}"))
    }

    /// The id of the payout that the session belongs to. Written once.
    pub(super) fn session(&self, session: &SessionId) -> String {
        self.key(&format!("session:{session}"))
    }

    /// A hash: `writes` counts them, `newest` is the number of the newest payout.
    pub(super) fn counters(&self) -> String {
        self.key("counters")
    }

    /// Payouts with something left to do, by the time of their next look (ms).
    pub(super) fn unsettled(&self) -> String {
        self.key("unsettled")
    }

    /// Payouts with nothing left to do, by the time at which they expire (ms).
    pub(super) fn expiring(&self) -> String {
        self.key("expiring")
    }

    /// Payouts that need a person, by number.
    pub(super) fn attention(&self) -> String {
        self.key("attention")
    }

    /// Payouts in a state, by number.
    pub(super) fn state(&self, state: State) -> String {
        self.key(&format!("state:{state}"))
    }

    /// What a connection tries itself on.
    pub(super) fn rehearsal(&self) -> [String; 3] {
        ["hash", "string", "sorted"].map(|kind| self.key(&format!("rehearsal:{kind}")))
    }

    /// A pattern for all of them.
    pub(super) fn all(&self) -> String {
        self.key("*")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefix_that_could_break_the_hash_tag_is_refused() {
        assert_eq!(Keys::new("payoutd").expect("good").counters(), "{payoutd}:counters");
        for bad in ["", "a}b", "{a}", "a*", "a b", &"x".repeat(65)] {
            assert!(matches!(Keys::new(bad), Err(StoreError::Misconfigured(_))), "{bad}");
        }
    }
}
