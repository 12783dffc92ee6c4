//! `payoutd events republish`: final events again, for who has missed them.

use bytes::Bytes;

use crate::bus::Message;
use crate::config::Config;
use crate::domain::id::PayoutId;
use crate::domain::result_event::final_event;

use super::backend::{Backend, place};
use super::{Exit, compose, output};

#[derive(clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand)]
enum Command {
    /// Publish the final events of these payouts again: the same events, under the same ids
    Republish {
        #[arg(required = true, value_name = "ID")]
        ids: Vec<PayoutId>,
    },
}

/// Exit code 3 if some of them have no final event, and 2 if none has.
pub(super) async fn main(args: Args, config: Config) -> anyhow::Result<Exit> {
    let Command::Republish { ids } = args.command;
    let backend = Backend::open_existing(&config)?;
    let source = compose::source(&config);
    let (mut published, mut without) = (0, 0);
    for id in &ids {
        let payout = backend.store.load(id).await?.payout;
        let Some(event) = payout.as_ref().and_then(|payout| final_event(payout, &source)) else {
            let state = payout.map(|payout| payout.state.name());
            let place = place(&config);
            match state {
                Some(state) => eprintln!("{id}: has no final event, it is {state}"),
                None => eprintln!("{id}: there is no such payout in {place}"),
            }
            without += 1;
            continue;
        };
        let kind = event.kind.to_owned();
        let message = Message::Event { kind, body: Bytes::from(event.body) };
        backend.bus.publish(vec![message]).await?;
        output::line(&format!("{id}: {} published again", event.kind));
        published += 1;
    }
    Ok(match (published, without) {
        (_, 0) => Exit::Ok,
        (0, _) => Exit::BadInput,
        (_, _) => Exit::Partly,
    })
}
