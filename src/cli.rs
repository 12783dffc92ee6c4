//! The command line: one file a subcommand.
//!
//! Human output on a terminal, `--json` for machines; errors on standard error, saying what to do.

mod backend;
mod bank_sim;
mod compose;
mod dead_letters;
mod demo;
mod deny;
mod doctor;
mod events;
mod gateway;
mod intervene;
mod keygen;
mod list;
mod output;
mod pause;
pub(crate) mod publish;
mod run;
mod schema;
mod show;
mod token;
mod topology;
mod watch;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::config::{Config, Needs};
use crate::domain::command::Verb;

/// Exit codes. 2 is also clap's for a command line that it cannot read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// Done.
    Ok = 0,
    /// It did not work; standard error says why.
    Failed = 1,
    /// What was given could not be used: settings, files, commands.
    BadInput = 2,
    /// It worked in part: some of the commands given were bad.
    Partly = 3,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// Makes payouts through Bank 131 from a message queue. A command is never paid twice, never
/// lost, and never silently stuck.
#[derive(Parser)]
#[command(version, after_help = AFTER_HELP)]
struct Cli {
    /// A TOML file with settings; see config/default.toml for all of them
    #[arg(long, env = "PAYOUTD_CONFIG", global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    #[command(subcommand)]
    command: Command,
}

const AFTER_HELP: &str = "\
To see a payout succeed, with a bank of your own on this machine:  payoutd demo

Settings come from --config FILE and from the environment (PAYOUTD_SECTION__KEY, such as
PAYOUTD_BANK__PROJECT). Exit codes: 0 done, 1 failed, 2 bad input, 3 done in part.";

#[derive(Subcommand)]
enum Command {
    /// Show everything working: bank simulator, all roles, payouts of every kind, the ledger
    Demo(demo::Args),
    /// Run the roles: all of them, or those named
    Run(run::Args),
    /// Publish payout commands from a file: JSON Lines or CSV
    Publish(publish::Args),
    /// Follow result events as they are published
    Watch(watch::Args),
    /// Show what became of one payout
    Show(show::Args),
    /// List payouts
    List(list::Args),
    /// Cancel a payout that it was not decided to confirm yet, also ahead of its command
    Cancel(intervene::Args),
    /// Approve a payout that is held for review
    Approve(intervene::Args),
    /// Reject a payout that is held for review or needs attention: it is cancelled
    Reject(intervene::Args),
    /// Have payoutd carry on with a payout that needs attention, once the bank shows nothing paid
    Release(intervene::Args),
    /// Take a session that the bank shows for that of a payout that needs attention
    Adopt(intervene::AdoptArgs),
    /// Hold back starts, confirmations or both, in all processes, until they are resumed
    Pause(pause::PauseArgs),
    /// Let go out what was paused, by a person or because the store had lost something
    Resume(pause::ResumeArgs),
    /// Tokens: one for the bank's widget, and what is behind a recipient's
    Token(token::Args),
    /// Result events: publish the final ones again
    Events(events::Args),
    /// Messages that could not be handled: look at them, replay or discard them
    DeadLetters(dead_letters::Args),
    /// Look at everything payoutd needs, and say what to mend
    Doctor(doctor::Args),
    /// Show RabbitMQ's exchanges and queues, and what is missing or different
    Topology(topology::Args),
    /// Make lines for the deny list from accounts, cards, phones or names on standard input
    DenyHash(deny::Args),
    /// Show the schemas of commands and events, and the AsyncAPI document
    Schema(schema::Args),
    /// Make key pairs: yours, and the simulator's
    Keygen(keygen::Args),
    /// Run the bank simulator
    BankSim(bank_sim::Args),
}

/// Everything, from the command line to the exit code.
pub fn main() -> ExitCode {
    let Cli { config, command } = Cli::parse();
    let exit = runtime().and_then(|runtime| runtime.block_on(dispatch(config, command)));
    match exit {
        Ok(exit) => exit.into(),
        Err(error) => {
            let bad_input = error.downcast_ref::<BadInput>().is_some();
            eprintln!("payoutd: {error:#}");
            if bad_input { Exit::BadInput } else { Exit::Failed }.into()
        }
    }
}

fn runtime() -> anyhow::Result<tokio::runtime::Runtime> {
    Ok(tokio::runtime::Builder::new_multi_thread().enable_all().build()?)
}

async fn dispatch(config: Option<PathBuf>, command: Command) -> anyhow::Result<Exit> {
    let load = |needs| Config::load(config.as_deref(), needs).map_err(BadInput::from_error);
    match command {
        Command::Demo(args) => {
            let on_servers = args.backend == demo::BackendName::RabbitmqRedis;
            let load = || Config::load_servers(config.as_deref()).map_err(BadInput::from_error);
            demo::main(args, on_servers.then(load).transpose()?).await
        }
        Command::Run(args) => run::main(args, load(Needs::Bank)?).await,
        Command::Publish(args) => publish::main(args, || load(Needs::Backend)).await,
        Command::Watch(args) => watch::main(args, load(Needs::Backend)?).await,
        Command::Show(args) => show::main(args, load(Needs::Backend)?).await,
        Command::List(args) => list::main(args, load(Needs::Backend)?).await,
        Command::Cancel(args) => intervene::main(Verb::Cancel, args, load(Needs::Backend)?).await,
        Command::Approve(args) => intervene::main(Verb::Approve, args, load(Needs::Backend)?).await,
        Command::Reject(args) => intervene::main(Verb::Reject, args, load(Needs::Backend)?).await,
        Command::Release(args) => intervene::main(Verb::Release, args, load(Needs::Backend)?).await,
        Command::Adopt(args) => intervene::adopt(args, load(Needs::Backend)?).await,
        Command::Pause(args) => pause::pause(args, load(Needs::Backend)?).await,
        Command::Resume(args) => pause::resume(args, load(Needs::Backend)?).await,
        Command::DenyHash(args) => deny::main(&args, &load(Needs::Backend)?),
        Command::Token(args) => token::main(args, load(Needs::Bank)?).await,
        Command::Events(args) => events::main(args, load(Needs::Backend)?).await,
        Command::DeadLetters(args) => dead_letters::main(args, load(Needs::Backend)?).await,
        Command::Doctor(args) => doctor::main(args, config.as_deref()).await,
        Command::Topology(args) => topology::main(args, load(Needs::Backend)?).await,
        Command::Schema(args) => schema::main(&args),
        Command::Keygen(args) => keygen::main(&args),
        Command::BankSim(args) => bank_sim::main(args, load(Needs::Backend)?).await,
    }
}

/// Marks an error as the fault of what was given: exit code 2.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct BadInput(String);

impl BadInput {
    fn from_error(error: impl std::fmt::Display) -> anyhow::Error {
        Self(error.to_string()).into()
    }
}
