//! The history is the outbox: what is above `published` still has to go out.

use bytes::Bytes;

use crate::bus::Message;
use crate::domain::event::Event;
use crate::domain::result_event::result_event;

use super::super::intake::HandleError;
use super::Run;

impl Run<'_> {
    /// Publishes what is not known to be published, in order. That it is, is written with the
    /// next write of the record.
    pub(super) async fn publish_events(&mut self) -> Result<(), HandleError> {
        let end = self.payout.history.len();
        let messages: Vec<Message> = (self.published..end)
            .filter_map(|index| result_event(&self.payout, index, &self.driver.source))
            .map(|event| Message::Event {
                kind: event.kind.to_owned(),
                body: Bytes::from(event.body),
            })
            .collect();
        if !messages.is_empty() {
            self.driver.bus.publish(messages).await?;
        }
        self.published = end;
        Ok(())
    }

    /// Writes down what was published, if that is not written yet. `true`: it is.
    pub(super) async fn mark_published(&mut self) -> Result<bool, HandleError> {
        if self.payout.published >= self.published {
            return Ok(true);
        }
        self.record(Event::Published { published: self.published }).await
    }
}
