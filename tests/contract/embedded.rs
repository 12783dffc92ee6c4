//! The embedded backend: the suites, several processes on one file, and files it must refuse.

use async_trait::async_trait;
use bytes::Bytes;
use payoutd::bus::Queue;
use payoutd::embedded::Embedded;
use tempfile::TempDir;

use super::bus::bus_contract;
use super::store::store_contract;
use super::{Backend, Ports};

/// A file in a directory of its own.
struct OneFile {
    directory: TempDir,
}

impl OneFile {
    fn new() -> Self {
        Self { directory: tempfile::tempdir().expect("a temporary directory") }
    }

    fn embedded(&self) -> Embedded {
        Embedded::open(&self.directory.path().join("payoutd.db")).expect("opens")
    }
}

#[async_trait]
impl Backend for OneFile {
    async fn open(&self) -> Ports {
        let Embedded { store, bus } = self.embedded();
        Ports { store, bus }
    }

    async fn dead_letters(&self, queue: Queue) -> Vec<(Bytes, String)> {
        let letters = self.embedded().bus.dead_letters(100).await.expect("read");
        letters
            .into_iter()
            .filter(|letter| letter.queue == queue.name())
            .map(|letter| (letter.body, letter.reason))
            .collect()
    }
}

store_contract!(OneFile::new());
bus_contract!(OneFile::new());
