//! The threads that read.
//!
//! Each question sees all that was committed before it was asked. Readers never wait for the
//! writer, nor the writer for them.

use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};

use rusqlite::{Connection, Result as SqlResult};
use tokio::sync::mpsc::{self, Receiver, Sender};
use tokio::sync::oneshot;

use super::failure::Failure;
use super::file::OpenError;
use super::schema;

/// Two, so that an operator's long list does not hold up the roles.
const READERS: usize = 2;

/// Questions waiting for a reader; more and callers wait. As many as the writer's jobs.
const WAITING_QUESTIONS_MAX: usize = 1024;

type Question = Box<dyn FnOnce(&Connection) + Send>;

/// Owns the threads.
pub(super) struct Readers {
    questions: Option<Sender<Question>>,
    threads: Vec<JoinHandle<()>>,
}

impl Readers {
    pub(super) fn start(
        open: impl Fn() -> Result<Connection, OpenError>,
    ) -> Result<Self, OpenError> {
        let (questions, waiting) = mpsc::channel(WAITING_QUESTIONS_MAX);
        let waiting = Arc::new(Mutex::new(waiting));
        let mut readers = Self { questions: Some(questions), threads: Vec::new() };
        for _ in 0..READERS {
            let (connection, waiting) = (open()?, Arc::clone(&waiting));
            readers.threads.push(start_one(connection, waiting)?);
        }
        Ok(readers)
    }

    /// Whether the file can be read.
    pub(super) async fn ping(&self) -> Result<(), Failure> {
        self.read(|connection| schema::version(connection).map(drop)).await
    }

    pub(super) async fn read<T: Send + 'static>(
        &self,
        question: impl FnOnce(&Connection) -> SqlResult<T> + Send + 'static,
    ) -> Result<T, Failure> {
        let (tell, told) = oneshot::channel();
        let question: Question = Box::new(move |connection| {
            // The caller may have stopped waiting.
            tell.send(question(connection)).ok();
        });
        let questions = self.questions.as_ref().expect("taken only when dropped");
        questions.send(question).await.map_err(|_| Failure::stopped())?;
        told.await.map_err(|_| Failure::stopped())?.map_err(|e| Failure::before_commit(&e))
    }
}

impl Drop for Readers {
    fn drop(&mut self) {
        drop(self.questions.take());
        for thread in self.threads.drain(..) {
            if thread.join().is_err() {
                tracing::error!(event = "embedded.reader_panicked");
            }
        }
    }
}

fn start_one(
    connection: Connection,
    waiting: Arc<Mutex<Receiver<Question>>>,
) -> io::Result<JoinHandle<()>> {
    thread::Builder::new().name("embedded-reader".into()).spawn(move || {
        // The lock is held while waiting: whoever has it takes the next question.
        let next = || waiting.lock().unwrap_or_else(PoisonError::into_inner).blocking_recv();
        while let Some(question) = next() {
            question(&connection);
        }
    })
}
