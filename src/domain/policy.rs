//! The times and limits that decisions are made with.

use std::sync::Arc;
use std::time::Duration;

use super::call::Call;
use super::command::Flow;
use super::payout::{Intention, Payout};
use super::rules::Rules;
use super::standing::Paused;
use super::time::Timestamp;

#[derive(Clone, Debug)]
pub struct Policy {
    /// Longest a call to the bank may take.
    pub call_timeout: Duration,
    pub delays: Delays,
    /// The bank confirms payouts by itself: a start with unknown outcome is never repeated.
    pub confirms_automatically: bool,
    /// How payouts are started whose commands do not say.
    pub flow: Flow,
    /// How long a webhook may take to tell what became of a one-request start.
    pub webhook_patience: Duration,
    pub rules: Arc<Rules>,
    /// What all processes hold back just now.
    pub paused: Paused,
    /// The store has lost something at some time: a payout that looks new may be an old one.
    pub has_lost: bool,
}

/// The bank repeats a webhook for about 30 minutes, and then gives it up.
pub const WEBHOOK_PATIENCE: Duration = Duration::from_secs(35 * 60);

/// Most tries of one call before a person must look. With the default delays that is most of a
/// day of unknown outcomes.
pub const TRIES_MAX: u32 = 20;

/// A payout that the bank has had for this long without a result needs a person: the bank ends
/// unconfirmed operations after about 4 hours, so nothing regular takes longer.
pub const PATIENCE: Duration = Duration::from_secs(6 * 3600);

impl Policy {
    /// Until then nobody repeats the call: it may still be on its way. Half a timeout is added
    /// for what happens around the call in a busy process.
    pub fn deadline(&self, intention: &Intention) -> Timestamp {
        intention.at + self.call_timeout + self.call_timeout / 2
    }

    /// Whether a call that was intended so long ago could end after its deadline.
    pub fn too_late_to_send(&self, intention: &Intention, age: Duration) -> bool {
        age + self.call_timeout >= self.deadline(intention).since(intention.at)
    }

    /// Until then a held payout waits for an answer: from the first moment at which the bank may
    /// have had it, and not beyond the command's own time.
    pub fn review_until(&self, payout: &Payout) -> Timestamp {
        let until = payout.first_start_at() + self.rules.review_within;
        let own = payout.command.create().and_then(|command| command.confirm_before);
        own.map_or(until, |own| own.min(until))
    }

    /// When a one-request start that nothing was heard of needs a person.
    pub fn heard_by(&self, intention: &Intention) -> Timestamp {
        self.deadline(intention).max(intention.at + self.webhook_patience)
    }

    /// From when on it can be told what became of the payout's last call.
    pub fn known_by(&self, payout: &Payout) -> Timestamp {
        let intention = &payout.intention;
        if !payout.state.awaits_answer() || intention.outcome.is_definite() {
            intention.at
        } else if intention.call == Call::Init {
            self.heard_by(intention)
        } else {
            self.deadline(intention)
        }
    }

    /// When a call with an unknown outcome may be sent again, if the bank shows no trace of it.
    pub fn retry_at(&self, intention: &Intention) -> Timestamp {
        let backoff = self.delays.after(intention.attempt.saturating_sub(1));
        self.deadline(intention).max(intention.at + backoff)
    }
}

/// When a waiting payout is looked at again: the delay before each look, shortest first; the last
/// one repeats. Never empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delays(Vec<Duration>);

impl Delays {
    /// `None` unless there is at least one, none is zero, and they grow.
    pub fn new(delays: Vec<Duration>) -> Option<Self> {
        let grow = delays.windows(2).all(|pair| pair[0] < pair[1]);
        let positive = delays.first().is_some_and(|first| !first.is_zero());
        (grow && positive).then_some(Self(delays))
    }

    /// The delay before the look that follows `looks` earlier ones.
    pub fn after(&self, looks: u32) -> Duration {
        let last = self.0.len() - 1;
        self.0[usize::try_from(looks).unwrap_or(last).min(last)]
    }

    /// The delay to wait with when something is due in `remaining`: the longest that is not later
    /// than that, and not longer than the backoff; at least the shortest there is.
    pub fn towards(&self, remaining: Option<Duration>, looks: u32) -> Duration {
        let limit = remaining.map_or(self.after(looks), |due| due.min(self.0[self.0.len() - 1]));
        let fitting = self.0.iter().rev().find(|delay| **delay <= limit);
        *fitting.unwrap_or(&self.0[0])
    }

    pub fn iter(&self) -> impl Iterator<Item = Duration> + '_ {
        self.0.iter().copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn delays(seconds: &[u64]) -> Option<Delays> {
        Delays::new(seconds.iter().map(|s| Duration::from_secs(*s)).collect())
    }

    #[test]
    fn a_call_is_sent_only_while_it_can_end_before_its_deadline() {
        let policy = super::super::samples::policy();
        let sent = Intention::new(Call::Confirm, 1, Timestamp::from_millis(7));
        let too_late = |ms| policy.too_late_to_send(&sent, Duration::from_millis(ms));
        assert!(!too_late(0) && !too_late(4_999));
        assert!(too_late(5_000) && too_late(86_400_000));
    }

    #[test]
    fn delays_grow_and_the_last_repeats() {
        assert_eq!(delays(&[]), None);
        assert_eq!(delays(&[0]), None);
        assert_eq!(delays(&[5, 5]), None);
        let delays = delays(&[5, 30]).expect("valid");
        let looks = [0, 1, 2, u32::MAX].map(|n| delays.after(n).as_secs());
        assert_eq!(looks, [5, 30, 30, 30]);
    }

    #[test]
    fn a_look_is_never_later_than_what_is_due_but_for_the_shortest_delay() {
        let delays = delays(&[5, 30, 300]).expect("valid");
        let towards =
            |due: Option<u64>, n| delays.towards(due.map(Duration::from_secs), n).as_secs();
        assert_eq!(towards(Some(1), 0), 5);
        assert_eq!(towards(Some(29), 3), 5);
        assert_eq!(towards(Some(31), 3), 30);
        assert_eq!(towards(Some(9000), 0), 300);
        assert_eq!(towards(None, 0), 5);
        assert_eq!(towards(None, 9), 300);
    }
}
