//! The bank: sessions, the payouts in them, idempotency keys, and what was paid.

use std::collections::{BTreeMap, BTreeSet};

use payoutd::domain::call::{Answer, Call};
use payoutd::domain::id::{BankPayoutId, PayoutId, SessionId};
use payoutd::domain::session::{BankPayout, BankReason, PayoutStatus, Session, SessionStatus};

use crate::protocol::{BankKind, Keys, SecondStart};
use crate::record::COMMANDS;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Phase {
    Created,
    Started,
    Awaiting,
    Confirmed,
    Paid,
    Failed,
    Cancelled,
}

/// A session, at the bank and as it was shown once.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Shown {
    pub(crate) number: u8,
    pub(crate) phase: Phase,
    /// For each payout in it, of which command it is.
    pub(crate) payouts: Vec<u8>,
}

/// A call on its way.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Request {
    pub(crate) call: Kind,
    /// A digest of the idempotency key's text.
    pub(crate) key: u64,
    pub(crate) session: Option<u8>,
    pub(crate) content: u8,
    /// The worker that waits for its answer.
    pub(crate) sender: Option<usize>,
}

/// What is called: the crate's `Call`, ordered, without the flow in one request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Kind {
    Create,
    Start,
    Confirm,
    Cancel,
}

impl Kind {
    pub(crate) fn of(call: Call) -> Self {
        match call {
            Call::Create => Self::Create,
            Call::Start => Self::Start,
            Call::Confirm => Self::Confirm,
            Call::Cancel => Self::Cancel,
            Call::Init => unreachable!("the flow in one request is not modelled"),
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Reply {
    Done(Shown),
    Refused,
    KeyUsed,
    NotSent,
    Unknown,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Bank {
    pub(crate) sessions: Vec<Shown>,
    /// Keys that were used, with what was answered.
    keys: BTreeMap<u64, Reply>,
    pub(crate) paid: Vec<u8>,
    /// Sessions for which a confirmation was ever sent.
    pub(crate) confirms_sent: BTreeSet<u8>,
}

impl Bank {
    /// Lets a call take effect, if it is to have any.
    pub(crate) fn take(&mut self, kind: BankKind, request: &Request) -> Reply {
        if let Some(used) = self.known_key(kind, request) {
            return used;
        }
        let reply = self.effect(kind, request);
        if reply != Reply::Refused || kind.failed_uses_key {
            self.keys.insert(request.key, reply.clone());
        }
        reply
    }

    /// Answers without doing anything.
    pub(crate) fn fail(&mut self, kind: BankKind, request: &Request, reply: Reply) -> Reply {
        if let Some(used) = self.known_key(kind, request) {
            return used;
        }
        if kind.failed_uses_key {
            self.keys.insert(request.key, reply.clone());
        }
        reply
    }

    fn known_key(&self, kind: BankKind, request: &Request) -> Option<Reply> {
        let first = self.keys.get(&request.key)?;
        match kind.keys {
            Keys::Refused => Some(Reply::KeyUsed),
            Keys::Replayed => Some(first.clone()),
            Keys::Ignored => None,
        }
    }

    fn effect(&mut self, kind: BankKind, request: &Request) -> Reply {
        if request.call == Kind::Create {
            let number = u8::try_from(self.sessions.len()).expect("few");
            let session = Shown { number, phase: Phase::Created, payouts: Vec::new() };
            self.sessions.push(session.clone());
            return Reply::Done(session);
        }
        let number = request.session.expect("every other call names its session");
        let session = &mut self.sessions[usize::from(number)];
        let appends = kind.second_start == SecondStart::Appended;
        match (request.call, session.phase) {
            (Kind::Start, Phase::Created) => {
                session.payouts.push(request.content);
                session.phase = Phase::Started;
            }
            (Kind::Start, Phase::Started | Phase::Awaiting) if appends => {
                session.payouts.push(request.content);
            }
            (Kind::Confirm, Phase::Awaiting) => session.phase = Phase::Confirmed,
            (Kind::Cancel, Phase::Created | Phase::Awaiting) => session.phase = Phase::Cancelled,
            _ => return Reply::Refused,
        }
        Reply::Done(session.clone())
    }

    /// What the bank may do next by itself with a session.
    pub(crate) fn next_phases(session: &Shown) -> &'static [Phase] {
        match session.phase {
            Phase::Started => &[Phase::Awaiting],
            Phase::Awaiting => &[Phase::Cancelled],
            Phase::Confirmed => &[Phase::Paid, Phase::Failed],
            Phase::Created | Phase::Paid | Phase::Failed | Phase::Cancelled => &[],
        }
    }

    pub(crate) fn go_on(&mut self, number: u8, phase: Phase) -> Shown {
        let session = &mut self.sessions[usize::from(number)];
        session.phase = phase;
        if phase == Phase::Paid {
            self.paid.extend(&session.payouts);
        }
        session.clone()
    }

    /// Payouts that were ever started.
    pub(crate) fn started(&self) -> usize {
        self.sessions.iter().map(|session| session.payouts.len()).sum()
    }
}

impl Reply {
    pub(crate) fn answer(&self, all: bool) -> Answer {
        let reason = || BankReason { code: "invalid_request".into(), text: String::new() };
        match self {
            Self::Done(shown) => Answer::Done(shown.session(all)),
            Self::Refused => Answer::Refused(reason()),
            Self::KeyUsed => Answer::KeyUsed,
            Self::NotSent => Answer::NotSent("no connection".into()),
            Self::Unknown => Answer::Unknown("timeout".into()),
        }
    }
}

pub(crate) fn session_id(number: u8) -> SessionId {
    SessionId::new(format!("ps_{number}"))
}

pub(crate) fn session_number(id: &SessionId) -> u8 {
    id.as_str().trim_start_matches("ps_").parse().expect("ours")
}

impl Shown {
    /// As the crate reads it; only its first payout, unless `all`.
    pub(crate) fn session(&self, all: bool) -> Session {
        let (status, payout) = match self.phase {
            Phase::Created => (SessionStatus::Created, PayoutStatus::Pending),
            Phase::Started | Phase::Confirmed => {
                (SessionStatus::InProgress, PayoutStatus::InProgress)
            }
            Phase::Awaiting => (SessionStatus::InProgress, PayoutStatus::Pending),
            Phase::Paid => (SessionStatus::Accepted, PayoutStatus::Succeeded),
            Phase::Failed => (SessionStatus::Accepted, PayoutStatus::Failed),
            Phase::Cancelled => (SessionStatus::Cancelled, PayoutStatus::Pending),
        };
        let counted = if all { self.payouts.len() } else { self.payouts.len().min(1) };
        let payouts = self.payouts[..counted].iter().map(|content| {
            let (command, _) = &COMMANDS[usize::from(*content)];
            BankPayout {
                id: Some(BankPayoutId::new("po_1")),
                status: payout,
                money: Some(command.money.clone()),
                payment_method: command.payment_method.clone(),
                participants: command.participants.clone(),
                error: None,
            }
        });
        let payout_id: PayoutId = COMMANDS[0].0.payout_id.clone();
        Session {
            id: session_id(self.number),
            status,
            awaits_confirmation: self.phase == Phase::Awaiting,
            payouts: payouts.collect(),
            payout_id: Some(payout_id),
            confirm_information: None,
        }
    }
}
