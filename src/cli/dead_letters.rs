//! `payoutd dead-letters`: messages that could not be handled, and what becomes of them.
//!
//! Every one waits until a person replays or discards it; either leaves a trace, which
//! `list --settled` shows.

use std::io::Write;
use std::time::{Duration, SystemTime};

use clap::Subcommand;
use serde::Serialize;
use serde_json::Value;

use crate::bus::Queue;
use crate::bus::dead_letters::{DeadLetter, Listed, Settled, Verdict};
use crate::config::Config;
use crate::domain::time::Timestamp;

use super::backend::Backend;
use super::{BadInput, Exit, output};

#[derive(clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    action: Action,
}

#[derive(Subcommand)]
enum Action {
    /// Those that wait, newest first
    List {
        /// Instead, those that were replayed or discarded
        #[arg(long)]
        settled: bool,
        /// At most so many
        #[arg(long, default_value_t = 50)]
        limit: usize,
        /// A line of JSON for each instead of a table
        #[arg(long)]
        json: bool,
    },
    /// One of them, with its reason
    Show {
        id: String,
        /// Its body instead, byte for byte: it may hold names and account numbers
        #[arg(long)]
        body: bool,
        /// One line of JSON instead of text
        #[arg(long, conflicts_with = "body")]
        json: bool,
    },
    /// Put them back into the queues they came from, to be handled like any other message
    Replay {
        /// As `list` shows them
        #[arg(required = true)]
        ids: Vec<String>,
    },
    /// Give them up
    Discard {
        /// As `list` shows them
        #[arg(required = true)]
        ids: Vec<String>,
        /// Why; it stays in the trace
        #[arg(long, value_parser = clap::builder::NonEmptyStringValueParser::new())]
        reason: String,
    },
}

/// A dead letter without its body, which may hold names and account numbers.
#[derive(Serialize)]
struct Shown<'a> {
    id: &'a str,
    queue: Option<&'static str>,
    at: String,
    /// As the message itself says it, if it does.
    payout_id: Option<String>,
    body_bytes: usize,
    reason: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    settled: Option<ShownVerdict<'a>>,
}

#[derive(Serialize)]
struct ShownVerdict<'a> {
    verdict: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'a str>,
    at: String,
}

pub(super) async fn main(args: Args, config: Config) -> anyhow::Result<Exit> {
    let backend = Backend::open_existing(&config)?;
    match args.action {
        Action::List { settled: false, limit, json } => {
            let Listed { letters, unseen } = backend.dead_letters.list(limit).await?;
            list(letters.iter().map(Shown::waiting), json);
            if unseen > 0 {
                eprintln!(
                    "{unseen} more wait behind these, newer ones, and were not looked at: settle \
                     some of the oldest to see them"
                );
            }
        }
        Action::List { settled: true, limit, json } => {
            let settled = backend.dead_letters.trace(limit).await?;
            list(settled.iter().map(Shown::settled), json);
        }
        Action::Show { id, body, json } => {
            let letter = find(&backend, &id).await?;
            match (body, json) {
                (true, _) => std::io::stdout().write_all(&letter.body)?,
                (false, true) => {
                    output::json(&Shown::waiting(&letter));
                }
                (false, false) => {
                    output::line(&Shown::waiting(&letter).text());
                }
            }
        }
        Action::Replay { ids } => {
            for id in ids {
                refuse_replay(&find(&backend, &id).await?, config.backend.retention)?;
                settle(&backend, &id, Verdict::Replay).await?;
            }
        }
        Action::Discard { ids, reason } => {
            for id in ids {
                settle(&backend, &id, Verdict::Discard { reason: reason.clone() }).await?;
            }
        }
    }
    Ok(Exit::Ok)
}

async fn find(backend: &Backend, id: &str) -> anyhow::Result<DeadLetter> {
    backend.dead_letters.find(id).await?.ok_or_else(|| unknown(id))
}

fn unknown(id: &str) -> anyhow::Error {
    BadInput(format!(
        "no dead letter {id} waits; `payoutd dead-letters list` shows those that do, and says if \
         there are more than it can show; `list --settled` shows those that were settled"
    ))
    .into()
}

