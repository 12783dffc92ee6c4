//! What everything is called at the broker.

use std::time::Duration;

use crate::bus::Queue;

/// Why a message is a dead letter; and, of a settled one, what was decided and when.
pub(super) const ID: &str = "x-payoutd-id";
pub(super) const REASON: &str = "x-payoutd-reason";
pub(super) const QUEUE: &str = "x-payoutd-queue";
pub(super) const AT: &str = "x-payoutd-at";
pub(super) const VERDICT: &str = "x-payoutd-verdict";
pub(super) const VERDICT_REASON: &str = "x-payoutd-verdict-reason";
pub(super) const SETTLED_AT: &str = "x-payoutd-settled-at";

/// The broker's own, newest first: from which queue a message was moved here, why and when.
pub(super) const X_DEATH: &str = "x-death";

/// The broker's own: how often a message was delivered before.
pub(super) const DELIVERY_COUNT: &str = "x-delivery-count";

/// Set by the sieve alone, in place of headers that it did not let through.
pub(super) const HOSTILE: &str = "x-payoutd-hostile";

/// Nothing else of a message's properties is read.
pub(super) const HEADERS_READ: [&str; 9] =
    [ID, REASON, QUEUE, AT, VERDICT, VERDICT_REASON, SETTLED_AT, X_DEATH, DELIVERY_COUNT];

/// Names of exchanges and queues with one prefix.
#[derive(Clone, Debug)]
pub(super) struct Names {
    prefix: String,
}

impl Names {
    pub(super) fn new(prefix: &str) -> Self {
        Self { prefix: prefix.to_owned() }
    }

    /// A queue, and the fanout exchange for those who publish into it.
    pub(super) fn queue(&self, queue: Queue) -> String {
        format!("{}.{}", self.prefix, queue.name())
    }

    /// The queue that this is the name of.
    pub(super) fn queue_named(&self, name: &str) -> Option<Queue> {
        Queue::named(name.strip_prefix(&self.prefix)?.strip_prefix('.')?)
    }

    /// Where tickets wait: `payoutd.tickets.5s`.
    pub(super) fn delay(&self, delay: Duration) -> String {
        let length = humantime::format_duration(delay).to_string().replace(' ', "");
        format!("{}.{length}", self.queue(Queue::Tickets))
    }

    pub(super) fn events(&self) -> String {
        format!("{}.events", self.prefix)
    }

    /// Nobody publishes to it: that it is there says that the store has begun.
    pub(super) fn initialised(&self) -> String {
        format!("{}.initialised", self.prefix)
    }

    pub(super) fn dead_letters(&self) -> String {
        format!("{}.dead-letters", self.prefix)
    }

    /// The trace of dead letters that were settled.
    pub(super) fn settled(&self) -> String {
        format!("{}.settled", self.dead_letters())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_the_documentation() {
        let names = Names::new("payoutd");
        assert_eq!(names.queue(Queue::BankEvents), "payoutd.bank-events");
        assert_eq!(names.queue_named("payoutd.bank-events"), Some(Queue::BankEvents));
        assert_eq!(names.queue_named("payoutdx.bank-events"), None);
        assert_eq!(names.queue_named("other.commands"), None);
        assert_eq!(names.delay(Duration::from_secs(5)), "payoutd.tickets.5s");
        assert_eq!(names.delay(Duration::from_secs(90)), "payoutd.tickets.1m30s");
        assert_eq!(names.settled(), "payoutd.dead-letters.settled");
    }
}
