//! `payoutd demo`: everything working, on this machine, from fresh keys to the bank's ledger.
//!
//! Starts the simulator and all roles on loopback, publishes commands, waits for every result, and
//! holds payoutd's records against what the bank really paid. Exit code 0 only if they agree.

mod commands;
mod ledger;
mod report;
mod usage;

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::Context;
use indicatif::{ProgressBar, ProgressStyle};
use serde::Deserialize;
use serde_json::json;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::bus::{Bus, Subscription};
use crate::config::{Config, Needs};
use crate::roles::{self, Role};
use crate::shutdown::Shutdown;
use crate::simulator::{BankKind, Faults, Settings, Simulator};
use crate::telemetry;

use super::{BadInput, Exit, compose, keygen, output, publish};
use report::Figures;
use usage::Usage;

#[derive(clap::Args)]
pub(super) struct Args {
    /// Publish so many generated payouts instead of the demo's own file
    #[arg(long, value_name = "N")]
    payouts: Option<u64>,
    /// A rough bank: lost answers and webhooks, timeouts, errors, forgeries
    #[arg(long)]
    faults: bool,
    /// Keep the data folder, to look around in it afterwards
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

/// Without any result for so long, the demo gives up: a healthy run has several a second, a rough
/// one waits for a few call timeouts at most.
const SILENCE_MAX: Duration = Duration::from_secs(60);

const PROJECT: &str = "demo";

pub(super) async fn main(args: Args) -> anyhow::Result<Exit> {
    let folder = Folder::make(&args)?;
    let dir = folder.path().to_owned();
    keygen::write_keys(&dir)?;
    let bank_listener = TcpListener::bind("127.0.0.1:0").await?;
    let door = TcpListener::bind("127.0.0.1:0").await?;
    let config = settings(&dir, &bank_listener, &door, args.verbose)?;
    telemetry::start(&config.log);
    let commands = commands::write(&dir, args.payouts)?;

    let bank = Bank::start(&dir, bank_listener, &config, args.faults)?;
    let backend = compose::backend(&config)?;
    let mut events = backend.bus.subscribe().await?;
    let shutdown = Shutdown::default();
    let parts = compose::parts_with(&config, &backend, door)?;
    let running = {
        let shutdown = shutdown.clone();
        tokio::spawn(async move { roles::run(parts, &Role::ALL, shutdown).await })
    };

    // Making keys and opening files is not what a payout costs.
    let (began, used_before) = (Instant::now(), Usage::now());
    let file = fs::File::open(&commands.path)?;
    let no_report = |line, _: &[_]| unreachable!("line {line} of the demo's own commands is bad");
    publish::publish_lines(&*backend.bus, file, no_report).await?;
    let settled = settle(&mut *events, &commands).await;
    let elapsed = began.elapsed();
    let usage = Usage::since(used_before.as_ref());

    shutdown.begin();
    running.await??;
    settled?;
    let outcome = report::print(&backend, &bank, &commands, args.json).await?;
    bank.stop().await?;
    let figures = Figures::of(commands.count, elapsed, usage.as_ref());
    if args.json {
        output::json(&json!({ "outcome": outcome, "figures": figures }));
    } else {
        figures.print();
        folder.say_where();
    }
    Ok(if outcome.agree { Exit::Ok } else { Exit::Failed })
}

/// The demo's own settings: nothing is taken from the environment, so that nobody's real bank or
/// store is touched.
fn settings(
    dir: &Path,
    bank: &TcpListener,
    door: &TcpListener,
    verbose: bool,
) -> anyhow::Result<Config> {
    let text = format!(
        "# Settings of the demo: payoutd --config {dir}/payoutd.toml list\n\
         [backend]\npath = {db:?}\n\n\
         [bank]\nbase_url = \"http://{bank}\"\nproject = {PROJECT:?}\n\
         private_key_file = {private:?}\npublic_key_files = {public:?}\ntimeout = \"2s\"\n\n\
         [tickets]\ndelays = \"1s,2s,5s\"\n\n\
         [ingress]\nlisten = \"{door}\"\n\n\
         [log]\nlevel = {level:?}\n",
        dir = dir.display(),
        db = dir.join("payoutd.db"),
        bank = bank.local_addr()?,
        private = dir.join("partner_private.pem"),
        public = dir.join("bank_public.pem"),
        door = door.local_addr()?,
        level = if verbose { "info" } else { "off" },
    );
    let path = dir.join("payoutd.toml");
    fs::write(&path, text)?;
    Config::read(Some(&path), [], Needs::Bank).map_err(BadInput::from_error)
}

/// The simulator, running.
struct Bank {
    address: String,
    stop: CancellationToken,
    running: JoinHandle<Result<(), crate::simulator::SimulatorError>>,
}

impl Bank {
    fn start(
        dir: &Path,
        listener: TcpListener,
        config: &Config,
        faults: bool,
    ) -> anyhow::Result<Self> {
        let read = |name: &str| fs::read_to_string(dir.join(name));
        let simulator = Simulator::open(Settings {
            project: PROJECT.into(),
            partner_public_key_pem: read("partner_public.pem")?,
            bank_private_key_pem: read("bank_private.pem")?,
            webhook_url: format!("http://{}{}", config.ingress.listen, config.ingress.path),
            data: dir.join("bank.db"),
            seed: 1,
            speed_up: 60.0,
            latency: Duration::ZERO,
            processing: Duration::from_millis(20),
            faults: if faults { Faults::rough() } else { Faults::none() },
            kind: BankKind::default(),
        })?;
        let address = listener.local_addr()?.to_string();
        let stop = CancellationToken::new();
        let running = tokio::spawn(simulator.run(listener, stop.clone()));
        Ok(Self { address, stop, running })
    }

    async fn stop(self) -> anyhow::Result<()> {
        self.stop.cancel();
        self.running.await?.context("the simulator failed")
    }
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

/// The data folder, kept or not.
enum Folder {
    Kept(PathBuf),
    Temporary(tempfile::TempDir),
}

impl Folder {
    fn make(args: &Args) -> anyhow::Result<Self> {
        let named = args.data.clone().or_else(|| args.keep.then(|| "payoutd-demo".into()));
        let Some(path) = named else {
            return Ok(Self::Temporary(
                tempfile::Builder::new().prefix("payoutd-demo-").tempdir()?,
            ));
        };
        if path.exists() {
            let path = path.display();
            let cure = "remove it, or name another with --data";
            return Err(BadInput(format!("{path} exists; {cure}")).into());
        }
        fs::create_dir_all(&path)?;
        Ok(Self::Kept(path.canonicalize()?))
    }

    fn path(&self) -> &Path {
        match self {
            Self::Kept(path) => path,
            Self::Temporary(folder) => folder.path(),
        }
    }

    fn say_where(&self) {
        if let Self::Kept(path) = self {
            let path = path.display();
            println!("\nLook around:");
            println!("  payoutd --config {path}/payoutd.toml list");
            println!("  payoutd --config {path}/payoutd.toml show card-by-hash");
            println!("  sqlite3 {path}/payoutd.db .tables");
        }
    }
}
