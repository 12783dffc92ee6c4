//! The thread that watches the file: for what other processes wrote, for delays that end, and for
//! keeping what this process holds.
//!
//! Guarantees that a consumer is woken within [`LOOK`] of its message being ready, whoever
//! published it. Costs one cheap question per look while nothing changes.

use std::io;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use rusqlite::{Connection, Result as SqlResult};
use tokio::sync::mpsc::WeakSender;

use super::clock::machine_millis;
use super::in_flight::InFlight;
use super::wake::Wakes;
use super::writer::{Job, job};
use super::{events, queue};
use crate::bus::Queue;

/// How often the file is asked whether another process wrote: well under what a person or a bank
/// notices, and under a thousandth of a core.
const LOOK: Duration = Duration::from_millis(25);

/// How often what is held is held anew: three times within [`queue::HELD_MS`].
const KEEP_EVERY: Duration = Duration::from_millis(1_500);

/// Owns the thread.
pub(super) struct Watcher {
    stop: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Watcher {
    pub(super) fn start(
        connection: Connection,
        jobs: WeakSender<Box<dyn Job>>,
        in_flight: Arc<InFlight>,
        wakes: Arc<Wakes>,
    ) -> io::Result<Self> {
        let (stop, stopped) = channel();
        let mut watch = Watch { connection, jobs, in_flight, wakes, seen: Seen::default() };
        let thread = thread::Builder::new()
            .name("embedded-watcher".into())
            .spawn(move || watch.run(&stopped))?;
        Ok(Self { stop: Some(stop), thread: Some(thread) })
    }
}

impl Drop for Watcher {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!(event = "embedded.watcher_panicked");
        }
    }
}

struct Watch {
    connection: Connection,
    jobs: WeakSender<Box<dyn Job>>,
    in_flight: Arc<InFlight>,
    wakes: Arc<Wakes>,
    seen: Seen,
}

/// The file as it was when it last changed.
#[derive(Default)]
struct Seen {
    version: Option<i64>,
    queues: [Waiting; Queue::ALL.len()],
    newest_event: i64,
}

#[derive(Default)]
struct Waiting {
    next_due: Option<i64>,
    latest_wait: Option<i64>,
}

impl Waiting {
    fn is_due(&self, now: i64) -> bool {
        self.next_due.is_some_and(|due| due <= now)
            || self.latest_wait.is_some_and(|since| since > now + queue::CLOCK_STEP_MS)
    }
}

impl Watch {
    fn run(&mut self, stopped: &Receiver<()>) {
        let mut kept = Instant::now();
        let mut failing = false;
        while let Err(RecvTimeoutError::Timeout) = stopped.recv_timeout(self.pause()) {
            let looked = self.look();
            if let Err(error) = &looked
                && !failing
            {
                tracing::warn!(event = "embedded.watch_failed", %error);
            }
            failing = looked.is_err();
            if kept.elapsed() >= KEEP_EVERY && self.keep() {
                kept = Instant::now();
            }
        }
    }

    /// Until the next look, or the next delay's end if that comes first.
    fn pause(&self) -> Duration {
        let now = machine_millis();
        let future = self.seen.queues.iter().filter_map(|q| q.next_due).filter(|&due| due > now);
        let wait = future.min().and_then(|due| u64::try_from(due - now).ok());
        wait.map_or(LOOK, |ms| LOOK.min(Duration::from_millis(ms)))
    }

    fn look(&mut self) -> SqlResult<()> {
        // Before what it stands for: a change in between is seen next time.
        let version = self
            .connection
            .prepare_cached("PRAGMA data_version")?
            .query_row([], |row| row.get(0))?;
        if self.seen.version != Some(version) {
            for (queue, waiting) in Queue::ALL.into_iter().zip(&mut self.seen.queues) {
                waiting.next_due = queue::next_due(&self.connection, queue)?;
                waiting.latest_wait = queue::latest_wait(&self.connection, queue)?;
            }
            let newest_event = events::newest(&self.connection)?;
            if newest_event != self.seen.newest_event {
                self.wakes.events();
            }
            self.seen.newest_event = newest_event;
            self.seen.version = Some(version);
        }
        let now = machine_millis();
        for (queue, waiting) in Queue::ALL.into_iter().zip(&self.seen.queues) {
            if waiting.is_due(now) {
                self.wakes.queue(queue);
            }
        }
        Ok(())
    }

    /// Hands the writer the job to hold anew what is held by then; whether it could.
    fn keep(&self) -> bool {
        if self.in_flight.all().is_empty() {
            return true;
        }
        let Some(jobs) = self.jobs.upgrade() else { return true };
        let in_flight = Arc::clone(&self.in_flight);
        let work = move |tx: &Connection| queue::extend(tx, &in_flight.all(), machine_millis());
        jobs.try_send(job(work, |kept| {
            if let Err(error) = kept {
                tracing::warn!(event = "embedded.keep_failed", %error);
            }
        }))
        .is_ok()
    }
}
