//! A broker that has forgotten a consumer and says nothing: the connection lives, heartbeats pass,
//! and no message ever comes.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use payoutd::bus::Bus;
use payoutd::rabbitmq::RabbitmqBus;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::super::bus::{consume, publish, queued, take};
use super::super::soon;
use super::{Broker, host_and_port, url};

/// Between payoutd and the broker: tells the broker in payoutd's name, and without payoutd's
/// knowledge, that a consumer wants nothing more.
struct Forger {
    address: SocketAddr,
    forge: watch::Sender<bool>,
    _serving: JoinSet<()>,
}

/// The frame that consumers were granted with: their channel and tag.
type Granted = Arc<Mutex<Option<(u16, Vec<u8>)>>>;

impl Forger {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("binds");
        let address = listener.local_addr().expect("is bound");
        let forge = watch::Sender::new(false);
        let forging = forge.subscribe();
        let mut serving = JoinSet::new();
        serving.spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((near, _)) = listener.accept().await {
                let far = TcpStream::connect(host_and_port()).await.expect("a broker");
                let ((near_in, near_out), (far_in, far_out)) =
                    (near.into_split(), far.into_split());
                let granted = Granted::default();
                connections.spawn(to_broker(near_in, far_out, forging.clone(), granted.clone()));
                connections.spawn(to_client(far_in, near_out, granted));
            }
        });
        Self { address, forge, _serving: serving }
    }
}

/// A frame with its head and end; `None` at the end.
async fn frame(from: &mut OwnedReadHalf) -> Option<Vec<u8>> {
    let mut frame = vec![0; 7];
    from.read_exact(&mut frame).await.ok()?;
    let size = u32::from_be_bytes(frame[3..7].try_into().expect("four bytes"));
    frame.resize(8 + usize::try_from(size).expect("fits"), 0);
    from.read_exact(&mut frame[7..]).await.ok()?;
    Some(frame)
}

async fn to_client(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, granted: Granted) {
    const METHOD_BASIC_CONSUME_OK: [u8; 4] = [0, 60, 0, 21];
    while let Some(frame) = frame(&mut from).await {
        if frame[0] == 1 && frame[7..].starts_with(&METHOD_BASIC_CONSUME_OK) {
            let channel = u16::from_be_bytes([frame[1], frame[2]]);
            let tag = frame[11..frame.len() - 1].to_vec();
            *granted.lock().expect("nobody panics") = Some((channel, tag));
        }
        if to.write_all(&frame).await.is_err() {
            return;
        }
    }
}

async fn to_broker(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    forge: watch::Receiver<bool>,
    granted: Granted,
) {
    let mut greeting = [0; 8];
    from.read_exact(&mut greeting).await.expect("a greeting");
    to.write_all(&greeting).await.expect("taken");
    while let Some(frame) = frame(&mut from).await {
        if to.write_all(&frame).await.is_err() {
            return;
        }
        // Between two frames; the client sends one now and then, if only a heartbeat.
        let granted = forge.borrow().then(|| granted.lock().expect("nobody panics").take());
        if let Some(consumer) = granted.flatten() {
            to.write_all(&cancel(consumer)).await.expect("taken");
        }
    }
}

/// `basic.cancel` that wants no answer.
fn cancel((channel, tag): (u16, Vec<u8>)) -> Vec<u8> {
    let mut payload = vec![0, 60, 0, 30];
    payload.extend_from_slice(&tag);
    payload.push(1);
    let mut frame = vec![1];
    frame.extend_from_slice(&channel.to_be_bytes());
    frame.extend_from_slice(&u32::try_from(payload.len()).expect("short").to_be_bytes());
    frame.extend_from_slice(&payload);
    frame.push(0xCE);
    frame
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn case_54_a_consumer_that_the_broker_has_forgotten_is_noticed() {
    let forger = Forger::start().await;
    let broker = Broker::new();
    let mut settings = broker.settings.clone();
    let through = url().replace(&host_and_port(), &forger.address.to_string());
    settings.urls = vec![through.into()];
    let bus = RabbitmqBus::start(settings).expect("valid settings");
    publish(&bus, vec![queued("before")]).await;
    let mut consumer = consume(&bus, 8).await;
    assert_eq!(take(&mut consumer).await, "before");

    forger.forge.send_replace(true);
    let error = soon(consumer.next()).await.err().expect("nothing was published");
    assert!(error.to_string().contains("forgotten"), "{error}");
    bus.check().await.expect("the connection is as good as before");

    publish(&bus, vec![queued("after")]).await;
    let mut consumer = consume(&bus, 8).await;
    assert_eq!(take(&mut consumer).await, "after");
}
