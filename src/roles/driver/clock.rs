//! The store's time between two answers of the store, and the age of an intention.

use std::time::{Duration, Instant, SystemTime};

use crate::domain::time::Timestamp;

/// The store told the time once; since then this machine's clocks only measure how long ago.
pub(super) struct Clock {
    told: Timestamp,
    told_at: Instant,
    /// Before the last write was sent: both clocks, because one stands still while the machine is
    /// suspended and the other can be set.
    write_began: (Instant, SystemTime),
}

impl Clock {
    pub(super) fn at(told: Timestamp) -> Self {
        let told_at = Instant::now();
        Self { told, told_at, write_began: (told_at, SystemTime::now()) }
    }

    pub(super) fn set(&mut self, told: Timestamp) {
        self.told = told;
        self.told_at = Instant::now();
    }

    pub(super) fn now(&self) -> Timestamp {
        self.told + self.told_at.elapsed()
    }

    pub(super) fn begin_write(&mut self) {
        self.write_began = (Instant::now(), SystemTime::now());
    }

    /// How long ago the last write began, by whichever clock says longer. A clock that was set
    /// back says nothing; then the other one counts.
    pub(super) fn since_write(&self) -> Duration {
        let (instant, system) = self.write_began;
        instant.elapsed().max(system.elapsed().unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const AGE: Duration = Duration::from_secs(10);

    /// A suspended machine's `Instant` may stand still; a clock that is set says anything.
    #[test]
    fn a_write_is_as_old_as_the_clock_that_says_longer() {
        let mut clock = Clock::at(Timestamp::from_millis(0));
        let (instant, system) = (Instant::now(), SystemTime::now());
        let earlier = instant.checked_sub(AGE).expect("the machine has been up for a while");
        for began in [(earlier, system), (instant, system - AGE), (earlier, system + AGE)] {
            clock.write_began = began;
            assert!(clock.since_write() >= AGE);
        }
        clock.begin_write();
        assert!(clock.since_write() < AGE);
    }
}
