//! Whether the bank confirms by itself, as far as this process has seen.
//!
//! A payout that was paid without our confirmation shows it. But so does each payout whose
//! confirmation the store has lost: only a record that cannot have been set back is believed.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use crate::domain::payout::Payout;
use crate::domain::standing::{Epoch, Standing};
use crate::domain::time::Timestamp;

#[derive(Default)]
pub(super) struct Habit {
    confirms_by_itself: AtomicBool,
    /// The store's epoch, and since when this process has known it, by the store's clock.
    known: Mutex<Option<(Epoch, Timestamp)>>,
}

impl Habit {
    /// The bank was seen to pay without our confirmation.
    pub(super) fn confirms_by_itself(&self) -> bool {
        self.confirms_by_itself.load(Ordering::Relaxed)
    }

    /// The store answered at this time.
    pub(super) fn heard(&self, standing: &Standing, now: Timestamp) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.map(|(epoch, _)| epoch) != standing.epoch {
            *known = standing.epoch.map(|epoch| (epoch, now));
        }
    }

    /// The store answered that the payout is recorded as paid. `true`: it shows that the bank
    /// confirms by itself.
    pub(super) fn learn_from(&self, payout: &Payout, standing: &Standing, now: Timestamp) -> bool {
        let began = payout.history[0].at;
        let shows = self.is_whole(began, standing, now) && payout.was_paid_unasked();
        self.confirms_by_itself.fetch_or(shows, Ordering::Relaxed);
        shows
    }

    /// Nothing of a payout that began then can have been set back: a process that was there before
    /// a loss meets a pause with its next answer, and a new epoch once somebody has resumed.
    fn is_whole(&self, began: Timestamp, standing: &Standing, now: Timestamp) -> bool {
        self.heard(standing, now);
        let known = *self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.is_some_and(|(_, since)| since <= began) && !standing.paused.anything()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::command::{CreateCommand, Flow};
    use crate::domain::event::Event;
    use crate::domain::id::SessionId;
    use crate::domain::standing::Paused;
    use crate::domain::transition::apply;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_millis(seconds * 1000)
    }

    fn standing(epoch: Option<u64>) -> Standing {
        Standing { epoch: epoch.map(Epoch), ..Standing::default() }
    }

    #[test]
    fn a_payout_is_whole_if_it_began_since_the_epoch_is_known() {
        let habit = Habit::default();
        habit.heard(&standing(Some(1)), at(10));
        assert!(!habit.is_whole(at(9), &standing(Some(1)), at(20)), "before this process");
        assert!(habit.is_whole(at(10), &standing(Some(1)), at(20)));
        assert!(!habit.is_whole(at(10), &standing(None), at(30)), "the store was emptied");
        assert!(!habit.is_whole(at(10), &standing(Some(2)), at(40)), "before a loss");
        assert!(habit.is_whole(at(40), &standing(Some(2)), at(50)));
    }

    #[test]
    fn while_anything_is_paused_no_payout_counts_as_whole() {
        let habit = Habit::default();
        habit.heard(&standing(Some(1)), at(10));
        let reason = Some("the store has lost something".to_owned());
        let paused = [
            Paused { starts: reason.clone(), confirms: None },
            Paused { starts: None, confirms: reason },
        ];
        for paused in paused {
            let standing = Standing { paused, ..standing(Some(1)) };
            assert!(!habit.is_whole(at(15), &standing, at(20)), "{standing:?}");
        }
        assert!(habit.is_whole(at(15), &standing(Some(1)), at(30)));
    }

    /// Began at 20 s, and was paid.
    fn paid(after: &[Event]) -> Payout {
        let command = br#"{"type":"payout.create","payout_id":"inv-1",
            "amount_details":{"amount":10000,"currency":"rub"},
            "payment_method":{"type":"card","card":{"type":"encrypted_card",
                "encrypted_card":{"number_hash":"x"}}}}"#;
        let command = CreateCommand::parse(command).expect("valid");
        let accepted = Payout::accept(command, String::new(), Flow::TwoStep, at(20), at(20));
        let paid = Event::Succeeded { bank_payout: None };
        after
            .iter()
            .chain([&paid])
            .fold(accepted, |payout, event| apply(&payout, event.clone(), at(21)).expect("legal"))
    }

    #[test]
    fn a_payout_that_was_paid_unasked_shows_it_unless_its_session_was_adopted() {
        let session = || SessionId::new("ps_1");
        let started = Event::Started { bank_payout: None, answered: true };
        let bound = Event::SessionBound { session: session(), next_look_at: at(20) };
        let unasked = paid(&[bound, started]);
        let adopted = paid(&[Event::Adopted { session: session() }]);
        for (payout, shows) in [(adopted, false), (unasked, true)] {
            let habit = Habit::default();
            habit.heard(&standing(Some(1)), at(10));
            assert_eq!(habit.learn_from(&payout, &standing(Some(1)), at(22)), shows);
            assert_eq!(habit.confirms_by_itself(), shows);
        }
    }
}
