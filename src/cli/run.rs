//! `payoutd run`: the roles, until SIGTERM.

use std::sync::Arc;

use clap::ValueEnum;

use crate::admin::{Admin, Ports};
use crate::config::Config;
use crate::roles::health::Health;
use crate::roles::{self, Parts, Role};
use crate::shutdown::Shutdown;
use crate::telemetry;

use super::{Exit, backend, compose, gateway};

#[derive(clap::Args)]
pub(super) struct Args {
    /// Run only this role; may be given several times. Without it the first four run in this
    /// process; the gateway runs only when it is named
    #[arg(long = "role", value_name = "ROLE")]
    roles: Vec<RoleName>,
}

#[derive(Clone, Copy, ValueEnum)]
enum RoleName {
    /// Takes commands: records them, creates and starts the bank's sessions
    Executor,
    /// Takes the bank's webhooks over HTTP
    Ingress,
    /// Takes the bank's events: decides, confirms or cancels, settles
    Decider,
    /// Looks again at payouts that have waited, and sweeps for lost ones
    Reconciler,
    /// Answers your own site: tokens for the bank's widget, what is behind a token
    Gateway,
}

impl From<RoleName> for Role {
    fn from(name: RoleName) -> Self {
        match name {
            RoleName::Executor => Self::Executor,
            RoleName::Ingress => Self::Ingress,
            RoleName::Decider => Self::Decider,
            RoleName::Reconciler => Self::Reconciler,
            RoleName::Gateway => Self::Gateway,
        }
    }
}

pub(super) async fn main(args: Args, config: Config) -> anyhow::Result<Exit> {
    telemetry::start(&config.log);
    let named: Vec<Role> = args.roles.into_iter().map(Role::from).collect();
    let roles = if named.is_empty() { Role::OF_PAYOUTS.to_vec() } else { named };
    let keys = roles.contains(&Role::Gateway).then(|| gateway::keys(&config)).transpose()?;
    // The gateway alone needs no queues and no records.
    let parts = match roles.iter().any(|role| *role != Role::Gateway) {
        true => Some(compose::parts(&config, &roles).await?),
        false => None,
    };
    let health = parts.as_ref().map_or_else(|| Health::of(&roles), |parts| parts.health.clone());
    let gateway = match keys {
        Some(keys) => Some(gateway::open(&config, keys, health.clone()).await?),
        None => None,
    };
    let ports = parts
        .as_ref()
        .map(|parts| Ports { store: Arc::clone(&parts.store), bus: Arc::clone(&parts.bus) });
    let admin = Admin { ports, health };
    let door = compose::admin_door(&config).await?;
    let shutdown = Shutdown::default();
    let signalled = shutdown.begin_on_signal()?;
    let telling = async {
        if let Some(listener) = door {
            admin.serve(listener, shutdown.clone()).await;
        }
    };
    let answering = async {
        if let Some(gateway) = gateway {
            shutdown.expire_after(config.shutdown_grace, gateway.serve(shutdown.clone())).await;
        }
    };
    let working = work(&config, parts, &roles, &shutdown);
    let (ran, (), (), ()) = tokio::join!(working, answering, telling, signalled);
    ran?;
    tracing::info!(event = "run.stopped");
    Ok(Exit::Ok)
}

/// Waits for the backend, then runs the roles; without parts there is only the wait for the end.
async fn work(
    config: &Config,
    parts: Option<Parts>,
    roles: &[Role],
    shutdown: &Shutdown,
) -> anyhow::Result<()> {
    // Whatever ends the work ends the process.
    let _ended = shutdown.begin_on_drop();
    if let Some(parts) = &parts
        && !(backend::usable(&*parts.bus, &*parts.store, shutdown).await?
            && backend::begin(config, &*parts.fence, shutdown).await?)
    {
        return Ok(());
    }
    let names: Vec<_> = roles.iter().map(|role| role.name()).collect();
    tracing::info!(
        event = "run.started",
        roles = names.join(","),
        version = env!("CARGO_PKG_VERSION")
    );
    match parts {
        Some(parts) => Ok(roles::run(parts, roles, shutdown.clone()).await?),
        None => {
            shutdown.begun().await;
            Ok(())
        }
    }
}
