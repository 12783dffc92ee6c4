//! `payoutd publish`: commands from a file of JSON Lines or CSV, each checked before it is sent.
//!
//! Streams: memory does not depend on the size of the file. A bad row is reported with its
//! line and all that is wrong with it; the good ones are published all the same. A person on a
//! terminal sees the sums first, and is asked: then the file is read twice.

mod cells;
mod columns;
mod csv;
mod input;
mod lines;
mod question;
mod quotes;
mod records;
mod rows;
mod totals;

use std::io::{self, IsTerminal, Read};
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, bail};
use bytes::Bytes;
use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;

use crate::bus::{Bus, Message, Queue};
use crate::config::Config;

use super::backend::Backend;
use super::{Exit, output};
use input::Input;
use question::Interrupt;
use rows::{Flaw, Format, Good, Row, Rows};
use totals::Totals;

#[derive(clap::Args)]
pub(super) struct Args {
    /// JSON Lines (one command a line) or CSV (docs/messages.md has its columns); - for standard
    /// input
    #[arg(required_unless_present = "template")]
    file: Option<PathBuf>,
    /// What the file holds, if its name does not tell: CSV when it ends in .csv, else JSON Lines
    #[arg(long)]
    format: Option<Format>,
    /// Check everything, show the sums, publish nothing; no backend is needed
    #[arg(long)]
    dry_run: bool,
    /// On a terminal: do not ask before publishing
    #[arg(long)]
    yes: bool,
    /// Instead, print a CSV file with all columns and one example a method
    #[arg(long, conflicts_with_all = ["file", "format", "dry_run", "yes", "json"])]
    template: bool,
    /// Lines of JSON instead of text: one for each bad line, and one that sums up; never asks
    #[arg(long)]
    json: bool,
}

const TEMPLATE: &str = include_str!("publish/template.csv");

const UNREADABLE: &str = "the commands cannot be read";

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
    violations: &'a [Flaw],
}

pub(super) async fn main(
    args: Args,
    config: impl FnOnce() -> anyhow::Result<Config>,
) -> anyhow::Result<Exit> {
    let Some(file) = &args.file else {
        output::line(TEMPLATE.trim_end());
        return Ok(Exit::Ok);
    };
    let input = Input::look(file)?;
    if args.dry_run {
        let totals = check_rows(&args, &input)?;
        if args.json {
            output::json(&totals.of_dry_run());
        } else {
            output::line(&format!("{totals}; nothing was published: a dry run"));
        }
        return Ok(exit(totals.good(), totals.refused));
    }
    let config = config()?;
    if input.is_plain_file() && !args.json && question::somebody_is_there() {
        return publish_seen(&args, &input, &config).await;
    }
    let file = input.open()?;
    let backend = Backend::open(&config)?;
    let bar = bar(&args, &input);
    let rows = Rows::new(input.format(args.format), bar.wrap_read(file)).context(UNREADABLE)?;
    let summary = publish_rows(&*backend.bus, rows, reporter(&args, &bar)).await?;
    bar.finish_and_clear();
    Ok(sum_up(&args, &summary))
}

/// For a person on a terminal: first what the file holds, then the question, then the same file
/// again, for the queue.
async fn publish_seen(args: &Args, input: &Input, config: &Config) -> anyhow::Result<Exit> {
    let totals = check_rows(args, input)?;
    let mut interrupt = Interrupt::listen()?;
    eprintln!("{totals}");
    let plural = if totals.good() == 1 { "" } else { "s" };
    let what = if totals.interventions == 0 { "payout" } else { "command" };
    let question = format!("Publish {} {what}{plural}?", totals.good());
    if totals.good() > 0 && !args.yes && !interrupt.ask(&question).await {
        eprintln!("nothing was published");
        return Ok(Exit::Failed);
    }
    let file = input.open_again()?;
    let backend = Backend::open(config)?;
    let bar = bar(args, input);
    let rows = Rows::new(input.format(args.format), bar.wrap_read(file)).context(UNREADABLE)?;
    let was_told_before = |_, _: &[_]| {};
    let summary = tokio::select! {
        summary = publish_rows(&*backend.bus, rows, was_told_before) => summary?,
        () = interrupt.comes() => {
            bail!("stopped; some commands may have been published: publish the file again, payouts \
                   that exist are not paid again");
        }
    };
    bar.finish_and_clear();
    Ok(sum_up(args, &summary))
}

