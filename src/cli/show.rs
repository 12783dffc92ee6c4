//! `payoutd show`: one payout and its timeline.

use serde::Serialize;
use serde_json::Value;

use crate::config::Config;
use crate::domain::command::{Intervention, Verb};
use crate::domain::event::{Entry, Event};
use crate::domain::id::{BankPayoutId, PayoutId, SessionId};
use crate::domain::intervene::{Effect, intervene};
use crate::domain::money::Money;
use crate::domain::payout::{Attention, Payout, State};
use crate::domain::policy::Policy;
use crate::domain::rules::Rules;
use crate::domain::time::Timestamp;
use crate::store::Loaded;

use super::backend::{self, place};
use super::compose::policy;
use super::{BadInput, Exit, output};

#[derive(clap::Args)]
pub(super) struct Args {
    /// The payout's id, as the command named it
    id: PayoutId,
    /// One line of JSON instead of text
    #[arg(long)]
    json: bool,
}

/// What is shown of a payout: nothing that identifies the recipient.
#[derive(Serialize)]
pub(super) struct Shown<'a> {
    payout_id: &'a PayoutId,
    state: State,
    since: String,
    /// Absent in a stub.
    amount_details: Option<&'a Money>,
    session_id: Option<&'a SessionId>,
    bank_payout_id: Option<&'a BankPayoutId>,
    attention: Option<NeedsAttention<'a>>,
    /// Held: until when it may be approved.
    approve_before: Option<String>,
    /// Somebody wants it cancelled.
    cancel_requested: Option<&'a str>,
    /// Absent once the payout is final.
    next_look_at: Option<String>,
    tickets: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    history: Option<Vec<Happened>>,
}

#[derive(Serialize)]
struct NeedsAttention<'a> {
    reason: &'a str,
    since: String,
}

#[derive(Serialize)]
struct Happened {
    time: String,
    #[serde(flatten)]
    event: Value,
}

impl<'a> Shown<'a> {
    pub(super) fn brief(payout: &'a Payout) -> Self {
        Self {
            payout_id: payout.id(),
            state: payout.state,
            since: payout.since.to_string(),
            amount_details: payout.command.create().map(|command| &command.money),
            session_id: payout.session.as_ref(),
            bank_payout_id: payout.bank_payout.as_ref(),
            attention: payout
                .attention
                .as_ref()
                .map(|Attention { reason, at }| NeedsAttention { reason, since: at.to_string() }),
            approve_before: held_until(payout).map(|until| until.to_string()),
            cancel_requested: payout.cancel_requested.as_deref(),
            next_look_at: (!payout.rests()).then(|| payout.next_look_at.to_string()),
            tickets: payout.ticket,
            history: None,
        }
    }

    fn whole(payout: &'a Payout) -> Self {
        let happened = |Entry { at, event }: &'a Entry| {
            let mut shown = serde_json::to_value(event).expect("an event is JSON");
            // A record counts milliseconds; people and their programs read times.
            if let Event::Held { until, .. } | Event::Postponed { until } = event {
                shown["until"] = until.to_string().into();
            }
            if let Event::SessionBound { next_look_at, .. } = event {
                shown["next_look_at"] = next_look_at.to_string().into();
            }
            Happened { time: at.to_string(), event: shown }
        };
        Self { history: Some(payout.history.iter().map(happened).collect()), ..Self::brief(payout) }
    }
}

pub(super) async fn main(args: Args, config: Config) -> anyhow::Result<Exit> {
    let store = backend::store(&config)?;
    let Loaded { payout, now } = store.load(&args.id).await?;
    let Some(payout) = payout else {
        let place = place(&config);
        return Err(BadInput(format!("there is no payout {} in {place}", args.id)).into());
    };
    if args.json {
        output::json(&Shown::whole(&payout));
    } else {
        let policy = policy(&config, Rules::default());
        output::line(&timeline(&payout, &policy, now));
    }
    Ok(Exit::Ok)
}

