//! Keeping a connection open, for as long as the store lives.
//!
//! One task owns the connection: it opens it, examines the server again and again, and opens
//! another when this one fails. Callers share what it has, and wait a moment for it if there is
//! none.
//!
//! Guarantees that the tries never stop and never come closer than [`PAUSE_MIN`], half of it with
//! bad luck, and that each change is logged once.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch::{self, Receiver, Sender};
use tokio::time::{sleep, timeout};
use tokio_util::task::AbortOnDropHandle;

use super::connection::Connection;
use super::dial::Dialer;
use super::failure::Failure;
use crate::store::StoreError;

/// Between the first tries, doubled up to the longest: all processes have their connection again
/// within 5 s of the server's return, and do not all come at once.
const PAUSE_MIN: Duration = Duration::from_millis(100);
const PAUSE_MAX: Duration = Duration::from_secs(2);

/// Between looks at the server: so soon a setting that was mended, or spoiled, is noticed.
const LOOK_EVERY: Duration = Duration::from_secs(2);

/// Longest that a caller waits for a connection. Opening one takes some milliseconds.
const CONNECTION_WAIT_MAX: Duration = Duration::from_secs(1);

/// Owns the task, which ends with it.
pub(super) struct Link {
    state: Receiver<State>,
    _task: AbortOnDropHandle<()>,
}

#[derive(Clone)]
enum State {
    /// It is being tried all the time.
    Down(String),
    /// A person must act; it is being tried all the same.
    Refused(String),
    Up(Arc<Connection>),
}

impl Link {
    pub(super) fn start(dialer: Dialer) -> Self {
        let (tell, state) = watch::channel(State::Down("not connected to Redis yet".into()));
        let task = tokio::spawn(keep_open(dialer, Teller { tell, told_before: false }));
        Self { state, _task: AbortOnDropHandle::new(task) }
    }

    /// A connection that has not failed so far; waits for it a moment.
    pub(super) async fn connection(&self) -> Result<Arc<Connection>, StoreError> {
        let usable = |state: &State| match state {
            State::Down(_) => false,
            State::Refused(_) => true,
            State::Up(connection) => connection.fault().is_none(),
        };
        let mut state = self.state.clone();
        timeout(CONNECTION_WAIT_MAX, state.wait_for(usable)).await.ok();
        self.now()
    }

    /// A connection that has not failed so far, if there is one.
    pub(super) fn now(&self) -> Result<Arc<Connection>, StoreError> {
        match &*self.state.borrow() {
            State::Down(text) => Err(StoreError::Unavailable(text.clone())),
            State::Refused(text) => Err(StoreError::Misconfigured(text.clone())),
            State::Up(connection) if connection.fault().is_none() => Ok(Arc::clone(connection)),
            State::Up(_) => {
                Err(StoreError::Unavailable("the connection to Redis was just lost".into()))
            }
        }
    }
}

async fn keep_open(dialer: Dialer, mut teller: Teller) {
    let mut pause = PAUSE_MIN;
    loop {
        let failure = match dialer.dial().await {
            Ok((connection, info)) => {
                let place = connection.place.as_ref().map(ToString::to_string);
                tracing::info!(event = "redis.connected", server = info.describe(None), place);
                for loss in info.losses() {
                    tracing::warn!(event = "redis.volatile", "payouts may be paid twice: {loss}");
                }
                let connection = Arc::new(connection);
                teller.up(&connection);
                let failure = watch_over(&dialer, &connection).await;
                pause = PAUSE_MIN;
                failure
            }
            Err(failure) => failure,
        };
        match teller.failed(failure) {
            Tries::Often => {
                sleep(pause.mul_f64(rand::random_range(0.5..1.0))).await;
                pause = (pause * 2).min(PAUSE_MAX);
            }
            Tries::Seldom => sleep(LOOK_EVERY).await,
        }
    }
}

/// Returns when the connection is not to be used any more.
async fn watch_over(dialer: &Dialer, connection: &Connection) -> Failure {
    loop {
        if let Ok(fault) = timeout(LOOK_EVERY, connection.failed()).await {
            return Failure::NotDone(fault.into());
        }
        if let Err(failure) = dialer.look_at(connection).await {
            return failure;
        }
    }
}

/// How soon to try again.
enum Tries {
    Often,
    Seldom,
}

/// Tells callers and the log.
struct Teller {
    tell: Sender<State>,
    /// Whether anything but the state at the start was told.
    told_before: bool,
}

impl Teller {
    fn up(&mut self, connection: &Arc<Connection>) {
        self.told_before = true;
        self.tell.send_replace(State::Up(Arc::clone(connection)));
    }

    fn failed(&mut self, failure: Failure) -> Tries {
        let (state, tries) = match failure {
            Failure::Misconfigured(text) => (State::Refused(text), Tries::Seldom),
            Failure::NotDone(text) | Failure::Unknown(text) => (State::Down(text), Tries::Often),
        };
        let before = self.tell.send_replace(state);
        let now = &*self.tell.borrow();
        match (before, now) {
            (State::Down(_), State::Down(_)) if self.told_before => {}
            (State::Refused(before), State::Refused(now)) if before == *now => {}
            (_, State::Down(error)) => tracing::warn!(event = "redis.lost", %error),
            (_, State::Refused(error)) => tracing::error!(event = "redis.refused", %error),
            (_, State::Up(_)) => unreachable!("told after a failure"),
        }
        self.told_before = true;
        tries
    }
}
