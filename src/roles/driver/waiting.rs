//! Waiting: no payout is left without a ticket that has it looked at again.

use std::time::Duration;

use bytes::Bytes;

use crate::bus::{Message, Queue};
use crate::domain::event::Event;
use crate::domain::id::SessionId;
use crate::domain::ticket::Ticket;
use crate::domain::time::Timestamp;

use super::super::intake::HandleError;
use super::{Driver, Run};

/// While something is paused, nothing waits for longer than by the second delay: what is resumed
/// has to go on soon.
const PAUSED_LOOKS: u32 = 1;

impl Driver {
    /// Has a ticket come again that nothing can be done about now.
    pub async fn put_off(&self, ticket: &Ticket) -> Result<(), HandleError> {
        let delay = self.policy.delays.after(PAUSED_LOOKS);
        let message = Message::Ticket { body: Bytes::from(ticket.to_json()), delay };
        Ok(self.bus.publish(vec![message]).await?)
    }
}

impl Run<'_> {
    /// Sees to it that a ticket is out which is due no later than `until`. `true`: it is, and the
    /// message that led here may be acknowledged.
    pub(super) async fn wait(&mut self, until: Option<Timestamp>) -> Result<bool, HandleError> {
        let now = self.clock.now();
        if self.ticket_is_out(until, now) {
            return self.mark_published().await;
        }
        let remaining = until.map(|until| until.since(now));
        let looks = match self.driver.fence.standing().paused.anything() {
            true => self.payout.looks.min(PAUSED_LOOKS),
            false => self.payout.looks,
        };
        let delay = self.driver.policy.delays.towards(remaining, looks);
        self.publish_ticket(self.payout.session.clone(), delay).await?;
        self.record(Event::TicketIssued { next_look_at: now + delay }).await
    }

    /// Whether the newest ticket is still on its way and early enough. A ticket that the record
    /// names was confirmed before; the one that led here is not on its way any more.
    fn ticket_is_out(&self, until: Option<Timestamp>, now: Timestamp) -> bool {
        let due = self.payout.next_look_at;
        let early_enough = until.is_none_or(|until| due <= until + self.first_delay());
        self.payout.ticket > 0
            && self.ticket != Some(self.payout.ticket)
            && now < due
            && early_enough
    }

    pub(super) fn first_delay(&self) -> Duration {
        self.driver.policy.delays.after(0)
    }

    /// Publishes the ticket that the next write of the record names.
    pub(super) async fn publish_ticket(
        &self,
        session: Option<SessionId>,
        delay: Duration,
    ) -> Result<(), HandleError> {
        let mut ticket =
            Ticket::of(&self.payout, self.payout.ticket + 1, self.driver.fence.standing().epoch);
        ticket.session = session;
        let body = Bytes::from(ticket.to_json());
        let message = match delay.is_zero() {
            true => Message::Queued { queue: Queue::Tickets, body },
            false => Message::Ticket { body, delay },
        };
        Ok(self.driver.bus.publish(vec![message]).await?)
    }
}