fn sum_up(args: &Args, summary: &Summary) -> Exit {
    let Summary { published, refused } = *summary;
    if args.json {
        output::json(summary);
    } else {
        output::line(&format!("{published} published, {refused} refused"));
    }
    exit(published, refused)
}

fn exit(good: u64, refused: u64) -> Exit {
    match (good, refused) {
        (_, 0) => Exit::Ok,
        (0, _) => Exit::BadInput,
        (_, _) => Exit::Partly,
    }
}

/// A bar that follows how much of the file was read.
fn bar(args: &Args, input: &Input) -> ProgressBar {
    let bar = match input.size() {
        _ if args.json || !std::io::stderr().is_terminal() => ProgressBar::hidden(),
        Some(size) => ProgressBar::new(size).with_style(
            ProgressStyle::with_template("{bar:40} {bytes}/{total_bytes} {msg}")
                .expect("a template that a test shows"),
        ),
        None => ProgressBar::new_spinner(),
    };
    bar.enable_steady_tick(Duration::from_millis(200));
    bar
}

/// Tells what is wrong with a row, beside the bar.
fn reporter(args: &Args, bar: &ProgressBar) -> impl Fn(u64, &[Flaw]) {
    move |line, violations| {
        if args.json {
            output::json(&Refused { line, violations });
            return;
        }
        bar.suspend(|| {
            for flaw in violations {
                eprintln!("line {line}{flaw}");
            }
        });
    }
}

/// Reads the whole file and publishes nothing.
fn check_rows(args: &Args, input: &Input) -> anyhow::Result<Totals> {
    let bar = bar(args, input);
    let report = reporter(args, &bar);
    let file = bar.wrap_read(input.open()?);
    let mut rows = Rows::new(input.format(args.format), file).context(UNREADABLE)?;
    let mut totals = Totals::default();
    while let Some(row) = rows.next().context(UNREADABLE)? {
        match row.command {
            Ok(good) => totals.add(&good.command),
            Err(flaws) => {
                totals.refused += 1;
                report(row.line, &flaws);
            }
        }
    }
    bar.finish_and_clear();
    Ok(totals)
}

/// What a CSV file's rows come to, for `crate::fuzzing`: each row's line, and its command's message
/// or everything that is told of it.
pub(crate) fn csv_rows(
    input: impl Read,
    mut take: impl FnMut(u64, Result<Bytes, Vec<String>>),
) -> io::Result<()> {
    let mut rows = Rows::new(Format::Csv, input)?;
    while let Some(Row { line, command }) = rows.next()? {
        let told = |flaws: Vec<Flaw>| flaws.iter().map(Flaw::to_string).collect();
        take(line, command.map(|good| good.body).map_err(told));
    }
    Ok(())
}

/// Publishes every good line of JSON; `report` gets the others.
pub(super) async fn publish_lines(
    bus: &dyn Bus,
    input: impl Read,
    report: impl Fn(u64, &[Flaw]),
) -> anyhow::Result<Summary> {
    publish_rows(bus, Rows::json_lines(input), report).await
}

async fn publish_rows(
    bus: &dyn Bus,
    mut rows: Rows<impl Read>,
    report: impl Fn(u64, &[Flaw]),
) -> anyhow::Result<Summary> {
    let mut summary = Summary::default();
    let mut batch = Vec::with_capacity(BATCH);
    let mut last_line = 0;
    loop {
        let row = rows.next().context(UNREADABLE)?;
        let ended = row.is_none();
        if let Some(row) = row {
            last_line = row.line;
            match row.command {
                Ok(Good { body, .. }) => {
                    batch.push(Message::Queued { queue: Queue::Commands, body });
                }
                Err(flaws) => {
                    summary.refused += 1;
                    report(row.line, &flaws);
                }
            }
        }
        if batch.len() == BATCH || ended && !batch.is_empty() {
            let count = batch.len() as u64;
            bus.publish(std::mem::take(&mut batch)).await.with_context(|| {
                let sure = summary.published;
                format!(
                    "{sure} commands were published; the next {count}, up to line {last_line}, may \
                     have been; publish the file again: payouts that exist are not paid again"
                )
            })?;
            summary.published += count;
        }
        if ended {
            return Ok(summary);
        }
    }
}
