//! The crate's own `Payout` as part of a state that is told apart from others: by everything that
//! decides something, and by nothing else.

use std::hash::{Hash, Hasher};
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use payoutd::domain::command::CreateCommand;
use payoutd::domain::event::Event;
use payoutd::domain::payout::{CallOutcome, Payout};
use payoutd::domain::time::Timestamp;
use serde_json::json;

/// Time in the model moves in steps. One is longer than any call's deadline (1.5 timeouts of half
/// a tick) and as long as every delay.
pub(crate) const TICK: Duration = Duration::from_secs(20);

/// The present. Time passes by everything getting older.
pub(crate) const NOW: Timestamp = Timestamp::from_millis(1_000_000_000);

/// A record, and a digest of what decides something in it.
#[derive(Clone, Debug)]
pub(crate) struct Record(Arc<(Payout, u64)>);

impl std::ops::Deref for Record {
    type Target = Payout;

    fn deref(&self) -> &Payout {
        &self.0.0
    }
}

impl Record {
    pub(crate) fn new(payout: Payout) -> Self {
        let digest = digest(&payout);
        Self(Arc::new((payout, digest)))
    }

    /// Of everything but version and ticket, which count only beside others.
    pub(crate) fn digest(&self) -> u64 {
        self.0.1
    }

    /// The same record one tick later.
    pub(crate) fn aged(&self, age_max: u8) -> Self {
        let mut payout = Payout::clone(self);
        payout.intention.at = aged(payout.intention.at, age_max);
        if let CallOutcome::Postponed { until } = &mut payout.intention.outcome {
            *until = aged(*until, age_max);
        }
        payout.next_look_at = aged(payout.next_look_at, age_max);
        Self::new(payout)
    }
}

pub(crate) fn aged(time: Timestamp, age_max: u8) -> Timestamp {
    (time - TICK).max(NOW - TICK * u32::from(age_max))
}

/// A quick hasher, as much is hashed and in a test's build: multiply and rotate, and mix at the end.
#[derive(Clone, Default)]
pub(crate) struct Mixer(u64);

impl Hasher for Mixer {
    fn finish(&self) -> u64 {
        let mut mixed = self.0;
        for factor in [0xff51_afd7_ed55_8ccd, 0xc4ce_b9fe_1a85_ec53_u64] {
            mixed = (mixed ^ (mixed >> 33)).wrapping_mul(factor);
        }
        (mixed ^ (mixed >> 33)).max(1)
    }

    fn write(&mut self, bytes: &[u8]) {
        for chunk in bytes.chunks(8) {
            let mut word = [0; 8];
            word[..chunk.len()].copy_from_slice(chunk);
            self.write_u64(u64::from_le_bytes(word));
        }
    }

    fn write_u64(&mut self, word: u64) {
        self.0 = (self.0.rotate_left(26) ^ word).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    }

    fn write_u8(&mut self, word: u8) {
        self.write_u64(u64::from(word));
    }

    fn write_usize(&mut self, word: usize) {
        self.write_u64(word as u64);
    }
}

/// Left out: `since`, compared only with hours that the model does not know; `write_id`, which
/// tells writes of unknown outcome apart, of which the model has none; `looks`, as all delays are
/// the same; texts and reasons; and of the history everything but how much is to be published and
/// whether a postponement was last.
fn digest(payout: &Payout) -> u64 {
    let mut hasher = Mixer::default();
    payout.command.create().is_some().hash(&mut hasher);
    payout.content_hash.hash(&mut hasher);
    payout.state.hash(&mut hasher);
    payout.session.hash(&mut hasher);
    let intention = &payout.intention;
    (intention.call, intention.attempt, intention.at, intention.released).hash(&mut hasher);
    match &intention.outcome {
        CallOutcome::Pending => 0_i64.hash(&mut hasher),
        CallOutcome::Unknown { key_used } => (1_i64, key_used).hash(&mut hasher),
        CallOutcome::Postponed { until } => (2_i64, until).hash(&mut hasher),
        CallOutcome::Refused { .. } => 3_i64.hash(&mut hasher),
        CallOutcome::Answered => 4_i64.hash(&mut hasher),
    }
    payout.confirm_information.is_some().hash(&mut hasher);
    payout.next_look_at.hash(&mut hasher);
    payout.attention.is_some().hash(&mut hasher);
    payout.strangers.hash(&mut hasher);
    payout.cancel_requested.is_some().hash(&mut hasher);
    payout.held_until.hash(&mut hasher);
    payout.approved.is_some().hash(&mut hasher);
    payout.history.len().wrapping_sub(payout.published).hash(&mut hasher);
    let last = payout.history.last().map(|entry| &entry.event);
    matches!(last, Some(Event::Postponed { .. })).hash(&mut hasher);
    // Whether the ticket chain has begun.
    (payout.ticket > 0).hash(&mut hasher);
    hasher.finish()
}

/// The commands of one payout id: the first, and one with another amount.
pub(crate) static COMMANDS: LazyLock<[(CreateCommand, String); 2]> =
    LazyLock::new(|| [command(300_000, "first"), command(700_000, "second")]);

fn command(amount: u64, content_hash: &str) -> (CreateCommand, String) {
    let value = json!({
        "type": "payout.create", "payout_id": "inv-1",
        "payment_method": {"type": "card", "card": {"type": "tokenized_card",
            "tokenized_card": {"token": "t-1"}}},
        "amount_details": {"amount": amount, "currency": "rub"},
    });
    let command = CreateCommand::parse(value.to_string().as_bytes()).expect("valid");
    (command, content_hash.to_owned())
}

/// Which of the commands a record was made for.
pub(crate) fn content(payout: &Payout) -> u8 {
    u8::from(payout.content_hash == COMMANDS[1].1)
}
