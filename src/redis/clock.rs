//! The time, as the server tells it.
//!
//! Guarantees that the store's answers within one process never run backwards.

use std::sync::atomic::{AtomicI64, Ordering};

use crate::domain::time::Timestamp;

/// A clock that stands still where the server's is set back.
#[derive(Default)]
pub(super) struct Clock {
    latest: AtomicI64,
}

impl Clock {
    /// What to tell for a time that the server has answered, in milliseconds.
    pub(super) fn told(&self, millis: i64) -> Timestamp {
        let latest = self.latest.fetch_max(millis, Ordering::Relaxed);
        Timestamp::from_millis(latest.max(millis))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_stands_still_when_the_server_s_clock_is_set_back() {
        let clock = Clock::default();
        for (server, told) in [(1000, 1000), (400, 1000), (1001, 1001)] {
            assert_eq!(clock.told(server), Timestamp::from_millis(told));
        }
    }
}
