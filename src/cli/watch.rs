//! `payoutd watch`: result events as they are published, until interrupted.

use std::time::Duration;

use serde::Deserialize;

use crate::bus::{Bus, Subscription};
use crate::config::Config;
use crate::domain::id::PayoutId;
use crate::shutdown::Shutdown;

use super::backend::Backend;
use super::{Exit, output};

#[derive(clap::Args)]
pub(super) struct Args {
    /// Only events of this type, such as payout.succeeded
    #[arg(long = "type", value_name = "TYPE")]
    kind: Option<String>,
    /// Only events of this payout
    #[arg(long, value_name = "ID")]
    payout: Option<PayoutId>,
    /// Whole CloudEvents, one a line, instead of text
    #[arg(long)]
    json: bool,
}

/// Between two tries to subscribe again.
const TRY_EVERY: Duration = Duration::from_millis(500);

/// What is read of an event to filter and show it.
#[derive(Deserialize)]
struct Shown {
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    subject: Option<PayoutId>,
    time: String,
    data: Data,
}

#[derive(Deserialize)]
struct Data {
    reason: Option<String>,
    approve_before: Option<String>,
    error: Option<Reason>,
}

#[derive(Deserialize)]
struct Reason {
    code: String,
}

pub(super) async fn main(args: Args, config: Config) -> anyhow::Result<Exit> {
    let backend = Backend::open(&config)?;
    let events = backend.bus.subscribe().await?;
    let signalled = Shutdown::default().begin_on_signal()?;
    eprintln!("watching result events; Ctrl-C ends");
    tokio::select! {
        () = follow(&*backend.bus, events, &args) => Ok(Exit::Ok),
        () = signalled => Ok(Exit::Ok),
    }
}

/// Until nobody reads any more. A subscription that broke is made again.
async fn follow(bus: &dyn Bus, mut events: Box<dyn Subscription>, args: &Args) {
    loop {
        let error = match events.next().await {
            Ok(body) if show(args, &body) => continue,
            Ok(_) => return,
            Err(error) => error,
        };
        eprintln!("{error}; events until it is back are not shown");
        events = loop {
            match bus.subscribe().await {
                Ok(events) => break events,
                Err(_) => tokio::time::sleep(TRY_EVERY).await,
            }
        };
        eprintln!("watching again");
    }
}

/// `false`: nobody reads any more.
fn show(args: &Args, body: &[u8]) -> bool {
    let Ok(event) = serde_json::from_slice::<Shown>(body) else { return true };
    let wanted = args.kind.as_ref().is_none_or(|kind| *kind == event.kind)
        && args.payout.as_ref().is_none_or(|id| event.subject.as_ref() == Some(id));
    if !wanted {
        return true;
    }
    if args.json {
        return output::line(&String::from_utf8_lossy(body));
    }
    let subject = event.subject.as_ref().map_or("–", PayoutId::as_str);
    let mut why = event.data.error.map(|e| e.code).or(event.data.reason).unwrap_or_default();
    if let Some(until) = event.data.approve_before {
        why = format!("until {until}: {why}");
    }
    let text = format!("{}  {:24} {subject:32} {why}", event.time, event.kind);
    output::line(text.trim_end())
}

#[cfg(test)]
mod tests;
