//! The door for webhooks: what it answers, and when. Cases 40, 42, 44 and 45 of the fault matrix.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use payoutd::bus::{Bus, BusError, Consumer, Message, Queue, Subscription};
use payoutd::roles::Parts;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::world::{World, bank_private_key, card};

async fn post(world: &World, body: &[u8], signature: Option<&str>) -> u16 {
    let client = reqwest::Client::builder().no_proxy().build().expect("a client");
    let mut request = client.post(world.door()).body(body.to_vec());
    if let Some(signature) = signature {
        request = request.header("X-PARTNER-SIGN", signature);
    }
    request.send().await.expect("an answer").status().as_u16()
}

/// As the bank posts it.
pub(crate) async fn post_signed(world: &World, body: &[u8]) -> u16 {
    post(world, body, Some(&bank_private_key().sign(body))).await
}

#[tokio::test(flavor = "multi_thread")]
async fn case_40_without_a_good_signature_the_answer_is_401_whatever_the_body() {
    let world = World::new().await;
    let machine = world.machine();
    let body = json!({"type": "ready_to_confirm", "session": {"id": "ps_1"}}).to_string();
    let good = bank_private_key().sign(body.as_bytes());
    assert_eq!(post(&world, body.as_bytes(), Some(&good)).await, 200);
    assert_eq!(post(&world, body.as_bytes(), None).await, 401);
    assert_eq!(post(&world, body.as_bytes(), Some("")).await, 401);
    assert_eq!(post(&world, body.as_bytes(), Some("AAAA")).await, 401);
    assert_eq!(post(&world, format!("{body} ").as_bytes(), Some(&good)).await, 401, "tampered");
    assert_eq!(post(&world, b"no json", None).await, 401, "verified before it is parsed");
    machine.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn case_45_bad_bodies_have_their_answers_and_the_server_stays_up() {
    let world = World::new().await;
    let machine = world.machine();
    for bad in ["no json", "[]", "{}", "{\"type\":1}", ""] {
        assert_eq!(post_signed(&world, bad.as_bytes()).await, 400, "{bad}");
    }
    let large = vec![b' '; 1024 * 1024 + 1];
    assert_eq!(post(&world, &large, None).await, 413);
    let largest = vec![b' '; 1024 * 1024];
    assert_eq!(post(&world, &largest, None).await, 401);
    assert_eq!(post_signed(&world, b"{\"type\":\"brand_new\"}").await, 200);
    machine.stop().await;
}

/// A head that stops coming: the connection is closed, and does not hold up the end.
#[tokio::test(flavor = "multi_thread")]
async fn case_45_a_head_that_does_not_come_is_not_waited_for() {
    let world = World::new().await;
    let machine = world.machine();
    let address = world.door().trim_start_matches("http://").split('/').next().map(str::to_owned);
    let mut socket =
        tokio::net::TcpStream::connect(address.expect("an address")).await.expect("connected");
    socket.write_all(b"POST /webhooks/bank131 HTTP/1.1\r\nhost:").await.expect("written");
    let mut answer = Vec::new();
    let read = tokio::time::timeout(Duration::from_secs(30), socket.read_to_end(&mut answer)).await;
    read.expect("closed in time").expect("closed");
    machine.stop().await;
}

/// A body that stops coming: 408 after the body's time.
#[tokio::test(flavor = "multi_thread")]
async fn case_45_a_body_that_does_not_come_is_not_waited_for() {
    let world = World::new().await;
    let machine = world.machine();
    let address = world.door().trim_start_matches("http://").split('/').next().map(str::to_owned);
    let mut socket =
        tokio::net::TcpStream::connect(address.expect("an address")).await.expect("connected");
    let head = "POST /webhooks/bank131 HTTP/1.1\r\nhost: a\r\ncontent-length: 100\r\n\r\n{";
    socket.write_all(head.as_bytes()).await.expect("written");
    let mut answer = [0; 12];
    let read = tokio::time::timeout(Duration::from_secs(30), socket.read_exact(&mut answer)).await;
    read.expect("answered in time").expect("answered");
    assert_eq!(&answer, b"HTTP/1.1 408");
    machine.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn case_42_a_foreign_session_is_acknowledged_and_one_of_ours_is_not_confirmed_beside_another()
{
    let mut world = World::new().await;
    let machine = world.machine();
    let foreign = json!({"type": "ready_to_confirm",
        "session": {"id": "ps_foreign", "status": "in_progress", "next_action": "confirm"}});
    assert_eq!(post_signed(&world, foreign.to_string().as_bytes()).await, 200);
    // 08: the bank never finishes it, so it is in flight when the other session shows up.
    world.publish(&card("inv-1", 10_008)).await;
    world.kind("inv-1", "payout.confirmed").await;
    let other = json!({"type": "ready_to_confirm",
        "session": {"id": "ps_other", "status": "in_progress", "next_action": "confirm",
            "payments": [{"id": "po_9", "status": "pending", "metadata": {"payout_id": "inv-1"}}]}});
    assert_eq!(post_signed(&world, other.to_string().as_bytes()).await, 200);
    let attention = world.kind("inv-1", "payout.needs_attention").await;
    assert!(attention["data"]["reason"].as_str().expect("text").contains("ps_other"));
    machine.stop().await;
    assert_eq!(world.bank.calls("session/confirm").await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_session_that_was_paid_under_a_final_payout_needs_attention() {
    let mut world = World::new().await;
    let machine = world.machine();
    world.publish(&card("inv-1", 10_000)).await;
    world.settled("inv-1").await;
    let other = |status: &str, payment: &str| {
        json!({"type": "payment_finished", "session": {"id": "ps_other", "status": status,
            "payments": [{"id": "po_9", "status": payment, "metadata": {"payout_id": "inv-1"}}]}})
        .to_string()
    };
    assert_eq!(post_signed(&world, other("cancelled", "failed").as_bytes()).await, 200);
    assert_eq!(post_signed(&world, other("accepted", "succeeded").as_bytes()).await, 200);
    let attention = world.kind("inv-1", "payout.needs_attention").await;
    assert!(attention["data"]["reason"].as_str().expect("text").contains("ps_other"));
    assert_eq!(attention["data"]["state"], "succeeded", "what is final stays");
    machine.stop().await;
}

/// A bus that is down for publishing to a queue, until it is up.
struct Down {
    inner: Arc<dyn Bus>,
    up: Arc<AtomicBool>,
}

#[async_trait]
impl Bus for Down {
    async fn check(&self) -> Result<(), BusError> {
        self.inner.check().await
    }

    async fn publish(&self, messages: Vec<Message>) -> Result<(), BusError> {
        let queued = messages.iter().any(|message| matches!(message, Message::Queued { .. }));
        if queued && !self.up.load(Ordering::SeqCst) {
            return Err(BusError::Unavailable("down".into()));
        }
        self.inner.publish(messages).await
    }

    async fn consume(&self, queue: Queue, prefetch: usize) -> Result<Box<dyn Consumer>, BusError> {
        self.inner.consume(queue, prefetch).await
    }

    async fn subscribe(&self) -> Result<Box<dyn Subscription>, BusError> {
        self.inner.subscribe().await
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn case_44_while_the_bus_is_down_the_answer_is_503_and_the_banks_retry_is_taken() {
    let mut world = World::new().await;
    let up = Arc::new(AtomicBool::new(false));
    let machine = world.machine_with(|parts| {
        let bus = Down { inner: Arc::clone(&parts.bus), up: Arc::clone(&up) };
        Parts { bus: Arc::new(bus), ..parts }
    });
    let body = b"{\"type\":\"brand_new\"}";
    assert_eq!(post_signed(&world, body).await, 503);
    world.publish(&card("inv-1", 10_000)).await;
    world.kind("inv-1", "payout.started").await;
    up.store(true, Ordering::SeqCst);
    assert_eq!(post_signed(&world, body).await, 200);
    world.settled("inv-1").await;
    machine.stop().await;
    world.assert_paid_once("inv-1").await;
}
