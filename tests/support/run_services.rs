//! Starts RabbitMQ and Redis for a command, and stops them after it:
//! `cargo run --example services -- native -- cargo test`.
//!
//! The command finds them in `PAYOUTD_TEST_AMQP_URL` and `PAYOUTD_TEST_REDIS_URL`. Which they are
//! is printed on standard error. The exit code is the command's, or 69 (`EX_UNAVAILABLE`) if the
//! services cannot be had. SIGINT and SIGTERM are passed on to the command and all it started,
//! and end the services too.

#[path = "run_services/command.rs"]
mod command;
#[path = "services/containers.rs"]
mod containers;
#[path = "services.rs"]
#[expect(dead_code, reason = "nothing is killed, started again or frozen here")]
mod services;
#[path = "run_services/set.rs"]
mod set;

use std::ffi::OsString;
use std::fs;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

use clap::Parser;

use command::Signals;
use set::Set;

/// `EX_UNAVAILABLE` of sysexits.h. `cargo test` ends with 0 or 101.
const UNAVAILABLE: u8 = 69;

/// Starts RabbitMQ and Redis for a command, and stops them after it.
#[derive(Parser)]
struct Arguments {
    set: Set,
    /// Writes which services these are, in one line, to a file.
    #[arg(long)]
    names: Option<PathBuf>,
    #[arg(last = true, required = true)]
    command: Vec<OsString>,
}

#[tokio::main]
async fn main() -> anyhow::Result<ExitCode> {
    let arguments = Arguments::parse();
    // Before anything is started, so that no signal ends us with services left behind.
    let mut signals = Signals::listen()?;
    let began = Instant::now();
    let services = match arguments.set.start().await {
        Ok(services) => services,
        Err(why) => {
            eprintln!("services: {} cannot be had: {why:#}", arguments.set);
            return Ok(ExitCode::from(UNAVAILABLE));
        }
    };
    eprintln!("services: {}, ready in {:.1?}:", arguments.set, began.elapsed());
    for line in services.lines() {
        eprintln!("services:   {line}");
    }
    if let Some(file) = arguments.names {
        fs::write(file, services.names())?;
    }
    let code = command::run(&arguments.command, services.variables(), &mut signals).await;
    services.stop().await?;
    Ok(ExitCode::from(code?))
}
