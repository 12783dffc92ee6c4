//! The bus on RabbitMQ, 3.10 to 4.x.
//!
//! Guarantees, of what the port promises: a message is published when the broker has confirmed it in
//! the queue it is for; it is in some queue at every moment, and twice rather than nowhere; whatever
//! is lost (connection, channel, consumer) is noticed in bounded time and built anew. What strangers
//! put into a message's properties does no harm.
//!
//! - [`topology`]: the exchanges and queues
//! - `wire`, `sieve`, `kit`: the bytes of one connection; `link`: one connection; `line`: keeping one
//! - `publisher`, `consumer`, `settle`, `subscription`: the port
//! - `looking`, `letter`, `dead_letters`: the port to the dead letters

pub mod topology;

mod address;
mod consumer;
mod dead_letters;
mod failure;
mod kit;
mod letter;
mod line;
mod link;
mod looking;
mod names;
mod publisher;
mod settle;
mod sieve;
mod subscription;
mod trust;
mod wire;

use std::sync::Arc;

use async_trait::async_trait;
use secrecy::SecretString;
use tokio::sync::Mutex;

use self::address::Address;
use self::consumer::RabbitmqConsumer;
use self::line::{Line, Route};
use self::names::Names;
use self::publisher::Publisher;
use self::subscription::RabbitmqSubscription;
use self::topology::Topology;
use crate::bus::{Bus, BusError, Consumer, Message, Queue, Subscription};
use crate::domain::policy::Delays;
use crate::tls::Tls;

#[derive(Clone, Debug)]
pub struct Settings {
    /// `amqp://user:password@host:port/vhost` or `amqps://…`; tried in turn.
    pub urls: Vec<SecretString>,
    /// What all names at the broker begin with.
    pub prefix: String,
    /// One queue each, where tickets wait.
    pub delays: Delays,
    /// For `amqps`.
    pub tls: Tls,
}

/// Queues, events and dead letters at one broker or one of several.
pub struct RabbitmqBus {
    core: Arc<Core>,
}

/// What the bus, its consumers and its deliveries share. The connections close when the last of
/// them is gone.
struct Core {
    names: Names,
    topology: Arc<Topology>,
    publisher: Publisher,
    consuming: Line,
    /// One look into the dead letters at a time.
    looking: Mutex<()>,
}

impl RabbitmqBus {
    /// Reads URLs and certificates, and begins to connect; needs a runtime. `Misconfigured` says
    /// which of them is wrong, and shows none.
    pub fn start(settings: Settings) -> Result<Self, BusError> {
        let route = Route {
            addresses: Address::parse_all(&settings.urls)?.into(),
            tls: trust::connector(&settings.tls)?,
            topology: Arc::new(Topology::of(&settings)),
        };
        let topology = Arc::clone(&route.topology);
        let names = Names::new(&settings.prefix);
        let publishing = Line::start(route.clone(), "payoutd publishing");
        let consuming = Line::start(route, "payoutd consuming");
        let publisher = Publisher::new(publishing, names.clone(), settings.delays);
        let core = Core { names, topology, publisher, consuming, looking: Mutex::default() };
        Ok(Self { core: Arc::new(core) })
    }
}

#[async_trait]
impl Bus for RabbitmqBus {
    async fn check(&self) -> Result<(), BusError> {
        self.core.publisher.check()?;
        self.core.consuming.now().map(|_| ())
    }

    async fn publish(&self, messages: Vec<Message>) -> Result<(), BusError> {
        self.core.publisher.publish(messages).await
    }

    async fn consume(&self, queue: Queue, prefetch: usize) -> Result<Box<dyn Consumer>, BusError> {
        let core = Arc::clone(&self.core);
        Ok(Box::new(RabbitmqConsumer::start(core, queue, prefetch).await?))
    }

    async fn subscribe(&self) -> Result<Box<dyn Subscription>, BusError> {
        let core = Arc::clone(&self.core);
        Ok(Box::new(RabbitmqSubscription::from_now_on(core).await?))
    }
}
