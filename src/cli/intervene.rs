//! `payoutd cancel`, `approve`, `reject`, `release`, `adopt`: a word about one payout, published as a command
//! like any other.
//!
//! What can be told from the record at once is told here; what becomes of it is decided by the
//! executor that takes it, and stands in the payout and among the events.

use bytes::Bytes;

use crate::bus::{Message, Queue};
use crate::config::Config;
use crate::domain::command::{Intervention, Verb};
use crate::domain::id::{PayoutId, SessionId};
use crate::domain::intervene::{Effect, intervene};
use crate::domain::rules::Rules;
use crate::store::Loaded;

use super::backend::{Backend, place};
use super::compose::policy;
use super::{BadInput, Exit, output};

#[derive(clap::Args)]
pub(super) struct Args {
    /// The payout's id, as the command named it
    id: PayoutId,
    /// Why, for whoever reads it later: it is kept with the payout and told in events
    #[arg(long)]
    reason: String,
}

#[derive(clap::Args)]
pub(super) struct AdoptArgs {
    #[command(flatten)]
    word: Args,
    /// The bank's id of the session, as its cabinet shows it
    session: String,
}

pub(super) async fn adopt(args: AdoptArgs, config: Config) -> anyhow::Result<Exit> {
    let AdoptArgs { word, session } = args;
    if let Err(violation) = Intervention::check_session(&session) {
        return Err(BadInput(format!("SESSION {}", violation.problem)).into());
    }
    say(Verb::Adopt, Some(SessionId::new(session)), word, config).await
}

pub(super) async fn main(verb: Verb, args: Args, config: Config) -> anyhow::Result<Exit> {
    say(verb, None, args, config).await
}

async fn say(
    verb: Verb,
    session: Option<SessionId>,
    args: Args,
    config: Config,
) -> anyhow::Result<Exit> {
    let Args { id, reason } = args;
    if let Err(violation) = Intervention::check_reason(&reason) {
        return Err(BadInput(format!("--reason {}", violation.problem)).into());
    }
    let intervention = Intervention { verb, payout_id: id, session, reason };
    let id = &intervention.payout_id;
    let backend = Backend::open_existing(&config)?;
    let Loaded { payout, now } = backend.store.load(id).await?;
    // No word is held against the rules.
    let policy = policy(&config, Rules::default());
    let effect = payout.as_ref().map(|payout| intervene(payout, &intervention, &policy, now));
    let known = match effect {
        None if verb == Verb::Cancel => false,
        None => {
            let place = place(&config);
            return Err(BadInput(format!("there is no payout {id} in {place}")).into());
        }
        Some(Effect::Refused(why)) => return Err(BadInput(format!("{id}: {why}")).into()),
        Some(Effect::Known) => true,
        Some(Effect::Write(_) | Effect::WriteOnEvidence(_) | Effect::Adopt(_)) => false,
    };
    if known {
        let state = payout.map(|payout| payout.state.name()).unwrap_or_default();
        let nothing =
            format!("{id}: nothing to {verb}: it is {state}, and that was decided before");
        output::line(&format!("{nothing}; see payoutd show {id}"));
        return Ok(Exit::Ok);
    }
    let body = Bytes::from(intervention.to_json());
    backend.bus.publish(vec![Message::Queued { queue: Queue::Commands, body }]).await?;
    if payout.is_none() {
        let place = place(&config);
        eprintln!(
            "warning: no payout {id} is known in {place}: it will end as cancelled if it comes"
        );
    }
    let ahead = if payout.is_none() { ", ahead of its command" } else { "" };
    output::line(&format!("{id}: {verb} published{ahead}; see payoutd show {id}"));
    Ok(Exit::Ok)
}
