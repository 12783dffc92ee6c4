//! Publishing with confirms.
//!
//! Guarantees that `Ok` means: the broker has every message, and has it where it belongs. Messages
//! of one call go out in order, one after the other without waiting, and then wait for all confirms.

use std::sync::{Arc, Weak};
use std::time::{Duration, SystemTime};

use lapin::options::{BasicPublishOptions, ConfirmSelectOptions};
use lapin::types::FieldTable;
use lapin::{BasicProperties, Channel, Confirmation, PublisherConfirm};
use tokio::sync::{Mutex, Semaphore};

use super::failure::{failure, text, unavailable, within};
use super::line::Line;
use super::link::{ANSWER, Link, Shared};
use super::names::Names;
use crate::bus::{BusError, Message, Queue};
use crate::domain::policy::Delays;

/// Longest that a message or its confirm is waited for. A quorum queue confirms in milliseconds,
/// and in a few seconds while it elects a leader.
const CONFIRM: Duration = Duration::from_secs(10);

/// Most messages without their confirm: a broker needs some hundred to be at its best, and all of
/// them may have to be published again.
const IN_FLIGHT_MAX: u32 = 1024;

const PERSISTENT: u8 = 2;

const JSON: &str = "application/json";
const CLOUD_EVENT: &str = "application/cloudevents+json";

/// A message as it goes out. With an exchange it is for whoever is bound; without, for the queue
/// named by the key, which has to be there.
pub(super) struct Post {
    pub(super) exchange: String,
    pub(super) key: String,
    pub(super) content_type: &'static str,
    pub(super) headers: FieldTable,
    pub(super) body: bytes::Bytes,
}

impl Post {
    pub(super) fn to_queue(name: String, body: bytes::Bytes) -> Self {
        let headers = FieldTable::default();
        Self { exchange: String::new(), key: name, content_type: JSON, headers, body }
    }

    pub(super) fn with(mut self, headers: FieldTable) -> Self {
        self.headers = headers;
        self
    }
}

pub(super) struct Publisher {
    line: Line,
    names: Names,
    delays: Delays,
    sending: Mutex<Sending>,
    room: Semaphore,
}

/// Held while messages go out: their order on the channel is what ties confirms to them.
#[derive(Default)]
struct Sending {
    open: Option<(Weak<Link>, Channel)>,
}

impl Publisher {
    pub(super) fn new(line: Line, names: Names, delays: Delays) -> Self {
        let room = Semaphore::new(IN_FLIGHT_MAX as usize);
        Self { line, names, delays, sending: Mutex::default(), room }
    }

    /// Whether a message could go out now.
    pub(super) fn check(&self) -> Result<(), BusError> {
        self.line.now()?.usable()
    }

    pub(super) async fn publish(&self, messages: Vec<Message>) -> Result<(), BusError> {
        let posts: Result<Vec<_>, _> = messages.into_iter().map(|m| self.post(m)).collect();
        self.send(&posts?).await
    }

    fn post(&self, message: Message) -> Result<Post, BusError> {
        Ok(match message {
            Message::Queued { queue, body } => Post::to_queue(self.names.queue(queue), body),
            Message::Ticket { body, delay } => Post::to_queue(self.waiting_place(delay), body),
            // The protocol's limit for a key.
            Message::Event { kind, .. } if kind.len() > 255 => {
                return Err(BusError::Misconfigured("an event's type is too long".into()));
            }
            Message::Event { kind, body } => Post {
                exchange: self.names.events(),
                key: kind,
                content_type: CLOUD_EVENT,
                headers: FieldTable::default(),
                body,
            },
        })
    }

    /// The queue in which a ticket waits: the longest that is not too long, or the shortest.
    fn waiting_place(&self, delay: Duration) -> String {
        if delay.is_zero() {
            return self.names.queue(Queue::Tickets);
        }
        self.names.delay(self.delays.towards(Some(delay), u32::MAX))
    }

