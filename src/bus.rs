//! The port to the queues and to those who subscribe to result events.

pub mod dead_letters;

use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;

/// Deliveries without settling, each a panic or a kill, before a message counts as poison.
pub const DELIVERIES_MAX: u32 = 20;

/// Durable queues with acknowledgement, and a stream of result events.
#[async_trait]
pub trait Bus: Send + Sync {
    /// Whether it can be used now. `Unavailable`: not yet, it is being tried all the time.
    /// `Misconfigured`: a person must act.
    async fn check(&self) -> Result<(), BusError>;

    /// Publishes all, in their order. `Ok`: every one is confirmed, durable. `Err`: any of them
    /// may have been published or not; publish all again.
    async fn publish(&self, messages: Vec<Message>) -> Result<(), BusError>;

    /// Starts taking messages from a queue; at most `prefetch` are out at a time.
    async fn consume(&self, queue: Queue, prefetch: usize) -> Result<Box<dyn Consumer>, BusError>;

    /// Result events from now on.
    async fn subscribe(&self) -> Result<Box<dyn Subscription>, BusError>;
}

/// The queues that roles take from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Queue {
    Commands,
    BankEvents,
    Tickets,
}

impl Queue {
    pub const ALL: [Self; 3] = [Self::Commands, Self::BankEvents, Self::Tickets];

    pub fn name(self) -> &'static str {
        match self {
            Self::Commands => "commands",
            Self::BankEvents => "bank-events",
            Self::Tickets => "tickets",
        }
    }

    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|queue| queue.name() == name)
    }
}

/// Something to publish.
#[derive(Clone, Debug)]
pub enum Message {
    /// To a queue, at once.
    Queued { queue: Queue, body: Bytes },
    /// To the ticket queue, after a delay.
    Ticket { body: Bytes, delay: Duration },
    /// To whoever subscribes to this type; to nobody is fine.
    Event { kind: String, body: Bytes },
}

/// Messages of one queue, one at a time.
#[async_trait]
pub trait Consumer: Send {
    /// Waits for the next message. Cancel-safe. After an error, consume again.
    async fn next(&mut self) -> Result<Delivery, BusError>;
}

/// A message that was taken and has to be settled. Dropped unsettled (a panic, a kill), it is
/// delivered again; delivered too often, it goes to the dead letters by itself.
pub struct Delivery {
    pub body: Bytes,
    pub settle: Box<dyn Settle>,
}

/// What to do with a delivery.
#[async_trait]
pub trait Settle: Send {
    /// Consumed. Harmless if the message was meanwhile given to somebody else.
    async fn acknowledge(self: Box<Self>) -> Result<(), BusError>;

    /// Not handled: to be delivered again. Does not count towards the delivery limit.
    async fn hand_back(self: Box<Self>) -> Result<(), BusError>;

    /// Cannot be handled: kept aside with the reason.
    async fn dead_letter(self: Box<Self>, reason: &str) -> Result<(), BusError>;
}

/// Result events, in the order in which they were published.
#[async_trait]
pub trait Subscription: Send {
    /// Waits for the next event: its body, a CloudEvent in structured JSON.
    async fn next(&mut self) -> Result<Bytes, BusError>;
}

#[derive(Clone, Debug, thiserror::Error)]
pub enum BusError {
    /// Try again later.
    #[error("the bus is unavailable: {0}")]
    Unavailable(String),
    /// It is there, but not as payoutd needs it, and has to be mended first. Says how.
    #[error("{0}")]
    Misconfigured(String),
}
