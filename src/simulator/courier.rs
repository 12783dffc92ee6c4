//! The courier: posts webhooks until the partner answers 200 or the bank gives up, and plays the faults of webhooks.
//!
//! At most [`UNDER_WAY_MAX`] at a time; the rest waits in the book. At least once: a restart sends again
//! what was under way.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use hyper::rt::Executor;
use hyper::{Method, Request, Uri};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioTimer;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::faults::{FaultKind, Place};
use super::outbox::{self, Fate, Webhook};
use super::{Shared, clock, now_micros};

/// Posts under way at once: enough for thousands a second to a partner who answers in tens of milliseconds.
const UNDER_WAY_MAX: usize = 256;
/// How long the partner has for one answer.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(10);
/// Copies of one webhook posted at once.
const COPIES_AT_ONCE: usize = 16;

/// Runs the HTTP client's own tasks under the simulator's tracker.
#[derive(Clone)]
struct Owned {
    tasks: TaskTracker,
    stop: CancellationToken,
}

impl<F> Executor<F> for Owned
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    fn execute(&self, future: F) {
        let stop = self.stop.clone();
        self.tasks.spawn(async move { stop.run_until_cancelled_owned(future).await });
    }
}

/// Where webhooks go.
#[derive(Clone)]
struct Partner {
    client: Client<HttpConnector, Body>,
    address: Uri,
}

impl Partner {
    /// Whether the partner answered 200.
    async fn post(&self, body: String, signature: String) -> bool {
        let request = Request::builder()
            .method(Method::POST)
            .uri(self.address.clone())
            .header("content-type", "application/json")
            .header("x-partner-sign", signature)
            .body(Body::from(body));
        let Ok(request) = request else { return false };
        let exchange = async {
            let response = self.client.request(request).await.ok()?;
            let status = response.status();
            // Read to the end, or the connection cannot be used again.
            let read = axum::body::to_bytes(Body::new(response.into_body()), 64 * 1024).await;
            read.is_ok().then_some(status)
        };
        let status = tokio::time::timeout(ANSWER_TIMEOUT, exchange).await.ok().flatten();
        tracing::debug!(status = status.map(|status| status.as_u16()), "simulator.webhook.posted");
        status.is_some_and(|status| status.as_u16() == 200)
    }
}

pub(super) async fn run(shared: Arc<Shared>) {
    let owned = Owned { tasks: shared.tasks.clone(), stop: shared.stop.clone() };
    let client = Client::builder(owned)
        .pool_timer(TokioTimer::new())
        .pool_max_idle_per_host(UNDER_WAY_MAX)
        .build_http();
    let partner = Partner { client, address: shared.webhook_address.clone() };
    let mut posts: JoinSet<(Webhook, Fate)> = JoinSet::new();
    let mut ended = Vec::new();
    loop {
        while let Some(Ok(end)) = posts.try_join_next() {
            ended.push(end);
        }
        let room = UNDER_WAY_MAX - posts.len();
        let mut due = None;
        match round(&shared, &ended, room) {
            Ok((webhooks, next)) => {
                ended.clear();
                due = next.filter(|_| posts.len() + webhooks.len() < UNDER_WAY_MAX);
                for webhook in webhooks {
                    posts.spawn(deliver(Arc::clone(&shared), partner.clone(), webhook));
                }
            }
            // Kept in `ended`, and tried again.
            Err(error) => tracing::error!(%error, "simulator.courier.failed"),
        }
        tokio::select! {
            Some(Ok(end)) = posts.join_next(), if !posts.is_empty() => ended.push(end),
            go_on = clock::rest(&shared, &shared.courier, due) => if !go_on { return },
        }
    }
}

/// Settles what has ended and takes what is due, in one write.
fn round(
    shared: &Shared,
    ended: &[(Webhook, Fate)],
    room: usize,
) -> rusqlite::Result<(Vec<Webhook>, Option<i64>)> {
    let now = now_micros();
    shared.bank.book.write(|book| {
        for (webhook, fate) in ended {
            outbox::settle(book, webhook, *fate, now, shared.speed_up)?;
        }
        let webhooks = outbox::take(book, now, room)?;
        Ok((webhooks, outbox::next_due(book)?))
    })
}

async fn deliver(shared: Arc<Shared>, partner: Partner, webhook: Webhook) -> (Webhook, Fate) {
    let fault =
        if webhook.faulted { None } else { shared.dice.throw(Place::Webhook(&webhook.kind)) };
    let body = webhook.body.clone();
    let signature = shared.bank_key.sign(body.as_bytes());
    let taken = match fault {
        Some(FaultKind::Lost) => true,
        Some(FaultKind::Delay { ms }) => {
            let put_off = super::micros(Duration::from_millis(ms));
            return (webhook, Fate::PutOff(put_off));
        }
        Some(FaultKind::Reordered) if webhook.kind == "ready_to_confirm" => {
            return (webhook, Fate::Held);
        }
        Some(FaultKind::Duplicate { copies }) => {
            copy(&partner, &body, &signature, copies).await;
            partner.post(body, signature).await
        }
        Some(FaultKind::Forged) => {
            partner.post(embellished(&body), shared.bank_key.forge()).await;
            partner.post(body, signature).await
        }
        Some(FaultKind::Tampered) => {
            partner.post(embellished(&body), signature).await;
            false
        }
        _ => partner.post(body, signature).await,
    };
    (webhook, if taken { Fate::Done } else { Fate::Refused })
}

async fn copy(partner: &Partner, body: &str, signature: &str, copies: u32) {
    let mut posts = JoinSet::new();
    for _ in 0..copies {
        if posts.len() == COPIES_AT_ONCE {
            posts.join_next().await;
        }
        let (partner, body, signature) = (partner.clone(), body.to_owned(), signature.to_owned());
        posts.spawn(async move { partner.post(body, signature).await });
    }
    while posts.join_next().await.is_some() {}
}

/// The webhook as a forger would like it: everything succeeded.
fn embellished(body: &str) -> String {
    body.replace("\"ready_to_confirm\"", "\"payment_finished\"")
        .replace("\"status\":\"in_progress\"", "\"status\":\"accepted\"")
        .replace("\"status\":\"cancelled\"", "\"status\":\"accepted\"")
        .replace("\"status\":\"pending\"", "\"status\":\"succeeded\"")
        .replace("\"status\":\"failed\"", "\"status\":\"succeeded\"")
        .replace("\"amount\":", "\"amount\":1")
}
