//! Opening the file: is it there, is it ours, can it be written?
//!
//! Guarantees that a file which is refused stays as it was, byte for byte.

use std::ffi::OsStr;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::{Connection, ErrorCode, OpenFlags};

use super::schema;

/// Longest wait for another process's write. A commit takes milliseconds; a whole checkpoint on a
/// slow disk, seconds.
const BUSY_MS_MAX: u64 = 10_000;

/// Between looks at another process's lock. SQLite's own handler waits up to 100 ms, far longer
/// than a commit takes.
const BUSY_LOOK_MS: u64 = 1;

/// The log is cut back to this when it was all copied into the file: a burst must not keep its
/// space for ever.
const LOG_BYTES_KEPT: i64 = 64 << 20;

/// Distinct SQL texts of one connection, about 20, all stay prepared.
const STATEMENTS_MAX: usize = 64;

#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    #[error("{0}: its directory does not exist: create it, or set another path")]
    NoDirectory(PathBuf),
    #[error("{0}: the file or its directory is read-only: make both writable for payoutd's user")]
    ReadOnly(PathBuf),
    #[error(
        "{path}: not payoutd's ({what}); nothing was changed: move it away, or set another path"
    )]
    Foreign { path: PathBuf, what: &'static str },
    #[error(
        "{path}: written by a newer payoutd (schema {found}, this one knows {known}); nothing was \
         changed: use that version or a newer one"
    )]
    Newer { path: PathBuf, found: i32, known: i32 },
    #[error("{0}: no room left on the disk: free some space and start again")]
    Full(PathBuf),
    #[error("{0}: another process keeps the file locked: end it, or close the database tool")]
    Locked(PathBuf),
    #[error("{path}: cannot be opened: {source}")]
    Failed { path: PathBuf, source: rusqlite::Error },
    #[error("cannot start a thread: {0}")]
    NoThread(#[from] std::io::Error),
}

/// The connection that writes, on a file that is ours and current.
pub(super) fn open(path: &Path) -> Result<Connection, OpenError> {
    check_place(path)?;
    check_owner(path)?;
    let failed = |e| refusal(path, e);
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
        | OpenFlags::SQLITE_OPEN_CREATE
        | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut connection = Connection::open_with_flags(path, flags).map_err(failed)?;
    set_up(&mut connection).map_err(failed)?;
    if connection.is_readonly("main").map_err(failed)? {
        return Err(OpenError::ReadOnly(path.into()));
    }
    let found = schema::version(&connection).map_err(failed)?;
    if found > schema::VERSION {
        return Err(OpenError::Newer { path: path.into(), found, known: schema::VERSION });
    }
    // Before the log is switched on: the header in the file itself then names its owner for ever,
    // whatever is still in the log.
    schema::migrate(&mut connection).map_err(failed)?;
    switch_log_on(&connection).map_err(failed)?;
    Ok(connection)
}

/// A connection that reads a file which [`open`] has prepared.
pub(super) fn open_to_read(path: &Path) -> Result<Connection, OpenError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let failed = |e| refusal(path, e);
    let mut connection = Connection::open_with_flags(path, flags).map_err(failed)?;
    set_up(&mut connection).map_err(failed)?;
    Ok(connection)
}

fn check_place(path: &Path) -> Result<(), OpenError> {
    let directory = match path.parent() {
        Some(parent) if parent.as_os_str() != OsStr::new("") => parent,
        _ => Path::new("."),
    };
    if directory.is_dir() { Ok(()) } else { Err(OpenError::NoDirectory(path.into())) }
}

/// Looks at the header through SQLite: closing a descriptor of our own would drop the locks that
/// other connections of this process hold on the file. `immutable` keeps SQLite from replaying a
/// foreign file's journal, and from putting files of its own beside it.
fn check_owner(path: &Path) -> Result<(), OpenError> {
    let foreign = |what| Err(OpenError::Foreign { path: path.into(), what });
    match fs::metadata(path) {
        Err(e) if e.kind() == ErrorKind::NotFound => return Ok(()),
        Ok(found) if found.is_file() && found.len() == 0 => return Ok(()),
        Ok(found) if !found.is_file() => return foreign("not a file"),
        Ok(_) | Err(_) => {}
    }
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI;
    let uri = format!("file:{}?immutable=1", percent_encoded(path));
    let owner = Connection::open_with_flags(uri, flags)
        .and_then(|c| c.pragma_query_value(None, "application_id", |row| row.get::<_, i32>(0)));
    match owner {
        Ok(schema::APPLICATION_ID) => Ok(()),
        Ok(_) => foreign("another program's SQLite database"),
        Err(e) if e.sqlite_error_code() == Some(ErrorCode::NotADatabase) => {
            foreign("not an SQLite database")
        }
        Err(e) => Err(refusal(path, e)),
    }
}

fn percent_encoded(path: &Path) -> String {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"/-_.".contains(&b);
    path.as_os_str()
        .as_encoded_bytes()
        .iter()
        .map(|&b| if plain(b) { char::from(b).to_string() } else { format!("%{b:02X}") })
        .collect()
}

fn set_up(connection: &mut Connection) -> rusqlite::Result<()> {
    connection.busy_handler(Some(wait_for_other_process))?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS_MAX);
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "temp_store", "MEMORY")
}

fn wait_for_other_process(looks: i32) -> bool {
    std::thread::sleep(Duration::from_millis(BUSY_LOOK_MS));
    u64::try_from(looks).is_ok_and(|looks| looks < BUSY_MS_MAX / BUSY_LOOK_MS)
}

/// Write-ahead logging: readers and the writer do not wait for each other. Switching it on needs
/// the file for oneself, and SQLite does not always ask the busy handler when it has not.
fn switch_log_on(connection: &Connection) -> rusqlite::Result<()> {
    let switch = || connection.pragma_update_and_check(None, "journal_mode", "WAL", |_| Ok(()));
    let mut outcome = switch();
    let mut looks = 0;
    while outcome.as_ref().is_err_and(|e| e.sqlite_error_code() == Some(ErrorCode::DatabaseBusy))
        && wait_for_other_process(looks)
    {
        looks += 1;
        outcome = switch();
    }
    outcome?;
    connection.pragma_update_and_check(None, "journal_size_limit", LOG_BYTES_KEPT, |_| Ok(()))
}

fn refusal(path: &Path, error: rusqlite::Error) -> OpenError {
    let path = path.to_path_buf();
    match error.sqlite_error_code() {
        Some(ErrorCode::ReadOnly | ErrorCode::CannotOpen | ErrorCode::PermissionDenied) => {
            OpenError::ReadOnly(path)
        }
        Some(ErrorCode::DiskFull) => OpenError::Full(path),
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => OpenError::Locked(path),
        Some(ErrorCode::NotADatabase) => {
            OpenError::Foreign { path, what: "not an SQLite database" }
        }
        _ => OpenError::Failed { path, source: error },
    }
}
