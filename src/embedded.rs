//! The embedded backend: one SQLite file that holds queues and records.
//!
//! Several processes of one machine may use the same file at once. What is answered with `Ok` was
//! committed and flushed to the disk first, so it survives a crash of the process and of the
//! machine. Messages that a killed process held come back by themselves.
//!
//! One thread writes and puts whatever is waiting into one transaction, because flushing the disk
//! is what costs; two threads read; one watches for what other processes wrote. They end, and are
//! waited for, when the last handle (store, bus, consumer, delivery) is dropped.
//!
//! Left to others: more than one machine (a network file system will not do), and backups.

mod bus;
mod clock;
mod consumer;
mod dead_letters;
mod events;
mod failure;
mod fence;
mod file;
mod in_flight;
mod queue;
mod reader;
mod schema;
mod store;
mod wake;
mod watch;
mod writer;

#[cfg(test)]
mod tests;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use crate::store::RETENTION_DEFAULT;

pub use bus::EmbeddedBus;
pub use file::OpenError;
pub use queue::Depth;
pub use store::EmbeddedStore;

use reader::Readers;
use writer::Writer;

/// An open file: the two ports on it.
pub struct Embedded {
    pub store: Arc<EmbeddedStore>,
    pub bus: Arc<EmbeddedBus>,
}

impl Embedded {
    /// Opens the file, creates it if it is not there, and brings its schema up to date. A file
    /// that is not payoutd's, or that a newer payoutd wrote, is refused and left as it is.
    pub fn open(path: &Path) -> Result<Self, OpenError> {
        Self::open_keeping(path, RETENTION_DEFAULT)
    }

    /// The same, with how long payouts are kept after the write that settled them. Later writes
    /// delete what is older, a few at a time.
    pub fn open_keeping(path: &Path, retention: Duration) -> Result<Self, OpenError> {
        let writing = file::open(path)?;
        let readers = Readers::start(|| file::open_to_read(path))?;
        let watching = file::open_to_read(path)?;
        let threads = Arc::new(Threads { writer: Writer::start(writing)?, readers });
        Ok(Self {
            store: Arc::new(EmbeddedStore::new(Arc::clone(&threads), retention)),
            bus: Arc::new(EmbeddedBus::new(threads, watching)?),
        })
    }
}

/// The threads that have the file open. Dropping it waits for what was handed to the writer.
struct Threads {
    writer: Writer,
    readers: Readers,
}
