//! Tells whoever runs the process how it is: `/healthz` (it is alive) and `/readyz` (it can work).
//!
//! Ready means: the queues and the store can be used now, where a role needs them, and every role
//! of this process takes work. Both are asked at each request, so that the answer is never older than it.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use axum::routing::get;
use serde::Serialize;
use serde_json::{Map, Value};
use tokio::net::TcpListener;

use crate::bus::Bus;
use crate::roles::health::Health;
use crate::server;
use crate::shutdown::Shutdown;
use crate::store::Store;

/// Longest the queues or the store may take to answer: shorter than the second or two that
/// those who ask allow, longer than either takes when it is well.
const CHECK_TIMEOUT: Duration = Duration::from_millis(800);

pub struct Admin {
    /// Absent where no role needs them.
    pub ports: Option<Ports>,
    pub health: Health,
}

/// What the roles work with.
pub struct Ports {
    pub store: Arc<dyn Store>,
    pub bus: Arc<dyn Bus>,
}

/// The answer of `/readyz`.
#[derive(Serialize)]
struct Readiness {
    ready: bool,
    /// "ok", or what is wrong.
    #[serde(skip_serializing_if = "Option::is_none")]
    bus: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    store: Option<String>,
    /// By role: whether it takes work.
    roles: Map<String, Value>,
}

impl Admin {
    /// Serves until shutdown begins.
    pub async fn serve(self, listener: TcpListener, shutdown: Shutdown) {
        let router = Router::new()
            .route("/healthz", get(async || "ok"))
            .route("/readyz", get(readyz))
            .with_state(Arc::new(self));
        server::serve(listener, router, shutdown).await;
    }

    async fn readiness(&self) -> Readiness {
        let (bus, store) = match &self.ports {
            Some(Ports { store, bus }) => {
                let checks = tokio::join!(in_words(bus.check()), in_words(store.check()));
                (Some(checks.0), Some(checks.1))
            }
            None => (None, None),
        };
        let well = |word: &Option<String>| word.as_ref().is_none_or(|word| word == OK);
        let takes_work = self.health.roles().all(|(_, takes)| takes);
        Readiness {
            ready: well(&bus) && well(&store) && takes_work,
            bus,
            store,
            roles: self
                .health
                .roles()
                .map(|(role, takes)| (role.to_string(), takes.into()))
                .collect(),
        }
    }
}

const OK: &str = "ok";

async fn in_words<E: std::fmt::Display>(check: impl Future<Output = Result<(), E>>) -> String {
    match tokio::time::timeout(CHECK_TIMEOUT, check).await {
        Ok(Ok(())) => OK.to_owned(),
        Ok(Err(error)) => error.to_string(),
        Err(_) => format!("no answer within {} ms", CHECK_TIMEOUT.as_millis()),
    }
}

async fn readyz(State(admin): State<Arc<Admin>>) -> impl IntoResponse {
    let readiness = admin.readiness().await;
    let status = match readiness.ready {
        true => StatusCode::OK,
        false => StatusCode::SERVICE_UNAVAILABLE,
    };
    let body = serde_json::to_string(&readiness).expect("texts and flags are JSON");
    (status, [(header::CONTENT_TYPE, "application/json")], body)
}

#[cfg(test)]
mod tests;
