//! The record of a payout: all that payoutd knows of it, stored as one piece.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::call::Call;
use super::command::{CreateCommand, Flow};
use super::decision::contradictions;
use super::event::{Entry, Event};
use super::id::{BankPayoutId, PayoutId, SessionId};
use super::json::Raw;
use super::session::{BankReason, Reading, Session};
use super::stored_command::StoredCommand;
use super::time::Timestamp;

/// Where a payout stands. `docs/state-machine.md` draws it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// A cancellation came before the command it is about: that is all there is. Moved on by the
    /// command, which then ends as cancelled. After a crash: nothing was sent.
    Stub,
    /// Recorded; `session/create` may have been sent. Moved on by its answer. After a crash: past
    /// the intention's deadline it is sent again as the next try; an unused session is harmless.
    Creating,
    /// One-request flow: recorded; `session/init/payout` may have been sent. Moved on by its
    /// answer, or by a webhook whose metadata names the payout. After a crash: never sent again;
    /// a person must look if no webhook comes.
    Initiating,
    /// The session is known; `session/start/payout` may have been sent. Moved on by its answer or
    /// by the bank showing the payout. After a crash: past the deadline status is asked, and only
    /// an empty session is started again.
    Bound,
    /// The bank has the payout; waits for the bank to ask for confirmation. Moved on by a webhook
    /// or by status. After a crash: status is asked.
    Started,
    /// The bank waits for confirmation, and our rules for a person. Moved on by an approval, a
    /// rejection or the deadline, at which it is cancelled. After a crash: waits on.
    Held,
    /// Decided: confirm, which may have been sent. After a crash: past the deadline status is
    /// asked, and confirm sent again only if the bank still waits for it.
    Confirming,
    /// Decided: cancel, which may have been sent. After a crash: as for `Confirming`.
    Cancelling,
    /// The bank took the confirmation; waits for the result. After a crash: status is asked.
    Confirmed,
    /// Final: the money was paid.
    Succeeded,
    /// Final: the bank could not pay.
    Failed,
    /// Final: the session was cancelled, by us or by the bank.
    Cancelled,
    /// Final: payoutd did not start it; no start was sent.
    Rejected,
}

impl State {
    pub const ALL: [Self; 13] = [
        Self::Stub,
        Self::Creating,
        Self::Initiating,
        Self::Bound,
        Self::Started,
        Self::Held,
        Self::Confirming,
        Self::Cancelling,
        Self::Confirmed,
        Self::Succeeded,
        Self::Failed,
        Self::Cancelled,
        Self::Rejected,
    ];

    pub fn is_final(self) -> bool {
        match self {
            Self::Succeeded | Self::Failed | Self::Cancelled | Self::Rejected => true,
            Self::Stub
            | Self::Creating
            | Self::Initiating
            | Self::Bound
            | Self::Started
            | Self::Held
            | Self::Confirming
            | Self::Cancelling
            | Self::Confirmed => false,
        }
    }

    pub fn name(self) -> &'static str {
        match self {
            Self::Stub => "stub",
            Self::Creating => "creating",
            Self::Initiating => "initiating",
            Self::Bound => "bound",
            Self::Started => "started",
            Self::Held => "held",
            Self::Confirming => "confirming",
            Self::Cancelling => "cancelling",
            Self::Confirmed => "confirmed",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
            Self::Rejected => "rejected",
        }
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// A call to the bank that changes something, written down before it is sent. Only the process
/// whose write put it here sends it, once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Intention {
    pub call: Call,
    /// 1 for the first. Part of the idempotency key.
    #[serde(rename = "try")]
    pub attempt: u32,
    /// When it was written, by the store's clock.
    pub at: Timestamp,
    pub outcome: CallOutcome,
    /// A person has looked at what became of it, and wants it to go on.
    #[serde(default)]
    pub released: bool,
}

/// What is known of an intention's call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum CallOutcome {
    /// May have been sent; no answer recorded.
    Pending,
    /// Sent, and nobody knows with what effect. `key_used`: the bank said that the idempotency
    /// key was used before.
    Unknown { key_used: bool },
    /// Certainly not sent; the same try may go out from `until` on.
    Postponed { until: Timestamp },
    /// Answered: definitely not done.
    Refused { reason: BankReason },
    /// Answered: done.
    Answered,
}

