//! What can happen in the world, and what comes of it.

use std::collections::HashMap;
use std::sync::Mutex;

use stateright::{Model, Property};

use crate::bank::{Bank, Phase, Reply, Request};
use crate::protocol::Protocol;
use crate::world::{Letter, World};

/// What can happen.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Action {
    /// A worker takes a message.
    Take(Letter),
    /// A worker does the next thing.
    Step(usize),
    /// Status has no answer.
    StepInSilence(usize),
    /// The worker stops, before its next thing or in the middle of it.
    Crash(usize),
    CrashMidway(usize),
    /// A call comes to its end.
    Land(Request),
    LandTwice(Request),
    /// The sender gives up; the call is still on its way.
    GiveUp(Request),
    Lose(Request),
    Fail(Request),
    Refuse(Request),
    DoNotSend(Request),
    /// The bank goes on with a session.
    GoOn(u8, Phase),
    LoseLetter(Letter),
    DoubleLetter(Letter),
    Sweep,
    Tick,
    Remember,
    RollBack,
}

/// The model's own memory of which states a fault-free way out was found from.
pub(crate) type Recovered = Mutex<HashMap<u64, bool>>;

/// Beyond what the faults of any search lead to, with the guards in their places.
const TRIES_MAX: u32 = 4;
const LETTERS_MAX: usize = 6;

pub(crate) struct Search {
    pub(crate) protocol: Protocol,
    pub(crate) policy: payoutd::domain::policy::Policy,
    pub(crate) recovered: Recovered,
}

impl Search {
    pub(crate) fn new(protocol: Protocol) -> Self {
        let policy = protocol.policy();
        Self { protocol, policy, recovered: Recovered::default() }
    }
}

impl Model for Search {
    type State = World;
    type Action = Action;

    fn init_states(&self) -> Vec<World> {
        let mut letters = vec![Letter::Command(0)];
        if self.protocol.conflict {
            letters.push(Letter::Command(1));
        }
        if self.protocol.cancellation {
            letters.push(Letter::Cancel);
        }
        vec![World {
            store: None,
            earlier: None,
            workers: [None, None],
            letters,
            requests: Vec::new(),
            bank: Bank::default(),
            left: self.protocol.faults,
            broken: None,
        }]
    }

    fn actions(&self, world: &World, actions: &mut Vec<Action>) {
        self.worker_actions(world, actions);
        self.request_actions(world, actions);
        self.message_actions(world, actions);
        for session in &world.bank.sessions {
            for phase in Bank::next_phases(session) {
                let allowed = match phase {
                    Phase::Cancelled => world.left.expiries > 0,
                    Phase::Failed => world.left.failures > 0,
                    _ => true,
                };
                if allowed {
                    actions.push(Action::GoOn(session.number, *phase));
                }
            }
        }
        if world.may_tick() {
            actions.push(Action::Tick);
        }
        if world.left.roll_backs > 0 {
            match &world.earlier {
                None if self.may_remember(world) => actions.push(Action::Remember),
                Some(_) => actions.push(Action::RollBack),
                None => {}
            }
        }
    }

    fn next_state(&self, world: &World, action: Action) -> Option<World> {
        let mut next = world.clone();
        self.perform(&mut next, action);
        Some(next)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        crate::checking::properties(self.protocol.check)
    }

    fn within_boundary(&self, world: &World) -> bool {
        let (tries, version) = world
            .store
            .as_ref()
            .map_or((0, 0), |record| (record.intention.attempt, record.version));
        let rolls_back = world.left.roll_backs > 0;
        tries <= TRIES_MAX
            && world.letters.len() <= LETTERS_MAX
            && (!rolls_back || version <= self.protocol.version_max)
    }
}

impl Search {
    fn worker_actions(&self, world: &World, actions: &mut Vec<Action>) {
        for (at, worker) in world.workers.iter().enumerate() {
            let Some(run) = worker else { continue };
            if !run.waits_for_answer() {
                actions.push(Action::Step(at));
                if world.left.silences > 0 && self.asks_status(run) {
                    actions.push(Action::StepInSilence(at));
                }
                if world.left.crashes > 0 && self.publishes_first(run) {
                    actions.push(Action::CrashMidway(at));
                }
            }
            if world.left.crashes > 0 {
                actions.push(Action::Crash(at));
            }
        }
    }

