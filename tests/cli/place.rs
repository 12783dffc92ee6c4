//! A folder of its own for each test: keys, settings, and the processes that run with them.

use std::collections::BTreeMap;
use std::fs;
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::process::{Ended, Process, Stream};

/// The demo's commands: every way that a payout can end.
pub(crate) const DEMO_COMMANDS: &str = include_str!("../../deploy/examples/payouts.jsonl");

pub(crate) struct Place {
    dir: TempDir,
    settings: BTreeMap<String, String>,
}

impl Place {
    /// An empty folder, and no settings.
    pub(crate) fn empty() -> Self {
        let dir = tempfile::Builder::new().prefix("payoutd-test-").tempdir().expect("a folder");
        Self { dir, settings: BTreeMap::new() }
    }

    /// A folder with fresh keys, and settings for a simulated bank that is quick to retry.
    pub(crate) fn with_keys() -> Self {
        let mut place = Self::empty();
        let made = place.ran(["keygen", "."]);
        assert_eq!(made.code, Some(0), "{made:?}");
        place.set("bank.project", "demo");
        place.set("bank.private_key_file", "partner_private.pem");
        place.set("bank.public_key_files", "bank_public.pem");
        place.set("bank.timeout", "1s");
        place.set("tickets.delays", "500ms,1s,2s");
        place.set("admin.listen", "");
        place.set("ingress.listen", &format!("127.0.0.1:{}", free_port()));
        place
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub(crate) fn dir(&self) -> &Path {
        self.dir.path()
    }

    pub(crate) fn write(&self, name: &str, text: impl AsRef<[u8]>) {
        fs::write(self.path(name), text).expect("a folder that can be written");
    }

    pub(crate) fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap_or_else(|e| panic!("{name}: {e}"))
    }

    /// Sets `section.key` for all processes started from here on, through the environment.
    pub(crate) fn set(&mut self, key: &str, value: &str) {
        self.settings.insert(variable(key), value.into());
    }

    pub(crate) fn unset(&mut self, key: &str) {
        self.settings.remove(&variable(key)).expect("it was set");
    }

    pub(crate) fn setting(&self, key: &str) -> &str {
        &self.settings[&variable(key)]
    }

    /// payoutd in this folder, with these settings and nothing else of the environment.
    pub(crate) fn payoutd<'a>(&self, args: impl IntoIterator<Item = &'a str>) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_payoutd"));
        command.args(args).current_dir(self.dir()).env_clear().stdin(Stdio::null());
        command.envs(std::env::var_os("PATH").map(|path| ("PATH", path)));
        command.env("RUST_BACKTRACE", "1").envs(&self.settings);
        command
    }

    pub(crate) fn start<'a>(&self, args: impl IntoIterator<Item = &'a str>) -> Process {
        let args: Vec<_> = args.into_iter().collect();
        let name = format!("payoutd {}", args.join(" "));
        Process::start(&name, self.payoutd(args))
    }

    /// From start to end.
    #[track_caller]
    pub(crate) fn ran<'a>(&self, args: impl IntoIterator<Item = &'a str>) -> Ended {
        self.start(args).end()
    }

    /// From start to end, with more in the environment.
    #[track_caller]
    pub(crate) fn ran_with(&self, variables: &[(&str, &str)], args: &[&str]) -> Ended {
        let mut command = self.payoutd(args.iter().copied());
        command.envs(variables.iter().copied());
        Process::start(&format!("payoutd {}", args.join(" ")), command).end()
    }

    /// `payoutd run`, ready: its door is open.
    pub(crate) fn run<'a>(&self, args: impl IntoIterator<Item = &'a str>) -> Process {
        let run = self.start(["run"].into_iter().chain(args));
        run.line(Stream::Err, |line| line.contains("run.started").then_some(()));
        run
    }

    /// `payoutd watch --json`, ready: from now on no event escapes it.
    pub(crate) fn watch(&self) -> Process {
        let watch = self.start(["watch", "--json"]);
        watch.line(Stream::Err, |line| line.starts_with("watching").then_some(()));
        watch
    }

    /// Publishes what is in the file; all of it must be good.
    #[track_caller]
    pub(crate) fn publish(&self, file: &str) {
        let published = self.ran(["publish", file]);
        assert_eq!(published.code, Some(0), "{published:?}");
    }
}

fn variable(key: &str) -> String {
    format!("PAYOUTD_{}", key.to_uppercase().replace('.', "__"))
}

/// A port that nobody listens on. Below those that systems give to outgoing connections, so that
/// none of the many made meanwhile takes it; no two tests of this process get the same.
pub(crate) fn free_port() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    const FIRST: u16 = 12_000;
    const COUNT: u16 = 16_000;
    // Other test processes begin elsewhere.
    let offset = u16::try_from(std::process::id() % u32::from(COUNT)).expect("below COUNT");
    (0..COUNT)
        .map(|_| FIRST + (offset + NEXT.fetch_add(1, Ordering::Relaxed)) % COUNT)
        .find(|port| TcpListener::bind((Ipv4Addr::LOCALHOST, *port)).is_ok())
        .expect("a free port among thousands")
}

/// A payout to a card by its hash. The amount's last two digits choose what the bank makes of it.
pub(crate) fn to_card(payout_id: &str, amount: i64) -> Value {
    json!({
        "type": "payout.create",
        "payout_id": payout_id,
        "payment_method": {"type": "card", "card": {
            "type": "encrypted_card",
            "encrypted_card": {"number_hash": "63191fa17cc7edf818ee5d6611a2c2169ab30b705111cffd710af39880deef09"},
        }},
        "amount_details": {"amount": amount, "currency": "rub"},
    })
}

/// JSON Lines.
pub(crate) fn lines(commands: impl IntoIterator<Item = Value>) -> String {
    commands.into_iter().map(|command| format!("{command}\n")).collect()
}

/// A result event, as `watch --json` shows it.
pub(crate) struct Seen {
    pub(crate) id: String,
    pub(crate) kind: String,
    pub(crate) payout: String,
}

/// The events that a watching process has shown so far.
pub(crate) fn events(lines: &[String]) -> Vec<Seen> {
    let read = |line: &String| {
        let event: Value = serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {line}"));
        let text = |name: &str| event[name].as_str().unwrap_or_default().to_owned();
        Seen { id: text("id"), kind: text("type"), payout: text("subject") }
    };
    lines.iter().map(read).collect()
}

const FINAL: [&str; 4] =
    ["payout.succeeded", "payout.failed", "payout.cancelled", "payout.rejected"];

/// How each payout ended. Fails when one ended twice: under two ids.
pub(crate) fn ends(events: &[Seen]) -> BTreeMap<String, String> {
    let mut ends: BTreeMap<String, (&str, &str)> = BTreeMap::new();
    for event in events.iter().filter(|event| FINAL.contains(&event.kind.as_str())) {
        let first = ends.entry(event.payout.clone()).or_insert((&event.id, &event.kind));
        assert_eq!(first.0, event.id, "{} has two final events", event.payout);
    }
    ends.into_iter().map(|(payout, (_, kind))| (payout, kind["payout.".len()..].into())).collect()
}

/// Waits until `count` payouts have ended, and says how.
#[track_caller]
pub(crate) fn wait_for_ends(watch: &Process, count: usize) -> BTreeMap<String, String> {
    watch.output(Stream::Out, |lines| Some(ends(&events(lines))).filter(|ends| ends.len() == count))
}
