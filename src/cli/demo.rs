//! `payoutd demo`: everything working, on this machine, from fresh keys to the bank's ledger.
//!
//! Starts the simulator and all roles on loopback, publishes commands, waits for every result, and
//! holds payoutd's records against what the bank really paid. Exit code 0 only if they agree.

mod bank;
mod commands;
mod folder;
mod ledger;
mod processes;
mod report;
mod settings;
mod usage;

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::Context;
use clap::ValueEnum;
use clap::builder::RangedU64ValueParser;
use indicatif::{ProgressBar, ProgressStyle};
use serde::Deserialize;
use serde_json::json;
use tokio::net::TcpListener;
use tokio::task::{JoinError, JoinHandle};

use crate::bus::Subscription;
use crate::config::{BackendKind, Config};
use crate::rabbitmq::topology;
use crate::redis::RedisStore;
use crate::roles::{self, Role};
use crate::shutdown::Shutdown;
use crate::telemetry;

use super::backend::{self, Backend};
use super::{Exit, compose, keygen, output, publish};
use bank::Bank;
use folder::Folder;
use processes::Processes;
use report::{Figures, Outcome};
use settings::Settings;
use usage::Usage;

#[derive(clap::Args)]
pub(super) struct Args {
    /// Where queues and records are: in a file, with all roles in this process; or on the servers
    /// that backend.amqp_url and backend.redis_url name, with a process for each role
    #[arg(long, value_enum, default_value_t = BackendName::Embedded)]
    pub(super) backend: BackendName,
    /// Executors, on rabbitmq-redis. Their concurrency is executor.concurrency
    #[arg(long, value_name = "N", default_value_t = 2, value_parser = processes())]
    executors: usize,
    /// Deciders, on rabbitmq-redis
    #[arg(long, value_name = "N", default_value_t = 2, value_parser = processes())]
    deciders: usize,
    /// Publish so many generated payouts instead of the demo's own file
    #[arg(long, value_name = "N")]
    payouts: Option<u64>,
    /// A rough bank: lost answers and webhooks, timeouts, errors, forgeries
    #[arg(long)]
    faults: bool,
    /// How long the bank takes for each call
    #[arg(long, value_name = "TIME", default_value = "0s")]
    bank_latency: humantime::Duration,
    /// Keep the data folder, and what is on the servers, to look around afterwards
    #[arg(long)]
    keep: bool,
    /// The data folder; it must not exist yet [default: a new one for temporary files, or
    /// ./payoutd-demo with --keep]
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Show the log as well
    #[arg(long)]
    verbose: bool,
    /// Lines of JSON instead of text: one for each payout, and one that sums up
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum BackendName {
    Embedded,
    RabbitmqRedis,
}

/// So many processes of one role, on one machine.
fn processes() -> RangedU64ValueParser<usize> {
    RangedU64ValueParser::new().range(1..=64)
}

/// Without any result for so long, the demo gives up: a healthy run has several a second, a rough
/// one waits for a few call timeouts at most.
const SILENCE_MAX: Duration = Duration::from_secs(60);

const PROJECT: &str = "demo";

/// Longest that servers may take to be there.
const SERVERS_MAX: Duration = Duration::from_secs(30);

/// `config`: where the servers are, if they are wanted.
pub(super) async fn main(args: Args, config: Option<Config>) -> anyhow::Result<Exit> {
    let folder = Folder::make(&args)?;
    let exit = show(&args, folder.path(), config.as_ref()).await?;
    if !args.json && (args.keep || config.is_none()) {
        folder.say_where(config.is_some());
    }
    Ok(exit)
}

async fn show(args: &Args, dir: &Path, config: Option<&Config>) -> anyhow::Result<Exit> {
    let interrupted = Shutdown::default().begin_on_signal()?;
    keygen::write_keys(dir)?;
    let bank_listener = TcpListener::bind("127.0.0.1:0").await?;
    let door = processes::listen_apart().await?;
    let (bank_address, door_address) = (bank_listener.local_addr()?, door.local_addr()?);
    let settings = settings::write(dir, bank_address, door_address, args, config)?;
    if config.is_none() || args.verbose {
        telemetry::start(&settings.config.log);
    }
    let bank = Bank::start(dir, bank_listener, &settings.config, args)?;
    let backend = Backend::open(&settings.config)?;
    let played = tokio::select! {
        played = play(args, dir, &settings, &backend, door, &bank) => played,
        () = interrupted => Err(anyhow::anyhow!("interrupted")),
    };
    drop(backend);
    let removed = if args.keep { Ok(()) } else { remove_names(&settings.config).await };
    bank.stop().await?;
    let (outcome, figures) = played?;
    removed?;
    if args.json {
        output::json(&json!({ "outcome": outcome, "figures": figures }));
    } else {
        figures.print();
    }
    Ok(if outcome.agree { Exit::Ok } else { Exit::Failed })
}

/// Publishes, waits for every result, and compares.
async fn play(
    args: &Args,
    dir: &Path,
    settings: &Settings,
    backend: &Backend,
    door: TcpListener,
    bank: &Bank,
) -> anyhow::Result<(Outcome, Figures)> {
    let never = Shutdown::default();
    let usable = backend::usable(&*backend.bus, &*backend.store, &never);
    tokio::time::timeout(SERVERS_MAX, usable).await.context("the servers cannot be reached")??;
    let commands = commands::write(dir, args.payouts)?;
    let mut events = backend.bus.subscribe().await?;
    let roles = Roles::start(args, dir, settings, backend, door).await?;

    // Making keys and opening files is not what a payout costs.
    let (began, used_before) = (Instant::now(), roles.usage());
    let file = fs::File::open(&commands.path)?;
    let no_report = |line, _: &[_]| unreachable!("line {line} of the demo's own commands is bad");
    publish::publish_lines(&*backend.bus, file, no_report).await?;
    let settled = settle(&mut *events, &commands).await;
    let elapsed = began.elapsed();
    let usage = roles.usage().zip(used_before).map(|(now, before)| now.since(&before));
    let measured = roles.what_was_measured();

    roles.stop().await?;
    settled?;
    let outcome = report::print(&*backend.store, bank, &commands, args.json).await?;
    Ok((outcome, Figures::of(commands.count, elapsed, usage.as_ref(), measured)))
}

/// The roles, running.
enum Roles {
    /// In this process.
    Inside {
        shutdown: Shutdown,
        running: JoinHandle<Result<(), JoinError>>,
    },
    Processes(Processes),
}

impl Roles {
    async fn start(
        args: &Args,
        dir: &Path,
        settings: &Settings,
        backend: &Backend,
        door: TcpListener,
    ) -> anyhow::Result<Self> {
        if let BackendKind::RabbitmqRedis(_) = settings.config.backend.kind {
            // The ingress takes the address over.
            drop(door);
            return Ok(Self::Processes(Processes::start(dir, settings, args).await?));
        }
        let parts = compose::parts_with(&settings.config, backend, door)?;
        let shutdown = Shutdown::default();
        let stop = shutdown.clone();
        let running = tokio::spawn(async move { roles::run(parts, &Role::OF_PAYOUTS, stop).await });
        Ok(Self::Inside { shutdown, running })
    }

