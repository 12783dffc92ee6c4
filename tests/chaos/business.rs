//! Who wants payouts: publishes commands, and takes every result event from a durable queue of its
//! own. Knows nothing of payoutd but docs/messages.md; whatever the broker does, it connects again.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, anyhow, ensure};
use futures_util::StreamExt;
use lapin::options::{
    BasicAckOptions, BasicConsumeOptions, BasicPublishOptions, BasicQosOptions,
    ConfirmSelectOptions, QueueBindOptions, QueueDeclareOptions,
};
use lapin::types::{AMQPValue, FieldTable};
use lapin::{BasicProperties, Channel, Confirmation, Connection, ConnectionProperties};
use serde_json::{Value, json};

use crate::verdict::{Order, Told, end, without_ids};

pub(crate) const QUEUE: &str = "business.results";

/// Longest wait for the broker: it may be frozen.
const PATIENCE: Duration = Duration::from_secs(5);

/// Before another connection is tried.
const PAUSE: Duration = Duration::from_millis(300);

/// Looks for orders to publish so often; each time as many as the rate asks for.
const TICK: Duration = Duration::from_millis(250);

pub(crate) struct Business {
    /// Tried in turn.
    urls: Vec<String>,
    books: Mutex<Books>,
}

#[derive(Default)]
struct Books {
    published: Vec<Order>,
    /// When each of them was to be published.
    at: Vec<Instant>,
    told: Vec<Told>,
    ended: BTreeMap<String, Instant>,
    refused_words: BTreeMap<String, usize>,
    troubles: BTreeMap<String, usize>,
}

impl Books {
    fn order(&mut self, orders: &[Order]) {
        self.published.extend(orders.iter().cloned());
        self.at.extend(orders.iter().map(|_| Instant::now()));
    }
}

impl Business {
    /// Its queue is there from now on.
    pub(crate) async fn open(urls: Vec<String>) -> anyhow::Result<Arc<Self>> {
        let business = Arc::new(Self { urls, books: Mutex::default() });
        let (_connection, channel) = business.channel().await?;
        let mut quorum = FieldTable::default();
        quorum.insert("x-queue-type".into(), AMQPValue::LongString("quorum".into()));
        channel.queue_declare(QUEUE.into(), QueueDeclareOptions::durable(), quorum).await?;
        let (options, none) = (QueueBindOptions::default(), FieldTable::default());
        channel
            .queue_bind(QUEUE.into(), "payoutd.events".into(), "#".into(), options, none)
            .await?;
        Ok(business)
    }

    async fn channel(&self) -> anyhow::Result<(Connection, Channel)> {
        let mut opened = Err(anyhow!("no URL"));
        for url in &self.urls {
            opened = Self::channel_at(url).await;
            if opened.is_ok() {
                break;
            }
        }
        opened
    }

    async fn channel_at(url: &str) -> anyhow::Result<(Connection, Channel)> {
        let opening = async {
            let connection = Connection::connect(url, ConnectionProperties::default()).await?;
            let channel = connection.create_channel().await?;
            channel.confirm_select(ConfirmSelectOptions::default()).await?;
            anyhow::Ok((connection, channel))
        };
        tokio::time::timeout(PATIENCE, opening).await.context("the broker is silent")?
    }

    /// Publishes `count` orders within `time`, at a steady rate.
    pub(crate) async fn publish_all(&self, count: usize, time: Duration) {
        let began = tokio::time::Instant::now();
        let mut next = 0;
        while next < count {
            let passed = began.elapsed().as_secs_f64() / time.as_secs_f64();
            let due = ((passed * count as f64).ceil() as usize).min(count);
            self.publish_new(next..due).await;
            next = due;
            tokio::time::sleep(TICK).await;
        }
    }

    /// Publishes at this pace, in orders a second, until it is told that it is enough.
    pub(crate) async fn publish_until(&self, pace: f64, enough: &AtomicBool) {
        let began = tokio::time::Instant::now();
        let mut next = 0;
        while !enough.load(Ordering::Relaxed) {
            let due = (began.elapsed().as_secs_f64() * pace).ceil() as usize;
            self.publish_new(next..due).await;
            next = due;
            tokio::time::sleep(TICK).await;
        }
    }

    async fn publish_new(&self, numbers: Range<usize>) {
        let orders: Vec<_> = numbers.map(order).collect();
        self.books().order(&orders);
        self.publish(&orders).await;
    }

    /// Again and again until the broker has confirmed them all: more than once is no harm.
    pub(crate) async fn publish(&self, orders: &[Order]) {
        while let Err(error) = self.try_publish(orders).await {
            self.note(&error);
            tokio::time::sleep(PAUSE).await;
        }
    }

    async fn try_publish(&self, orders: &[Order]) -> anyhow::Result<()> {
        let (_connection, channel) = self.channel().await?;
        let publishing = async {
            let options = BasicPublishOptions { mandatory: true, ..Default::default() };
            let mut confirms = Vec::new();
            for order in orders {
                let properties = BasicProperties::default().with_delivery_mode(2);
                let body = command(order).to_string();
                let exchange = "payoutd.commands".into();
                let publish = channel.basic_publish(
                    exchange,
                    "".into(),
                    options,
                    body.as_bytes(),
                    properties,
                );
                confirms.push(publish.await?);
            }
            for confirm in confirms {
                ensure!(confirm.await? == Confirmation::Ack(None), "it was not taken");
            }
            Ok(())
        };
        tokio::time::timeout(PATIENCE, publishing).await.context("no confirm")?
    }

