//! What the site is answered, over real connections. What passes to the bank and back has its
//! tests with the binary and the simulator.

mod hostile;

use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::*;
use crate::bank::client::BankSettings;
use crate::bank::keygen;
use crate::bank::signing::PrivateKey;

const KEY: &str = "0123456789abcdef0123456789abcdef";

/// A gateway that runs, and a bank that takes connections and never answers.
struct Running {
    address: String,
    bank: TcpListener,
    shutdown: Shutdown,
    health: Health,
    task: tokio::task::JoinHandle<()>,
}

impl Running {
    async fn start() -> Self {
        let bank = TcpListener::bind("127.0.0.1:0").await.expect("loopback");
        let pair = keygen::generate().expect("a key pair");
        let pem = pair.private_pem.expose_secret().as_bytes();
        let health = Health::of(&[Role::Gateway]);
        let gateway = Gateway {
            bank: Bank::new(BankSettings {
                base_url: format!("http://{}", bank.local_addr().expect("bound")),
                project: "demo".into(),
                submerchant: None,
                timeout: Duration::from_secs(20),
                connect_timeout: Duration::from_secs(10),
                private_key: PrivateKey::from_pem(pem, None).expect("a key"),
            })
            .expect("usable settings"),
            keys: Keys::read(&KEY.into()).expect("a key"),
            health: health.clone(),
        };
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback");
        let address = listener.local_addr().expect("bound").to_string();
        let shutdown = Shutdown::default();
        let task = tokio::spawn(gateway.serve(listener, shutdown.clone()));
        Self { address, bank, shutdown, health, task }
    }

    async fn send(&self, request: &str) -> TcpStream {
        let mut stream = TcpStream::connect(&self.address).await.expect("connected");
        stream.write_all(request.as_bytes()).await.expect("written");
        stream
    }

    /// Head and body of the answer.
    async fn answer(&self, request: &str) -> (String, Value) {
        answer(self.send(request).await).await
    }

    async fn stop(self) {
        self.shutdown.begin();
        self.task.await.expect("ends in order");
    }
}

async fn answer(mut stream: TcpStream) -> (String, Value) {
    let mut text = String::new();
    let read = stream.read_to_string(&mut text);
    tokio::time::timeout(Duration::from_secs(30), read).await.expect("in time").expect("read");
    let (head, body) = text.split_once("\r\n\r\n").expect("an HTTP answer");
    (head.to_ascii_lowercase(), serde_json::from_str(body).expect("JSON"))
}

fn post(path: &str, key: &str, body: &str) -> String {
    let length = body.len();
    format!(
        "POST {path} HTTP/1.1\r\nhost: a\r\nconnection: close\r\nauthorization: Bearer {key}\r\n\
         content-length: {length}\r\n\r\n{body}"
    )
}

const TOKEN: &str = r#"{"card":{"token":"abc"}}"#;

#[tokio::test]
async fn each_thing_that_is_wrong_has_its_status_and_its_details() {
    let running = Running::start().await;
    let large = format!("{}{}", TOKEN, " ".repeat(BODY_BYTES_MAX));
    let get = "GET /v1/token-info HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n".to_owned();
    let no_key =
        "POST /v1/widget-tokens HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n".to_owned();
    for (request, status, header) in [
        (post("/v1/token-info", KEY, "2200240123454940"), 400, "cache-control: no-store"),
        (post("/v1/token-info", &KEY[1..], TOKEN), 401, "www-authenticate: bearer"),
        (no_key, 401, "www-authenticate: bearer"),
        (post("/v1/other", KEY, TOKEN), 404, "content-length"),
        (get, 405, "allow: post"),
        (post("/v1/token-info", KEY, &large), 413, "content-length"),
    ] {
        let (head, body) = running.answer(&request).await;
        assert!(head.starts_with(&format!("http/1.1 {status} ")), "{status}: {head}");
        assert!(head.contains("content-type: application/problem+json"), "{head}");
        assert!(head.contains(header), "{header}: {head}");
        assert_eq!(body["status"], status);
        assert_eq!(body["type"], "about:blank");
        assert!(body["title"].is_string() && body["detail"].is_string(), "{body}");
        assert!(!body.to_string().contains("22002401"), "{body}");
    }
    running.stop().await;
}

/// A body that stops coming: 408 after the body's time.
#[tokio::test]
async fn a_body_that_does_not_come_is_not_waited_for() {
    let running = Running::start().await;
    let head = post("/v1/token-info", KEY, TOKEN).replace("length: 24", "length: 25");
    let (head, body) = running.answer(&head).await;
    assert!(head.starts_with("http/1.1 408 "), "{head}");
    assert_eq!(body["status"], 408);
    running.stop().await;
}

#[tokio::test]
async fn beyond_those_in_hand_the_answer_is_429_and_what_is_in_hand_is_finished_at_the_end() {
    let running = Running::start().await;
    let request = post("/v1/widget-tokens", KEY, "");
    let mut in_hand = Vec::new();
    let mut at_the_bank = Vec::new();
    for _ in 0..IN_HAND_MAX {
        in_hand.push(running.send(&request).await);
        at_the_bank.push(running.bank.accept().await.expect("a call to the bank").0);
    }
    let (head, _) = running.answer(&request).await;
    assert!(head.starts_with("http/1.1 429 "), "{head}");
    assert!(head.contains("retry-after: 1"), "{head}");

    running.shutdown.begin();
    // The bank hangs up.
    drop(at_the_bank);
    for stream in in_hand {
        let (head, body) = answer(stream).await;
        assert!(head.starts_with("http/1.1 503 "), "{head}");
        assert!(head.contains("retry-after: 5"), "{head}");
        assert_eq!(body["title"], "Service Unavailable");
    }
    running.stop().await;
}

#[tokio::test]
async fn readiness_shows_that_it_takes_work_and_that_it_no_longer_does() {
    let running = Running::start().await;
    running.answer(&post("/", KEY, "")).await;
    let told = |health: &Health| health.roles().collect::<Vec<_>>();
    assert_eq!(told(&running.health), [(Role::Gateway, true)]);
    let health = running.health.clone();
    running.stop().await;
    assert_eq!(told(&health), [(Role::Gateway, false)]);
}
