//! An HTTP API for the business's own site: public tokens for the bank's widget, and what to show
//! of the recipient behind a hash or token.
//!
//! The site's backend calls it with a bearer key; browsers never do. It keeps nothing, changes
//! nothing at the bank, and no payout passes through it. Requests are bounded in size, time and
//! number; whoever has no key is turned away before the body is read. Errors are problem details
//! (RFC 9457), and hold nothing of what was sent.

mod asked;
pub mod keys;
mod problem;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use secrecy::ExposeSecret;
use serde::Serialize;
use serde_json::json;
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, SemaphorePermit};

use crate::bank::client::Bank;
use crate::bank::token::TokenError;
use crate::server;
use crate::shutdown::Shutdown;

use super::Role;
use super::health::Health;
use keys::Keys;
use problem::Problem;

/// Largest body, in bytes: a hash or token and a few braces around it.
const BODY_BYTES_MAX: usize = 16 * 1024;

/// Longest a body may take to arrive.
const BODY_TIMEOUT: Duration = Duration::from_secs(5);

/// Requests in hand at a time: each is a call to the bank, whose payouts come first.
const IN_HAND_MAX: usize = 32;

pub struct Gateway {
    pub bank: Bank,
    pub keys: Keys,
    pub health: Health,
}

struct Door {
    gateway: Gateway,
    in_hand: Semaphore,
}

type Answered = Result<Response, Problem>;

impl Gateway {
    /// Serves until shutdown begins, and then what is in hand.
    pub async fn serve(self, listener: TcpListener, shutdown: Shutdown) {
        if let Ok(address) = listener.local_addr() {
            tracing::info!(event = "gateway.listening", %address);
            if !address.ip().is_loopback() {
                tracing::warn!(
                    event = "gateway.exposed",
                    %address,
                    "other machines reach it, and the key travels unencrypted: put TLS in front"
                );
            }
        }
        let health = self.health.clone();
        health.set(Role::Gateway, true);
        server::serve(listener, self.router(), shutdown).await;
        health.set(Role::Gateway, false);
    }

    fn router(self) -> Router {
        let door = Arc::new(Door { gateway: self, in_hand: Semaphore::new(IN_HAND_MAX) });
        Router::new()
            .route("/v1/widget-tokens", post(widget_tokens))
            .route("/v1/token-info", post(token_info))
            .method_not_allowed_fallback(async || Problem::NotPost)
            .fallback(async || Problem::NotFound)
            .with_state(door)
    }
}

async fn widget_tokens(State(door): State<Arc<Door>>, request: Request) -> Answered {
    let (_place, _) = door.enter(request).await?;
    let token = door.gateway.bank.issue_token().await.map_err(refused)?;
    Ok(answer(StatusCode::CREATED, &json!({ "public_token": token.expose_secret() })))
}

async fn token_info(State(door): State<Arc<Door>>, request: Request) -> Answered {
    let (_place, body) = door.enter(request).await?;
    let recipient = asked::recipient(&body).ok_or(Problem::BadBody)?;
    let info = door.gateway.bank.token_info(&recipient).await.map_err(refused)?;
    Ok(answer(StatusCode::OK, &info))
}

impl Door {
    /// Lets in whoever has a key, while there is room, and takes the body.
    async fn enter(
        &self,
        request: Request,
    ) -> Result<(SemaphorePermit<'_>, axum::body::Bytes), Problem> {
        let (head, body) = request.into_parts();
        if !self.gateway.keys.admit(head.headers.get(header::AUTHORIZATION)) {
            tracing::warn!(event = "gateway.not_admitted", path = head.uri.path());
            return Err(Problem::NoKey);
        }
        let place = self.in_hand.try_acquire().map_err(|_| Problem::Busy)?;
        let body = server::read_body(body, BODY_BYTES_MAX, BODY_TIMEOUT).await;
        body.map(|body| (place, body)).map_err(Problem::of_body)
    }
}

/// Logged here, where it is handled: the site is told less than the operator.
fn refused(error: TokenError) -> Problem {
    match error {
        TokenError::Refused { code } => {
            tracing::info!(event = "gateway.refused", code);
            Problem::Refused { code }
        }
        TokenError::Misconfigured { code } => {
            tracing::error!(
                event = "gateway.misconfigured",
                code,
                "the bank does not let us ask: see to bank.project, the keys, and our rights there"
            );
            Problem::Unavailable
        }
        TokenError::Unavailable(why) => {
            tracing::warn!(event = "gateway.bank_away", reason = why);
            Problem::Unavailable
        }
    }
}

/// Not for caches: a public token is good for one use, and digits are somebody's.
fn answer(status: StatusCode, body: &impl Serialize) -> Response {
    let body = serde_json::to_string(body).expect("texts are JSON");
    let headers = [(header::CONTENT_TYPE, "application/json"), (header::CACHE_CONTROL, "no-store")];
    (status, headers, body).into_response()
}

#[cfg(test)]
mod tests;
