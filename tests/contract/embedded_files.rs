//! Files and places that the embedded backend must refuse, unharmed, with a word on what to do.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::process::CommandExt;
use std::path::Path;

use payoutd::embedded::{Embedded, OpenError};
use rusqlite::Connection;

use super::{OneFile, first_word, load, payout, soon, start, write};

fn refusal(path: &Path) -> OpenError {
    Embedded::open(path).err().expect("must be refused")
}

/// All files there, with what is in them.
fn contents(directory: &Path) -> BTreeMap<OsString, Vec<u8>> {
    let entries = fs::read_dir(directory).expect("reads").map(|entry| entry.expect("reads"));
    entries.map(|e| (e.file_name(), fs::read(e.path()).expect("reads"))).collect()
}

#[test]
fn a_file_that_is_no_database_is_refused_and_unharmed() {
    let file = OneFile::new();
    for content in [&b"x"[..], b"some notes\n", &[b'x'; 8192], b"SQLite format 3\0"] {
        fs::write(file.path(), content).expect("writes");
        let before = contents(file.directory.path());
        let refused = refusal(&file.path());
        assert!(matches!(refused, OpenError::Foreign { .. }), "{refused}");
        assert!(refused.to_string().contains("move it away, or set another path"), "{refused}");
        assert_eq!(contents(file.directory.path()), before);
    }
}

#[test]
fn another_program_s_database_is_refused_and_unharmed() {
    for mode in ["DELETE", "WAL"] {
        for identity in ["", "PRAGMA application_id = 7;", "CREATE TABLE payouts (a);"] {
            let file = OneFile::new();
            let other = Connection::open(file.path()).expect("opens");
            other.pragma_update(None, "journal_mode", mode).expect("set");
            other.execute_batch(&format!("CREATE TABLE a (b); {identity}")).expect("created");
            drop(other);
            let before = contents(file.directory.path());
            let refused = refusal(&file.path());
            assert!(matches!(refused, OpenError::Foreign { .. }), "{refused}");
            assert_eq!(contents(file.directory.path()), before, "{mode} {identity}");
        }
    }
}

#[test]
fn a_newer_payoutd_s_file_is_refused_and_unharmed() {
    let file = OneFile::new();
    drop(file.embedded());
    let newer = Connection::open(file.path()).expect("opens");
    newer.pragma_update(None, "user_version", 99).expect("set");
    drop(newer);
    let before = contents(file.directory.path());
    let refused = refusal(&file.path());
    assert!(matches!(refused, OpenError::Newer { found: 99, .. }), "{refused}");
    assert!(refused.to_string().contains("use that version or a newer one"), "{refused}");
    assert_eq!(contents(file.directory.path()), before);
}

#[test]
fn a_place_that_is_not_there_or_is_no_file_is_refused() {
    let file = OneFile::new();
    let nowhere = file.directory.path().join("not/there.db");
    assert!(matches!(refusal(&nowhere), OpenError::NoDirectory(_)));
    assert!(matches!(refusal(file.directory.path()), OpenError::Foreign { .. }));
}

/// A process that may not write here: this one may be root's, whom nothing is denied.
async fn refused_without_rights(path: &Path, binary: &Path) -> String {
    let mut process = start("open", path, |command| {
        let root = fs::metadata("/proc/self").expect("reads").uid() == 0;
        if root {
            // The tests' directory may be closed to others, so a copy.
            let current = std::env::current_exe().expect("a path");
            fs::copy(current, binary).expect("copies");
            *command = std::process::Command::new(binary);
            command.uid(65_534).gid(65_534);
        }
    });
    first_word(&mut process).await
}

#[tokio::test]
async fn a_read_only_file_or_directory_is_refused() {
    let (file, elsewhere) = (OneFile::new(), tempfile::tempdir().expect("a directory"));
    let mode = |path: &Path, mode| {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("set");
    };
    mode(elsewhere.path(), 0o755);
    let binary = elsewhere.path().join("tests");
    mode(file.directory.path(), 0o555);
    let word = refused_without_rights(&file.path(), &binary).await;
    assert!(word.starts_with("refused ") && word.contains("make both writable"), "{word}");

    mode(file.directory.path(), 0o755);
    drop(file.embedded());
    mode(&file.path(), 0o444);
    mode(file.directory.path(), 0o555);
    let word = refused_without_rights(&file.path(), &binary).await;
    assert!(word.starts_with("refused ") && word.contains("make both writable"), "{word}");
    mode(file.directory.path(), 0o755);
}

#[tokio::test]
async fn many_may_create_the_file_at_once() {
    let file = OneFile::new();
    let path = &file.path();
    let opened: Vec<Embedded> = std::thread::scope(|scope| {
        let threads: Vec<_> =
            (0..8).map(|_| scope.spawn(|| Embedded::open(path).expect("opens"))).collect();
        threads.into_iter().map(|thread| thread.join().expect("opens")).collect()
    });
    for (n, embedded) in opened.iter().enumerate() {
        soon(write(&*embedded.store, &payout(&format!("inv-{n}")))).await;
    }
    for n in 0..8 {
        assert!(load(&*opened[7 - n].store, &format!("inv-{n}")).await.is_some());
    }
}
