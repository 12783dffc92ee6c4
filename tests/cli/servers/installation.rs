//! payoutd on two servers: a place with their addresses, and processes of every role.

use std::time::{Duration, Instant};

use serde_json::Value;

use crate::bank::{BankSim, get};
use crate::place::{Place, free_port};
use crate::process::Process;

/// Longest wait for anything: far beyond what a busy machine needs.
pub(crate) const PATIENCE: Duration = Duration::from_secs(120);

/// Between two looks at something that nobody tells us of.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// The servers that the test run was given.
pub(crate) fn amqp_url() -> String {
    given("PAYOUTD_TEST_AMQP_URL")
}

pub(crate) fn redis_url() -> String {
    given("PAYOUTD_TEST_REDIS_URL")
}

fn given(variable: &str) -> String {
    std::env::var(variable)
        .unwrap_or_else(|_| panic!("{variable} is not set: run scripts/test, which starts servers"))
}

/// A place whose settings name these servers. Every name on them is its own.
pub(crate) fn place_on(amqp_url: &str, redis_url: &str) -> Place {
    let mut place = Place::with_keys();
    place.set("backend.kind", "rabbitmq-redis");
    place.set("backend.amqp_url", amqp_url);
    place.set("backend.redis_url", redis_url);
    place.set("backend.prefix", &format!("payoutd-test-{:016x}", rand::random::<u64>()));
    place
}

/// A process of one role, and where it tells how it is.
pub(crate) struct Role {
    pub(crate) name: &'static str,
    pub(crate) process: Process,
    admin: String,
}

impl Role {
    pub(crate) fn start(place: &Place, name: &'static str) -> Self {
        Self::start_with(place, name, &[])
    }

    /// With more in its environment.
    fn start_with(place: &Place, name: &'static str, environment: &[(&str, &str)]) -> Self {
        let admin = format!("127.0.0.1:{}", free_port());
        let mut command = place.payoutd(["run", "--role", name]);
        command.env("PAYOUTD_ADMIN__LISTEN", &admin).envs(environment.iter().copied());
        Self { name, process: Process::start(name, command), admin }
    }

    /// The answer of `/readyz`, once it listens.
    pub(crate) fn readiness(&self) -> Option<Value> {
        let (_, body) = get(&self.admin, "/readyz").ok()?;
        serde_json::from_str(&body).ok()
    }

    pub(crate) fn is_ready(&self) -> bool {
        self.readiness().is_some_and(|readiness| readiness["ready"] == true)
    }
}

/// Waits until it holds.
#[track_caller]
pub(crate) fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let began = Instant::now();
    while !holds() {
        assert!(began.elapsed() < PATIENCE, "waited in vain: {what}");
        std::thread::sleep(LOOK_EVERY);
    }
}

/// Two processes of each role and a bank. The bank sends its webhooks to the first ingress.
pub(crate) struct Installation {
    pub(crate) place: Place,
    pub(crate) bank: BankSim,
    pub(crate) roles: Vec<Role>,
}

impl Installation {
    pub(crate) fn start(mut place: Place) -> Self {
        let bank = BankSim::start(&mut place, &["--processing", "30ms", "--latency", "10ms"]);
        let mut roles = Vec::new();
        for name in ["ingress", "executor", "decider", "reconciler"] {
            roles.push(Role::start(&place, name));
            // The second of a machine needs a door of its own.
            let door = format!("127.0.0.1:{}", free_port());
            let environment = [("PAYOUTD_INGRESS__LISTEN", door.as_str())];
            roles.push(Role::start_with(&place, name, &environment));
        }
        let installation = Self { place, bank, roles };
        installation.all_ready();
        installation
    }

    /// How long it took until every process could work.
    pub(crate) fn all_ready(&self) -> Duration {
        let began = Instant::now();
        for role in &self.roles {
            until(&format!("{} is ready: {:?}", role.name, role.readiness()), || role.is_ready());
        }
        began.elapsed()
    }

    /// States of all payouts.
    pub(crate) fn payouts(&self) -> Vec<Value> {
        let list = self.place.ran(["list", "--json", "--limit", "10000"]);
        list.out.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
    }

    /// Stops everything in order.
    pub(crate) fn stop(self) {
        for role in self.roles {
            let ended = role.process.terminate();
            assert_eq!(ended.code, Some(0), "{}: {}", role.name, ended.err);
        }
        self.bank.stop();
    }
}
