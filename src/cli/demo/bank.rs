//! The demo's bank: the simulator, in the demo's own process.

use std::fs;
use std::path::Path;
use std::time::Duration;

use anyhow::Context;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::config::Config;
use crate::simulator::{BankKind, Faults, Settings, Simulator, SimulatorError};

use super::{Args, PROJECT};

/// The simulator, running.
pub(super) struct Bank {
    pub(super) address: String,
    stop: CancellationToken,
    running: JoinHandle<Result<(), SimulatorError>>,
}

impl Bank {
    pub(super) fn start(
        dir: &Path,
        listener: TcpListener,
        config: &Config,
        args: &Args,
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
            latency: args.bank_latency.into(),
            processing: Duration::from_millis(20),
            faults: if args.faults { Faults::rough() } else { Faults::none() },
            kind: BankKind::default(),
        })?;
        let address = listener.local_addr()?.to_string();
        let stop = CancellationToken::new();
        let running = tokio::spawn(simulator.run(listener, stop.clone()));
        Ok(Self { address, stop, running })
    }

    pub(super) async fn stop(self) -> anyhow::Result<()> {
        self.stop.cancel();
        self.running.await?.context("the simulator failed")
    }
}
