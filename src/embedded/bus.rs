//! The bus on the file.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use rusqlite::{Connection, Result as SqlResult};

use super::Threads;
use super::clock::machine_millis;
use super::consumer::EmbeddedConsumer;
use super::events::{self, EmbeddedSubscription};
use super::in_flight::InFlight;
use super::queue::{self, Depth};
use super::wake::Wakes;
use super::watch::Watcher;
use super::writer::job;
use crate::bus::{Bus, BusError, Consumer, Message, Queue, Subscription};

/// Queues and events of one file.
pub struct EmbeddedBus {
    core: Arc<Core>,
}

/// What the bus, its consumers and its deliveries share. The first field is dropped first: the
/// watcher needs the writer.
pub(super) struct Core {
    _watcher: Watcher,
    pub(super) threads: Arc<Threads>,
    pub(super) in_flight: Arc<InFlight>,
    pub(super) wakes: Arc<Wakes>,
}

impl EmbeddedBus {
    pub(super) fn new(threads: Arc<Threads>, watching: Connection) -> io::Result<Self> {
        let in_flight = Arc::new(InFlight::default());
        let wakes = Arc::new(Wakes::new());
        let jobs = threads.writer.weak_jobs();
        let watcher = Watcher::start(watching, jobs, Arc::clone(&in_flight), Arc::clone(&wakes))?;
        Ok(Self { core: Arc::new(Core { _watcher: watcher, threads, in_flight, wakes }) })
    }

    pub(super) fn threads(&self) -> &Threads {
        &self.core.threads
    }

    pub(super) fn wakes(&self) -> Arc<Wakes> {
        Arc::clone(&self.core.wakes)
    }

    /// How many messages a queue holds.
    pub async fn depth(&self, queue: Queue) -> Result<Depth, BusError> {
        Ok(self.core.threads.readers.read(move |c| queue::depth(c, queue)).await?)
    }
}

impl Core {
    /// Hands work to the writer without waiting, for those who cannot: it may be left undone when
    /// the writer has its hands full.
    pub(super) fn write_soon(
        &self,
        queue: Queue,
        work: impl FnOnce(&Connection) -> SqlResult<()> + Send + 'static,
    ) {
        let wakes = Arc::clone(&self.wakes);
        self.threads.writer.jobs().try_send(job(work, move |_| wakes.queue(queue))).ok();
    }
}

#[async_trait]
impl Bus for EmbeddedBus {
    async fn check(&self) -> Result<(), BusError> {
        Ok(self.core.threads.readers.ping().await?)
    }

    async fn publish(&self, messages: Vec<Message>) -> Result<(), BusError> {
        let wakes = Arc::clone(&self.core.wakes);
        let mut queues: Vec<Queue> = Vec::new();
        let mut events = false;
        for message in &messages {
            match message {
                Message::Queued { queue, .. } if !queues.contains(queue) => queues.push(*queue),
                Message::Queued { .. } => {}
                // The watcher sees to it in time.
                Message::Ticket { .. } => {}
                Message::Event { .. } => events = true,
            }
        }
        let add = move |tx: &Connection| messages.iter().try_for_each(|message| add(tx, message));
        let wake = move |(): &()| {
            queues.iter().for_each(|&queue| wakes.queue(queue));
            if events {
                wakes.events();
            }
        };
        Ok(self.core.threads.writer.write_then(add, wake).await?)
    }

    async fn consume(&self, queue: Queue, prefetch: usize) -> Result<Box<dyn Consumer>, BusError> {
        Ok(Box::new(EmbeddedConsumer::new(Arc::clone(&self.core), queue, prefetch)))
    }

    async fn subscribe(&self) -> Result<Box<dyn Subscription>, BusError> {
        Ok(Box::new(EmbeddedSubscription::from_now_on(Arc::clone(&self.core)).await?))
    }
}

fn add(tx: &Connection, message: &Message) -> SqlResult<()> {
    let now = machine_millis();
    match message {
        Message::Queued { queue, body } => queue::add(tx, *queue, body, Duration::ZERO, now),
        Message::Ticket { body, delay } => queue::add(tx, Queue::Tickets, body, *delay, now),
        Message::Event { kind, body } => events::add(tx, kind, body, now),
    }
}
