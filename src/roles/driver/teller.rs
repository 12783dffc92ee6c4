//! Whom all calls to the bank go through: while the bank does not know us, none but a probe now and
//! then goes out.
//!
//! What is held back was certainly not sent, so that it goes out later as the same try and nothing
//! has to be looked up. Each process finds out for itself: the next one may have other keys.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::bank::client::Bank;
use crate::domain::call::Answer;
use crate::domain::id::SessionId;
use crate::domain::payout::Payout;

pub(super) struct Teller {
    bank: Bank,
    probe_every: Duration,
    /// When the next call may go out; `None`: at once, the bank knows us.
    unknown_until: Mutex<Option<Instant>>,
}

impl Teller {
    pub(super) fn new(bank: Bank, probe_every: Duration) -> Self {
        Self { bank, probe_every, unknown_until: Mutex::default() }
    }

    /// Sends the call that the payout intends.
    pub(super) async fn send(&self, payout: &Payout) -> Answer {
        self.through(self.bank.send(payout)).await
    }

    pub(super) async fn status(&self, payout: &Payout, session: &SessionId) -> Answer {
        self.through(self.bank.status(payout, session)).await
    }

    async fn through(&self, call: impl Future<Output = Answer>) -> Answer {
        if !self.may_call() {
            return Answer::NotSent("calls are held back: the bank does not know us".into());
        }
        let answer = call.await;
        match &answer {
            Answer::Misconfigured(_) => self.know(false),
            Answer::Done(_) | Answer::Refused(_) | Answer::Forbidden(_) | Answer::KeyUsed => {
                self.know(true);
            }
            Answer::NotSent(_) | Answer::Unknown(_) => {}
        }
        answer
    }

    /// Whoever finds that it is time makes the probe; the others wait for the next time.
    fn may_call(&self) -> bool {
        let mut until = self.unknown_until.lock().unwrap_or_else(PoisonError::into_inner);
        match *until {
            None => true,
            Some(time) if Instant::now() < time => false,
            Some(_) => {
                *until = Some(Instant::now() + self.probe_every);
                true
            }
        }
    }

    fn know(&self, known: bool) {
        let mut until = self.unknown_until.lock().unwrap_or_else(PoisonError::into_inner);
        match (known, until.is_some()) {
            (true, true) => tracing::info!(event = "bank.knows_us_again"),
            (false, false) => tracing::error!(
                event = "bank.calls_paused",
                "the bank does not know us: calls wait until a probe succeeds; check bank.project \
                 and the keys"
            ),
            (true, false) | (false, true) => {}
        }
        *until = (!known).then(|| Instant::now() + self.probe_every);
    }
}
