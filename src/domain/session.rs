//! What the bank shows: a session, the payouts in it, and what the two together mean.

use serde_json::Value;

use super::id::{BankPayoutId, PayoutId, SessionId};
use super::json::Raw;
use super::money::Money;

/// A session as a webhook, an answer or `session/status` shows it.
#[derive(Clone, Debug, PartialEq)]
pub struct Session {
    pub id: SessionId,
    pub status: SessionStatus,
    /// The bank waits for `session/confirm` or `session/cancel`.
    pub awaits_confirmation: bool,
    pub payouts: Vec<BankPayout>,
    /// The payout this session is for, as our own metadata in it says.
    pub payout_id: Option<PayoutId>,
    /// Settlement payouts: the object to echo, byte for byte.
    pub confirm_information: Option<Raw>,
}

/// A payout inside a session (`payments[]`, in API v2 `payout_list[]`).
#[derive(Clone, PartialEq)]
pub struct BankPayout {
    pub id: Option<BankPayoutId>,
    pub status: PayoutStatus,
    pub money: Option<Money>,
    /// `Null` when not shown.
    pub payment_method: Value,
    /// `Null` when not shown.
    pub participants: Value,
    pub error: Option<BankReason>,
}

impl std::fmt::Debug for BankPayout {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("BankPayout")
            .field("id", &self.id)
            .field("status", &self.status)
            .field("money", &self.money)
            .field("error", &self.error)
            .finish_non_exhaustive()
    }
}

