//! The store on Redis 7.0 to 8, or Valkey.
//!
//! One Lua script does a write whole: it compares the version, refuses a session that another
//! payout has, and changes the record and every index of it. All keys begin with `{prefix}:`, one
//! hash tag, so that they share a slot of a cluster.
//!
//! Guarantees what the port asks for, as far as the server keeps what it has answered: it is
//! refused unless it is a primary, never throws keys away, and appends each write to its log
//! (`appendfsync everysec`, Redis's default, may lose the last second with the machine; `always`
//! does not). A [`Barrier`] makes a write count only when replicas have it too.
//!
//! A write is sent once. If its answer is lost it is `Unknown`, and the caller reads it again; the
//! same write sent again by its caller is answered as the first was.
//!
//! The time is the server's. When its clock is set back by less than 5 s, time stands still for each
//! process until it has caught up; by more, time follows it, with an error in the log. The order of
//! payouts stays.
//!
//! A user of its own needs no more than this (`+waitaof`, from Redis 7.2 on, only for the barrier
//! of that name; `+config|get` only to show in `payoutd doctor` how often the log is flushed; the
//! last line only for the demo and tests, which remove their keys):
//!
//! ```text
//! ACL SETUSER payoutd on >PASSWORD ~{payoutd}:*
//!   +evalsha +script|load +info +wait +time +get +set +hget +hmget +hset +hdel +hkeys +hincrby
//!   +zadd +zrem +zrange +zscore +persist +pexpireat
//!   +scan +unlink
//! ```
//!
//! With several servers the primary is found through Sentinels, or by a name or a proxy that leads
//! to it; a connection to what is no primary any more is given up.
//!
//! Left to others: failovers themselves, and backups.

mod barrier;
mod clock;
mod connection;
mod dial;
mod failure;
mod fence;
mod info;
mod keys;
mod link;
mod list;
mod scripts;
mod sentinel;
mod store;

use std::time::Duration;

use secrecy::SecretString;

use crate::tls::Tls;

pub use store::RedisStore;

/// Where the server is, and what is asked of it.
#[derive(Clone, Debug)]
pub struct Settings {
    /// `redis://user:password@host:6379/0`, or `rediss://` for TLS.
    pub url: SecretString,
    /// If there are any, they know where the primary is, and the URL's host is their name for it.
    pub sentinels: Vec<SecretString>,
    /// Of all keys: 1–64 of `A-Z a-z 0-9 . _ : -`.
    pub prefix: String,
    pub tls: Tls,
    /// How long a payout is kept after the write that settled it, unless it needs a person.
    pub retention: Duration,
    pub barrier: Barrier,
    /// Use a server that may lose or throw away what it has answered. Payouts may then be paid
    /// twice: for trying things out only.
    pub allow_volatile: bool,
}

/// Who must have a write before it counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Barrier {
    /// The primary.
    None,
    /// So many replicas too, in memory (`WAIT`).
    Replicas(u32),
    /// The primary's log on disk, and that of so many replicas (`WAITAOF`, from 7.2 on).
    Aof { replicas: u32 },
}