    pub(super) async fn send(&self, posts: &[Post]) -> Result<(), BusError> {
        if posts.is_empty() {
            return Ok(());
        }
        let wanted = u32::try_from(posts.len()).unwrap_or(IN_FLIGHT_MAX).min(IN_FLIGHT_MAX);
        let room = tokio::time::timeout(CONFIRM, self.room.acquire_many(wanted)).await;
        let _room = room.map_err(|_| unavailable("too many messages wait for the broker"))?;
        let link = self.line.link().await?;
        link.unblocked().await?;
        let outcome = match tokio::time::timeout(CONFIRM, self.send_all(&link, posts)).await {
            Ok(Ok(confirms)) => confirmed(confirms).await,
            Ok(Err(error)) => Err(Unsent::Lost(error)),
            Err(_) => {
                let text = format!("the broker took no message for {CONFIRM:?}");
                Err(Unsent::Lost(unavailable(text)))
            }
        };
        match outcome {
            Ok(()) => Ok(()),
            Err(Unsent::Refused) => Err(unavailable("the broker refused to keep a message")),
            Err(Unsent::Lost(error)) => {
                // A blocked connection comes back by itself; anything else is built anew.
                link.usable()?;
                link.cut(text(&error));
                Err(error)
            }
        }
    }

    async fn send_all(
        &self,
        link: &Shared,
        posts: &[Post],
    ) -> Result<Vec<PublisherConfirm>, BusError> {
        let mut sending = self.sending.lock().await;
        let channel = sending.channel(link).await?;
        let mut confirms = Vec::with_capacity(posts.len());
        for post in posts {
            let properties = BasicProperties::default()
                .with_content_type(post.content_type.into())
                .with_delivery_mode(PERSISTENT)
                .with_timestamp(seconds_now())
                .with_headers(post.headers.clone());
            let (exchange, key) = (post.exchange.as_str().into(), post.key.as_str().into());
            let mandatory = post.exchange.is_empty();
            let options = BasicPublishOptions { mandatory, ..Default::default() };
            let sent = channel.basic_publish(exchange, key, options, &post.body, properties).await;
            confirms.push(sent.map_err(|error| failure(&error))?);
        }
        Ok(confirms)
    }
}

impl Sending {
    async fn channel(&mut self, link: &Shared) -> Result<Channel, BusError> {
        if let Some((of, channel)) = &self.open
            && of.as_ptr() == Arc::as_ptr(link)
        {
            return Ok(channel.clone());
        }
        let channel = link.channel().await?;
        let selecting = channel.confirm_select(ConfirmSelectOptions::default());
        within(ANSWER, "asking for confirms", selecting).await?;
        self.open = Some((Arc::downgrade(link), channel.clone()));
        Ok(channel)
    }
}

/// Why messages are not known to be at the broker.
enum Unsent {
    /// The broker said so; the connection is well.
    Refused,
    /// Nothing is known of what was sent by this connection.
    Lost(BusError),
}

async fn confirmed(confirms: Vec<PublisherConfirm>) -> Result<(), Unsent> {
    let until = tokio::time::Instant::now() + CONFIRM;
    let mut refused = false;
    for confirm in confirms {
        match tokio::time::timeout_at(until, confirm).await {
            Ok(Ok(Confirmation::Ack(None))) => {}
            Ok(Ok(Confirmation::Nack(_))) => refused = true,
            // Confirmed and yet nowhere: the message came back.
            Ok(Ok(Confirmation::Ack(Some(_)) | Confirmation::NotRequested)) => {
                return Err(Unsent::Lost(unavailable("a message fitted no queue")));
            }
            Ok(Err(error)) => return Err(Unsent::Lost(failure(&error))),
            Err(_) => return Err(Unsent::Lost(unavailable(format!("no confirm in {CONFIRM:?}")))),
        }
    }
    if refused { Err(Unsent::Refused) } else { Ok(()) }
}

fn seconds_now() -> u64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_secs())
}