    /// Takes events for ever.
    pub(crate) async fn listen(self: Arc<Self>) {
        loop {
            if let Err(error) = self.try_listen().await {
                self.note(&error);
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    async fn try_listen(&self) -> anyhow::Result<()> {
        let (connection, channel) = self.channel().await?;
        let listening = self.take_events(&channel).await;
        // One that is only dropped keeps its consumer, with all that was delivered to it.
        let closing = connection.close(200, "OK".into());
        tokio::time::timeout(PATIENCE, closing).await.ok();
        listening
    }

    async fn take_events(&self, channel: &Channel) -> anyhow::Result<()> {
        channel.basic_qos(256, BasicQosOptions::default()).await?;
        let (options, none) = (BasicConsumeOptions::default(), FieldTable::default());
        let consume = channel.basic_consume(QUEUE.into(), "".into(), options, none);
        let mut deliveries = tokio::time::timeout(PATIENCE, consume).await??;
        while let Some(delivery) = deliveries.next().await {
            let delivery = delivery?;
            self.book(&serde_json::from_slice(&delivery.data)?);
            delivery.acker.ack(BasicAckOptions::default()).await?;
        }
        anyhow::bail!("the broker has hung up")
    }

    fn book(&self, event: &Value) {
        let text = |pointer| event.pointer(pointer).and_then(Value::as_str).map(str::to_owned);
        let why = text("/data/reason").or_else(|| text("/data/error/code"));
        let told = Told {
            id: text("/id").unwrap_or_default(),
            kind: text("/type").unwrap_or_default(),
            payout: text("/subject").unwrap_or_default(),
            reason: why.unwrap_or_default(),
        };
        let mut books = self.books();
        if end(&told.kind).is_some() {
            books.ended.entry(told.payout.clone()).or_insert_with(Instant::now);
        }
        match told.kind.as_str() {
            "payout.command_refused" => {
                *books.refused_words.entry(without_ids(&told.reason)).or_default() += 1;
            }
            _ => books.told.push(told),
        }
    }

    /// Orders that it has no result for.
    pub(crate) fn open_orders(&self) -> Vec<Order> {
        let books = self.books();
        let open = books.published.iter().filter(|order| !books.ended.contains_key(&order.payout));
        open.cloned().collect()
    }

    /// Whether any of those from this one on has a result.
    pub(crate) fn has_result_from(&self, first: usize) -> bool {
        let books = self.books();
        books.published.iter().skip(first).any(|order| books.ended.contains_key(&order.payout))
    }

    /// Whether each of the first so many has a result.
    pub(crate) fn has_results_of(&self, first: usize) -> bool {
        let books = self.books();
        books.published.iter().take(first).all(|order| books.ended.contains_key(&order.payout))
    }

    /// The longest time from its order to its result that any of these took, of those that have one.
    pub(crate) fn slowest(&self, of: Range<usize>) -> Option<Duration> {
        let books = self.books();
        let orders = books.published.iter().zip(&books.at).take(of.end).skip(of.start);
        let times = orders.filter_map(|(order, at)| {
            books.ended.get(&order.payout).map(|ended| ended.duration_since(*at))
        });
        times.max()
    }

    pub(crate) fn published(&self) -> usize {
        self.books().published.len()
    }

    pub(crate) fn orders(&self) -> Vec<Order> {
        self.books().published.clone()
    }

    pub(crate) fn told(&self) -> Vec<Told> {
        self.books().told.clone()
    }

    /// Words of a person that came too late or had nothing to change, by reason.
    pub(crate) fn refused_words(&self) -> BTreeMap<String, usize> {
        self.books().refused_words.clone()
    }

    fn note(&self, trouble: &anyhow::Error) {
        *self.books().troubles.entry(format!("{trouble:#}")).or_default() += 1;
    }

    /// What it met at the broker, and how often it therefore connected again.
    pub(crate) fn troubles(&self) -> BTreeMap<String, usize> {
        self.books().troubles.clone()
    }

    fn books(&self) -> MutexGuard<'_, Books> {
        self.books.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Cards and accounts in turn. The last two digits of the amounts ask the simulator for nothing.
fn order(n: usize) -> Order {
    let to_card = n.is_multiple_of(2);
    Order {
        payout: format!("inv-{n:06}"),
        amount: 10_000 + 100 * i64::try_from(n).expect("not so many"),
        account: if to_card { "collateral" } else { "settlement" },
        // What the simulator shows of the card; an account's are the last digits of its number.
        last4: if to_card { "4940".into() } else { format!("{:04}", n % 10_000) },
    }
}

fn command(order: &Order) -> Value {
    let mut command = json!({
        "type": "payout.create",
        "payout_id": order.payout,
        "amount_details": {"amount": order.amount, "currency": "rub"},
    });
    if order.account == "collateral" {
        command["payment_method"] = json!({"type": "card", "card": {
            "type": "encrypted_card",
            "encrypted_card": {"number_hash":
                "63191fa17cc7edf818ee5d6611a2c2169ab30b705111cffd710af39880deef09"},
        }});
        return command;
    }
    command["account"] = json!("settlement");
    command["payment_method"] = json!({"type": "bank_account", "bank_account": {
        "system_type": "ru",
        "ru": {
            "bik": "044525974", "account": format!("4070281050000000{}", order.last4),
            "full_name": "Vector LLC", "description": format!("Agreement {}", order.payout),
        },
    }});
    command["participant_details"] = json!({"sender": {"account": "40702810300200000013"}});
    command
}
