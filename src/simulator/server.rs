//! The bank's address: takes connections, plays the faults of calls, and keeps the request log.
//!
//! Connections, bodies and effects put off are bounded; every task belongs to the tracker and ends with `stop`.
//! A fault that leaves no answer really closes the connection: what the caller sees is what a network shows.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use hyper::body::Incoming;
use hyper::header::{CONTENT_TYPE, HeaderMap};
use hyper::service::service_fn;
use hyper::{Method, Request, Response};
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;

use super::api::{Answer, Call};
use super::faults::{FaultKind, Place};
use super::{Shared, admin, book, now_micros, widget};

/// Largest body of a request: the largest sensible one has a few KiB.
pub(super) const BODY_BYTES_MAX: usize = 1024 * 1024;
/// How long a body may take to arrive.
const BODY_TIMEOUT: Duration = Duration::from_secs(30);
/// How long a connection is held open where the fault is that nobody answers.
const HELD: Duration = Duration::from_secs(60);
/// How long connections get to end when the simulator stops.
const GRACE: Duration = Duration::from_millis(500);
/// Connections at once; more wait in the listener's queue.
const CONNECTIONS_MAX: usize = 4096;

/// The connection is closed without an answer.
#[derive(Debug, thiserror::Error)]
#[error("closed on purpose")]
struct Closed;

pub(super) async fn serve(shared: Arc<Shared>, listener: TcpListener) {
    let slots = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    loop {
        let accepted = async {
            let slot = Arc::clone(&slots).acquire_owned().await.ok()?;
            Some((slot, listener.accept().await))
        };
        let Some(Some((slot, accepted))) = shared.stop.run_until_cancelled(accepted).await else {
            return;
        };
        match accepted {
            Ok((stream, _)) => {
                let connection = connection(Arc::clone(&shared), stream);
                shared.tasks.spawn(async move {
                    connection.await;
                    drop(slot);
                });
            }
            Err(error) => {
                tracing::warn!(%error, "simulator.accept.failed");
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
    }
}

async fn connection(shared: Arc<Shared>, stream: TcpStream) {
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "simulator.connection.nodelay_failed");
    }
    let stop = shared.stop.clone();
    let service = service_fn(move |request| handle(Arc::clone(&shared), request));
    let serving =
        hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service);
    tokio::pin!(serving);
    let ended = tokio::select! {
        ended = &mut serving => Some(ended),
        () = stop.cancelled() => {
            serving.as_mut().graceful_shutdown();
            tokio::time::timeout(GRACE, serving).await.ok()
        }
    };
    if let Some(Err(error)) = ended {
        tracing::debug!(%error, "simulator.connection.ended");
    }
}

async fn handle(shared: Arc<Shared>, request: Request<Incoming>) -> Result<Response<Body>, Closed> {
    let (head, body) = request.into_parts();
    let path = head.uri.path();
    let read = axum::body::to_bytes(Body::new(body), BODY_BYTES_MAX);
    let body = match tokio::time::timeout(BODY_TIMEOUT, read).await {
        Ok(Ok(body)) => body,
        Ok(Err(_)) => return Ok(refused(413, "The body is larger than 1 MiB")),
        Err(_) => return Ok(refused(408, "The body did not arrive in time")),
    };
    if path.starts_with("/_sim/") {
        return Ok(admin::answer(&shared, &head.method, path, head.uri.query(), &body));
    }
    if path.starts_with("/widget/") {
        return Ok(widget::answer(&shared, &head.method, path, &body));
    }
    let Some(method) = path.strip_prefix("/api/v1/") else {
        return Ok(refused(404, "Calls go to /api/v1/"));
    };
    if head.method != Method::POST {
        return Ok(refused(405, "Calls are made with POST"));
    }
    let header = |name| text(&head.headers, name);
    let call = Call {
        method: method.to_owned(),
        project: header("x-partner-project"),
        submerchant: header("x-partner-submerchant"),
        content_type: header("content-type"),
        signature: header("x-partner-sign"),
        key: header("x-partner-idempotency-key"),
        body,
    };
    let fault = shared.dice.throw(Place::Call(method));
    play(&shared, call, fault).await
}

