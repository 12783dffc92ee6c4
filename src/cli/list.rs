//! `payoutd list`: payouts, newest first.

use crate::config::Config;
use crate::domain::payout::{Payout, State};
use crate::store::Filter;

use super::backend::{self, place};
use super::show::Shown;
use super::{Exit, output};

#[derive(clap::Args)]
pub(super) struct Args {
    /// Only payouts in this state: stub, creating, initiating, bound, started, held, confirming,
    /// cancelling, confirmed, succeeded, failed, cancelled or rejected
    #[arg(long, value_parser = parse_state)]
    state: Option<State>,
    /// Only payouts that need a person
    #[arg(long)]
    attention: bool,
    /// At most so many
    #[arg(long, default_value_t = 50)]
    limit: usize,
    /// A line of JSON for each instead of a table
    #[arg(long)]
    json: bool,
}

fn parse_state(text: &str) -> Result<State, String> {
    let found = State::ALL.into_iter().find(|state| state.name() == text);
    found.ok_or_else(|| {
        let names: Vec<_> = State::ALL.iter().map(|state| state.name()).collect();
        format!("is no state; there are: {}", names.join(", "))
    })
}

pub(super) async fn main(args: Args, config: Config) -> anyhow::Result<Exit> {
    let store = backend::store(&config)?;
    let limit = args.limit.saturating_add(1);
    let filter = Filter { state: args.state, attention: args.attention, limit };
    let mut payouts = store.list(&filter).await?;
    if payouts.len() > args.limit {
        payouts.truncate(args.limit);
        eprintln!("there are more than {}: --limit shows more", args.limit);
    }
    if args.json {
        for payout in &payouts {
            if !output::json(&Shown::brief(payout)) {
                break;
            }
        }
        return Ok(Exit::Ok);
    }
    if payouts.is_empty() {
        eprintln!("no such payouts in {}", place(&config));
        return Ok(Exit::Ok);
    }
    output::line(&format!("{:32} {:10} {:>18}  {:24}  ", "PAYOUT", "STATE", "AMOUNT", "SINCE"));
    for payout in &payouts {
        if !output::line(&row(payout)) {
            break;
        }
    }
    Ok(Exit::Ok)
}

fn row(payout: &Payout) -> String {
    let attention = payout.attention.as_ref().map(|a| format!("needs attention: {}", a.reason));
    let state = output::state(payout.state, 10);
    format!(
        "{:32} {state} {:>18}  {}  {}",
        payout.id().as_str(),
        output::amount(payout),
        payout.since,
        attention.unwrap_or_default()
    )
}
