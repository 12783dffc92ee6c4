//! What each process does. Roles differ in what they take, not in how they drive: each message
//! only says *look at this payout*, and one driver does the rest.

pub mod decider;
pub mod driver;
pub mod executor;
pub mod gateway;
pub mod health;
pub mod ingress;
pub mod intake;
pub mod reconciler;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::task::{JoinError, JoinSet};

use crate::bank::client::Bank;
use crate::bank::signing::PublicKeys;
use crate::bus::{Bus, Queue};
use crate::config::Concurrency;
use crate::domain::policy::Policy;
use crate::shutdown::Shutdown;
use crate::store::{Fence, Store};
use decider::Decider;
use driver::Driver;
use executor::Executor;
use health::Health;
use ingress::Ingress;
use intake::{Handler, Intake};
use reconciler::Reconciler;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Role {
    /// Takes commands: records them, creates and starts sessions.
    Executor,
    /// Takes the bank's webhooks over HTTP.
    Ingress,
    /// Takes the bank's verified events: decides, confirms or cancels, settles.
    Decider,
    /// Takes tickets: asks for status, resumes what a crash left; sweeps the store.
    Reconciler,
    /// Answers the business's own site: tokens for the widget, what is behind a token. No payout
    /// passes through it, and it needs neither bus nor store: [`run`] leaves it to its caller.
    Gateway,
}

impl Role {
    /// Those through which payouts pass: what runs when no role is named.
    pub const OF_PAYOUTS: [Self; 4] =
        [Self::Executor, Self::Ingress, Self::Decider, Self::Reconciler];

    pub fn name(self) -> &'static str {
        match self {
            Self::Executor => "executor",
            Self::Ingress => "ingress",
            Self::Decider => "decider",
            Self::Reconciler => "reconciler",
            Self::Gateway => "gateway",
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What the roles of one process share.
pub struct Parts {
    pub store: Arc<dyn Store>,
    pub fence: Arc<dyn Fence>,
    pub bus: Arc<dyn Bus>,
    pub bank: Bank,
    pub policy: Policy,
    /// CloudEvents `source` of what is published.
    pub source: String,
    pub concurrency: Concurrency,
    /// How long the store remembers a settled payout.
    pub retention: Duration,
    /// Running work gets this long to finish once shutdown has begun.
    pub grace: Duration,
    /// The door for webhooks, if the ingress is among the roles.
    pub door: Option<Door>,
    /// Where the roles say whether they take work.
    pub health: Health,
}

/// Where webhooks come in.
pub struct Door {
    pub listener: TcpListener,
    pub path: String,
    pub bank_keys: PublicKeys,
}

/// Runs the roles until shutdown, and then until everything that was taken is settled. An error
/// means that a role panicked.
pub async fn run(parts: Parts, roles: &[Role], shutdown: Shutdown) -> Result<(), JoinError> {
    let Parts {
        store,
        fence,
        bus,
        bank,
        policy,
        source,
        concurrency,
        retention,
        grace,
        door,
        health,
    } = parts;
    let driver = Arc::new(Driver::new((store, fence), Arc::clone(&bus), bank, policy, source));
    let mut tasks = JoinSet::new();
    let mut intake = |role, queue, concurrency, handler: Arc<dyn Handler>| {
        let (bus, health) = (Arc::clone(&bus), health.clone());
        let intake = Intake { role, bus, queue, concurrency, handler, health };
        tasks.spawn(intake.run(shutdown.clone()));
    };
    if roles.contains(&Role::Executor) {
        let executor = Executor { driver: Arc::clone(&driver), retention };
        intake(Role::Executor, Queue::Commands, concurrency.executor, Arc::new(executor));
    }
    if roles.contains(&Role::Decider) {
        let decider = Decider { driver: Arc::clone(&driver) };
        intake(Role::Decider, Queue::BankEvents, concurrency.decider, Arc::new(decider));
    }
    if roles.contains(&Role::Reconciler) {
        let reconciler = Arc::new(Reconciler { driver: Arc::clone(&driver) });
        let handler = Arc::clone(&reconciler);
        intake(Role::Reconciler, Queue::Tickets, concurrency.reconciler, handler);
        let stop = shutdown.clone();
        tasks.spawn(async move { reconciler.sweep(&stop).await });
    }
    if let Some(Door { listener, path, bank_keys }) = door {
        let ingress = Ingress { bus, bank_keys, path, health };
        tasks.spawn(ingress.serve(listener, shutdown.clone()));
    }
    let mut outcome = Ok(());
    let all_ended = async {
        while let Some(ended) = tasks.join_next().await {
            // A role that ends by itself has failed; the others stop in order.
            shutdown.begin();
            if outcome.is_ok() {
                outcome = ended;
            }
        }
    };
    shutdown.expire_after(grace, all_ended).await;
    outcome
}
