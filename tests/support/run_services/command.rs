//! The command that the services are for: run to its end, or ended with all that it started.

use std::ffi::OsString;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Command, ExitStatus};
use std::time::Duration;

use anyhow::Context;
use tokio::signal::unix::{Signal, SignalKind, signal};

/// For a command that was told to end; then it is killed.
const GRACE: Duration = Duration::from_secs(10);

/// SIGINT and SIGTERM, caught from when this is made.
pub(crate) struct Signals {
    interrupt: Signal,
    terminate: Signal,
}

impl Signals {
    pub(crate) fn listen() -> anyhow::Result<Self> {
        let interrupt = signal(SignalKind::interrupt())?;
        Ok(Self { interrupt, terminate: signal(SignalKind::terminate())? })
    }

    /// The name of the next one.
    async fn next(&mut self) -> &'static str {
        tokio::select! {
            _ = self.interrupt.recv() => "INT",
            _ = self.terminate.recv() => "TERM",
        }
    }
}

/// Runs it in a process group of its own: a signal then reaches `cargo` and the tests alike, and
/// only through us, while the services are still there. Answers its exit code; as in a shell,
/// 128 and the signal's number if one ended it.
pub(crate) async fn run(
    command: &[OsString],
    variables: [(&str, &str); 2],
    signals: &mut Signals,
) -> anyhow::Result<u8> {
    let [program, arguments @ ..] = command else { anyhow::bail!("no command") };
    let mut child = Command::new(program)
        .args(arguments)
        .envs(variables)
        .process_group(0)
        .spawn()
        .with_context(|| program.display().to_string())?;
    let group = format!("-{}", child.id());
    let mut ended = tokio::task::spawn_blocking(move || child.wait());
    let status = tokio::select! {
        status = &mut ended => status??,
        name = signals.next() => {
            eprintln!("services: SIG{name}");
            send(name, &group);
            match tokio::time::timeout(GRACE, &mut ended).await {
                Ok(status) => { send("KILL", &group); status?? }
                Err(_) => { send("KILL", &group); ended.await?? }
            }
        }
    };
    Ok(code(status))
}

/// Refused only if nobody is left in the group.
fn send(name: &str, group: &str) {
    let sent =
        Command::new("sh").args(["-c", "kill -s \"$0\" -- \"$1\" 2>&-", name, group]).status();
    if let Err(error) = sent {
        eprintln!("services: no SIG{name} sent: {error}");
    }
}

fn code(status: ExitStatus) -> u8 {
    let code = status.code().unwrap_or_else(|| 128 + status.signal().unwrap_or_default());
    u8::try_from(code).unwrap_or(u8::MAX)
}
