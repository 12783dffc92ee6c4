//! What is wrong with a message that was meant as a command: all of it, each with its place and cure.

use std::fmt;

use serde::Serialize;

use super::super::id::PayoutId;

/// Most violations listed for one command: enough to mend it, bounded for whoever must carry it. One
/// more then says how many are not listed.
pub(super) const VIOLATIONS_MAX: usize = 20;

/// One thing wrong with a command: where (a JSON pointer, RFC 6901) and what to do about it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Violation {
    pub pointer: String,
    pub problem: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let place = if self.pointer.is_empty() { "the message" } else { &self.pointer };
        write!(f, "{place} {}", self.problem)
    }
}

/// Everything that is wrong with a message that was meant as a command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvalidCommand {
    /// The payout id it named, if it named one.
    pub payout_id: Option<PayoutId>,
    pub violations: Vec<Violation>,
}

impl fmt::Display for InvalidCommand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (n, violation) in self.violations.iter().enumerate() {
            write!(f, "{}{violation}", if n > 0 { "; " } else { "" })?;
        }
        Ok(())
    }
}

impl std::error::Error for InvalidCommand {}

impl InvalidCommand {
    pub(super) fn new(payout_id: Option<PayoutId>, mut violations: Vec<Violation>) -> Self {
        if let Some(more @ 1..) = violations.len().checked_sub(VIOLATIONS_MAX) {
            violations.truncate(VIOLATIONS_MAX);
            let problem =
                format!("has {more} more violations than the {VIOLATIONS_MAX} listed here");
            violations.push(Violation { pointer: String::new(), problem });
        }
        Self { payout_id, violations }
    }

    /// Something wrong with the message as a whole.
    pub(super) fn whole(problem: String) -> Self {
        Self::new(None, vec![Violation { pointer: String::new(), problem }])
    }
}
