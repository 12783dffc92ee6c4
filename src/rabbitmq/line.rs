//! Keeping one connection: built, watched, and built anew whole after any loss.
//!
//! Each bus has two, one that publishes and one that consumes: a broker that is short of memory
//! stops reading from whoever publishes, and acknowledgements must not wait for that.

use std::sync::Arc;
use std::time::Duration;

use rand::Rng;
use tokio::sync::watch;
use tokio::time::Instant;
use tokio_rustls::TlsConnector;
use tokio_util::sync::{CancellationToken, DropGuard};

use super::address::Address;
use super::failure::{self, unavailable};
use super::link::{Link, Shared};
use super::topology::{self, Topology};
use crate::bus::BusError;

/// How long an operation waits for the connection: longer than building one takes, so that a short
/// loss is not noticed, and short enough to say soon that there is none.
const WAIT: Duration = Duration::from_secs(5);

/// Pauses between attempts double from the first to the last, and vary by half so that many
/// processes do not come at once.
const PAUSE_MIN: Duration = Duration::from_millis(100);
const PAUSE_MAX: Duration = Duration::from_secs(2);

#[derive(Clone)]
enum State {
    Down(BusError),
    Up(Shared),
}

/// A connection that is looked after. Dropped, it is closed.
pub(super) struct Line {
    state: watch::Receiver<State>,
    _stop: DropGuard,
}

/// What it takes to connect.
#[derive(Clone)]
pub(super) struct Route {
    pub(super) addresses: Arc<[Address]>,
    pub(super) tls: TlsConnector,
    pub(super) topology: Arc<Topology>,
}

impl Line {
    /// Begins to connect. `name` is what the broker lists the connection under.
    pub(super) fn start(route: Route, name: &'static str) -> Self {
        let (told, state) = watch::channel(State::Down(unavailable("not connected yet")));
        let stop = CancellationToken::new();
        tokio::spawn(tend(route, name, told, stop.clone()));
        Self { state, _stop: stop.drop_guard() }
    }

    /// The connection; waits for it a little.
    pub(super) async fn link(&self) -> Result<Shared, BusError> {
        let mut state = self.state.clone();
        let up = state.wait_for(|state| matches!(state, State::Up(link) if link.is_open()));
        tokio::time::timeout(WAIT, up).await.ok();
        self.now()
    }

    /// The connection if it is there.
    pub(super) fn now(&self) -> Result<Shared, BusError> {
        match &*self.state.borrow() {
            State::Up(link) if link.is_open() => Ok(Arc::clone(link)),
            State::Up(_) => Err(unavailable("the connection was just lost")),
            State::Down(error) => Err(error.clone()),
        }
    }
}

async fn tend(
    route: Route,
    name: &'static str,
    told: watch::Sender<State>,
    stop: CancellationToken,
) {
    let mut reported = None;
    // Addresses in a row that a person would have to mend.
    let mut refused = 0;
    let mut pause = PAUSE_MIN;
    for address in route.addresses.iter().cycle() {
        let outcome = tokio::select! {
            outcome = establish(&route, address, name) => outcome,
            () = stop.cancelled() => return,
        };
        match outcome {
            Ok(link) => {
                let broker = address.to_string();
                tracing::info!(event = "rabbitmq.connected", broker, connection = name);
                let link = Arc::new(link);
                told.send_replace(State::Up(Arc::clone(&link)));
                let built = Instant::now();
                let reason = tokio::select! {
                    reason = link.ended() => reason,
                    () = stop.cancelled() => return link.close().await,
                };
                tracing::warn!(event = "rabbitmq.lost", broker, connection = name, error = reason);
                told.send_replace(State::Down(unavailable(format!("{address}: {reason}"))));
                reported = None;
                refused = 0;
                // One that is lost as soon as it is built is not built in a hurry.
                pause = if built.elapsed() > PAUSE_MAX {
                    PAUSE_MIN
                } else {
                    (pause * 2).min(PAUSE_MAX)
                };
            }
            Err(error) => {
                let error = at(address, error);
                refused = if matches!(error, BusError::Misconfigured(_)) { refused + 1 } else { 0 };
                let others_left = refused < route.addresses.len();
                let error = match error {
                    BusError::Misconfigured(text) if others_left => BusError::Unavailable(text),
                    error => error,
                };
                report(name, &error, &mut reported);
                told.send_replace(State::Down(error));
                pause = (pause * 2).min(PAUSE_MAX);
            }
        }
        let pause = pause.mul_f64(rand::rng().random_range(0.5..1.0));
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            () = stop.cancelled() => return,
        }
    }
}

/// Once until it changes whether a person must act, and not once for each attempt.
fn report(name: &str, error: &BusError, reported: &mut Option<bool>) {
    let misconfigured = matches!(error, BusError::Misconfigured(_));
    if reported.replace(misconfigured) == Some(misconfigured) {
        return;
    }
    let text = failure::text(error);
    if misconfigured {
        tracing::error!(event = "rabbitmq.misconfigured", connection = name, error = text);
    } else {
        tracing::warn!(event = "rabbitmq.unreachable", connection = name, error = text);
    }
}

async fn establish(route: &Route, address: &Address, name: &str) -> Result<Link, BusError> {
    let link = Link::open(address, &route.tls, name).await?;
    topology::declare_on(&link, &route.topology).await?;
    Ok(link)
}

fn at(address: &Address, error: BusError) -> BusError {
    match error {
        BusError::Unavailable(text) => BusError::Unavailable(format!("{address}: {text}")),
        BusError::Misconfigured(text) => BusError::Misconfigured(format!("{address}: {text}")),
    }
}

/// A connection for one piece of work, at the first broker that lets us in.
pub(super) async fn short(addresses: &[Address], tls: &TlsConnector) -> Result<Link, BusError> {
    let mut last = unavailable("no broker");
    for address in addresses {
        match Link::open(address, tls, "payoutd, for a moment").await {
            Ok(link) => return Ok(link),
            Err(error) => last = at(address, error),
        }
    }
    Err(last)
}
