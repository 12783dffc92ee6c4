//! What went wrong with the file, and what to do about it.
//!
//! Guarantees that the texts hold no stored data: they may be logged.

use rusqlite::{Error, ErrorCode};

use crate::bus::BusError;
use crate::store::StoreError;

/// Why an operation on the file failed.
#[derive(Clone, Debug, thiserror::Error)]
pub(super) enum Failure {
    /// Certainly nothing was written.
    #[error("{0}")]
    NotDone(String),
    /// A commit failed half-way, or its answer was lost.
    #[error("{0}")]
    Unknown(String),
}

impl Failure {
    pub(super) fn before_commit(error: &Error) -> Self {
        Self::NotDone(advice(error))
    }

    /// Without room SQLite takes the transaction back; after any other error at this point the
    /// disk may or may not have it.
    pub(super) fn at_commit(error: &Error) -> Self {
        match error.sqlite_error_code() {
            Some(ErrorCode::DiskFull | ErrorCode::DatabaseBusy) => Self::NotDone(advice(error)),
            _ => Self::Unknown(advice(error)),
        }
    }

    /// A thread that works on the file is gone, which only a bug can do.
    pub(super) fn stopped() -> Self {
        Self::NotDone("the thread that works on the file has stopped: restart payoutd".into())
    }

    pub(super) fn lost_answer() -> Self {
        Self::Unknown("the thread that writes the file stopped half-way: restart payoutd".into())
    }
}

fn advice(error: &Error) -> String {
    match error.sqlite_error_code() {
        Some(ErrorCode::DiskFull) => "no room left on the disk: free some space; payoutd carries \
                                      on by itself"
            .into(),
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => {
            "another process keeps the file locked: is one stopped, or is the file open in a \
             database tool?"
                .into()
        }
        Some(ErrorCode::ReadOnly) => {
            "the file or its directory has become read-only: make both writable".into()
        }
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => {
            "the file is damaged: stop payoutd and restore it from a backup".into()
        }
        Some(ErrorCode::SystemIoFailure) => format!(
            "{error}: was the file moved or deleted while in use? If not, the disk fails: see the \
             system's log"
        ),
        _ => error.to_string(),
    }
}

impl From<Failure> for StoreError {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::NotDone(text) => Self::Unavailable(text),
            Failure::Unknown(text) => Self::Unknown(text),
        }
    }
}

/// Publishing again is right in both cases, and settling again is harmless.
impl From<Failure> for BusError {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::NotDone(text) | Failure::Unknown(text) => Self::Unavailable(text),
        }
    }
}
