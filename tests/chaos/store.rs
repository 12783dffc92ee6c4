//! A Redis that can be set back to what it held before, or emptied.
//!
//! Its append-only file is flushed with each write and never rewritten during the run, so an older
//! copy of it is its own beginning: what is kept aside from time to time is its length.

use std::fs::{self, OpenOptions};
use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use crate::scene::within;
use crate::services::Redis;

/// For an answer on loopback.
const PATIENCE: Duration = Duration::from_secs(5);

/// Longest until Redis is emptied: a disk may be slow to flush what comes before.
const EMPTY_MAX: Duration = Duration::from_secs(60);

/// From its start on, not set later: a file of more than 64 MB would be rewritten as soon as it is
/// loaded.
const SETTINGS: [&str; 4] = ["--appendfsync", "always", "--auto-aof-rewrite-percentage", "0"];

pub(crate) struct RolledStore {
    redis: Redis,
    copies: Vec<Copy>,
}

/// What the append-only file held.
struct Copy {
    at: Instant,
    file: PathBuf,
    length: u64,
}

impl RolledStore {
    pub(crate) fn start() -> Self {
        let mut store = Self { redis: Redis::start_with(&SETTINGS), copies: Vec::new() };
        store.keep_copy();
        store
    }

    pub(crate) fn url(&self) -> String {
        self.redis.url()
    }

    /// The first line of the answer, if there is one.
    fn ask(&self, command: &str) -> Option<String> {
        let url = self.redis.url();
        let address = url.trim_start_matches("redis://").trim_end_matches('/');
        let mut stream = TcpStream::connect(address).ok()?;
        stream.set_read_timeout(Some(PATIENCE)).ok()?;
        stream.write_all(format!("{command}\r\n").as_bytes()).ok()?;
        let mut answer = [0; 256];
        let length = stream.read(&mut answer).ok()?;
        Some(String::from_utf8_lossy(&answer[..length]).lines().next()?.to_owned())
    }

    /// The file that is appended to, as Redis says in its list of files.
    fn log(&self) -> io::Result<PathBuf> {
        let folder = self.redis.folder().join("appendonlydir");
        let list = fs::read_to_string(folder.join("appendonly.aof.manifest"))?;
        let appended = list.lines().rev().find(|line| line.ends_with("type i"));
        let name = appended.and_then(|line| line.split(' ').nth(1));
        name.map(|name| folder.join(name)).ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    /// Whatever state Redis is in: if there is nothing to copy now, there will be soon.
    pub(crate) fn keep_copy(&mut self) {
        let length = |file: &PathBuf| fs::metadata(file).map(|data| data.len());
        match self.log().and_then(|file| Ok((length(&file)?, file))) {
            Ok((length, file)) => self.copies.push(Copy { at: Instant::now(), file, length }),
            Err(error) => eprintln!("chaos: no copy of Redis is kept: {error}"),
        }
    }

    /// Stops it, puts the newest copy that is at least so old in its place, and starts it. Says how
    /// old that copy was, and how many bytes had been appended since.
    pub(crate) fn roll_back(&mut self, age: Duration) -> io::Result<(Duration, u64)> {
        self.redis.kill();
        let log = self.log()?;
        // Of another file nothing is left.
        self.copies.retain(|copy| copy.file == log);
        let old_enough = self.copies.iter().rposition(|copy| copy.at.elapsed() >= age).unwrap_or(0);
        self.copies.truncate(old_enough + 1);
        let Some(Copy { at, length, .. }) = self.copies.last() else {
            self.redis.start_again();
            return Ok((Duration::ZERO, 0));
        };
        let log = OpenOptions::new().write(true).open(log)?;
        let lost = log.metadata()?.len().saturating_sub(*length);
        log.set_len(*length).and_then(|()| log.sync_all())?;
        self.redis.start_again();
        Ok((at.elapsed(), lost))
    }

    pub(crate) fn empty(&self) -> bool {
        within(EMPTY_MAX, || self.ask("FLUSHALL").as_deref() == Some("+OK"))
    }

    /// Whether payoutd has noticed that something is gone.
    pub(crate) fn pauses(&self) -> bool {
        self.ask("HGET {payoutd}:counters starts").is_some_and(|answer| answer != "$-1")
    }

    pub(crate) fn kill_and_start(&mut self) {
        self.redis.kill();
        self.redis.start_again();
    }

    pub(crate) fn freeze(&self) {
        self.redis.freeze();
    }

    pub(crate) fn thaw(&self) {
        self.redis.thaw();
    }
}