/// What came from nowhere can go nowhere; and the payout of an old command may have been paid and
/// forgotten since.
fn refuse_replay(letter: &DeadLetter, retention: Duration) -> anyhow::Result<()> {
    let age = Timestamp::from(SystemTime::now()).since(letter.at);
    let why = match letter.queue {
        None => "came from none of payoutd's queues, and cannot be replayed; discard it",
        Some(Queue::Commands) if age > retention => {
            "is older than payouts are remembered (backend.retention): its payout may have been \
             paid already; discard it, and send a new command if it was not"
        }
        Some(Queue::Commands | Queue::BankEvents | Queue::Tickets) => return Ok(()),
    };
    Err(BadInput(format!("dead letter {} {why}", plain(&letter.id))).into())
}

async fn settle(backend: &Backend, id: &str, verdict: Verdict) -> anyhow::Result<()> {
    let done = match verdict {
        Verdict::Replay => "replayed",
        Verdict::Discard { .. } => "discarded",
    };
    if !backend.dead_letters.settle(id, verdict).await? {
        return Err(unknown(id));
    }
    output::line(&format!("{done} {id}"));
    Ok(())
}

fn list<'a>(letters: impl Iterator<Item = Shown<'a>>, json: bool) {
    let mut count = 0;
    for shown in letters {
        count += 1;
        let written = match json {
            true => output::json(&shown),
            false => output::line(&shown.row()),
        };
        if !written {
            return;
        }
    }
    if count == 0 && !json {
        eprintln!("no dead letters");
    }
}

impl<'a> Shown<'a> {
    fn waiting(letter: &'a DeadLetter) -> Self {
        Self {
            id: &letter.id,
            queue: letter.queue.map(Queue::name),
            at: letter.at.to_string(),
            payout_id: payout_id(&letter.body),
            body_bytes: letter.body.len(),
            reason: &letter.reason,
            settled: None,
        }
    }

    fn settled(settled: &'a Settled) -> Self {
        let (verdict, reason) = match &settled.verdict {
            Verdict::Replay => ("replayed", None),
            Verdict::Discard { reason } => ("discarded", Some(reason.as_str())),
        };
        let verdict = ShownVerdict { verdict, reason, at: settled.at.to_string() };
        Self { settled: Some(verdict), ..Self::waiting(&settled.letter) }
    }

    fn row(&self) -> String {
        let queue = self.queue.unwrap_or("–");
        let payout = self.payout_id.as_deref().unwrap_or("–");
        let verdict = self.settled.as_ref().map_or(String::new(), |settled| {
            let why = settled.reason.map(|reason| format!(" ({reason})")).unwrap_or_default();
            format!("{} {}{why}: ", settled.verdict, settled.at)
        });
        let (id, reason) = (plain(self.id), plain(self.reason));
        format!("{id:16} {queue:11} {}  {payout:32} {}{reason}", self.at, plain(&verdict))
    }

    fn text(&self) -> String {
        [
            format!("id       {}", plain(self.id)),
            format!("queue    {}", self.queue.unwrap_or("–")),
            format!("since    {}", self.at),
            format!("payout   {}", self.payout_id.as_deref().unwrap_or("–")),
            format!("size     {} bytes", self.body_bytes),
            format!("reason   {}", plain(self.reason)),
        ]
        .join("\n")
    }
}

/// Whoever may publish can put a letter with any text here: nothing of it steers the terminal.
fn plain(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
}

/// Longest id shown: what is no id of ours may be anything.
const ID_CHARS_MAX: usize = 64;

/// What a command, a ticket or a webhook of ours calls its payout.
fn payout_id(body: &[u8]) -> Option<String> {
    let message: Value = serde_json::from_slice(body).ok()?;
    let id = ["/payout_id", "/payout", "/session/metadata/payout_id"]
        .iter()
        .find_map(|pointer| message.pointer(pointer)?.as_str())?;
    Some(id.chars().filter(|c| !c.is_control()).take(ID_CHARS_MAX).collect())
}

#[cfg(test)]
mod tests;
