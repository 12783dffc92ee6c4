//! The demo's roles, each as a process of its own, as they run on any number of machines.

use std::fs::{self, File};
use std::net::Ipv4Addr;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, bail};
use axum::body::Body;
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use rustix::process::{Pid, Signal, kill_process};
use tokio::net::TcpListener;
use tokio::process::{Child, Command};
use tokio::time::{Instant, timeout};

use crate::roles::Role;

use super::Args;
use super::settings::Settings;
use super::usage::Usage;

/// Longest a process may take to be ready, on a machine that does other things as well.
const START_MAX: Duration = Duration::from_secs(30);

const ASK_EVERY: Duration = Duration::from_millis(20);

/// Longest a process may take to end: its own grace, and a little.
const END_MAX: Duration = Duration::from_secs(30);

/// Where processes that are started later will listen. Below the ports that systems give to
/// outgoing connections (from 32768 on Linux): one of those could be taken in between.
const PORTS: Range<u16> = 10_000..30_000;

/// Listens on a port that nobody else takes by chance, so that a process can take it over.
pub(super) async fn listen_apart() -> std::io::Result<TcpListener> {
    let mut tries = 0;
    loop {
        let port = rand::random_range(PORTS);
        match TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await {
            Err(_) if tries < 100 => tries += 1,
            outcome => return outcome,
        }
    }
}

/// The roles, running. Killed when dropped.
pub(super) struct Processes(Vec<Process>);

struct Process {
    name: String,
    child: Child,
    /// Where it tells how it is.
    admin: String,
    log: PathBuf,
}

impl Processes {
    /// Starts them all and waits until each can work.
    pub(super) async fn start(
        dir: &Path,
        settings: &Settings,
        args: &Args,
    ) -> anyhow::Result<Self> {
        let mut processes = Vec::new();
        for (role, count) in [
            (Role::Ingress, 1),
            (Role::Reconciler, 1),
            (Role::Decider, args.deciders),
            (Role::Executor, args.executors),
        ] {
            for n in 1..=count {
                processes.push(Process::start(dir, settings, role, n).await?);
            }
        }
        for process in &mut processes {
            process.ready().await?;
        }
        Ok(Self(processes))
    }

    pub(super) fn names(&self) -> String {
        let names: Vec<_> = self.0.iter().map(|process| process.name.as_str()).collect();
        names.join(", ")
    }

    /// What they have used so far, together.
    pub(super) fn usage(&self) -> Option<Usage> {
        self.0.iter().map(|process| Usage::of(process.child.id()?)).sum()
    }

    /// Stops them in order.
    pub(super) async fn stop(mut self) -> anyhow::Result<()> {
        for process in &self.0 {
            process.terminate();
        }
        for process in &mut self.0 {
            let ended = timeout(END_MAX, process.child.wait()).await;
            let ended = ended.with_context(|| format!("{} does not stop", process.name))??;
            if !ended.success() {
                bail!("{} ended with {ended}:\n{}", process.name, process.last_lines());
            }
        }
        Ok(())
    }
}

impl Process {
    async fn start(
        dir: &Path,
        settings: &Settings,
        role: Role,
        number: usize,
    ) -> anyhow::Result<Self> {
        let name = format!("{role}-{number}");
        let log = dir.join(format!("{name}.log"));
        let admin = listen_apart().await?.local_addr()?.to_string();
        let mut command = Command::new(std::env::current_exe()?);
        for (variable, _) in std::env::vars_os() {
            if variable.to_string_lossy().starts_with("PAYOUTD_") {
                command.env_remove(variable);
            }
        }
        let child = command
            .arg("--config")
            .arg(dir.join("payoutd.toml"))
            .args(["run", "--role", role.name()])
            .envs(settings.environment.iter().cloned())
            .env("PAYOUTD_ADMIN__LISTEN", &admin)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(File::create(&log)?)
            .kill_on_drop(true)
            .spawn()
            .with_context(|| format!("{name} cannot be started"))?;
        Ok(Self { name, child, admin, log })
    }

    async fn ready(&mut self) -> anyhow::Result<()> {
        let client = Client::builder(TokioExecutor::new()).build_http::<Body>();
        let uri: axum::http::Uri = format!("http://{}/readyz", self.admin).parse()?;
        let deadline = Instant::now() + START_MAX;
        loop {
            let answer = timeout(ASK_EVERY * 50, client.get(uri.clone())).await;
            let ended = self.child.try_wait()?;
            if ended.is_none()
                && matches!(answer, Ok(Ok(response)) if response.status().is_success())
            {
                return Ok(());
            }
            if ended.is_some() || Instant::now() > deadline {
                let what = if ended.is_some() { "has ended" } else { "is not ready" };
                bail!("{} {what}:\n{}", self.name, self.last_lines());
            }
            tokio::time::sleep(ASK_EVERY).await;
        }
    }

    /// The end of its log.
    fn last_lines(&self) -> String {
        let log = fs::read_to_string(&self.log).unwrap_or_default();
        let mut last: Vec<_> = log.lines().rev().take(5).collect();
        last.reverse();
        last.join("\n")
    }

    fn terminate(&self) {
        let pid = self.child.id().and_then(|id| Pid::from_raw(i32::try_from(id).ok()?));
        if let Some(pid) = pid
            && let Err(error) = kill_process(pid, Signal::TERM)
        {
            tracing::warn!(event = "demo.not_stopped", name = self.name, %error);
        }
    }
}
