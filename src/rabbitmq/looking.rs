//! Looking into a queue without changing it.
//!
//! All messages are taken and none is acknowledged; they go back when the channel closes, which
//! also happens when the process dies. Who does not hold the messages does not see them, so that
//! one looks at a time: whoever has the lock, a queue that only its connection may use and that
//! goes with its consumer.

use std::future::poll_fn;
use std::pin::Pin;
use std::time::Duration;

use futures_core::Stream;
use lapin::Channel;
use lapin::message::Delivery;
use lapin::options::{BasicConsumeOptions, BasicQosOptions, QueueDeclareOptions};
use lapin::types::FieldTable;
use tokio::sync::MutexGuard;

use super::Core;
use super::failure::{unavailable, within};
use super::link::{ANSWER, Shared};
use crate::bus::BusError;

/// Most messages that are looked at, the oldest: more dead letters are an emergency of another
/// kind.
const LOOKED_AT_MAX: u16 = 10_000;

/// Most bytes of bodies that are looked at.
const BYTES_MAX: usize = 256 * 1024 * 1024;

/// Longest that a message which is there takes to come.
const COMING: Duration = Duration::from_secs(5);

/// How often, and how long after another, somebody tries who is not the only one that looks.
const TRIES: u32 = 100;
const TRY_AGAIN: Duration = Duration::from_millis(50);

/// The messages of a queue, taken. Dropped, they go back.
pub(super) struct Look<'a> {
    link: Shared,
    queue: String,
    channel: Channel,
    pub(super) messages: Vec<Delivery>,
    lock: Lock,
    _alone_in_process: MutexGuard<'a, ()>,
}

impl<'a> Look<'a> {
    pub(super) async fn into(core: &'a Core, queue: String) -> Result<Self, BusError> {
        let alone = core.looking.lock().await;
        let link = core.consuming.link().await?;
        let lock = lock(&link, &format!("{}.looking", core.names.dead_letters())).await?;
        let channel = link.channel().await?;
        let limiting = channel.basic_qos(LOOKED_AT_MAX, BasicQosOptions::default());
        within(ANSWER, "setting the prefetch", limiting).await?;
        let count = count(&channel, &queue).await?.min(LOOKED_AT_MAX.into());
        let mut look =
            Self { link, queue, channel, messages: Vec::new(), lock, _alone_in_process: alone };
        look.take(count).await?;
        Ok(look)
    }

    async fn take(&mut self, count: u32) -> Result<(), BusError> {
        if count == 0 {
            return Ok(());
        }
        let (name, none) = (self.queue.as_str().into(), FieldTable::default());
        let consuming =
            self.channel.basic_consume(name, "".into(), BasicConsumeOptions::default(), none);
        let mut stream = within(ANSWER, "looking at messages", consuming).await?;
        let mut bytes = 0;
        for _ in 0..count {
            let next = poll_fn(|cx| Pin::new(&mut stream).poll_next(cx));
            let message = match tokio::time::timeout(COMING, next).await {
                Ok(Some(Ok(message))) => message,
                Ok(_) => return Err(unavailable("the broker stopped showing dead letters")),
                // Somebody who knows nothing of the lock has them.
                Err(_) => break,
            };
            bytes += message.data.len();
            self.messages.push(message);
            if bytes > BYTES_MAX {
                break;
            }
        }
        Ok(())
    }

    /// Lets the next one look, when the broker has all messages again but those `taken` for good.
    pub(super) async fn end(self, taken: usize) -> Result<(), BusError> {
        let back = self.messages.len() - taken;
        within(ANSWER, "closing a channel", self.channel.close(200, "OK".into())).await?;
        let channel = self.link.channel().await?;
        for _ in 0..TRIES {
            if usize::try_from(count(&channel, &self.queue).await?).is_ok_and(|n| n >= back) {
                break;
            }
            tokio::time::sleep(TRY_AGAIN).await;
        }
        within(ANSWER, "closing a channel", channel.close(200, "OK".into())).await?;
        within(ANSWER, "closing a channel", self.lock.channel.close(200, "OK".into())).await
    }
}

async fn count(channel: &Channel, queue: &str) -> Result<u32, BusError> {
    let options = QueueDeclareOptions { passive: true, ..Default::default() };
    let counting = channel.queue_declare(queue.into(), options, FieldTable::default());
    Ok(within(ANSWER, "counting messages", counting).await?.message_count())
}

/// Held as long as its channel is open.
struct Lock {
    channel: Channel,
    /// Nothing is ever sent to it.
    _consumer: lapin::Consumer,
}

async fn lock(link: &Shared, name: &str) -> Result<Lock, BusError> {
    let mut tries = 0;
    loop {
        match try_lock(link, name).await {
            Ok(lock) => return Ok(lock),
            Err(_) if tries < TRIES && link.is_open() => tries += 1,
            Err(error) => {
                return Err(unavailable(format!("somebody else looks at dead letters: {error}")));
            }
        }
        tokio::time::sleep(TRY_AGAIN).await;
    }
}

async fn try_lock(link: &Shared, name: &str) -> Result<Lock, BusError> {
    // Of its own each time: being refused closes it.
    let channel = link.channel().await?;
    let none = FieldTable::default;
    let options = QueueDeclareOptions { exclusive: true, auto_delete: true, ..Default::default() };
    let declaring = channel.queue_declare(name.into(), options, none());
    within(ANSWER, "locking", declaring).await?;
    let options = BasicConsumeOptions { exclusive: true, ..Default::default() };
    let consuming = channel.basic_consume(name.into(), "".into(), options, none());
    let consumer = within(ANSWER, "locking", consuming).await?;
    Ok(Lock { channel, _consumer: consumer })
}
