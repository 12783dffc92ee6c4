//! What the tests need: keys, a bank at its counter, a running bank, and a partner who takes webhooks.

use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use hyper::{Request, Response};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioIo};
use rsa::pkcs8::{DecodePrivateKey, EncodePrivateKey, EncodePublicKey, LineEnding};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::simulator::api::{Answer, Bank, Call};
use crate::simulator::book::{self, Book};
use crate::simulator::keys::{BankKey, PartnerKey};
use crate::simulator::lifecycle::{self, Pace};
use crate::simulator::outbox::{self, Fate};
use crate::simulator::{BankKind, Faults, Settings, Simulator};

pub(super) const CARD_START: &str = include_str!("card_start.json");
pub(super) const CARD_READY: &str = include_str!("card_ready_to_confirm.json");
pub(super) const RKO_START: &str = include_str!("rko_start.json");
pub(super) const RKO_READY: &str = include_str!("rko_ready_to_confirm.json");

/// No test waits longer for anything.
const PATIENCE: Duration = Duration::from_secs(20);

pub(super) struct Keys {
    pub(super) partner_private: String,
    pub(super) partner_public: String,
    pub(super) bank_private: String,
    pub(super) bank_public: String,
}

/// Made once: two RSA keys take a while.
pub(super) fn keys() -> &'static Keys {
    static KEYS: OnceLock<Keys> = OnceLock::new();
    KEYS.get_or_init(|| {
        let pair = || {
            let pair = aws_lc_rs::rsa::KeyPair::generate(aws_lc_rs::rsa::KeySize::Rsa2048)
                .expect("a new key");
            let der: aws_lc_rs::encoding::Pkcs8V1Der<'_> =
                aws_lc_rs::encoding::AsDer::as_der(&pair).expect("PKCS#8");
            let private = rsa::RsaPrivateKey::from_pkcs8_der(der.as_ref()).expect("the same key");
            let public = private.to_public_key().to_public_key_pem(LineEnding::LF).expect("SPKI");
            let private = private.to_pkcs8_pem(LineEnding::LF).expect("PKCS#8").to_string();
            (private, public)
        };
        let (partner_private, partner_public) = pair();
        let (bank_private, bank_public) = pair();
        Keys { partner_private, partner_public, bank_private, bank_public }
    })
}

pub(super) fn sign_as_partner(body: &str) -> String {
    BankKey::read(&keys().partner_private).expect("the partner's key").sign(body.as_bytes())
}

/// Whether it is the bank's signature, by the bank's public key.
pub(super) fn is_signed_by_bank(body: &str, signature: &str) -> bool {
    PartnerKey::read(&keys().bank_public)
        .expect("the bank's public key")
        .verifies(body.as_bytes(), signature)
}

/// One of the bank's example starts for this session, with another amount.
pub(super) fn start_body(example: &str, session: &str, amount: i64) -> String {
    let mut body: Value = serde_json::from_str(example).expect("the example");
    body["session_id"] = session.into();
    body["amount_details"]["amount"] = amount.into();
    body.to_string()
}

/// A bank without HTTP, whose time the test tells.
pub(super) struct Counter {
    pub(super) bank: Bank,
    pub(super) now: i64,
    _data: TempDir,
}

pub(super) const PROCESSING: i64 = 1_000;
pub(super) const WINDOW: i64 = 1_000_000;

impl Counter {
    pub(super) fn open(kind: BankKind) -> Self {
        let data = tempfile::tempdir().expect("a directory");
        let book = Book::open(&data.path().join("bank.sqlite")).expect("a new book");
        let pace = Pace {
            processing: PROCESSING,
            window: WINDOW,
            confirms_automatically: kind.confirms_automatically,
            naming: kind.naming,
        };
        let partner = PartnerKey::read(&keys().partner_public).expect("a key");
        let bank = Bank { project: String::from("demo"), partner, book, pace, kind };
        Self { bank, now: 1_748_311_380_340_663, _data: data }
    }

    pub(super) fn call(&self, method: &str, body: &str) -> Answer {
        self.bank.execute(&signed(method, body, None), self.now)
    }

    pub(super) fn keyed(&self, method: &str, body: &str, key: &str) -> Answer {
        self.bank.execute(&signed(method, body, Some(key)), self.now)
    }

    pub(super) fn session(&self, rko: bool) -> String {
        let method = if rko { "session/create/rko" } else { "session/create" };
        json_of(&self.call(method, "{}"))["session"]["id"].as_str().expect("an id").to_owned()
    }

    /// A session with a payout of this amount that has just been started.
    pub(super) fn started(&self, rko: bool, amount: i64) -> String {
        let id = self.session(rko);
        let (method, example) = if rko {
            ("session/start/payout/rko", RKO_START)
        } else {
            ("session/start/payout", CARD_START)
        };
        let answer = self.call(method, &start_body(example, &id, amount));
        assert_eq!(answer.code, "ok", "{}", answer.body);
        id
    }