/// Why the bank did not do something: its code, which programs read, and its text, for people.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct BankReason {
    pub code: String,
    pub text: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SessionStatus {
    Created,
    InProgress,
    Accepted,
    Cancelled,
    /// Not final: the outcome is unknown.
    Error,
    /// A word that is newer than this program.
    Unfamiliar,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PayoutStatus {
    Pending,
    InProgress,
    Succeeded,
    Failed,
    /// A word that is newer than this program.
    Unfamiliar,
}

/// What a session means for the payout it belongs to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reading {
    /// No payout in it, and one can still be started.
    Empty,
    /// The bank has the payout and works on it, or says something this program does not know.
    InProgress,
    /// The bank waits for our confirm or cancel.
    AwaitsConfirmation,
    /// The money was paid. Final.
    Succeeded,
    /// The money was not paid, for this reason. Final.
    Failed(Option<BankReason>),
    /// The session ended and nothing was paid. Final.
    Cancelled,
    /// The bank itself does not know, or contradicts itself: a person must look.
    Uncertain(&'static str),
    /// More than one payout in the session.
    Several,
}

/// The bank's error code of an operation that nobody confirmed in time.
const CONFIRM_TIMEOUT: &str = "confirm_timeout";

impl Session {
    /// The one payout in the session, if there is exactly one.
    pub fn payout(&self) -> Option<&BankPayout> {
        match self.payouts.as_slice() {
            [payout] => Some(payout),
            _ => None,
        }
    }

    /// The table of session status × payout status.
    pub fn reading(&self) -> Reading {
        use PayoutStatus as P;
        use SessionStatus as S;

        let payout = match self.payouts.as_slice() {
            [] => return self.reading_without_payout(),
            [payout] => payout,
            [..] => return self.reading_of_several(),
        };
        match (self.status, payout.status) {
            (S::Error, _) => {
                Reading::Uncertain("the bank reports the session's outcome as unknown")
            }
            (S::Accepted, P::Succeeded) => Reading::Succeeded,
            (S::Accepted | S::Cancelled, P::Failed) => match &payout.error {
                Some(reason) if reason.code == CONFIRM_TIMEOUT => Reading::Cancelled,
                reason => Reading::Failed(reason.clone()),
            },
            (S::Cancelled, P::Pending) => Reading::Cancelled,
            (S::Cancelled, P::Succeeded | P::InProgress) => {
                Reading::Uncertain("the session is cancelled but its payout is not")
            }
            (S::Created | S::InProgress, P::Pending | P::InProgress)
                if self.awaits_confirmation =>
            {
                Reading::AwaitsConfirmation
            }
            (S::Created | S::InProgress, P::Pending | P::InProgress | P::Succeeded | P::Failed)
            | (S::Accepted, P::Pending | P::InProgress)
            | (S::Unfamiliar, _)
            | (_, P::Unfamiliar) => Reading::InProgress,
        }
    }

    fn reading_without_payout(&self) -> Reading {
        match self.status {
            SessionStatus::Created | SessionStatus::InProgress => Reading::Empty,
            SessionStatus::Cancelled => Reading::Cancelled,
            SessionStatus::Unfamiliar => Reading::InProgress,
            SessionStatus::Accepted => {
                Reading::Uncertain("the session is accepted but shows no payout")
            }
            SessionStatus::Error => {
                Reading::Uncertain("the bank reports the session's outcome as unknown")
            }
        }
    }

    fn reading_of_several(&self) -> Reading {
        let unpaid =
            |p: &BankPayout| matches!(p.status, PayoutStatus::Pending | PayoutStatus::Failed);
        if self.status == SessionStatus::Cancelled && self.payouts.iter().all(unpaid) {
            Reading::Cancelled
        } else {
            Reading::Several
        }
    }

    /// Whether money may still leave, or has left, through this session.
    pub fn may_pay(&self) -> bool {
        match self.reading() {
            Reading::Empty | Reading::Failed(_) | Reading::Cancelled => false,
            Reading::InProgress
            | Reading::AwaitsConfirmation
            | Reading::Succeeded
            | Reading::Uncertain(_)
            | Reading::Several => true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn session(status: SessionStatus, payouts: &[PayoutStatus]) -> Session {
        let payouts = payouts
            .iter()
            .map(|&status| BankPayout {
                id: None,
                status,
                money: None,
                payment_method: Value::Null,
                participants: Value::Null,
                error: None,
            })
            .collect();
        Session {
            id: SessionId::new("ps_1"),
            status,
            awaits_confirmation: false,
            payouts,
            payout_id: None,
            confirm_information: None,
        }
    }

    /// Every cell: rows are session statuses; columns no payout, then each payout status.
    #[test]
    fn session_status_and_payout_status_together_have_one_meaning() {
        use PayoutStatus as P;
        use SessionStatus as S;
        let columns = [
            None,
            Some(P::Pending),
            Some(P::InProgress),
            Some(P::Succeeded),
            Some(P::Failed),
            Some(P::Unfamiliar),
        ];
        let table = [
            (S::Created, "empty going going going going going"),
            (S::InProgress, "empty going going going going going"),
            (S::Accepted, "uncertain going going succeeded failed going"),
            (S::Cancelled, "cancelled cancelled uncertain uncertain failed going"),
            (S::Error, "uncertain uncertain uncertain uncertain uncertain uncertain"),
            (S::Unfamiliar, "going going going going going going"),
        ];
        for (status, row) in table {
            for (payout, meaning) in columns.iter().zip(row.split(' ')) {
                let session = session(status, payout.as_slice());
                let word = match session.reading() {
                    Reading::Empty => "empty",
                    Reading::InProgress => "going",
                    Reading::AwaitsConfirmation => "awaits",
                    Reading::Succeeded => "succeeded",
                    Reading::Failed(_) => "failed",
                    Reading::Cancelled => "cancelled",
                    Reading::Uncertain(_) => "uncertain",
                    Reading::Several => "several",
                };
                assert_eq!(word, meaning, "{status:?} × {payout:?}");
            }
        }
    }

    #[test]
    fn a_session_awaits_confirmation_only_with_one_unfinished_payout() {
        use PayoutStatus as P;
        for status in [P::Pending, P::InProgress, P::Succeeded, P::Failed, P::Unfamiliar] {
            let mut session = session(SessionStatus::InProgress, &[status]);
            session.awaits_confirmation = true;
            let awaits = matches!(status, P::Pending | P::InProgress);
            assert_eq!(session.reading() == Reading::AwaitsConfirmation, awaits, "{status:?}");
        }
        let mut two = session(SessionStatus::InProgress, &[P::Pending, P::Pending]);
        two.awaits_confirmation = true;
        assert_eq!(two.reading(), Reading::Several);
    }

    #[test]
    fn several_payouts_are_over_only_when_the_session_is_cancelled_and_none_was_paid() {
        use PayoutStatus as P;
        let reading = |status, payouts: &[P]| session(status, payouts).reading();
        let cancelled = SessionStatus::Cancelled;
        assert_eq!(reading(cancelled, &[P::Failed, P::Failed]), Reading::Cancelled);
        assert_eq!(reading(cancelled, &[P::Failed, P::Succeeded]), Reading::Several);
        assert_eq!(reading(SessionStatus::Accepted, &[P::Failed, P::Failed]), Reading::Several);
    }

    #[test]
    fn a_confirmation_window_that_ran_out_is_a_cancellation() {
        let mut session = session(SessionStatus::Cancelled, &[PayoutStatus::Failed]);
        let reason = |code: &str| BankReason { code: code.into(), text: String::new() };
        session.payouts[0].error = Some(reason("confirm_timeout"));
        assert_eq!(session.reading(), Reading::Cancelled);
        session.payouts[0].error = Some(reason("account_not_found"));
        assert_eq!(session.reading(), Reading::Failed(Some(reason("account_not_found"))));
    }
}
