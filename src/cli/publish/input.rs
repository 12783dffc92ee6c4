//! The file of commands: opened once, or twice when its sums are shown before anything is sent.

use std::fs::{self, File, Metadata};
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::super::BadInput;
use super::rows::Format;

pub(super) enum Input {
    Stdin,
    File { path: PathBuf, seen: Metadata },
}

impl Input {
    /// Looks at the file, and does not open it: what is no plain file can be read once only.
    pub(super) fn look(path: &Path) -> anyhow::Result<Self> {
        if path.as_os_str() == "-" {
            return Ok(Self::Stdin);
        }
        let seen = fs::metadata(path).map_err(|error| unreadable(path, &error))?;
        // Opening a folder works; only reading it fails.
        if seen.is_dir() {
            return Err(unreadable(path, &io::ErrorKind::IsADirectory.into()));
        }
        Ok(Self::File { path: path.into(), seen })
    }

    /// By the file's name, unless it is said.
    pub(super) fn format(&self, said: Option<Format>) -> Format {
        let named_csv = match self {
            Self::Stdin => false,
            Self::File { path, .. } => {
                path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("csv"))
            }
        };
        said.unwrap_or(if named_csv { Format::Csv } else { Format::Jsonl })
    }

    /// Whether it can be read twice.
    pub(super) fn is_plain_file(&self) -> bool {
        match self {
            Self::Stdin => false,
            Self::File { seen, .. } => seen.is_file(),
        }
    }

    /// In bytes, where that is known.
    pub(super) fn size(&self) -> Option<u64> {
        match self {
            Self::Stdin => None,
            Self::File { seen, .. } => seen.is_file().then_some(seen.len()),
        }
    }

    pub(super) fn open(&self) -> anyhow::Result<Box<dyn Read>> {
        match self {
            Self::Stdin => Ok(Box::new(io::stdin())),
            Self::File { path, .. } => {
                let file = File::open(path).map_err(|error| unreadable(path, &error))?;
                Ok(Box::new(file))
            }
        }
    }

    /// Opens it once more, if it is still the one that was looked at: what is sent has to be what
    /// was shown.
    pub(super) fn open_again(&self) -> anyhow::Result<Box<dyn Read>> {
        let Self::File { path, seen } = self else { unreachable!("standard input is read once") };
        let file = File::open(path).map_err(|error| unreadable(path, &error))?;
        let now = file.metadata().map_err(|error| unreadable(path, &error))?;
        let mark =
            |file: &Metadata| (file.dev(), file.ino(), file.len(), file.mtime(), file.mtime_nsec());
        if mark(&now) != mark(seen) {
            let path = path.display();
            let cure = "nothing was published; publish it again when it is complete";
            return Err(BadInput(format!("{path}: has changed since it was read; {cure}")).into());
        }
        // What somebody appends from here on was not shown.
        Ok(Box::new(file.take(seen.len())))
    }
}

fn unreadable(path: &Path, error: &io::Error) -> anyhow::Error {
    let cure = "name a file of JSON Lines or CSV, or - for standard input";
    BadInput(format!("{}: {error}; {cure}", path.display())).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_changes_between_two_readings_is_refused() {
        let dir = tempfile::tempdir().expect("a folder");
        let path = dir.path().join("payouts.csv");
        fs::write(&path, "one").expect("written");
        let input = Input::look(&path).expect("it is there");
        let mut text = String::new();
        input.open_again().expect("unchanged").read_to_string(&mut text).expect("read");
        assert_eq!(text, "one");

        fs::write(&path, "one and two").expect("written");
        assert!(input.open_again().is_err(), "longer");

        let input = Input::look(&path).expect("it is there");
        let later = fs::metadata(&path).and_then(|seen| seen.modified()).expect("it has a time")
            + std::time::Duration::from_secs(1);
        File::options().write(true).open(&path).expect("opened").set_modified(later).expect("set");
        assert!(input.open_again().is_err(), "as long, but written later");

        let input = Input::look(&path).expect("it is there");
        fs::rename(&path, dir.path().join("old.csv")).expect("renamed");
        fs::copy(dir.path().join("old.csv"), &path).expect("copied");
        File::options().write(true).open(&path).expect("opened").set_modified(later).expect("set");
        assert!(input.open_again().is_err(), "another file under its name");
    }

    #[test]
    fn what_is_appended_after_the_sums_were_shown_is_not_read() {
        use std::io::Write;
        let dir = tempfile::tempdir().expect("a folder");
        let path = dir.path().join("payouts.jsonl");
        fs::write(&path, "one\n").expect("written");
        let mut again = Input::look(&path).and_then(|input| input.open_again()).expect("unchanged");
        let mut file = File::options().append(true).open(&path).expect("opened");
        file.write_all(b"two\n").expect("appended");
        let mut text = String::new();
        again.read_to_string(&mut text).expect("read");
        assert_eq!(text, "one\n");
    }

    #[test]
    fn the_format_is_what_is_said_or_what_the_name_ends_with() {
        let dir = tempfile::tempdir().expect("a folder");
        let format = |name: &str, said| {
            let path = dir.path().join(name);
            fs::write(&path, "").expect("written");
            Input::look(&path).expect("it is there").format(said)
        };
        assert_eq!(format("a.csv", None), Format::Csv);
        assert_eq!(format("a.CSV", None), Format::Csv);
        assert_eq!(format("a.jsonl", None), Format::Jsonl);
        assert_eq!(format("a.csv", Some(Format::Jsonl)), Format::Jsonl);
        assert_eq!(Input::Stdin.format(None), Format::Jsonl);
        assert_eq!(Input::Stdin.format(Some(Format::Csv)), Format::Csv);
    }
}
