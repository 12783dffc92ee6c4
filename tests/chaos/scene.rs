//! Everything that runs beside the servers: the bank, payoutd's processes, and a way between each two
//! that can be cut. A person and the business stand beside them and have ways of their own.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::net::{Ipv4Addr, TcpListener};
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::bank::{exchange, get};
use crate::place::Place;
use crate::plan::{Line, ROLES};
use crate::process::Ended;
use crate::proxy::{Mode, Proxy};
use crate::verdict::{Attention, Paid};

/// Longest wait for anything to start.
const START_MAX: Duration = Duration::from_secs(60);

/// Between two looks at something that nobody tells us of.
pub(crate) const LOOK_EVERY: Duration = Duration::from_millis(100);

/// More than any run has.
const PAYOUTS_MAX: &str = "1000000";

pub(crate) struct Scene {
    pub(crate) place: Place,
    /// The person's ways to the servers, where those of payoutd can be cut: variables of the
    /// environment.
    direct: Vec<(&'static str, String)>,
    pub(crate) bank_address: String,
    lines: Vec<(Line, Proxy)>,
    /// Where logs are kept after the run.
    pub(crate) kept: PathBuf,
}

impl Scene {
    /// Keys and settings, but for the servers; no process of payoutd yet.
    pub(crate) fn set(
        kept: PathBuf,
        seed: u64,
        runtime: &tokio::runtime::Handle,
    ) -> io::Result<Self> {
        fs::create_dir_all(&kept)?;
        let mut place = Place::with_keys();
        place.set("ingress.listen", &address_apart());
        let bank_address = address_apart();
        place.set("backend.kind", "rabbitmq-redis");
        place.set("bank.timeout", "2s");
        place.set("tickets.delays", "1s,5s,15s");
        place.write("seed", seed.to_string());
        let (to_bank, door) = (bank_address.clone(), place.setting("ingress.listen").to_owned());
        let (direct, lines) = (Vec::new(), Vec::new());
        let mut scene = Self { place, direct, bank_address, lines, kept };
        let to_bank = scene.line(Line::ToBank, &to_bank, runtime);
        scene.line(Line::FromBank, &door, runtime);
        scene.place.set("bank.base_url", &format!("http://{to_bank}"));
        Ok(scene)
    }

    /// Leads payoutd to one broker and one store, on ways that can be cut.
    pub(crate) fn lead_to(
        &mut self,
        amqp_url: String,
        redis_url: String,
        runtime: &tokio::runtime::Handle,
    ) {
        let to_broker = self.line(Line::ToBroker, host(&amqp_url), runtime);
        let to_store = self.line(Line::ToStore, host(&redis_url), runtime);
        self.place.set("backend.amqp_url", &format!("amqp://guest:guest@{to_broker}/%2f"));
        self.place.set("backend.redis_url", &format!("redis://{to_store}/"));
        self.direct = vec![
            ("PAYOUTD_BACKEND__AMQP_URL", amqp_url),
            ("PAYOUTD_BACKEND__REDIS_URL", redis_url),
        ];
    }

    /// Where it begins.
    fn line(
        &mut self,
        line: Line,
        target: &str,
        runtime: &tokio::runtime::Handle,
    ) -> std::net::SocketAddr {
        let proxy = runtime.block_on(Proxy::to(target.to_owned(), Mode::Open));
        let begin = proxy.address;
        self.lines.push((line, proxy));
        begin
    }

    pub(crate) fn set_line(&self, line: Line, mode: Mode) {
        for (_, proxy) in self.lines.iter().filter(|(one, _)| *one == line) {
            proxy.set(mode);
        }
    }

    pub(crate) fn start_bank(&self) -> io::Result<Running> {
        let mut lines = self.lines.iter();
        let (_, door) =
            lines.find(|(line, _)| *line == Line::FromBank).expect("every scene has one");
        let webhooks = format!("http://{}/webhooks/bank131", door.address);
        let seed = self.place.read("seed");
        let bank = ["bank-sim", "--listen", &self.bank_address, "--webhook-url", &webhooks];
        let pace = ["--seed", &seed, "--processing", "30ms", "--latency", "5ms"];
        let bank = Running::start("bank", self, &[&bank[..], &pace[..]].concat())?;
        self.until("the bank answers", || get(&self.bank_address, "/_sim/ledger?totals").is_ok());
        Ok(bank)
    }

    pub(crate) fn start_role(&self, role: usize) -> io::Result<Running> {
        let (name, role) = ROLES[role];
        Running::start(name, self, &["run", "--role", role])
    }

