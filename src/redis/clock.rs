//! The time, as the server tells it.
//!
//! Guarantees that the store's answers within one process do not run backwards, unless the server's
//! clock was set back by seconds.

use std::sync::atomic::{AtomicI64, Ordering};

use crate::domain::time::Timestamp;

/// Set back by less than this, the clock stands still until the server's has caught up: clocks are
/// trimmed so. By more, it follows: all processes have to agree, also with those that never saw
/// the later time.
const SET_BACK_MS: i64 = 5_000;

/// A clock that stands still where the server's is set back a little.
#[derive(Default)]
pub(super) struct Clock {
    latest: AtomicI64,
}

impl Clock {
    /// What to tell for a time that the server has answered, in milliseconds.
    pub(super) fn told(&self, millis: i64) -> Timestamp {
        let latest = self.latest.fetch_max(millis, Ordering::Relaxed);
        if latest - millis <= SET_BACK_MS {
            return Timestamp::from_millis(latest.max(millis));
        }
        // Said by whoever notices first.
        let noticed =
            self.latest.compare_exchange(latest, millis, Ordering::Relaxed, Ordering::Relaxed);
        if noticed.is_ok() {
            let by_ms = latest - millis;
            tracing::error!(event = "redis.clock_set_back", by_ms, "see to the server's clock");
        }
        Timestamp::from_millis(millis)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_stands_still_when_the_server_s_clock_is_set_back_a_little_and_follows_it_far() {
        let clock = Clock::default();
        for (server, told) in [
            (100_000, 100_000),
            (95_000, 100_000),
            (100_001, 100_001),
            (90_000, 90_000),
            (89_000, 90_000),
        ] {
            assert_eq!(clock.told(server), Timestamp::from_millis(told));
        }
    }
}
