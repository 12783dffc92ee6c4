//! Who waits for something to come, and is woken.
//!
//! Guarantees that a wake-up is not lost; one too many is harmless.

use std::sync::{Arc, Mutex, PoisonError, Weak};

use tokio::sync::watch;

use super::consumer::Intake;
use crate::bus::Queue;

pub(super) struct Wakes {
    intakes: Mutex<Vec<Weak<Intake>>>,
    events: watch::Sender<()>,
}

impl Wakes {
    pub(super) fn new() -> Self {
        Self { intakes: Mutex::default(), events: watch::Sender::new(()) }
    }

    pub(super) fn add(&self, intake: &Arc<Intake>) {
        self.intakes.lock().unwrap_or_else(PoisonError::into_inner).push(Arc::downgrade(intake));
    }

    /// Has the queue's consumers look whether there is something to claim.
    pub(super) fn queue(&self, queue: Queue) {
        let mut intakes = self.intakes.lock().unwrap_or_else(PoisonError::into_inner);
        intakes.retain(|intake| match intake.upgrade() {
            Some(intake) => {
                intake.wake(queue);
                true
            }
            None => false,
        });
    }

    /// Has subscribers look for new events.
    pub(super) fn events(&self) {
        self.events.send_replace(());
    }

    pub(super) fn watch_events(&self) -> watch::Receiver<()> {
        self.events.subscribe()
    }
}
