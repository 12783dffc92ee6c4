//! Settling one message.
//!
//! Guarantees that a message is somewhere at every moment: a copy that goes elsewhere is confirmed
//! before the message is acknowledged. A crash in between leaves two.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use bytes::Bytes;
use lapin::Acker;
use lapin::options::{BasicAckOptions, BasicRejectOptions};

use super::consumer::{Tap, begin};
use super::failure::{unavailable, within};
use super::letter;
use super::publisher::Post;
use crate::bus::dead_letters::DeadLetter;
use crate::bus::{BusError, Settle};
use crate::domain::time::Timestamp;

/// Longest that an acknowledgement waits to be sent. Nothing but a broken connection keeps it.
const ACKNOWLEDGING: Duration = Duration::from_secs(5);

/// A message that somebody handles.
pub(super) struct Held {
    tap: Arc<Tap>,
    acker: Acker,
    body: Bytes,
    settled: bool,
}

impl Held {
    pub(super) fn new(tap: Arc<Tap>, acker: Acker, body: Bytes) -> Self {
        tap.out.fetch_add(1, Ordering::Relaxed);
        Self { tap, acker, body, settled: false }
    }

    pub(super) fn body(&self) -> Bytes {
        self.body.clone()
    }

    async fn acknowledged(&mut self) -> Result<(), BusError> {
        acknowledge(&self.acker).await?;
        self.settled = true;
        Ok(())
    }
}

/// Sent, not confirmed: there is no such thing. If it is lost the message is delivered again.
pub(super) async fn acknowledge(acker: &Acker) -> Result<(), BusError> {
    let acknowledging = acker.ack(BasicAckOptions::default());
    if within(ACKNOWLEDGING, "acknowledging", acknowledging).await? {
        Ok(())
    } else {
        Err(unavailable("the connection that delivered the message is lost"))
    }
}

#[async_trait]
impl Settle for Held {
    async fn acknowledge(mut self: Box<Self>) -> Result<(), BusError> {
        self.acknowledged().await
    }

    /// A fresh copy at the end of the queue: every way of returning the message itself counts as a
    /// delivery.
    async fn hand_back(mut self: Box<Self>) -> Result<(), BusError> {
        let queue = self.tap.core.names.queue(self.tap.queue);
        let copy = Post::to_queue(queue, self.body());
        self.tap.core.publisher.send(&[copy]).await?;
        self.acknowledged().await
    }

    async fn dead_letter(mut self: Box<Self>, reason: &str) -> Result<(), BusError> {
        let letter = DeadLetter {
            id: letter::fresh_id(),
            queue: Some(self.tap.queue),
            body: self.body(),
            reason: reason.to_owned(),
            at: Timestamp::from(SystemTime::now()),
        };
        let post = Post::to_queue(self.tap.core.names.dead_letters(), self.body());
        let post = post.with(letter::headers(&letter));
        self.tap.core.publisher.send(&[post]).await?;
        self.acknowledged().await
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.tap.out.fetch_sub(1, Ordering::Relaxed);
        if !self.settled {
            // Counts as a delivery on every version of the broker.
            begin(self.acker.reject(BasicRejectOptions { requeue: true }));
        }
    }
}