    /// payoutd as a person calls it, from start to end; its way to the servers is never cut.
    pub(crate) fn person(&self, args: &[&str]) -> Ended {
        let direct: Vec<_> = self.direct.iter().map(|(name, url)| (*name, url.as_str())).collect();
        self.place.ran_with(&direct, args)
    }

    /// What a command shows as lines of JSON. Nothing while the servers are away.
    pub(crate) fn shown<T: DeserializeOwned>(&self, args: &[&str]) -> Option<Vec<T>> {
        let ended = self.person(args);
        let read = ended.out.lines().map(serde_json::from_str).collect::<Result<_, _>>();
        read.ok().filter(|_| ended.err.is_empty())
    }

    pub(crate) fn attention(&self) -> Option<Vec<Attention>> {
        self.shown(&["list", "--attention", "--json", "--limit", PAYOUTS_MAX])
    }

    /// The bank's ledger, whole.
    pub(crate) fn ledger(&self) -> io::Result<Vec<Paid>> {
        let (mut rows, mut after) = (Vec::new(), 0);
        loop {
            let path = format!("/_sim/ledger?limit=10000&after={after}");
            let mut page: Value = serde_json::from_str(&get(&self.bank_address, &path)?.1)?;
            rows.extend(serde_json::from_value::<Vec<Paid>>(page["payouts"].take())?);
            match page["next"].as_i64() {
                Some(next) => after = next,
                None => return Ok(rows),
            }
        }
    }

    /// What the bank does from now on. It may be away just then.
    pub(crate) fn set_mood(&self, rules: &str) {
        let head = "PUT /_sim/faults HTTP/1.1\r\nhost: localhost\r\n";
        let body = format!(r#"{{"rules":[{rules}]}}"#);
        let set = || exchange(&self.bank_address, head, &body).is_ok_and(|(code, _)| code == 200);
        self.until("the bank's mood is set", set);
    }

    #[track_caller]
    pub(crate) fn until(&self, what: &str, mut holds: impl FnMut() -> bool) {
        assert!(within(START_MAX, &mut holds), "waited in vain: {what}");
    }
}

/// Whether it came to hold in this time.
pub(crate) fn within(time: Duration, holds: impl FnMut() -> bool) -> bool {
    looking(LOOK_EVERY, time, holds)
}

/// The same, for a look that costs something.
pub(crate) fn within_slow(time: Duration, holds: impl FnMut() -> bool) -> bool {
    looking(Duration::from_secs(1), time, holds)
}

fn looking(every: Duration, time: Duration, mut holds: impl FnMut() -> bool) -> bool {
    let began = Instant::now();
    while !holds() {
        if began.elapsed() > time {
            return false;
        }
        std::thread::sleep(every);
    }
    true
}

/// Where nobody listens now, and another run that is started with this one does not look either.
fn address_apart() -> String {
    loop {
        let port: u16 = rand::random_range(10_000..30_000);
        if TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok() {
            return format!("127.0.0.1:{port}");
        }
    }
}

/// Host and port.
fn host(url: &str) -> &str {
    let rest = url.rsplit_once('@').or(url.split_once("://")).map_or(url, |(_, rest)| rest);
    rest.split('/').next().unwrap_or(rest)
}

/// A process whose log is a file. Killed when dropped.
pub(crate) struct Running(Child);

impl Running {
    fn start(name: &str, scene: &Scene, args: &[&str]) -> io::Result<Self> {
        let log: File = OpenOptions::new()
            .create(true)
            .append(true)
            .open(scene.kept.join(format!("{name}.log")))?;
        let mut command: Command = scene.place.payoutd(args.iter().copied());
        Ok(Self(command.stdout(Stdio::null()).stderr(log).spawn()?))
    }

    pub(crate) fn signal(&self, signal: Signal) {
        let pid =
            i32::try_from(self.0.id()).ok().and_then(Pid::from_raw).expect("a process has one");
        // Refused only if it has ended by itself, which is looked at elsewhere.
        kill_process(pid, signal).unwrap_or_else(|error| eprintln!("chaos: {signal:?}: {error}"));
    }

    pub(crate) fn kill(mut self) {
        self.end();
    }

    fn end(&mut self) {
        // Both fail only for a process that has ended and was waited for.
        self.0.kill().and_then(|()| self.0.wait()).ok();
    }

    /// How it ended, if it did.
    pub(crate) fn ended(&mut self) -> Option<ExitStatus> {
        self.0.try_wait().ok().flatten()
    }

    /// SIGTERM. How long it took to end; `None`: it did not.
    pub(crate) fn terminate(mut self) -> Option<Duration> {
        let began = Instant::now();
        self.signal(Signal::TERM);
        within(START_MAX, || self.ended().is_some()).then(|| began.elapsed())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.end();
    }
}
