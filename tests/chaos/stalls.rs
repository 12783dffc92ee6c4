//! Whether the machine itself stood still, as a virtual one or a busy one may: then nobody is prompt.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use crate::scene::LOOK_EVERY;

/// Later than this nobody wakes up on a machine that only has much to do.
const COUNTED_FROM: Duration = Duration::from_secs(1);

#[derive(Default)]
pub(crate) struct Stalls(Mutex<Vec<(Instant, Duration)>>);

impl Stalls {
    /// Sleeps a little until it is over, and notes by how much it woke up too late.
    pub(crate) fn watch(&self, over: &AtomicBool) {
        while !over.load(Ordering::Relaxed) {
            let began = Instant::now();
            thread::sleep(LOOK_EVERY);
            let late = began.elapsed().saturating_sub(LOOK_EVERY);
            if late >= COUNTED_FROM {
                self.0.lock().unwrap_or_else(PoisonError::into_inner).push((began, late));
            }
        }
    }

    /// How long it stood still since then.
    pub(crate) fn since(&self, then: Instant) -> Duration {
        let stalls = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        stalls.iter().filter(|(began, _)| *began >= then).map(|(_, late)| *late).sum()
    }
}