/// Why a payout needs a person. While it is set nothing is started or confirmed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attention {
    pub reason: String,
    pub at: Timestamp,
}

/// Grows with each change of the record after which an older payoutd would misread it, or lose some of
/// it in writing it back. That one leaves the payout to newer processes.
pub const FORMAT: u32 = 1;

/// Of records that do not say.
fn first_format() -> u32 {
    1
}

/// One payout. Changed by [`super::transition::apply`] alone.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Payout {
    /// What it takes to read the record: see [`FORMAT`].
    #[serde(default = "first_format")]
    pub format: u32,
    pub command: StoredCommand,
    /// SHA-256 of the canonical command, in hex; empty in a stub.
    pub content_hash: String,
    pub state: State,
    /// When it came into this state.
    pub since: Timestamp,
    /// Grows by one with each write; the store compares it.
    pub version: u64,
    /// Who wrote this version: tells a write whose outcome was unknown from another's.
    pub write_id: u64,
    /// Written once.
    pub session: Option<SessionId>,
    pub bank_payout: Option<BankPayoutId>,
    /// The last call intended.
    pub intention: Intention,
    /// When the last start was intended: the bank cannot have had the payout before. `None`: not
    /// yet, or in a record of a version that did not keep it.
    #[serde(default)]
    pub started_at: Option<Timestamp>,
    /// Settlement payouts: what was held, and what confirm or cancel has to echo, byte for byte.
    pub confirm_information: Option<Raw>,
    /// Number of the newest ticket; 0 when none was written yet.
    pub ticket: u64,
    /// Tickets used since the state last changed: the longer a payout waits, the rarer the looks.
    pub looks: u32,
    /// When the newest ticket, or without one the sweep, has it looked at again.
    pub next_look_at: Timestamp,
    pub attention: Option<Attention>,
    /// Other sessions that showed themselves as this payout's.
    #[serde(default)]
    pub strangers: Vec<SessionId>,
    /// Somebody wants it cancelled, for this reason.
    #[serde(default)]
    pub cancel_requested: Option<String>,
    /// Held: until when it may be approved.
    #[serde(default)]
    pub held_until: Option<Timestamp>,
    /// Somebody approved it, for this reason.
    #[serde(default)]
    pub approved: Option<String>,
    /// Everything that happened, in order: the audit trail and the outbox.
    pub history: Vec<Entry>,
    /// How many entries of the history are known to be published.
    pub published: usize,
}

/// Most other sessions remembered of one payout. More would mean a bank that cannot count.
const STRANGERS_MAX: usize = 16;

impl Payout {
    /// A new record for a command: its first history entry, and the intention to open a session,
    /// or to open one and start the payout in it at once.
    pub fn accept(
        command: CreateCommand,
        content_hash: String,
        flow: Flow,
        at: Timestamp,
        next_look_at: Timestamp,
    ) -> Self {
        let (state, call) = match flow {
            Flow::TwoStep => (State::Creating, Call::Create),
            Flow::OneRequest => (State::Initiating, Call::Init),
        };
        Self {
            content_hash,
            next_look_at,
            intention: Intention::new(call, 1, at),
            started_at: (call == Call::Init).then_some(at),
            ..Self::new(
                StoredCommand::Known(Box::new(command)),
                state,
                at,
                Event::Accepted { flow },
            )
        }
    }

    /// A new record for a cancellation whose command has not come.
    pub fn stub(id: PayoutId, reason: String, at: Timestamp) -> Self {
        let first = Event::CancelRequested { reason: reason.clone() };
        let stub = Self::new(StoredCommand::Awaited(id), State::Stub, at, first);
        Self { cancel_requested: Some(reason), ..stub }
    }

    /// A new record for a payout that the store has lost, with the session that is left of it.
    pub fn lost(id: PayoutId, session: Option<SessionId>, reason: String, at: Timestamp) -> Self {
        let first = Event::NeedsAttention { reason: reason.clone(), session: None };
        let stub = Self::new(StoredCommand::Awaited(id), State::Stub, at, first);
        Self { session, attention: Some(Attention { reason, at }), ..stub }
    }

