//! `payoutd bank-sim`: the simulator by itself.

use anyhow::Context;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::config::Config;
use crate::shutdown::Shutdown;
use crate::simulator::{Options, Simulator};
use crate::telemetry;

use super::{BadInput, Exit};

#[derive(clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    options: Options,
}

pub(super) async fn main(args: Args, config: Config) -> anyhow::Result<Exit> {
    telemetry::start(&config.log);
    let (settings, listen) = args.options.into_settings().map_err(BadInput::from_error)?;
    let simulator = Simulator::open(settings).map_err(BadInput::from_error)?;
    let listener = TcpListener::bind(listen)
        .await
        .with_context(|| format!("--listen {listen}: cannot be listened on"))?;
    let address = listener.local_addr()?;
    eprintln!("bank simulator on http://{address}; its ledger: http://{address}/_sim/ledger");
    let shutdown = Shutdown::default();
    let stop = CancellationToken::new();
    let signalled = async {
        let signalled = shutdown.begin_on_signal().await;
        stop.cancel();
        signalled
    };
    let (ran, signalled) = tokio::join!(simulator.run(listener, stop.clone()), signalled);
    signalled?;
    ran?;
    Ok(Exit::Ok)
}