fn timeline(payout: &Payout, policy: &Policy, now: Timestamp) -> String {
    let or_none = |text: Option<&str>| text.unwrap_or("–").to_owned();
    let mut lines = vec![
        format!("payout   {}", payout.id()),
        format!("state    {} since {}", output::state(payout.state, 0), payout.since),
        format!("amount   {}", output::amount(payout)),
        format!("session  {}", or_none(payout.session.as_ref().map(SessionId::as_str))),
    ];
    if !payout.strangers.is_empty() {
        let others: Vec<_> = payout.strangers.iter().map(SessionId::as_str).collect();
        lines.push(format!("others   {}", others.join(" ")));
    }
    if let Some(attention) = &payout.attention {
        let verbs = verbs(payout, policy, now);
        lines.push(format!("needs attention: {}{verbs}", attention.reason));
    }
    if let Some(reason) = payout.cancel_requested.as_ref().filter(|_| !payout.state.is_final()) {
        lines.push(format!("is to be cancelled: {reason}"));
    }
    if let Some(until) = held_until(payout) {
        lines.push(format!("waits for approval until {until} (payoutd approve|reject)"));
    }
    let may_be_sent = !payout.intention.outcome.is_definite();
    if payout.state == State::Initiating && payout.attention.is_none() && may_be_sent {
        let until = policy.heard_by(&payout.intention);
        lines.push(format!("waits for the bank's webhook until {until}, then for a person"));
    }
    if payout.state == State::Stub && payout.cancel_requested.is_some() {
        lines.push("waits for its command, which will end as cancelled".into());
    }
    if !payout.rests() {
        let due = if payout.next_look_at <= now { "due since" } else { "at" };
        lines.push(format!("next look {due} {}", payout.next_look_at));
    }
    lines.push(String::new());
    for Entry { at, event } in &payout.history {
        lines.push(format!("{at}  {:16} {}", event.name(), detail(event)).trim_end().to_owned());
    }
    lines.join("\n")
}

/// What a person can say of it now.
fn verbs(payout: &Payout, policy: &Policy, now: Timestamp) -> String {
    let taken = |verb: &Verb| {
        let word = Intervention {
            verb: *verb,
            payout_id: payout.id().clone(),
            // Whichever it is: the bank is asked.
            session: (*verb == Verb::Adopt).then(|| SessionId::new("another")),
            reason: String::new(),
        };
        let effect = intervene(payout, &word, policy, now);
        matches!(effect, Effect::Write(_) | Effect::WriteOnEvidence(_) | Effect::Adopt(_))
    };
    let verbs = [Verb::Approve, Verb::Adopt, Verb::Release, Verb::Reject];
    let verbs: Vec<_> = verbs.iter().filter(|verb| taken(verb)).map(Verb::to_string).collect();
    match verbs.is_empty() {
        true => String::new(),
        false => format!(" (payoutd {})", verbs.join("|")),
    }
}

fn held_until(payout: &Payout) -> Option<Timestamp> {
    payout.held_until.filter(|_| payout.state == State::Held)
}

fn detail(event: &Event) -> String {
    match event {
        Event::Intended { attempt } => format!("try {attempt}"),
        Event::Postponed { until } => format!("until {until}"),
        Event::OutcomeUnknown { why, .. } => why.clone(),
        Event::Refused { reason } | Event::Failed { reason } => {
            format!("{} {}", reason.code, reason.text)
        }
        Event::SessionBound { session, .. }
        | Event::Initiated { session, .. }
        | Event::Adopted { session } => session.to_string(),
        Event::Held { reason, until, .. } => format!("until {until}: {reason}"),
        Event::Started { bank_payout, .. } | Event::Succeeded { bank_payout } => {
            bank_payout.as_ref().map(ToString::to_string).unwrap_or_default()
        }
        Event::CancelDecided { reason, .. }
        | Event::Cancelled { reason }
        | Event::Rejected { reason }
        | Event::NeedsAttention { reason, .. }
        | Event::Approved { reason }
        | Event::CancelRequested { reason }
        | Event::Released { reason }
        | Event::ConfirmDecided { reason, .. } => reason.clone(),
        Event::Accepted { .. }
        | Event::CommandCame { .. }
        | Event::Confirmed
        | Event::CancelTaken
        | Event::StrayFound { .. }
        | Event::Refunded { .. }
        | Event::TicketIssued { .. }
        | Event::Published { .. } => String::new(),
    }
}