    fn new(command: StoredCommand, state: State, at: Timestamp, first: Event) -> Self {
        Self {
            format: FORMAT,
            command,
            content_hash: String::new(),
            state,
            since: at,
            version: 0,
            write_id: 0,
            session: None,
            bank_payout: None,
            intention: Intention::new(Call::Create, 1, at),
            started_at: None,
            confirm_information: None,
            ticket: 0,
            looks: 0,
            next_look_at: at,
            attention: None,
            strangers: Vec::new(),
            cancel_requested: None,
            held_until: None,
            approved: None,
            history: vec![Entry { at, event: first }],
            published: 0,
        }
    }

    pub fn id(&self) -> &PayoutId {
        self.command.payout_id()
    }

    /// Nothing is left to do: it is final, or a stub whose command has not come, and everything
    /// that happened is published.
    pub fn is_settled(&self) -> bool {
        self.rests() && self.published == self.history.len()
    }

    /// Nobody has to look at it again by itself.
    pub fn rests(&self) -> bool {
        let waits_for_command = self.state == State::Stub && self.command.create().is_none();
        self.state.is_final() || waits_for_command
    }

    /// The bank paid it, and had not asked for a confirmation. What was held, was to be cancelled, was
    /// lost or needed a person, somebody may have confirmed there.
    pub fn was_paid_unasked(&self) -> bool {
        let decided = |event: &Event| {
            matches!(event.leads_to(), Some(State::Confirming | State::Held | State::Cancelling))
                || matches!(event, Event::NeedsAttention { .. } | Event::Adopted { .. })
        };
        let was_decided = self.history.iter().any(|entry| decided(&entry.event));
        self.state == State::Succeeded && !was_decided
    }

    /// From when on the bank may have had the payout.
    pub fn first_start_at(&self) -> Timestamp {
        if let Some(at) = self.started_at {
            return at;
        }
        let bound = |entry: &&Entry| matches!(entry.event, Event::SessionBound { .. });
        self.history.iter().find(bound).map_or(self.history[0].at, |entry| entry.at)
    }

    /// The store has lost that it was: the bank shows it as paid, with our own name for it and what was
    /// asked for, and of this record nothing was ever started.
    pub(super) fn was_paid_through(&self, session: &Session) -> bool {
        let agrees = |command| contradictions(command, session).is_empty();
        matches!(self.state, State::Stub | State::Creating)
            && self.session.is_none()
            && self.command.create().is_some_and(agrees)
            && session.payout_id.as_ref() == Some(self.id())
            && session.reading() == Reading::Succeeded
    }

    /// Whether a session is known to be of this payout: its own, or another one.
    pub fn knows(&self, session: &SessionId) -> bool {
        self.session.as_ref() == Some(session) || self.strangers.contains(session)
    }

    /// Whether another session of it that may pay is news: nobody was called yet, or not for this
    /// one. A release asks for all that are remembered, so none may be missed.
    pub(super) fn alarmed_by(&self, session: &SessionId) -> bool {
        let known = self.strangers.contains(session) || self.has_countless_strangers();
        self.attention.is_none() || !known
    }

    /// More may have shown themselves than are remembered.
    pub(super) fn has_countless_strangers(&self) -> bool {
        self.strangers.len() >= STRANGERS_MAX
    }

    /// Remembers another session of this payout, once.
    pub(super) fn remember_stranger(&mut self, session: &SessionId) {
        if !self.knows(session) && !self.has_countless_strangers() {
            self.strangers.push(session.clone());
        }
    }

    /// Whether another writer has overtaken the call that `sent` stands for.
    pub fn still_intends(&self, sent: &Intention) -> bool {
        let mine = &self.intention;
        (mine.call, mine.attempt, mine.at) == (sent.call, sent.attempt, sent.at)
    }
}

impl Intention {
    pub fn new(call: Call, attempt: u32, at: Timestamp) -> Self {
        Self { call, attempt, at, outcome: CallOutcome::Pending, released: false }
    }
}
