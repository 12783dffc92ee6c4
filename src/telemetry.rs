//! Logs, on standard error: text for people, JSON for machines.
//!
//! Payouts and sessions are fields of their own (`payout_id`, `session_id`), and every line has an
//! `event` with a dotted name. `error` means that a person must act.
//!
//! A level is payoutd's own. Libraries say no more than warnings, whatever the level: what they
//! trace is written for their authors, and holds headers and bodies. A filter may name one.

use std::io::IsTerminal;

use tracing::level_filters::LevelFilter;
use tracing_subscriber::EnvFilter;

use crate::config::{Log, LogFormat};

/// The most that libraries say unless the filter names them.
const LIBRARIES: LevelFilter = LevelFilter::WARN;

/// The client library of RabbitMQ says at each of its layers that a connection was lost, as an
/// error; the adapter says it once.
const SILENT: &str = "lapin=off";

/// Starts logging for the whole process. Called once, by `main`.
pub fn start(log: &Log) {
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter(&log.level))
        .with_writer(std::io::stderr)
        .with_target(false);
    match log.format {
        LogFormat::Text => builder.with_ansi(std::io::stderr().is_terminal()).init(),
        LogFormat::Json => builder.json().flatten_event(true).init(),
    }
}

fn filter(level: &str) -> EnvFilter {
    let own = |directive: &str| match directive.parse::<LevelFilter>() {
        Ok(level) => {
            let (others, own) = (level.min(LIBRARIES), env!("CARGO_CRATE_NAME"));
            format!("{others},{SILENT},{own}={level}")
        }
        Err(_) => directive.to_owned(),
    };
    let directives: Vec<_> = level.split(',').map(str::trim).map(own).collect();
    EnvFilter::new(directives.join(","))
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::sync::{Arc, Mutex};

    use super::*;

    #[derive(Clone, Default)]
    struct Written(Arc<Mutex<Vec<u8>>>);

    impl Write for Written {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().expect("one thread").write(bytes)
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    /// What is logged with this setting, of one line each by payoutd and two libraries at each of
    /// three levels.
    fn logged(level: &str) -> String {
        let written = Written::default();
        let writer = written.clone();
        let subscriber = tracing_subscriber::fmt()
            .with_env_filter(filter(level))
            .with_writer(move || writer.clone())
            .without_time()
            .with_level(false)
            .with_target(false)
            .finish();
        tracing::subscriber::with_default(subscriber, || {
            tracing::trace!(target: "payoutd::roles", "own-trace");
            tracing::info!(target: "payoutd::roles", "own-info");
            tracing::warn!(target: "payoutd::roles", "own-warn");
            tracing::trace!(target: "h2::codec", "h2-trace");
            tracing::warn!(target: "h2::codec", "h2-warn");
            tracing::trace!(target: "hyper", "hyper-trace");
            tracing::warn!(target: "hyper", "hyper-warn");
        });
        let bytes = written.0.lock().expect("one thread").clone();
        let text = String::from_utf8(bytes).expect("text");
        text.split_whitespace().collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn a_level_is_payoutds_own_and_libraries_only_warn_unless_named() {
        assert_eq!(logged("trace"), "own-trace own-info own-warn h2-warn hyper-warn");
        assert_eq!(logged("info"), "own-info own-warn h2-warn hyper-warn");
        assert_eq!(logged("warn, h2=trace"), "own-warn h2-trace h2-warn hyper-warn");
        assert_eq!(logged("error,payoutd=info"), "own-info own-warn");
        assert_eq!(logged("off"), "");
    }
}
