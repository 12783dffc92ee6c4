//! `payoutd run`: the roles, until SIGTERM.

use clap::ValueEnum;

use crate::config::Config;
use crate::roles::{self, Role};
use crate::shutdown::Shutdown;
use crate::telemetry;

use super::{Exit, compose};

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
    let shutdown = Shutdown::default();
    let signalled = shutdown.begin_on_signal()?;
    let names: Vec<_> = roles.iter().map(|role| role.name()).collect();
    tracing::info!(
        event = "run.started",
        roles = names.join(","),
        version = env!("CARGO_PKG_VERSION")
    );
    let (ran, ()) = tokio::join!(roles::run(parts, &roles, shutdown), signalled);
    ran?;
    tracing::info!(event = "run.stopped");
    Ok(Exit::Ok)
}
