//! `payoutd run`: the roles, until SIGTERM.

use std::sync::Arc;

use clap::ValueEnum;

use crate::admin::Admin;
use crate::config::Config;
use crate::roles::{self, Parts, Role};
use crate::shutdown::Shutdown;
use crate::telemetry;

use super::{Exit, backend, compose};

#[derive(clap::Args)]
pub(super) struct Args {
    /// Run only this role; may be given several times. Without it all four run in this process
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
}

impl From<RoleName> for Role {
    fn from(name: RoleName) -> Self {
        match name {
            RoleName::Executor => Self::Executor,
            RoleName::Ingress => Self::Ingress,
            RoleName::Decider => Self::Decider,
            RoleName::Reconciler => Self::Reconciler,
        }
    }
}

pub(super) async fn main(args: Args, config: Config) -> anyhow::Result<Exit> {
    telemetry::start(&config.log);
    let named: Vec<Role> = args.roles.into_iter().map(Role::from).collect();
    let roles = if named.is_empty() { Role::ALL.to_vec() } else { named };
    let parts = compose::parts(&config, &roles).await?;
    let admin = Admin {
        store: Arc::clone(&parts.store),
        bus: Arc::clone(&parts.bus),
        health: parts.health.clone(),
    };
    let door = compose::admin_door(&config).await?;
    let shutdown = Shutdown::default();
    let signalled = shutdown.begin_on_signal()?;
    let telling = async {
        if let Some(listener) = door {
            admin.serve(listener, shutdown.clone()).await;
        }
    };
    let (ran, (), ()) = tokio::join!(work(parts, &roles, &shutdown), telling, signalled);
    ran?;
    tracing::info!(event = "run.stopped");
    Ok(Exit::Ok)
}

/// Waits for the backend, then runs the roles.
async fn work(parts: Parts, roles: &[Role], shutdown: &Shutdown) -> anyhow::Result<()> {
    // Whatever ends the work ends the process.
    let _ended = shutdown.begin_on_drop();
    if !backend::usable(&*parts.bus, &*parts.store, shutdown).await? {
        return Ok(());
    }
    let names: Vec<_> = roles.iter().map(|role| role.name()).collect();
    tracing::info!(
        event = "run.started",
        roles = names.join(","),
        version = env!("CARGO_PKG_VERSION")
    );
    Ok(roles::run(parts, roles, shutdown.clone()).await?)
}