/// The call, with what goes wrong before and after its effect.
async fn play(
    shared: &Arc<Shared>,
    call: Call,
    fault: Option<FaultKind>,
) -> Result<Response<Body>, Closed> {
    use FaultKind::*;
    let played = match fault {
        Some(DropBeforeEffect) => Played::Nothing("closed, nothing done"),
        Some(TimeoutBefore) => Played::Silence("no answer, nothing done"),
        Some(DelayedEffect { ms }) => {
            later(shared, call.clone(), ms);
            Played::Nothing("closed, effect later")
        }
        Some(Status5xxBefore) => Played::Answer(shared.bank.fail(&call, bad_gateway())),
        Some(UnknownCode) => Played::Answer(shared.bank.fail(&call, unknown_code())),
        Some(RateLimited) => {
            Played::Answer(Answer::error(429, "too_many_requests", "Too many requests: slow down"))
        }
        Some(AuthenticationError) => Played::Answer(Answer::error(
            401,
            "authentication_error",
            "The signature is not known any more",
        )),
        Some(DropAfterEffect) => {
            effect(shared, &call);
            Played::Nothing("closed, done")
        }
        Some(TimeoutAfter) => {
            effect(shared, &call);
            Played::Silence("no answer, done")
        }
        Some(Status5xxAfter) => {
            effect(shared, &call);
            Played::Answer(bad_gateway())
        }
        Some(GarbageBody) => {
            effect(shared, &call);
            let body = String::from("<html>{\"status\":\"ok\"");
            Played::Answer(Answer { http: 200, code: "garbage", body })
        }
        Some(Delay { .. } | Lost | Duplicate { .. } | Reordered | Forged | Tampered) | None => {
            Played::Answer(effect(shared, &call))
        }
    };
    log(shared, &call, fault, &played);
    answer(shared, fault, played).await
}

enum Played {
    Answer(Answer),
    /// The connection is closed at once.
    Nothing(&'static str),
    /// The connection is held, and closed in the end.
    Silence(&'static str),
}

async fn answer(
    shared: &Shared,
    fault: Option<FaultKind>,
    played: Played,
) -> Result<Response<Body>, Closed> {
    let answer = match played {
        Played::Answer(answer) => answer,
        Played::Nothing(_) => return Err(Closed),
        Played::Silence(_) => {
            // hyper drops this future when the caller gives up.
            shared.stop.run_until_cancelled(tokio::time::sleep(HELD)).await;
            return Err(Closed);
        }
    };
    let late = match fault {
        Some(FaultKind::Delay { ms }) => Duration::from_millis(ms),
        _ => Duration::ZERO,
    };
    let wait = shared.latency + late;
    if !wait.is_zero() {
        shared.stop.run_until_cancelled(tokio::time::sleep(wait)).await;
    }
    Ok(response(answer.http, answer.body))
}

fn effect(shared: &Shared, call: &Call) -> Answer {
    let answer = shared.bank.execute(call, now_micros());
    shared.clock.notify_one();
    answer
}

/// The effect comes when nobody waits for it any more. It is lost if the simulator stops before.
fn later(shared: &Arc<Shared>, call: Call, ms: u64) {
    let Ok(slot) = Arc::clone(&shared.delayed).try_acquire_owned() else {
        tracing::warn!("simulator.delayed_effect.dropped");
        return;
    };
    let owner = Arc::clone(shared);
    shared.tasks.spawn(async move {
        let wait = tokio::time::sleep(Duration::from_millis(ms));
        if owner.stop.run_until_cancelled(wait).await.is_some() {
            effect(&owner, &call);
        }
        drop(slot);
    });
}

fn log(shared: &Shared, call: &Call, fault: Option<FaultKind>, played: &Played) {
    let (http, outcome) = match played {
        Played::Answer(answer) => (Some(answer.http), answer.code),
        Played::Nothing(what) | Played::Silence(what) => (None, *what),
    };
    tracing::debug!(method = call.method, http, outcome, ?fault, "simulator.call.answered");
    if !shared.logs_requests() {
        return;
    }
    let body = String::from_utf8_lossy(&call.body);
    let request = book::Request {
        at: now_micros(),
        method: &call.method,
        project: call.project.as_deref(),
        submerchant: call.submerchant.as_deref(),
        content_type: call.content_type.as_deref(),
        key: call.key.as_deref(),
        fault: fault.and_then(|fault| serde_json::to_string(&fault).ok()),
        http,
        outcome,
        body: &body,
    };
    if let Err(error) = shared.bank.book.write(|book| book::log(book, &request)) {
        tracing::error!(%error, "simulator.request_log.failed");
    }
}

fn bad_gateway() -> Answer {
    let body = String::from("<html><head><title>502 Bad Gateway</title></head></html>");
    Answer { http: 502, code: "bad_gateway", body }
}

fn unknown_code() -> Answer {
    Answer::error(400, "moon_phase_unsuitable", "A code that is on no list")
}

fn refused(http: u16, description: &str) -> Response<Body> {
    response(http, Answer::error(http, "invalid_request", description).body)
}

pub(super) fn response(http: u16, body: String) -> Response<Body> {
    let kind = if body.starts_with('<') { "text/html" } else { "application/json" };
    let built: Result<_, Infallible> = Response::builder()
        .status(http)
        .header(CONTENT_TYPE, kind)
        .body(Body::from(body))
        .or_else(|_| Ok(Response::new(Body::empty())));
    match built {
        Ok(response) => response,
        Err(never) => match never {},
    }
}

fn text(headers: &HeaderMap, name: &str) -> Option<String> {
    Some(headers.get(name)?.to_str().ok()?.trim().to_owned())
}
