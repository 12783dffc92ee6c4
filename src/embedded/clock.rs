//! The time, as the embedded backend tells it: the machine's clock, one for all its processes.
//!
//! Guarantees that the store's answers within one process never run backwards. The queues use the
//! bare clock instead, so that all processes agree when somebody sets it back.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use crate::domain::time::Timestamp;

/// Milliseconds since the Unix epoch, rounded down.
pub(super) fn machine_millis() -> i64 {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since_epoch.as_millis()).unwrap_or(i64::MAX)
}

/// A clock that stands still where the machine's is set back.
#[derive(Default)]
pub(super) struct Clock {
    latest: AtomicI64,
}

impl Clock {
    pub(super) fn now(&self) -> Timestamp {
        self.at_least(machine_millis())
    }

    fn at_least(&self, millis: i64) -> Timestamp {
        let latest = self.latest.fetch_max(millis, Ordering::Relaxed);
        Timestamp::from_millis(latest.max(millis))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_store_s_time_stands_still_when_the_clock_is_set_back() {
        let clock = Clock::default();
        for (machine, told) in [(1000, 1000), (400, 1000), (1001, 1001)] {
            assert_eq!(clock.at_least(machine), Timestamp::from_millis(told));
        }
    }
}
