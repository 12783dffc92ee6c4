//! Takes the bank's webhooks over HTTP.
//!
//! Verifies the signature over the raw body before anything is parsed; answers 200 only after the
//! bus has confirmed the body. Until then the bank sends it again by itself.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;

use crate::bank::signing::PublicKeys;
use crate::bank::webhook::Webhook;
use crate::bus::{Bus, Message, Queue};
use crate::server;
use crate::shutdown::Shutdown;

use super::Role;
use super::health::Health;

/// Largest webhook body, in bytes. The bank's have about 2 KiB.
const BODY_BYTES_MAX: usize = 1024 * 1024;

/// Longest a body may take to arrive.
const BODY_TIMEOUT: Duration = Duration::from_secs(10);

/// Webhooks in hand at a time: bounds memory to this many bodies.
const IN_HAND_MAX: usize = 64;

pub(crate) const SIGNATURE: &str = "x-partner-sign";

pub struct Ingress {
    pub bus: Arc<dyn Bus>,
    /// The bank's; more than one while it changes its key.
    pub bank_keys: PublicKeys,
    /// Path of the webhook URL given to the bank.
    pub path: String,
    pub health: Health,
}

struct Door {
    ingress: Ingress,
    in_hand: Semaphore,
}

impl Ingress {
    /// Serves until shutdown begins, and then what is in hand.
    pub async fn serve(self, listener: TcpListener, shutdown: Shutdown) {
        let path = self.path.clone();
        let door = Arc::new(Door { ingress: self, in_hand: Semaphore::new(IN_HAND_MAX) });
        let router = Router::new().route(&path, post(receive)).with_state(Arc::clone(&door));
        let health = door.ingress.health.clone();
        health.set(Role::Ingress, true);
        server::serve(listener, router, shutdown).await;
        health.set(Role::Ingress, false);
    }
}

async fn receive(State(door): State<Arc<Door>>, request: Request) -> StatusCode {
    let Ok(_place) = door.in_hand.try_acquire() else {
        return StatusCode::SERVICE_UNAVAILABLE;
    };
    let (parts, body) = request.into_parts();
    let body = match server::read_body(body, BODY_BYTES_MAX, BODY_TIMEOUT).await {
        Ok(body) => body,
        Err(status) => return status,
    };
    let status = door.ingress.take(&parts.headers, body).await;
    if status != StatusCode::OK {
        tracing::warn!(event = "webhook.refused", status = status.as_u16());
    }
    status
}

impl Ingress {
    pub(crate) async fn take(&self, headers: &HeaderMap, body: Bytes) -> StatusCode {
        let signature = headers.get(SIGNATURE).and_then(|value| value.to_str().ok());
        if !signature.is_some_and(|signature| self.bank_keys.verify(&body, signature)) {
            return StatusCode::UNAUTHORIZED;
        }
        if Webhook::parse(&body).is_err() {
            return StatusCode::BAD_REQUEST;
        }
        match self.bus.publish(vec![Message::Queued { queue: Queue::BankEvents, body }]).await {
            Ok(()) => StatusCode::OK,
            Err(error) => {
                tracing::warn!(event = "webhook.unpublished", %error);
                StatusCode::SERVICE_UNAVAILABLE
            }
        }
    }
}