    pub(super) fn status(&self, id: &str) -> Value {
        json_of(&self.call("session/status", &json!({ "session_id": id }).to_string()))
    }

    pub(super) fn confirm(&self, id: &str) -> Answer {
        self.call("session/confirm", &json!({ "session_id": id }).to_string())
    }

    /// Lets time go by, and the clock strike once.
    pub(super) fn pass(&mut self, micros: i64) {
        self.now += micros;
        let (bank, now) = (&self.bank, self.now);
        bank.book
            .write(|book| {
                for number in book::due_sessions(book, now, 1000)? {
                    let mut session = book::session(book, number)?.expect("it is in the book");
                    lifecycle::tick(book, &mut session, now, bank.pace)?;
                }
                Ok(())
            })
            .expect("the clock");
    }

    /// The webhooks that came since the last look, as (type, body).
    pub(super) fn webhooks(&self) -> Vec<(String, String)> {
        self.bank
            .book
            .write(|book| {
                let taken = outbox::take(book, i64::MAX, 1000)?;
                for webhook in &taken {
                    outbox::settle(book, webhook, Fate::Done, self.now, 1.0)?;
                }
                Ok(taken.into_iter().map(|webhook| (webhook.kind, webhook.body)).collect())
            })
            .expect("the outbox")
    }

    /// Amounts that were paid, the oldest first.
    pub(super) fn paid(&self) -> Vec<i64> {
        self.bank
            .book
            .read(|book| {
                book.prepare("SELECT amount FROM ledger ORDER BY n")?
                    .query_map([], |row| row.get(0))?
                    .collect()
            })
            .expect("the ledger")
    }
}

pub(super) fn signed(method: &str, body: &str, key: Option<&str>) -> Call {
    Call {
        method: method.to_owned(),
        project: Some(String::from("demo")),
        signature: Some(sign_as_partner(body)),
        key: key.map(str::to_owned),
        body: Bytes::from(body.to_owned()),
        ..Call::default()
    }
}

pub(super) fn json_of(answer: &Answer) -> Value {
    serde_json::from_str(&answer.body).expect("an answer in JSON")
}

/// A webhook as it came to the partner.
pub(super) struct Received {
    pub(super) body: String,
    pub(super) signature: String,
}

impl Received {
    pub(super) fn json(&self) -> Value {
        serde_json::from_str(&self.body).expect("a webhook in JSON")
    }

    pub(super) fn kind(&self) -> String {
        self.json()["type"].as_str().expect("a type").to_owned()
    }

    pub(super) fn genuine(&self) -> bool {
        is_signed_by_bank(&self.body, &self.signature)
    }
}

/// A partner who takes webhooks, answering with the statuses given and then with 200.
pub(super) struct Partner {
    pub(super) url: String,
    received: mpsc::UnboundedReceiver<Received>,
    answers: Arc<Mutex<Vec<u16>>>,
    _task: tokio_util::task::AbortOnDropHandle<()>,
}

impl Partner {
    pub(super) async fn open() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let (sender, received) = mpsc::unbounded_channel();
        let answers: Arc<Mutex<Vec<u16>>> = Arc::default();
        let script = Arc::clone(&answers);
        let task = tokio::spawn(async move {
            let mut connections = tokio::task::JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                let (sender, script) = (sender.clone(), Arc::clone(&script));
                let service = hyper::service::service_fn(move |request| {
                    take(request, sender.clone(), Arc::clone(&script))
                });
                connections.spawn(
                    hyper::server::conn::http1::Builder::new()
                        .serve_connection(TokioIo::new(stream), service),
                );
            }
        });
        let task = tokio_util::task::AbortOnDropHandle::new(task);
        Self { url: format!("http://{address}/hook"), received, answers, _task: task }
    }

    /// The next webhooks are answered with these.
    pub(super) fn will_answer(&self, statuses: &[u16]) {
        *self.answers.lock().expect("not poisoned") = statuses.iter().rev().copied().collect();
    }

    pub(super) async fn next(&mut self) -> Received {
        tokio::time::timeout(PATIENCE, self.received.recv())
            .await
            .expect("a webhook in time")
            .expect("the partner is there")
    }

    /// Whether nothing has come that was not looked at.
    pub(super) fn is_quiet(&mut self) -> bool {
        self.received.try_recv().is_err()
    }
}

async fn take(
    request: Request<hyper::body::Incoming>,
    sender: mpsc::UnboundedSender<Received>,
    script: Arc<Mutex<Vec<u16>>>,
) -> Result<Response<Body>, std::convert::Infallible> {
    let signature = request.headers()["x-partner-sign"].to_str().expect("ASCII").to_owned();
    let body = axum::body::to_bytes(Body::new(request.into_body()), 1 << 20).await.expect("a body");
    let body = String::from_utf8(body.to_vec()).expect("UTF-8");
    let status = script.lock().expect("not poisoned").pop().unwrap_or(200);
    sender.send(Received { body, signature }).ok();
    Ok(Response::builder().status(status).body(Body::empty()).expect("an answer"))
}

