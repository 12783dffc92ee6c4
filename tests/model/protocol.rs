//! What is searched: which bank, which guards of the protocol, and how much may go wrong.

use std::time::Duration;

use payoutd::domain::payout::State;
use payoutd::domain::policy::{Delays, Policy, WEBHOOK_PATIENCE};
use payoutd::domain::standing::Paused;

use crate::record::TICK;

/// What a bank does with an idempotency key that it has seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Keys {
    Refused,
    Replayed,
    Ignored,
}

/// What a bank does with a start in a session that has a payout.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SecondStart {
    Refused,
    Appended,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct BankKind {
    pub(crate) keys: Keys,
    /// A request that failed uses up its key.
    pub(crate) failed_uses_key: bool,
    pub(crate) second_start: SecondStart,
}

impl BankKind {
    pub(crate) const ALL: [Self; 12] = {
        let mut all = [Self::WORST; 12];
        let mut n = 0;
        while n < 12 {
            all[n] = Self {
                keys: [Keys::Refused, Keys::Replayed, Keys::Ignored][n / 4],
                failed_uses_key: n % 2 == 1,
                second_start: [SecondStart::Refused, SecondStart::Appended][n / 2 % 2],
            };
            n += 1;
        }
        all
    };

    /// It leaves everything to its caller.
    pub(crate) const WORST: Self =
        Self { keys: Keys::Ignored, failed_uses_key: false, second_start: SecondStart::Appended };

    /// The one that its pages describe.
    pub(crate) const DESCRIBED: Self =
        Self { keys: Keys::Refused, failed_uses_key: true, second_start: SecondStart::Refused };
}

/// The text of the idempotency key, as it is and as it might have been.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum KeyText {
    AsItIs,
    WithoutTry,
    SessionInsteadOfPayout,
}

/// The guards of the protocol. Each can be taken away.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Guards {
    /// The store compares versions.
    pub(crate) compare_and_set: bool,
    /// The intention is stored before the call is sent.
    pub(crate) intention_first: bool,
    /// Nobody repeats a call before its deadline.
    pub(crate) deadline: bool,
    /// Status is asked before a call is repeated.
    pub(crate) status_first: bool,
    /// A record that has a session takes no other one.
    pub(crate) session_once: bool,
    /// Two payouts in a session are seen.
    pub(crate) exactly_one: bool,
    /// The watch ticket is published before the record names it and start is sent.
    pub(crate) ticket_first: bool,
    /// Who lost the write does not send.
    pub(crate) winner_sends: bool,
    /// Who slept past its intention's deadline does not send.
    pub(crate) too_late: bool,
    pub(crate) key: KeyText,
    /// A ticket that is ahead of the record is for a person.
    pub(crate) fence: bool,
}

impl Guards {
    pub(crate) const ALL: Self = Self {
        compare_and_set: true,
        intention_first: true,
        deadline: true,
        status_first: true,
        session_once: true,
        exactly_one: true,
        ticket_first: true,
        winner_sends: true,
        too_late: true,
        key: KeyText::AsItIs,
        fence: true,
    };
}

/// What may go wrong, and how often on one way through the model.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Faults {
    /// A worker stops anywhere and loses its memory.
    pub(crate) crashes: u8,
    /// Time passes a deadline while a worker is in the middle of something.
    pub(crate) freezes: u8,
    /// A call's answer is lost, the call with it or not, or the call lands after its sender has
    /// given up.
    pub(crate) lost_calls: u8,
    /// The bank fails a call without effect, and does not say so for certain.
    pub(crate) failed_calls: u8,
    /// The bank refuses a call for good, without effect.
    pub(crate) refused_calls: u8,
    /// A call cannot be sent.
    pub(crate) unsent_calls: u8,
    /// Something on the way repeats a call: it lands twice.
    pub(crate) doubled_calls: u8,
    /// Status has no answer.
    pub(crate) silences: u8,
    /// The bank ends a session that nobody confirmed.
    pub(crate) expiries: u8,
    /// The bank cannot pay what was confirmed.
    pub(crate) failures: u8,
    /// A ticket or a webhook gets lost.
    pub(crate) lost_letters: u8,
    /// A message is delivered twice.
    pub(crate) doubled_letters: u8,
    /// The store goes back to a record it had.
    pub(crate) roll_backs: u8,
}

impl Faults {
    pub(crate) const NONE: Self = Self {
        crashes: 0,
        freezes: 0,
        lost_calls: 0,
        failed_calls: 0,
        refused_calls: 0,
        unsent_calls: 0,
        doubled_calls: 0,
        silences: 0,
        expiries: 0,
        failures: 0,
        lost_letters: 0,
        doubled_letters: 0,
        roll_backs: 0,
    };
}

#[derive(Clone, Debug)]
pub(crate) struct Protocol {
    pub(crate) bank: BankKind,
    pub(crate) guards: Guards,
    pub(crate) faults: Faults,
    pub(crate) webhooks: bool,
    pub(crate) sweep: bool,
    /// A second command comes, with the same id and another amount.
    pub(crate) conflict: bool,
    /// Somebody wants the payout cancelled.
    pub(crate) cancellation: bool,
    /// A machine's clock stands still while it is frozen.
    pub(crate) clocks_stand_still: bool,
    /// The store goes back to a record in this state only.
    pub(crate) goes_back_to: Option<State>,
    /// Until the store has gone back, if it is to. A payout that nothing goes wrong with has 10
    /// versions.
    pub(crate) version_max: u64,
    /// What must always hold; `checking` has the names.
    pub(crate) check: &'static [&'static str],
}

impl Protocol {
    pub(crate) fn new(bank: BankKind, faults: Faults) -> Self {
        Self {
            bank,
            guards: Guards::ALL,
            faults,
            webhooks: false,
            sweep: true,
            conflict: false,
            cancellation: false,
            clocks_stand_still: false,
            goes_back_to: None,
            version_max: 12,
            check: crate::checking::SAFE,
        }
    }

    /// What the protocol decides with.
    pub(crate) fn policy(&self) -> Policy {
        match self.guards.deadline {
            true => honest_policy(),
            false => Policy {
                call_timeout: Duration::ZERO,
                delays: Delays::new(vec![Duration::from_millis(1), TICK]).expect("growing"),
                ..honest_policy()
            },
        }
    }
}

/// One tick of time is past the deadline of every call, and past every delay.
pub(crate) fn honest_policy() -> Policy {
    Policy {
        call_timeout: TICK / 2,
        delays: Delays::new(vec![TICK]).expect("one"),
        confirms_automatically: false,
        flow: payoutd::domain::command::Flow::TwoStep,
        webhook_patience: WEBHOOK_PATIENCE,
        rules: std::sync::Arc::default(),
        paused: Paused::default(),
        has_lost: false,
    }
}
