//! Looking into a queue without changing it.
//!
//! Messages are taken one by one until there is none, and none is acknowledged; they go back when
//! the channel closes, which also happens when the process dies. Who does not hold the messages does
//! not see them, so that one looks at a time: whoever has the lock, a queue that only its connection
//! may use and that goes with its consumer.

use std::time::Duration;

use lapin::Channel;
use lapin::message::BasicGetMessage;
use lapin::options::{
    BasicCancelOptions, BasicConsumeOptions, BasicGetOptions, BasicNackOptions, QueueDeclareOptions,
};
use lapin::types::FieldTable;
use tokio::sync::MutexGuard;

use super::Core;
use super::failure::{unavailable, within};
use super::link::{ANSWER, Shared};
use crate::bus::BusError;

/// Most messages that are looked at, the oldest: more dead letters are an emergency of another
/// kind. A thousand take some seconds.
const LOOKED_AT_MAX: usize = 10_000;

/// Most bytes of bodies that are looked at.
const BYTES_MAX: usize = 256 * 1024 * 1024;

/// Longest that the broker takes to show one message: with tables a thousand levels deep it takes
/// seconds.
const SHOWING: Duration = Duration::from_secs(30);

/// How often, and how long after another, somebody tries who is not the only one that looks.
const TRIES: u32 = 100;
const TRY_AGAIN: Duration = Duration::from_millis(50);

/// The messages of a queue, taken. Dropped, they go back.
pub(super) struct Look<'a> {
    link: Shared,
    queue: String,
    channel: Channel,
    pub(super) messages: Vec<BasicGetMessage>,
    /// Messages beyond the bounds.
    pub(super) unseen: u64,
    lock: Lock,
    _alone_in_process: MutexGuard<'a, ()>,
}

impl<'a> Look<'a> {
    pub(super) async fn into(core: &'a Core, queue: String) -> Result<Self, BusError> {
        let alone = core.looking.lock().await;
        let link = core.consuming.link().await?;
        let lock = lock(&link, &format!("{}.looking", core.names.dead_letters())).await?;
        let channel = link.channel().await?;
        let messages = Vec::new();
        let mut look =
            Self { link, queue, channel, messages, unseen: 0, lock, _alone_in_process: alone };
        look.take().await?;
        Ok(look)
    }

    async fn take(&mut self) -> Result<(), BusError> {
        let mut bytes = 0;
        while self.messages.len() < LOOKED_AT_MAX && bytes < BYTES_MAX {
            let name = self.queue.as_str().into();
            let getting = self.channel.basic_get(name, BasicGetOptions::default());
            let Some(message) = within(SHOWING, "looking at a message", getting).await? else {
                self.unseen = 0;
                return Ok(());
            };
            bytes += message.data.len();
            self.unseen = u64::from(message.message_count);
            self.messages.push(message);
        }
        Ok(())
    }

    /// Lets the next one look, when the broker has all messages again but those that were
    /// acknowledged.
    pub(super) async fn end(self) -> Result<(), BusError> {
        let mut back = 0;
        for message in self.messages.iter().filter(|message| message.acker.usable()) {
            let options = BasicNackOptions { requeue: true, ..Default::default() };
            within(ANSWER, "giving a message back", message.acker.nack(options)).await?;
            back += 1;
        }
        within(ANSWER, "closing a channel", self.channel.close(200, "OK".into())).await?;
        let channel = self.link.channel().await?;
        for _ in 0..TRIES {
            // No order holds between the two channels; and a busy broker answers zero.
            if usize::try_from(count(&channel, &self.queue).await?).is_ok_and(|n| n >= back) {
                break;
            }
            tokio::time::sleep(TRY_AGAIN).await;
        }
        within(ANSWER, "closing a channel", channel.close(200, "OK".into())).await?;
        self.lock.release().await
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
    consumer: lapin::Consumer,
}

impl Lock {
    async fn release(self) -> Result<(), BusError> {
        let cancelling =
            self.channel.basic_cancel(self.consumer.tag(), BasicCancelOptions::default());
        within(ANSWER, "unlocking", cancelling).await?;
        within(ANSWER, "closing a channel", self.channel.close(200, "OK".into())).await
    }
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
    Ok(Lock { channel, consumer })
}
