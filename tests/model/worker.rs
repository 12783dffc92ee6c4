//! A worker: the driver's loop, in its order, one thing at a time. What to do is asked of the
//! crate; where something can come in between, the step ends.

mod calling;
mod writing;

use std::hash::{Hash, Hasher};

use payoutd::domain::command::{Flow, Intervention, Verb};
use payoutd::domain::event::Event;
use payoutd::domain::intervene::{Effect, intervene};
use payoutd::domain::payout::{Intention, Payout, State};
use payoutd::domain::step::{Sight, Source, Step, next_step};
use payoutd::domain::time::Timestamp;

use crate::bank::{Reply, Shown, session_number};
use crate::record::{COMMANDS, NOW, Record, TICK, aged};
use crate::search::Search;
use crate::world::{Letter, World};

/// One message's handling of one payout.
#[derive(Clone, Debug)]
pub(crate) struct Run {
    pub(crate) letter: Letter,
    record: Record,
    sight: Option<Seen>,
    /// How much of the history is published.
    published: usize,
    next: Next,
    /// Ticks since the store last told the time.
    lag: u8,
    /// Ticks since the last write began.
    since_write: u8,
    /// What was last sent, and when by the worker's clock.
    sent: Option<(Intention, Timestamp)>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Seen {
    shown: Shown,
    /// `None`: by a webhook.
    asked_at: Option<Timestamp>,
}

/// What a worker does next.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Next {
    /// Store the record as a new one.
    Accept,
    /// Write what the message stands for.
    Fill,
    Intervene,
    Decide,
    Send,
    /// The call is on its way.
    Hear,
    Record(Reply),
}

impl Run {
    fn new(letter: Letter, record: Record, next: Next) -> Self {
        let published = record.published;
        Self { letter, record, sight: None, published, next, lag: 0, since_write: 0, sent: None }
    }

    pub(crate) fn waits_for_answer(&self) -> bool {
        self.next == Next::Hear
    }

    pub(crate) fn hear(&mut self, reply: Reply) {
        if let (Reply::Done(shown), Some((_, asked_at))) = (&reply, &self.sent) {
            self.sight = Some(Seen { shown: shown.clone(), asked_at: Some(*asked_at) });
        }
        self.next = Next::Record(reply);
    }

    pub(crate) fn age(&mut self, age_max: u8) {
        self.record = self.record.aged(age_max);
        self.lag += 1;
        self.since_write += 1;
        if let Some(asked_at) = self.sight.as_mut().and_then(|seen| seen.asked_at.as_mut()) {
            *asked_at = aged(*asked_at, age_max);
        }
        if let Some((sent, asked_at)) = &mut self.sent {
            sent.at = aged(sent.at, age_max);
            *asked_at = aged(*asked_at, age_max);
        }
    }

    fn ticket(&self) -> Option<u64> {
        match self.letter {
            Letter::Ticket { number, .. } => Some(number),
            Letter::Command(_) | Letter::Cancel | Letter::Webhook(_) => None,
        }
    }

    pub(crate) fn digest(
        &self,
        relative: impl Fn((u64, u64)) -> (i64, i64) + Copy,
        hasher: &mut impl Hasher,
    ) {
        self.letter.relative(relative).hash(hasher);
        self.record.digest().hash(hasher);
        relative((self.record.version, self.record.ticket)).hash(hasher);
        (&self.sight, &self.next, self.lag, self.since_write).hash(hasher);
        self.record.history.len().wrapping_sub(self.published).hash(hasher);
        let sent = self.sent.as_ref().map(|(sent, at)| (sent.call, sent.attempt, sent.at, *at));
        sent.hash(hasher);
    }
}

impl Search {
    /// Loads the record that a message is about. `None`: nothing is to be done for it.
    pub(crate) fn take(&self, world: &mut World, letter: Letter) -> Option<Run> {
        let stored = world.store.clone();
        match (&letter, stored) {
            (Letter::Command(content), None) => {
                let (command, hash) = COMMANDS[usize::from(*content)].clone();
                let mut payout = Payout::accept(command, hash, Flow::TwoStep, NOW, NOW);
                payout.next_look_at = self.policy.deadline(&payout.intention);
                payout.version = 1;
                Some(Run::new(letter, Record::new(payout), Next::Accept))
            }
            (Letter::Command(_), Some(stub)) if stub.command.create().is_none() => {
                Some(Run::new(letter, stub, Next::Fill))
            }
            (Letter::Command(content), Some(payout))
                if payout.content_hash == COMMANDS[usize::from(*content)].1 =>
            {
                Some(Run::new(letter, payout, Next::Decide))
            }
            // A conflict: told, and that is all.
            (Letter::Command(_), Some(_)) => None,
            (Letter::Cancel, Some(payout)) => Some(Run::new(letter, payout, Next::Intervene)),
            (Letter::Cancel, None) => {
                let id = COMMANDS[0].0.payout_id.clone();
                let mut stub = Payout::stub(id, "unwanted".into(), NOW);
                stub.version = 1;
                Some(Run::new(letter, Record::new(stub), Next::Accept))
            }
            (Letter::Ticket { number, version, .. }, Some(payout)) => {
                if self.protocol.guards.fence
                    && *version > payout.version
                    && payout.attention.is_none()
                {
                    return self.fence(world, letter, &payout);
                }
                let newest = *number >= payout.ticket;
                newest.then(|| Run::new(letter, payout, Next::Decide))
            }
            (Letter::Webhook(shown), Some(payout)) => {
                let sight = Some(Seen { shown: shown.clone(), asked_at: None });
                Some(Run { sight, ..Run::new(letter, payout, Next::Decide) })
            }
            (Letter::Ticket { .. } | Letter::Webhook(_), None) => None,
        }
    }

