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
    let signalled = Shutdown::default().begin_on_signal()?;
    eprintln!("bank simulator on http://{address}; its ledger: http://{address}/_sim/ledger");
    let stop = CancellationToken::new();
    let stopping = async {
        signalled.await;
        stop.cancel();
    };
    let (ran, ()) = tokio::join!(simulator.run(listener, stop.clone()), stopping);
    ran?;
    Ok(Exit::Ok)
}
