//! Taking messages from a queue.
//!
//! Guarantees that whoever stops waiting for a message loses none, that a consumer which the broker
//! has forgotten ends in an error, and that what was not delivered goes back when it is dropped.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Waker};
use std::time::Duration;

use async_trait::async_trait;
use futures_core::Stream;
use lapin::options::{
    BasicCancelOptions, BasicConsumeOptions, BasicNackOptions, BasicQosOptions, QueueDeclareOptions,
};
use lapin::types::FieldTable;
use lapin::{Acker, Channel};
use tokio::time::Instant;

use super::Core;
use super::failure::{failure, unavailable, within};
use super::letter;
use super::link::{ANSWER, BLOCKED_LOOK, Shared};
use super::settle::Held;
use super::topology;
use crate::bus::{BusError, Consumer, DELIVERIES_MAX, Delivery, Queue, Settle};

/// How often an idle consumer asks the broker whether it is still one.
const LOOK: Duration = Duration::from_secs(5);

/// Looks in a row that found no consumer, or messages waiting for one that could take them and got
/// none. One may fall between a message's arrival and its delivery, and a busy broker answers zero.
const NEGLECTS_MAX: u32 = 2;

/// Longest that messages wait here because nothing can be published: well below the 30 minutes
/// after which the broker takes them back.
const MUTE_MAX: Duration = Duration::from_secs(5 * 60);

/// After a message could not be put somewhere else; it comes again at once.
const AFTER_FAILURE: Duration = Duration::from_secs(1);

/// What a consumer and its deliveries share. The channel lives as long as any of them.
pub(super) struct Tap {
    pub(super) core: Arc<Core>,
    pub(super) queue: Queue,
    channel: Channel,
    /// The channel works as long as this does.
    link: Shared,
    /// Delivered and not yet settled.
    pub(super) out: AtomicUsize,
}

pub(super) struct RabbitmqConsumer {
    tap: Arc<Tap>,
    stream: lapin::Consumer,
    name: String,
    prefetch: usize,
    looked: Instant,
    neglects: u32,
    /// A message that is put somewhere else instead of being delivered, whoever stops waiting.
    moving: Option<Move>,
}

type Move = Pin<Box<dyn Future<Output = Result<(), BusError>> + Send>>;

impl RabbitmqConsumer {
    pub(super) async fn start(
        core: Arc<Core>,
        queue: Queue,
        prefetch: usize,
    ) -> Result<Self, BusError> {
        let link = core.consuming.link().await?;
        let name = core.names.queue(queue);
        // Somebody may have deleted the queue since the connection was built.
        topology::declare_on(&link, &core.topology).await?;
        let channel = link.channel().await?;
        let prefetch = u16::try_from(prefetch.max(1)).unwrap_or(u16::MAX);
        let limiting = channel.basic_qos(prefetch, BasicQosOptions::default());
        within(ANSWER, "setting the prefetch", limiting).await?;
        let options = BasicConsumeOptions::default();
        let consuming =
            channel.basic_consume(name.as_str().into(), "".into(), options, FieldTable::default());
        let stream = within(ANSWER, "consuming", consuming).await?;
        let tap = Tap { core, queue, channel, link, out: AtomicUsize::new(0) };
        let (prefetch, looked) = (usize::from(prefetch), Instant::now());
        Ok(Self { tap: Arc::new(tap), stream, name, prefetch, looked, neglects: 0, moving: None })
    }

    /// Asks the broker about this consumer, which got nothing since the last look.
    async fn look(&mut self) -> Result<(), BusError> {
        let options = QueueDeclareOptions { passive: true, ..Default::default() };
        let name = self.name.as_str().into();
        let asking = self.tap.channel.queue_declare(name, options, FieldTable::default());
        let queue = within(ANSWER, "looking at a queue", asking).await?;
        self.looked = Instant::now();
        let free = self.tap.out.load(Ordering::Relaxed) < self.prefetch;
        let neglected = queue.consumer_count() == 0 || (free && queue.message_count() > 0);
        self.neglects = if neglected { self.neglects + 1 } else { 0 };
        if self.neglects >= NEGLECTS_MAX {
            return Err(unavailable("the broker has forgotten this consumer"));
        }
        Ok(())
    }
}

#[async_trait]
impl Consumer for RabbitmqConsumer {
    async fn next(&mut self) -> Result<Delivery, BusError> {
        let began = Instant::now();
        loop {
            // Nothing can be handled while nothing can be published, and each message that cannot
            // be handed back then counts as a crash.
            while self.tap.core.publisher.check().is_err() {
                if !self.tap.link.is_open() || began.elapsed() > MUTE_MAX {
                    return Err(unavailable("nothing can be published"));
                }
                tokio::time::sleep(BLOCKED_LOOK).await;
            }
            if let Some(moving) = &mut self.moving {
                let moved = moving.await;
                self.moving = None;
                if let Err(error) = moved {
                    tracing::warn!(event = "message.unsettled", %error);
                    tokio::time::sleep(AFTER_FAILURE).await;
                    continue;
                }
            }
            let stream = &mut self.stream;
            let taken = tokio::select! {
                biased;
                taken = poll_fn(|cx| Pin::new(&mut *stream).poll_next(cx)) => taken,
                () = tokio::time::sleep_until(self.looked + LOOK) => {
                    self.look().await?;
                    continue;
                }
            };
            let message = match taken {
                Some(Ok(message)) => message,
                Some(Err(error)) => return Err(failure(&error)),
                None => return Err(unavailable("the broker ended this consumer")),
            };
            self.looked = Instant::now();
            self.neglects = 0;
            let poison = letter::deliveries_before(&message) >= DELIVERIES_MAX;
            let hostile = letter::is_hostile(&message);
            let settle = Held::new(Arc::clone(&self.tap), message.acker, message.data.into());
            let settle = Box::new(settle);
            if poison {
                self.moving = Some(Box::pin(bury(settle)));
                continue;
            }
            if hostile {
                // The same body without the headers, before it makes more trouble.
                self.moving = Some(Box::pin(settle.hand_back()));
                continue;
            }
            return Ok(Delivery { body: settle.body(), settle });
        }
    }
}

/// Delivered too often, each a panic or a kill.
async fn bury(settle: Box<Held>) -> Result<(), BusError> {
    let reason = letter::delivered_too_often();
    settle.dead_letter(&reason).await?;
    tracing::error!(event = "message.dead_lettered", reason);
    Ok(())
}

impl Drop for RabbitmqConsumer {
    /// Nobody waits here: the library sends what it is asked for on first being asked. What still
    /// arrives goes back when the last delivery is settled and the channel closes.
    fn drop(&mut self) {
        let options = BasicCancelOptions::default();
        begin(self.tap.channel.basic_cancel(self.stream.tag(), options));
        let mut cx = Context::from_waker(Waker::noop());
        while let std::task::Poll::Ready(Some(Ok(message))) =
            Pin::new(&mut self.stream).poll_next(&mut cx)
        {
            give_back(&message.acker);
        }
    }
}

/// Returns a message to its queue, without waiting.
pub(super) fn give_back(acker: &Acker) {
    begin(acker.nack(BasicNackOptions { requeue: true, ..Default::default() }));
}

/// Has the library send something, and waits for nothing.
pub(super) fn begin<T>(work: impl Future<Output = T>) {
    let mut work = std::pin::pin!(work);
    // Ready or not: it is on its way.
    let _sent = work.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_ready();
}