    /// The ticket knows of a later record than the store does.
    fn fence(&self, world: &mut World, letter: Letter, payout: &Record) -> Option<Run> {
        let reason = "the store has forgotten something".to_owned();
        let mut run = Run::new(letter, payout.clone(), Next::Decide);
        self.record(world, &mut run, Event::NeedsAttention { reason, session: None });
        Some(run)
    }

    pub(crate) fn step(&self, world: &mut World, at: usize, silence: bool) {
        let mut run = world.workers[at].take().expect("it runs");
        let rests = match run.next.clone() {
            Next::Accept => self.accept(world, &mut run),
            Next::Fill => self.fill(world, &mut run),
            Next::Intervene => self.intervene(world, &mut run),
            Next::Decide => self.decide(world, &mut run, silence),
            Next::Send => {
                self.send(world, &mut run, at);
                false
            }
            Next::Hear => unreachable!("it hears when the call ends"),
            Next::Record(reply) => {
                self.record_outcome(world, &mut run, &reply);
                false
            }
        };
        if !rests {
            world.workers[at] = Some(run);
        }
    }

    /// What the worker's clock shows.
    fn now(&self, run: &Run) -> Timestamp {
        let behind = if self.protocol.clocks_stand_still { run.lag } else { 0 };
        NOW - TICK * u32::from(behind)
    }

    fn accept(&self, world: &mut World, run: &mut Run) -> bool {
        run.since_write = 0;
        if self.protocol.guards.compare_and_set && world.store.is_some() {
            // Another one was first: look again.
            match self.take(world, run.letter.clone()) {
                Some(again) => *run = again,
                None => return true,
            }
            return false;
        }
        run.lag = 0;
        world.put(run.record.clone());
        run.published = run.record.history.len();
        let stub = run.record.state == State::Stub;
        run.next = if stub { Next::Decide } else { Next::Send };
        false
    }

    fn fill(&self, world: &mut World, run: &mut Run) -> bool {
        let Letter::Command(content) = run.letter else { unreachable!("only a command fills") };
        let (command, content_hash) = COMMANDS[usize::from(content)].clone();
        let came = Event::CommandCame { command: Some(Box::new(command)), content_hash };
        if self.record(world, run, came) {
            run.next = Next::Decide;
            return false;
        }
        self.look_again(world, run)
    }

    /// Handles the message anew.
    fn look_again(&self, world: &mut World, run: &mut Run) -> bool {
        let again = self.take(world, run.letter.clone());
        let nothing_to_do = again.is_none();
        if let Some(again) = again {
            *run = again;
        }
        nothing_to_do
    }

    fn intervene(&self, world: &mut World, run: &mut Run) -> bool {
        let word = Intervention {
            verb: Verb::Cancel,
            payout_id: COMMANDS[0].0.payout_id.clone(),
            session: None,
            reason: "unwanted".into(),
        };
        match intervene(&run.record, &word, &self.policy, self.now(run)) {
            Effect::Write(event) => {
                self.record(world, run, event);
                self.look_again(world, run)
            }
            Effect::Known => {
                run.next = Next::Decide;
                false
            }
            Effect::Refused(_) => true,
            Effect::WriteOnEvidence(_) | Effect::Adopt(_) => {
                unreachable!("a cancellation needs no evidence")
            }
        }
    }

    /// One turn of the loop. `true`: it rests.
    fn decide(&self, world: &mut World, run: &mut Run, silence: bool) -> bool {
        run.published = run.record.history.len();
        let step = self.next_step(run);
        match step {
            Step::Write(event) => {
                let intends_call = event.intends_call();
                if self.write(world, run, event) && intends_call {
                    run.next = Next::Send;
                }
                false
            }
            Step::AskStatus => {
                let Some(id) = run.record.session.as_ref().filter(|_| !silence) else {
                    return self.wait(world, run, None);
                };
                if let Some(attempt) = self.repeats_unasked(run) {
                    if self.record(world, run, Event::Intended { attempt }) {
                        run.next = Next::Send;
                    }
                    return false;
                }
                let shown = world.bank.sessions[usize::from(session_number(id))].clone();
                run.sight = Some(Seen { shown, asked_at: Some(self.now(run)) });
                false
            }
            Step::Wait(until) => self.wait(world, run, until),
            Step::Done => self.mark_published(world, run),
        }
    }

    fn next_step(&self, run: &Run) -> Step {
        let sight = run.sight.as_ref().map(|seen| Sight {
            session: seen.shown.session(self.protocol.guards.exactly_one),
            source: seen.asked_at.map_or(Source::Webhook, |asked_at| Source::Answer { asked_at }),
        });
        let now = match self.protocol.guards.deadline {
            true => self.now(run),
            // Nothing has to be waited for: a moment is enough.
            false => self.now(run) + TICK / 20,
        };
        next_step(&run.record, sight.as_ref(), &self.policy, now)
    }

    pub(crate) fn asks_status(&self, run: &Run) -> bool {
        run.next == Next::Decide
            && run.record.session.is_some()
            && self.next_step(run) == Step::AskStatus
    }
}
