//! HTTP connections, bounded in number and in time.
//!
//! Strangers reach the port for webhooks too: whoever opens connections and says nothing is closed after a
//! while, cannot use up the process's files, and delays its end by seconds only. Against many of
//! them a proxy in front has to help.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::http::StatusCode;
use http_body_util::LengthLimitError;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinSet;

use crate::shutdown::Shutdown;

/// Connections open at a time; more wait to be accepted. Half of the 1024 files that a process may
/// have open where nobody said otherwise.
const CONNECTIONS_MAX: usize = 512;

/// Longest a request's head may take to arrive, and a connection may stay idle.
const HEAD_TIMEOUT: Duration = Duration::from_secs(10);

/// After a failure to accept (too many open files): time for some to be closed.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// A request's body, bounded in size and time; else the status that says what was wrong with it.
pub(crate) async fn read_body(
    body: Body,
    bytes_max: usize,
    timeout: Duration,
) -> Result<Bytes, StatusCode> {
    match tokio::time::timeout(timeout, to_bytes(body, bytes_max)).await {
        Ok(Ok(body)) => Ok(body),
        Ok(Err(error)) => Err(match error.into_inner().is::<LengthLimitError>() {
            true => StatusCode::PAYLOAD_TOO_LARGE,
            // The sender hung up, or sent what is no HTTP.
            false => StatusCode::BAD_REQUEST,
        }),
        Err(_) => Err(StatusCode::REQUEST_TIMEOUT),
    }
}

pub(crate) async fn serve(listener: TcpListener, router: Router, shutdown: Shutdown) {
    let places = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    let mut connections = JoinSet::new();
    let accepting = async {
        loop {
            let place = Arc::clone(&places).acquire_owned().await.expect("never closed");
            match listener.accept().await {
                Ok((stream, _)) => {
                    connections.spawn(talk(stream, router.clone(), shutdown.clone(), place));
                }
                Err(error) => {
                    tracing::warn!(event = "http.not_accepted", %error);
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            }
            while connections.try_join_next().is_some() {}
        }
    };
    tokio::select! {
        () = accepting => {}
        () = shutdown.begun() => {}
    }
    while connections.join_next().await.is_some() {}
}

/// One connection: its requests, until it closes or shutdown lets it finish the last.
async fn talk(stream: TcpStream, router: Router, shutdown: Shutdown, _place: OwnedSemaphorePermit) {
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(router));
    tokio::pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = shutdown.begun() => {
            connection.as_mut().graceful_shutdown();
            tokio::select! {
                ended = connection => ended,
                () = shutdown.expired() => return,
            }
        }
    };
    if let Err(error) = ended {
        tracing::debug!(event = "http.connection_broke", %error);
    }
}
