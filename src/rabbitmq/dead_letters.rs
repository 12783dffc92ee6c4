//! The dead letters of a broker: a queue that people look into, and one of what they decided.

use std::time::SystemTime;

use async_trait::async_trait;

use super::looking::Look;
use super::publisher::Post;
use super::settle::acknowledge;
use super::{RabbitmqBus, letter};
use crate::bus::BusError;
use crate::bus::dead_letters::{DeadLetter, DeadLetters, Listed, Settled, Verdict};
use crate::domain::time::Timestamp;

#[async_trait]
impl DeadLetters for RabbitmqBus {
    async fn list(&self, limit: usize) -> Result<Listed, BusError> {
        let mut listed = self.letters().await?;
        listed.letters.truncate(limit);
        Ok(listed)
    }

    async fn find(&self, id: &str) -> Result<Option<DeadLetter>, BusError> {
        Ok(self.letters().await?.letters.into_iter().find(|letter| letter.id == id))
    }

    /// The replay is confirmed, then the trace, and only then is the letter gone: a crash in
    /// between leaves a letter that was replayed.
    async fn settle(&self, id: &str, verdict: Verdict) -> Result<bool, BusError> {
        let names = &self.core.names;
        let look = Look::into(&self.core, names.dead_letters()).await?;
        let read = look.messages.iter().map(|message| (letter::read(message, names), message));
        let Some((letter, message)) = read.into_iter().find(|(letter, _)| letter.id == id) else {
            look.end().await?;
            return Ok(false);
        };
        let mut posts = Vec::new();
        match (&verdict, letter.queue) {
            (Verdict::Replay, None) => {
                look.end().await?;
                return Ok(false);
            }
            (Verdict::Replay, Some(queue)) => {
                posts.push(Post::to_queue(names.queue(queue), letter.body.clone()));
            }
            (Verdict::Discard { .. }, _) => {}
        }
        let settled = Settled { letter, verdict, at: Timestamp::from(SystemTime::now()) };
        let trace = Post::to_queue(names.settled(), settled.letter.body.clone());
        posts.push(trace.with(letter::settled_headers(&settled)));
        self.core.publisher.send(&posts).await?;
        acknowledge(&message.acker).await?;
        look.end().await?;
        Ok(true)
    }

    async fn trace(&self, limit: usize) -> Result<Vec<Settled>, BusError> {
        let names = &self.core.names;
        let look = Look::into(&self.core, names.settled()).await?;
        let mut traced: Vec<_> =
            look.messages.iter().filter_map(|m| letter::read_settled(m, names)).collect();
        look.end().await?;
        // What goes back may come in another order next time.
        traced.reverse();
        traced.sort_by_key(|settled| std::cmp::Reverse(settled.at));
        traced.truncate(limit);
        Ok(traced)
    }
}

impl RabbitmqBus {
    /// All that can be looked at, newest first.
    async fn letters(&self) -> Result<Listed, BusError> {
        let names = &self.core.names;
        let look = Look::into(&self.core, names.dead_letters()).await?;
        let mut letters: Vec<_> = look.messages.iter().map(|m| letter::read(m, names)).collect();
        let unseen = look.unseen;
        look.end().await?;
        letters.reverse();
        letters.sort_by_key(|letter| std::cmp::Reverse(letter.at));
        Ok(Listed { letters, unseen })
    }
}
