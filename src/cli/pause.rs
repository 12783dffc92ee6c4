//! `payoutd pause` and `payoutd resume`: what goes out to the bank, for all processes at once.

use clap::ValueEnum;

use crate::config::Config;
use crate::domain::command::Intervention;
use crate::domain::standing::{Paused, Scope};
use crate::store::Fence;

use super::backend::Backend;
use super::{BadInput, Exit, output};

#[derive(clap::Args)]
pub(super) struct PauseArgs {
    /// Without it both
    what: Option<What>,
    /// Why: shown by payoutd doctor, and told in logs
    #[arg(long)]
    reason: String,
}

#[derive(clap::Args)]
pub(super) struct ResumeArgs {
    /// Without it both
    what: Option<What>,
}

#[derive(Clone, Copy, ValueEnum)]
enum What {
    /// Opening sessions and starting payouts
    Starts,
    /// Confirming payouts
    Confirms,
}

fn scope(what: Option<What>) -> Scope {
    match what {
        None => Scope::ALL,
        Some(What::Starts) => Scope { starts: true, confirms: false },
        Some(What::Confirms) => Scope { starts: false, confirms: true },
    }
}

pub(super) async fn pause(args: PauseArgs, config: Config) -> anyhow::Result<Exit> {
    if let Err(violation) = Intervention::check_reason(&args.reason) {
        return Err(BadInput(format!("--reason {}", violation.problem)).into());
    }
    let fence = Backend::open_existing(&config)?.fence;
    fence.pause(scope(args.what), &args.reason).await?;
    tell(&*fence);
    Ok(Exit::Ok)
}

pub(super) async fn resume(args: ResumeArgs, config: Config) -> anyhow::Result<Exit> {
    let fence = Backend::open_existing(&config)?.fence;
    fence.resume(scope(args.what)).await?;
    tell(&*fence);
    Ok(Exit::Ok)
}

fn tell(fence: &dyn Fence) {
    for line in lines(&fence.standing().paused) {
        output::line(&line);
    }
}

/// What goes out to the bank, and what does not and why.
pub(super) fn lines(Paused { starts, confirms }: &Paused) -> [String; 2] {
    let line = |what: &str, paused: &Option<String>| match paused {
        None => format!("{what} go out"),
        Some(reason) => format!("{what} are paused: {reason}"),
    };
    [line("starts", starts), line("confirms", confirms)]
}