/// A bank that runs, with an HTTP client to it.
pub(super) struct Running {
    pub(super) address: String,
    client: Client<HttpConnector, Body>,
    task: JoinHandle<()>,
    stop: CancellationToken,
    _stops: DropGuard,
}

pub(super) fn settings(data: &TempDir, partner: &Partner, faults: Faults) -> Settings {
    Settings {
        project: String::from("demo"),
        partner_public_key_pem: keys().partner_public.clone(),
        bank_private_key_pem: keys().bank_private.clone(),
        webhook_url: partner.url.clone(),
        data: data.path().join("bank.sqlite"),
        seed: 7,
        speed_up: 1000.0,
        latency: Duration::ZERO,
        processing: Duration::from_millis(1),
        faults,
        kind: BankKind::default(),
    }
}

impl Running {
    pub(super) async fn open(settings: Settings) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = format!("http://{}", listener.local_addr().expect("an address"));
        let stop = CancellationToken::new();
        let simulator = Simulator::open(settings).expect("a simulator");
        let running = simulator.run(listener, stop.clone());
        let task = tokio::spawn(async move { running.await.expect("it ends well") });
        let client = Client::builder(TokioExecutor::new()).build_http();
        Self { address, client, task, _stops: stop.clone().drop_guard(), stop }
    }

    pub(super) async fn stop(self) {
        self.stop.cancel();
        tokio::time::timeout(PATIENCE, self.task).await.expect("it ends").expect("no panic");
    }

    /// `None` when the connection was closed without an answer.
    pub(super) async fn ask(
        &self,
        method: &str,
        path: &str,
        body: &str,
        signature: &str,
    ) -> Option<(u16, String)> {
        let request = Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.address))
            .header("content-type", "application/json")
            .header("x-partner-project", "demo")
            .header("x-partner-sign", signature)
            .body(Body::from(body.to_owned()))
            .expect("a request");
        let exchange = async {
            let response = self.client.request(request).await.ok()?;
            let status = response.status().as_u16();
            let body = Body::new(response.into_body());
            let body = axum::body::to_bytes(body, 1 << 22).await.ok()?;
            Some((status, String::from_utf8(body.to_vec()).expect("UTF-8")))
        };
        tokio::time::timeout(PATIENCE, exchange).await.expect("in time")
    }

    pub(super) async fn call(&self, method: &str, body: &str) -> Option<(u16, String)> {
        self.ask("POST", &format!("/api/v1/{method}"), body, &sign_as_partner(body)).await
    }

    /// A call that has to be answered with JSON.
    pub(super) async fn ok(&self, method: &str, body: &str) -> Value {
        let (status, body) = self.call(method, body).await.expect("an answer");
        assert_eq!(status, 200, "{method}: {body}");
        serde_json::from_str(&body).expect("JSON")
    }

    pub(super) async fn sim(&self, method: &str, path: &str, body: &str) -> Value {
        let (status, body) = self.ask(method, path, body, "").await.expect("an answer");
        assert_eq!(status, 200, "{path}: {body}");
        serde_json::from_str(&body).expect("JSON")
    }

    /// A session of the collateral account with this amount started.
    pub(super) async fn started(&self, amount: i64) -> String {
        let created = self.ok("session/create", "{}").await;
        let id = created["session"]["id"].as_str().expect("an id").to_owned();
        self.ok("session/start/payout", &start_body(CARD_START, &id, amount)).await;
        id
    }

    pub(super) async fn confirm(&self, id: &str) -> Option<(u16, String)> {
        self.call("session/confirm", &json!({ "session_id": id }).to_string()).await
    }

    /// Without a webhook to wait for, the partner can only ask until the bank agrees.
    pub(super) async fn confirm_when_it_waits(&self, id: &str) {
        let agreed = async { while self.confirm(id).await.expect("an answer").0 != 200 {} };
        tokio::time::timeout(PATIENCE, agreed).await.expect("it waits for a confirmation in time");
    }

    /// Returns when the request log has so many calls.
    pub(super) async fn logged(&self, calls: usize) {
        let seen = async {
            while self.sim("GET", "/_sim/requests", "").await["requests"]
                .as_array()
                .is_none_or(|requests| requests.len() < calls)
            {}
        };
        tokio::time::timeout(PATIENCE, seen).await.expect("the calls in time");
    }

    pub(super) async fn totals(&self) -> Value {
        self.sim("GET", "/_sim/ledger?totals=true", "").await["totals"].clone()
    }
}
