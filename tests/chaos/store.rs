//! A Redis that can be set back to what it held before, or emptied.
//!
//! Its append-only file is flushed with each write and never rewritten during the run, so an older
//! copy of it is its own beginning: what is kept aside from time to time is its length.

use std::fs::{self, OpenOptions};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use crate::services::Redis;

/// For an answer on loopback.
const PATIENCE: Duration = Duration::from_secs(5);

pub(crate) struct RolledStore {
    redis: Redis,
    copies: Vec<(Instant, u64)>,
}

impl RolledStore {
    pub(crate) fn start() -> Self {
        let mut store = Self { redis: Redis::start(), copies: Vec::new() };
        store.set_up();
        store.keep_copy();
        store
    }

    pub(crate) fn url(&self) -> String {
        self.redis.url()
    }

    fn set_up(&self) {
        for setting in ["appendfsync always", "auto-aof-rewrite-percentage 0"] {
            let set = self.ask(&format!("CONFIG SET {setting}"));
            assert_eq!(set.as_deref(), Some("+OK"), "{setting}");
        }
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

    fn log(&self) -> PathBuf {
        self.redis.folder().join("appendonlydir/appendonly.aof.1.incr.aof")
    }

    pub(crate) fn keep_copy(&mut self) {
        let length = fs::metadata(self.log()).expect("Redis has made it").len();
        self.copies.push((Instant::now(), length));
    }

    /// Stops it, puts the newest copy that is at least so old in its place, and starts it. Says how
    /// old that copy was.
    pub(crate) fn roll_back(&mut self, age: Duration) -> Duration {
        self.redis.kill();
        let old_enough = self.copies.iter().rposition(|(at, _)| at.elapsed() >= age).unwrap_or(0);
        self.copies.truncate(old_enough + 1);
        let (at, length) = self.copies[old_enough];
        let log = OpenOptions::new().write(true).open(self.log()).expect("it is there");
        log.set_len(length).and_then(|()| log.sync_all()).expect("it can be written");
        self.redis.start_again();
        self.set_up();
        at.elapsed()
    }

    pub(crate) fn empty(&self) {
        assert_eq!(self.ask("FLUSHALL").as_deref(), Some("+OK"));
    }

    /// Whether payoutd has noticed that something is gone.
    pub(crate) fn pauses(&self) -> bool {
        self.ask("HGET {payoutd}:counters starts").is_some_and(|answer| answer != "$-1")
    }

    pub(crate) fn kill_and_start(&mut self) {
        self.redis.kill();
        self.redis.start_again();
        self.set_up();
    }

    pub(crate) fn freeze(&self) {
        self.redis.freeze();
    }

    pub(crate) fn thaw(&self) {
        self.redis.thaw();
    }
}
