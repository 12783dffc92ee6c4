//! A subscription that breaks.

use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use bytes::Bytes;
use tokio::sync::mpsc;

use super::*;
use crate::bus::{BusError, Consumer, Message, Queue};

fn lost() -> BusError {
    BusError::Unavailable("lost".into())
}

/// A bus that is back at the third try to subscribe.
struct Restarting {
    tries: AtomicUsize,
    told: mpsc::UnboundedSender<&'static str>,
}

#[async_trait]
impl Bus for Restarting {
    async fn check(&self) -> Result<(), BusError> {
        Err(lost())
    }

    async fn publish(&self, _: Vec<Message>) -> Result<(), BusError> {
        unreachable!("nothing is published here")
    }

    async fn consume(&self, _: Queue, _: usize) -> Result<Box<dyn Consumer>, BusError> {
        unreachable!("nothing is consumed here")
    }

    async fn subscribe(&self) -> Result<Box<dyn Subscription>, BusError> {
        match self.tries.fetch_add(1, Ordering::SeqCst) {
            0 | 1 => Err(lost()),
            _ => Ok(Box::new(Listened(self.told.clone()))),
        }
    }
}

/// The subscription that the restart has ended.
struct Broken;

#[async_trait]
impl Subscription for Broken {
    async fn next(&mut self) -> Result<Bytes, BusError> {
        Err(lost())
    }
}

/// Says that somebody listens.
struct Listened(mpsc::UnboundedSender<&'static str>);

#[async_trait]
impl Subscription for Listened {
    async fn next(&mut self) -> Result<Bytes, BusError> {
        self.0.send("listens again").expect("the test waits");
        std::future::pending().await
    }
}

#[tokio::test]
async fn a_subscription_that_broke_is_tried_until_it_is_made_again() {
    let (told, mut hears) = mpsc::unbounded_channel();
    let bus = Restarting { tries: AtomicUsize::new(0), told };
    let args = Args { kind: None, payout: None, json: true };
    tokio::select! {
        () = follow(&bus, Box::new(Broken), &args) => panic!("given up"),
        heard = tokio::time::timeout(Duration::from_secs(30), hears.recv()) => {
            assert_eq!(heard.expect("in time"), Some("listens again"));
        }
    }
    assert_eq!(bus.tries.into_inner(), 3);
}
