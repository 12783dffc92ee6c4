//! Asks a person on a terminal whether to go on.

use std::io::{self, BufRead, IsTerminal};
use std::thread;

use anyhow::Context;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::oneshot;

/// Whether there is a person to ask: somebody reads standard error, and standard input is typed.
pub(super) fn somebody_is_there() -> bool {
    io::stdin().is_terminal() && io::stderr().is_terminal()
}

/// Ctrl-C, from here on: it no longer ends the process by itself, so whoever holds this waits for
/// it.
pub(super) struct Interrupt(Signal);

impl Interrupt {
    pub(super) fn listen() -> anyhow::Result<Self> {
        signal(SignalKind::interrupt()).map(Self).context("Ctrl-C cannot be listened to")
    }

    pub(super) async fn comes(&mut self) {
        self.0.recv().await;
    }

    /// Puts the question, and waits for a line. Everything but yes is no, Ctrl-C too.
    pub(super) async fn ask(&mut self, question: &str) -> bool {
        eprint!("{question} [y/N] ");
        let (send, answer) = oneshot::channel();
        // A thread of its own, not one of the runtime's: nothing ends a read from a terminal, and
        // the runtime would wait for it. The process's end does.
        thread::spawn(move || {
            let mut line = String::new();
            let read = io::stdin().lock().read_line(&mut line);
            // Nobody waits any more after Ctrl-C.
            let _unheard = send.send(read.is_ok() && is_yes(&line));
        });
        tokio::select! {
            yes = answer => yes.unwrap_or(false),
            () = self.comes() => {
                eprintln!();
                false
            }
        }
    }
}

fn is_yes(line: &str) -> bool {
    let answer = line.trim();
    answer.eq_ignore_ascii_case("y") || answer.eq_ignore_ascii_case("yes")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_yes_is_yes() {
        for yes in ["y\n", "Y\r\n", " yes", "YES\n"] {
            assert!(is_yes(yes), "{yes:?}");
        }
        for no in ["", "\n", "n\n", "no", "yy", "yes please", "д\n"] {
            assert!(!is_yes(no), "{no:?}");
        }
    }
}
