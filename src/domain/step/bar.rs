//! What keeps a payout from being started: somebody's word, its own time, our rules.

use super::super::event::Event;
use super::super::rules::Ruling;
use super::{EXPIRED, Payout, Policy, Step, Timestamp, View};

/// Nothing may be started any more, for this reason.
pub(super) struct Bar {
    pub(super) reason: String,
    /// Somebody wanted it so; otherwise payoutd itself refuses.
    cancelled: bool,
}

impl Bar {
    /// Ends a payout of which no start was sent.
    pub(super) fn end(self) -> Step {
        let Self { reason, cancelled } = self;
        Step::Write(match cancelled {
            true => Event::Cancelled { reason },
            false => Event::Rejected { reason },
        })
    }
}

impl View<'_> {
    pub(super) fn bar(&self) -> Option<Bar> {
        if let Some(reason) = &self.payout.cancel_requested {
            return Some(Bar { reason: reason.clone(), cancelled: true });
        }
        if self.command.expired(self.now) {
            return Some(Bar { reason: EXPIRED.into(), cancelled: false });
        }
        match self.policy.rules.judge(self.command) {
            Ruling::Forbidden(reason) => Some(Bar { reason, cancelled: false }),
            Ruling::Review(reason) if self.policy.confirms_automatically => {
                let reason = format!("{reason}, and the bank confirms by itself");
                Some(Bar { reason, cancelled: false })
            }
            Ruling::Allowed | Ruling::Review(_) => None,
        }
    }
}

/// Whether a start that was intended may still be sent.
pub fn may_start(payout: &Payout, policy: &Policy, now: Timestamp) -> bool {
    let Some(command) = payout.command.create() else { return false };
    let view = View { payout, command, sight: None, policy, now };
    payout.attention.is_none() && view.bar().is_none()
}
