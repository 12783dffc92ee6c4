//! Carries the plan out: a thread for each victim, whose faults follow each other.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::Signal;
use serde::Serialize;

use crate::business::Business;
use crate::plan::{Deed, Fault, Line, MOODS, ROLES, Server, Victim};
use crate::proxy::Mode;
use crate::scene::{LOOK_EVERY, Running, Scene, within};
use crate::services::RabbitMq;
use crate::stalls::Stalls;
use crate::store::RolledStore;

/// The store is set back at least so far.
const SET_BACK: Duration = Duration::from_secs(4);

/// Longest until payoutd notices that its store has lost something.
const NOTICED_MAX: Duration = Duration::from_secs(20);

/// How the store lost something, and what came of it.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Loss {
    pub(crate) at_s: f64,
    pub(crate) what: String,
    /// Until all that could pay was paused; absent if nobody noticed.
    pub(crate) noticed_ms: Option<u128>,
    pub(crate) published_again: usize,
}

#[derive(Default)]
pub(crate) struct Done {
    pub(crate) count: BTreeMap<&'static str, usize>,
    pub(crate) losses: Vec<Loss>,
    /// Processes that ended though nobody had asked for it, and faults that could not be done.
    pub(crate) fell: Vec<String>,
    /// When the last fault was over.
    pub(crate) last: Option<Instant>,
}

pub(crate) struct Strikes<'a> {
    pub(crate) scene: &'a Scene,
    pub(crate) broker: Mutex<RabbitMq>,
    pub(crate) store: Mutex<RolledStore>,
    pub(crate) business: &'a Business,
    pub(crate) runtime: tokio::runtime::Handle,
    pub(crate) began: Instant,
    pub(crate) done: Mutex<Done>,
    pub(crate) stalls: Stalls,
    /// The run is over: processes are not started again.
    pub(crate) over: AtomicBool,
}

