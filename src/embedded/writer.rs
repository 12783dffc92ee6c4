//! The one thread that writes.
//!
//! Guarantees that a caller is answered only after its work was committed, that work which fails
//! leaves no trace and fails alone, and that work is done in the order in which it was handed over.
//! A flush of the disk costs a thousand times what a statement does, so whatever waits goes into
//! one transaction.

use std::io;
use std::thread::{self, JoinHandle};

use rusqlite::{Connection, Result as SqlResult};
use tokio::sync::mpsc::{self, Receiver, Sender, WeakSender};
use tokio::sync::oneshot;

use super::failure::Failure;

/// Jobs waiting for the writer; more and callers wait. Some batches' worth, so that the next batch
/// fills while one is committed.
const WAITING_JOBS_MAX: usize = 1024;

/// Jobs in one transaction: bounds how long the file stays locked for other processes, to
/// milliseconds.
const BATCH_JOBS_MAX: usize = 256;

/// Something to write.
pub(super) trait Job: Send {
    /// Does it inside the open transaction; whether to keep it.
    fn run(&mut self, tx: &Connection) -> bool;

    /// Tells the caller. Called once, also when it never came to `run`.
    fn answer(self: Box<Self>, committed: &Result<(), Failure>);
}

/// Owns the thread. Dropping it waits until all that was handed over is written.
pub(super) struct Writer {
    jobs: Option<Sender<Box<dyn Job>>>,
    thread: Option<JoinHandle<()>>,
}

impl Writer {
    pub(super) fn start(connection: Connection) -> io::Result<Self> {
        let (jobs, waiting) = mpsc::channel(WAITING_JOBS_MAX);
        let thread = thread::Builder::new()
            .name("embedded-writer".into())
            .spawn(move || write_all(&connection, waiting))?;
        Ok(Self { jobs: Some(jobs), thread: Some(thread) })
    }

    /// Does `work` in a transaction; answers when it is committed.
    pub(super) async fn write<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> SqlResult<T> + Send + 'static,
    ) -> Result<T, Failure> {
        self.write_then(work, |_| {}).await
    }

    /// The same, and calls `then` on the writer's thread as soon as it is committed, even if the
    /// caller stopped waiting.
    pub(super) async fn write_then<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> SqlResult<T> + Send + 'static,
        then: impl FnOnce(&T) + Send + 'static,
    ) -> Result<T, Failure> {
        let (tell, told) = oneshot::channel();
        let job = job(work, move |outcome: Result<T, Failure>| {
            if let Ok(value) = &outcome {
                then(value);
            }
            // The caller may have stopped waiting.
            tell.send(outcome).ok();
        });
        self.jobs().send(job).await.map_err(|_| Failure::stopped())?;
        told.await.unwrap_or_else(|_| Err(Failure::lost_answer()))
    }

    pub(super) fn jobs(&self) -> &Sender<Box<dyn Job>> {
        self.jobs.as_ref().expect("taken only when dropped")
    }

    /// A way to hand over work without keeping the writer alive.
    pub(super) fn weak_jobs(&self) -> WeakSender<Box<dyn Job>> {
        self.jobs().downgrade()
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        drop(self.jobs.take());
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!(event = "embedded.writer_panicked");
        }
    }
}

/// Makes a job of what to do and whom to tell.
pub(super) fn job<T: Send + 'static>(
    work: impl FnOnce(&Connection) -> SqlResult<T> + Send + 'static,
    tell: impl FnOnce(Result<T, Failure>) + Send + 'static,
) -> Box<dyn Job> {
    Box::new(Stage::Waiting(Some((work, tell))))
}

/// A job before and after it was run.
enum Stage<T, W, A> {
    Waiting(Option<(W, A)>),
    Ran(Result<T, Failure>, A),
}

impl<T, W, A> Job for Stage<T, W, A>
where
    T: Send,
    W: FnOnce(&Connection) -> SqlResult<T> + Send,
    A: FnOnce(Result<T, Failure>) + Send,
{
    fn run(&mut self, tx: &Connection) -> bool {
        let Self::Waiting(parts) = self else { return false };
        let (work, tell) = parts.take().expect("a job is run once");
        let result = work(tx).map_err(|e| Failure::before_commit(&e));
        let keep = result.is_ok();
        *self = Self::Ran(result, tell);
        keep
    }

    fn answer(self: Box<Self>, committed: &Result<(), Failure>) {
        match (*self, committed.clone()) {
            (Self::Ran(result, tell), Ok(())) => tell(result),
            (Self::Ran(Err(failure), tell), Err(_)) => tell(Err(failure)),
            (Self::Ran(Ok(_), tell), Err(failure)) => tell(Err(failure)),
            (Self::Waiting(Some((_, tell))), Err(failure)) => tell(Err(failure)),
            (Self::Waiting(_), _) => unreachable!("a commit follows only after all were run"),
        }
    }
}

fn write_all(connection: &Connection, mut waiting: Receiver<Box<dyn Job>>) {
    while let Some(first) = waiting.blocking_recv() {
        let mut batch = vec![first];
        while batch.len() < BATCH_JOBS_MAX
            && let Ok(job) = waiting.try_recv()
        {
            batch.push(job);
        }
        let committed = commit(connection, &mut batch);
        for job in batch {
            job.answer(&committed);
        }
    }
}

fn commit(connection: &Connection, batch: &mut [Box<dyn Job>]) -> Result<(), Failure> {
    let before = |e: rusqlite::Error| Failure::before_commit(&e);
    execute(connection, "BEGIN IMMEDIATE").map_err(before)?;
    let done = run_all(connection, batch)
        .map_err(before)
        .and_then(|()| execute(connection, "COMMIT").map_err(|e| Failure::at_commit(&e)));
    // Errors of the disk may have ended the transaction already.
    if done.is_err()
        && !connection.is_autocommit()
        && let Err(error) = execute(connection, "ROLLBACK")
    {
        tracing::error!(event = "embedded.rollback_failed", %error);
    }
    done
}

fn run_all(connection: &Connection, batch: &mut [Box<dyn Job>]) -> SqlResult<()> {
    for job in batch {
        execute(connection, "SAVEPOINT job")?;
        if !job.run(connection) {
            // Fails, and takes the whole batch with it, if SQLite has ended the transaction.
            execute(connection, "ROLLBACK TO job")?;
        }
        execute(connection, "RELEASE job")?;
    }
    Ok(())
}

fn execute(connection: &Connection, sql: &str) -> SqlResult<()> {
    connection.prepare_cached(sql)?.execute([]).map(drop)
}