    fn usage(&self) -> Option<Usage> {
        match self {
            Self::Inside { .. } => Usage::now(),
            Self::Processes(processes) => processes.usage(),
        }
    }

    fn what_was_measured(&self) -> String {
        match self {
            Self::Inside { .. } => "in one process, the simulator included".into(),
            Self::Processes(processes) => format!("in the processes {}", processes.names()),
        }
    }

    async fn stop(self) -> anyhow::Result<()> {
        match self {
            Self::Inside { shutdown, running } => {
                shutdown.begin();
                Ok(running.await??)
            }
            Self::Processes(processes) => processes.stop().await,
        }
    }
}

/// Leaves nothing on the servers: everything there has a name of this demo's own.
async fn remove_names(config: &Config) -> anyhow::Result<()> {
    let BackendKind::RabbitmqRedis(servers) = &config.backend.kind else { return Ok(()) };
    topology::remove(&backend::rabbitmq_settings(config, servers)?).await?;
    RedisStore::start(backend::redis_settings(config, servers)?)?.remove_all().await?;
    Ok(())
}

/// Waits until every payout has its final event.
async fn settle(
    events: &mut dyn Subscription,
    commands: &commands::Commands,
) -> anyhow::Result<()> {
    #[derive(Deserialize)]
    struct Event {
        id: String,
        #[serde(rename = "type")]
        kind: String,
    }

    // Events come at least once: each counts by its id.
    let mut settled = HashSet::new();
    let bar = ProgressBar::new(commands.count).with_style(
        ProgressStyle::with_template("{bar:40} {pos}/{len} settled  {elapsed}  {msg}")
            .expect("a template that every demo shows"),
    );
    bar.enable_steady_tick(Duration::from_millis(200));
    while bar.position() < commands.count {
        let body =
            tokio::time::timeout(SILENCE_MAX, events.next()).await.with_context(|| {
                format!("no result for {} s: look with --keep --verbose", SILENCE_MAX.as_secs())
            })??;
        let event: Event = serde_json::from_slice(&body)?;
        match event.kind.as_str() {
            "payout.succeeded" | "payout.failed" | "payout.cancelled" | "payout.rejected" => {
                settled.insert(event.id);
                bar.set_position(settled.len() as u64);
            }
            kind => bar.set_message(kind.to_owned()),
        }
    }
    bar.finish_and_clear();
    Ok(())
}