impl Strikes<'_> {
    /// Returns when every fault is over but those of supervised processes, which their
    /// supervisors carry out.
    pub(crate) fn carry_out(&self, plan: &[Fault]) {
        let mut by_victim = std::collections::HashMap::<Victim, Vec<Fault>>::new();
        for fault in plan {
            by_victim.entry(fault.deed.victim()).or_default().push(*fault);
        }
        thread::scope(|threads| {
            for (victim, faults) in by_victim {
                if !supervised().any(|other| other == victim) {
                    threads.spawn(move || faults.iter().for_each(|fault| self.strike(fault, None)));
                }
            }
        });
    }

    /// Keeps a process running until the run is over, and does to it what is planned.
    pub(crate) fn supervise(&self, victim: Victim, plan: &[Fault]) {
        let mut faults = plan.iter().filter(|fault| fault.deed.victim() == victim).peekable();
        let mut process = Some(self.start(victim));
        while !self.over.load(Ordering::Relaxed) {
            if let Some(fault) = faults.next_if(|fault| fault.at <= self.began.elapsed()) {
                self.strike(fault, Some((victim, &mut process)));
            }
            if let Some(status) = process.as_mut().and_then(Running::ended) {
                let at = self.began.elapsed().as_secs_f64();
                self.done().fell.push(format!("{victim} at {at:.1} s: {status}"));
                process = Some(self.start(victim));
            }
            thread::sleep(LOOK_EVERY);
        }
        if let Some(process) = process
            && process.terminate().is_none()
        {
            self.done().fell.push(format!("{victim} did not end after SIGTERM"));
        }
    }

    fn start(&self, victim: Victim) -> Running {
        let started = match victim {
            Victim::Role(n) => self.scene.start_role(n),
            Victim::Server(_) | Victim::Line(_) | Victim::Mood => self.scene.start_bank(),
        };
        started.unwrap_or_else(|error| panic!("{victim} cannot be started: {error}"))
    }

    fn strike(&self, fault: &Fault, process: Option<(Victim, &mut Option<Running>)>) {
        thread::sleep(fault.at.saturating_sub(self.began.elapsed()));
        let (scene, lasts) = (self.scene, fault.lasts);
        match (fault.deed, process) {
            (Deed::Kill(_), Some((victim, process))) => {
                if let Some(process) = process.take() {
                    process.kill();
                }
                *process = Some(self.start(victim));
            }
            (Deed::Terminate(_), Some((victim, process))) => {
                if process.take().is_some_and(|process| process.terminate().is_none()) {
                    self.done().fell.push(format!("{victim} did not end after SIGTERM"));
                }
                *process = Some(self.start(victim));
            }
            (Deed::Freeze(_), Some((_, process))) => {
                if let Some(process) = process {
                    process.signal(Signal::STOP);
                    thread::sleep(lasts);
                    process.signal(Signal::CONT);
                }
            }
            (Deed::Kill(Victim::Server(Server::Broker)), None) => {
                let mut broker = self.broker();
                broker.kill();
                broker.start_again();
            }
            (Deed::Freeze(Victim::Server(Server::Broker)), None) => {
                let broker = self.broker();
                broker.freeze();
                thread::sleep(lasts);
                broker.thaw();
            }
            (Deed::Kill(_), None) => self.store().kill_and_start(),
            (Deed::Freeze(_) | Deed::Terminate(_), None) => {
                let store = self.store();
                store.freeze();
                thread::sleep(lasts);
                store.thaw();
            }
            (Deed::Cut(line), _) => self.disturb(line, Mode::Closed, lasts),
            (Deed::Swallow(line), _) => self.disturb(line, Mode::Frozen, lasts),
            (Deed::Mood(n), _) => {
                scene.set_mood(MOODS[n].1);
                thread::sleep(lasts);
                scene.set_mood("");
            }
            (Deed::RollBack, _) => {
                let set_back = self.store().roll_back(SET_BACK);
                match set_back {
                    Ok((age, lost)) => {
                        let age = age.as_secs_f64();
                        self.recover(format!("set back by {age:.1} s and {lost} bytes"));
                    }
                    Err(error) => self.failed(fault, &error.to_string()),
                }
            }
            (Deed::Empty, _) => {
                let is_emptied = self.store().empty();
                match is_emptied {
                    true => self.recover("emptied".into()),
                    false => self.failed(fault, "Redis does not answer"),
                }
            }
        }
        let mut done = self.done();
        *done.count.entry(fault.deed.kind()).or_default() += 1;
        done.last = Some(Instant::now());
    }

    /// The run itself cannot do what it wants to: then it shows less than it says.
    fn failed(&self, fault: &Fault, why: &str) {
        self.done().fell.push(format!("could not be done: {fault}: {why}"));
    }

    fn disturb(&self, line: Line, mode: Mode, lasts: Duration) {
        self.scene.set_line(line, mode);
        thread::sleep(lasts);
        self.scene.set_line(line, Mode::Open);
    }

    /// When it is noticed, and a person has resumed, the business publishes again what it has no
    /// result for.
    fn recover(&self, what: String) {
        let began = Instant::now();
        let at_s = self.began.elapsed().as_secs_f64();
        let noticed = within(NOTICED_MAX, || self.store().pauses());
        let noticed_ms = noticed.then(|| began.elapsed().as_millis());
        // The person resumes.
        within(NOTICED_MAX, || !self.store().pauses());
        let open = self.business.open_orders();
        self.runtime.block_on(self.business.publish(&open));
        let published_again = open.len();
        self.done().losses.push(Loss { at_s, what, noticed_ms, published_again });
    }

    fn broker(&self) -> MutexGuard<'_, RabbitMq> {
        self.broker.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn store(&self) -> MutexGuard<'_, RolledStore> {
        self.store.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn done(&self) -> MutexGuard<'_, Done> {
        self.done.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Everybody who is started again when it ends.
pub(crate) fn supervised() -> impl Iterator<Item = Victim> {
    (0..ROLES.len()).map(Victim::Role).chain([Victim::Server(Server::Bank)])
}