    fn request_actions(&self, world: &World, actions: &mut Vec<Action>) {
        let left = &world.left;
        for request in &world.requests {
            let request = || request.clone();
            actions.push(Action::Land(request()));
            if request().sender.is_none() {
                actions.push(Action::Lose(request()));
                continue;
            }
            if left.lost_calls > 0 {
                actions.push(Action::GiveUp(request()));
            }
            if left.failed_calls > 0 {
                actions.push(Action::Fail(request()));
            }
            if left.refused_calls > 0 {
                actions.push(Action::Refuse(request()));
            }
            if left.unsent_calls > 0 {
                actions.push(Action::DoNotSend(request()));
            }
            if left.doubled_calls > 0 {
                actions.push(Action::LandTwice(request()));
            }
        }
    }

    fn message_actions(&self, world: &World, actions: &mut Vec<Action>) {
        let idle = world.workers.iter().any(Option::is_none);
        for (at, letter) in world.letters.iter().enumerate() {
            if world.letters[..at].contains(letter) {
                continue;
            }
            let due = !matches!(letter, Letter::Ticket { due: 1.., .. });
            if idle && due {
                actions.push(Action::Take(letter.clone()));
            }
            let losable = matches!(letter, Letter::Ticket { .. } | Letter::Webhook(_));
            if losable && world.left.lost_letters > 0 {
                actions.push(Action::LoseLetter(letter.clone()));
            }
            if world.left.doubled_letters > 0 {
                actions.push(Action::DoubleLetter(letter.clone()));
            }
        }
        if self.protocol.sweep && world.may_sweep() {
            actions.push(Action::Sweep);
        }
    }

    fn may_remember(&self, world: &World) -> bool {
        let wanted = self.protocol.goes_back_to;
        world.store.as_ref().is_some_and(|r| wanted.is_none_or(|state| state == r.state))
    }

    pub(crate) fn perform(&self, world: &mut World, action: Action) {
        match action {
            Action::Take(letter) => {
                world.remove_letter(&letter);
                let at = world.workers.iter().position(Option::is_none).expect("one is idle");
                world.workers[at] = self.take(world, letter);
            }
            Action::Step(at) => self.step(world, at, false),
            Action::StepInSilence(at) => {
                world.left.silences -= 1;
                self.step(world, at, true);
            }
            Action::Crash(at) => world.crash(at),
            Action::CrashMidway(at) => {
                self.publish_first(world, at);
                world.crash(at);
            }
            Action::GoOn(number, phase) => {
                match phase {
                    Phase::Cancelled => world.left.expiries -= 1,
                    Phase::Failed => world.left.failures -= 1,
                    _ => {}
                }
                let shown = world.bank.go_on(number, phase);
                if self.protocol.webhooks {
                    world.letters.push(Letter::Webhook(shown));
                }
            }
            Action::LoseLetter(letter) => {
                world.left.lost_letters -= 1;
                world.remove_letter(&letter);
            }
            Action::DoubleLetter(letter) => {
                world.left.doubled_letters -= 1;
                world.letters.push(letter);
            }
            Action::Sweep => world.sweep(),
            Action::Tick => world.tick(1 + self.protocol.faults.freezes),
            Action::Remember => world.earlier.clone_from(&world.store),
            Action::RollBack => {
                world.left.roll_backs -= 1;
                world.store = world.earlier.take();
            }
            action => self.end_request(world, action),
        }
        world.drop_old_tickets();
        world.letters.sort_unstable();
        world.requests.sort_unstable();
    }

    fn end_request(&self, world: &mut World, action: Action) {
        let kind = self.protocol.bank;
        let (request, reply) = match action {
            Action::Land(request) => {
                let reply = world.bank.take(kind, &request);
                (request, reply)
            }
            Action::LandTwice(request) => {
                world.left.doubled_calls -= 1;
                let reply = world.bank.take(kind, &request);
                world.bank.take(kind, &request);
                (request, reply)
            }
            Action::Lose(request) => (request, Reply::Unknown),
            Action::GiveUp(request) => {
                world.left.lost_calls -= 1;
                let mut late = request.clone();
                late.sender = None;
                world.requests.push(late);
                (request, Reply::Unknown)
            }
            Action::Fail(request) => {
                world.left.failed_calls -= 1;
                let reply = world.bank.fail(kind, &request, Reply::Unknown);
                (request, reply)
            }
            Action::Refuse(request) => {
                world.left.refused_calls -= 1;
                let reply = world.bank.fail(kind, &request, Reply::Refused);
                (request, reply)
            }
            Action::DoNotSend(request) => {
                world.left.unsent_calls -= 1;
                (request, Reply::NotSent)
            }
            other => unreachable!("{other:?} ends no request"),
        };
        let at = world.requests.iter().position(|r| *r == request).expect("on its way");
        world.requests.remove(at);
        if let Some(sender) = request.sender {
            let run = world.workers[sender].as_mut().expect("it waits");
            run.hear(reply);
        }
    }
}
