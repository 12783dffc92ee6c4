//! `payoutd publish`: commands from a file of JSON Lines, each checked before it is sent.
//!
//! Streams: memory does not depend on the size of the file. A bad line is reported with its
//! number and all that is wrong with it; the good ones are published all the same.

use std::fs::File;
use std::io::{BufRead, BufReader, IsTerminal, Read};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context;
use bytes::Bytes;
use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;

use crate::bus::{Bus, Message, Queue};
use crate::config::Config;
use crate::domain::command::{COMMAND_BYTES_MAX, CreateCommand, Violation};

use super::backend::Backend;
use super::{BadInput, Exit, output};

#[derive(clap::Args)]
pub(super) struct Args {
    /// JSON Lines: one command a line; - for standard input
    file: PathBuf,
    /// Lines of JSON instead of text: one for each bad line, and one that sums up
    #[arg(long)]
    json: bool,
}

/// Commands published with one confirmation: enough to share its cost, few enough to lose little
/// time when it has to be repeated.
const BATCH: usize = 256;

#[derive(Debug, Default, Serialize, PartialEq, Eq)]
pub(super) struct Summary {
    pub published: u64,
    pub refused: u64,
}

/// A line that could not be published.
#[derive(Serialize)]
struct Refused<'a> {
    line: u64,
    violations: &'a [Violation],
}

pub(super) async fn main(args: Args, config: Config) -> anyhow::Result<Exit> {
    let (input, bar) = open(&args)?;
    let backend = Backend::open(&config)?;
    let report = |line: u64, violations: &[Violation]| {
        if args.json {
            output::json(&Refused { line, violations });
            return;
        }
        bar.suspend(|| {
            for violation in violations {
                eprintln!("line {line}: {violation}");
            }
        });
    };
    let summary = publish_lines(&*backend.bus, bar.wrap_read(input), report).await?;
    bar.finish_and_clear();
    let Summary { published, refused } = summary;
    if args.json {
        output::json(&summary);
    } else {
        output::line(&format!("{published} published, {refused} refused"));
    }
    Ok(match (published, refused) {
        (_, 0) => Exit::Ok,
        (0, _) => Exit::BadInput,
        (_, _) => Exit::Partly,
    })
}

/// The input, and a bar that follows how much of it was read.
fn open(args: &Args) -> anyhow::Result<(Box<dyn Read>, ProgressBar)> {
    let from_stdin = args.file.as_os_str() == "-";
    let (input, size): (Box<dyn Read>, _) = if from_stdin {
        (Box::new(std::io::stdin()), None)
    } else {
        let (file, size) = open_file(&args.file).map_err(|e| {
            let cure = "name a file of JSON Lines, or - for standard input";
            BadInput(format!("{}: {e}; {cure}", args.file.display()))
        })?;
        (Box::new(file), Some(size))
    };
    let hidden = args.json || !std::io::stderr().is_terminal();
    let bar = match size {
        _ if hidden => ProgressBar::hidden(),
        Some(size) => ProgressBar::new(size).with_style(
            ProgressStyle::with_template("{bar:40} {bytes}/{total_bytes} {msg}")
                .expect("a template that a test shows"),
        ),
        None => ProgressBar::new_spinner(),
    };
    bar.enable_steady_tick(Duration::from_millis(200));
    Ok((input, bar))
}

fn open_file(path: &Path) -> std::io::Result<(File, u64)> {
    let file = File::open(path)?;
    let metadata = file.metadata()?;
    // Opening a folder works; only reading it fails.
    if metadata.is_dir() {
        return Err(std::io::ErrorKind::IsADirectory.into());
    }
    Ok((file, metadata.len()))
}

/// Publishes every good line; `report` gets the others.
pub(super) async fn publish_lines(
    bus: &dyn Bus,
    input: impl Read,
    report: impl Fn(u64, &[Violation]),
) -> anyhow::Result<Summary> {
    let mut lines = Lines { input: BufReader::new(input), number: 0 };
    let mut summary = Summary::default();
    let mut batch = Vec::with_capacity(BATCH);
    loop {
        let line = lines.next().context("the commands cannot be read")?;
        let ended = line.is_none();
        if let Some(line) = line.filter(|line| !line.trim_ascii().is_empty()) {
            match CreateCommand::parse(&line) {
                Ok(_) => {
                    batch.push(Message::Queued { queue: Queue::Commands, body: Bytes::from(line) });
                }
                Err(invalid) => {
                    summary.refused += 1;
                    report(lines.number, &invalid.violations);
                }
            }
        }
        if batch.len() == BATCH || ended && !batch.is_empty() {
            let count = batch.len() as u64;
            bus.publish(std::mem::take(&mut batch)).await.with_context(|| {
                let sure = summary.published;
                format!(
                    "{sure} commands were published; the next {count}, up to line {}, may have been; \
                     publish the file again: payouts that exist are not paid again",
                    lines.number
                )
            })?;
            summary.published += count;
        }
        if ended {
            return Ok(summary);
        }
    }
}

struct Lines<R> {
    input: R,
    /// Of the line read last; the first is 1.
    number: u64,
}

impl<R: BufRead> Lines<R> {
    /// The next line, cut off just above the size that is refused anyway.
    fn next(&mut self) -> std::io::Result<Option<Vec<u8>>> {
        let mut line = Vec::new();
        let limit = COMMAND_BYTES_MAX as u64 + 2;
        if self.input.by_ref().take(limit).read_until(b'\n', &mut line)? == 0 {
            return Ok(None);
        }
        self.number += 1;
        if line.pop_if(|last| *last == b'\n').is_none() && line.len() as u64 == limit {
            self.input.skip_until(b'\n')?;
        }
        line.pop_if(|last| *last == b'\r');
        Ok(Some(line))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_numbered_and_bounded_whatever_is_in_them() {
        let huge = "x".repeat(3 * COMMAND_BYTES_MAX);
        let text = format!("one\r\n\n{huge}\nlast");
        let mut lines = Lines { input: text.as_bytes(), number: 0 };
        let mut sizes = Vec::new();
        while let Some(line) = lines.next().expect("readable") {
            sizes.push((lines.number, line.len()));
        }
        assert_eq!(sizes, [(1, 3), (2, 0), (3, COMMAND_BYTES_MAX + 2), (4, 4)]);
    }
}
