//! A worker: the driver's loop, in its order, one thing at a time. What to do is asked of the
//! crate; where something can come in between, the step ends.

use std::hash::{Hash, Hasher};

use payoutd::domain::call::{Call, idempotency_text, record_answer};
use payoutd::domain::command::{Flow, Intervention, Verb};
use payoutd::domain::event::Event;
use payoutd::domain::intervene::{Effect, intervene};
use payoutd::domain::payout::{CallOutcome, Intention, Payout, State};
use payoutd::domain::step::{Sight, Source, Step, may_start, next_step};
use payoutd::domain::time::Timestamp;
use payoutd::domain::transition::apply;

use crate::bank::{Kind, Reply, Request, Shown, session_id, session_number};
use crate::protocol::{KeyText, honest_policy};
use crate::record::{COMMANDS, Mixer, NOW, Record, TICK, aged, content};
use crate::world::{Letter, Search, World};

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
            Effect::WriteOnEvidence(_) => unreachable!("a cancellation needs no evidence"),
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
        let step = next_step(&run.record, sight.as_ref(), &self.policy, now);
        let first_key_was_used = run.record.state == State::Confirming
            && run.record.intention.attempt == 1
            && run.record.intention.outcome == CallOutcome::Unknown { key_used: true };
        match step {
            Step::Write(Event::Intended { .. })
                if first_key_was_used && self.protocol.heeds_used_key =>
            {
                let reason = "the store may have forgotten something".to_owned();
                Step::Write(Event::NeedsAttention { reason, session: None })
            }
            step => step,
        }
    }

    /// Without the guard that status is asked first: the next try of a call whose outcome is open.
    fn repeats_unasked(&self, run: &Run) -> Option<u32> {
        let Intention { attempt, outcome, .. } = &run.record.intention;
        let open = matches!(outcome, CallOutcome::Pending | CallOutcome::Unknown { .. });
        let calling = matches!(run.record.state, State::Bound | State::Confirming);
        let asks = !self.protocol.guards.status_first && open && calling;
        asks.then_some(attempt + 1)
    }

    pub(crate) fn asks_status(&self, run: &Run) -> bool {
        run.next == Next::Decide
            && run.record.session.is_some()
            && self.next_step(run) == Step::AskStatus
    }

    /// `record`, or, without the guards, a call that is sent whoever wins the write, or before it.
    fn write(&self, world: &mut World, run: &mut Run, event: Event) -> bool {
        let guards = &self.protocol.guards;
        let mine = apply(&run.record, event.clone(), self.now(run)).ok();
        if event.intends_call()
            && !guards.intention_first
            && let Some(mine) = mine
        {
            run.record = Record::new(mine);
            run.since_write = 0;
            return true;
        }
        let intends_call = event.intends_call();
        if self.record(world, run, event) {
            return true;
        }
        if intends_call
            && !guards.winner_sends
            && let Some(mine) = mine
        {
            run.record = Record::new(mine);
            return true;
        }
        false
    }

    /// Writes an event. `false`: it was not written, and the record was read again.
    fn record(&self, world: &mut World, run: &mut Run, event: Event) -> bool {
        let now = self.now(run);
        let Ok(changed) = apply(&run.record, event, now) else {
            self.reload(world, run);
            return false;
        };
        let published = Event::Published { published: run.published };
        let mut changed = apply(&changed, published, now).expect("legal in every state");
        changed.version = run.record.version + 1;
        run.since_write = 0;
        let stored = world.store.as_ref().map_or(0, |record| record.version);
        if self.protocol.guards.compare_and_set && stored != run.record.version {
            self.reload(world, run);
            return false;
        }
        run.record = Record::new(changed);
        run.lag = 0;
        world.put(run.record.clone());
        true
    }

    fn reload(&self, world: &World, run: &mut Run) {
        run.record = world.store.clone().expect("records do not vanish");
        run.published = run.published.max(run.record.published);
        run.lag = 0;
    }

    fn wait(&self, world: &mut World, run: &mut Run, until: Option<Timestamp>) -> bool {
        let now = self.now(run);
        let payout = &run.record;
        let due = payout.next_look_at;
        let first_delay = self.policy.delays.after(0);
        let ticket_is_out = payout.ticket > 0
            && run.ticket() != Some(payout.ticket)
            && now < due
            && until.is_none_or(|until| due <= until + first_delay);
        if ticket_is_out {
            return self.mark_published(world, run);
        }
        let remaining = until.map(|until| until.since(now));
        let delay = self.policy.delays.towards(remaining, payout.looks);
        self.publish_ticket(world, run);
        self.record(world, run, Event::TicketIssued { next_look_at: now + delay })
    }

    fn publish_ticket(&self, world: &mut World, run: &Run) {
        let (number, version) = (run.record.ticket + 1, run.record.version);
        world.letters.push(Letter::Ticket { number, version, due: 1 });
    }

    fn mark_published(&self, world: &mut World, run: &mut Run) -> bool {
        if run.record.published >= run.published {
            return true;
        }
        let published = run.published;
        self.record(world, run, Event::Published { published })
    }

    fn send(&self, world: &mut World, run: &mut Run, at: usize) {
        let guards = &self.protocol.guards;
        let sent = run.record.intention.clone();
        let starts = matches!(sent.call, Call::Create | Call::Start);
        run.next = Next::Decide;
        if starts && !may_start(&run.record, &self.policy, self.now(run)) {
            let until = self.now(run);
            self.record(world, run, Event::Postponed { until });
            return;
        }
        let mut age = TICK * u32::from(run.since_write);
        if self.protocol.dated_by_store {
            age = age.max(self.now(run).since(sent.at));
        }
        if guards.too_late && honest_policy().too_late_to_send(&sent, age) {
            self.reload(world, run);
            return;
        }
        let session = run.record.session.as_ref().map(session_number);
        let call = Kind::of(sent.call);
        if call == Kind::Confirm {
            world.bank.confirms_sent.extend(session);
        }
        let content = content(&run.record);
        let key = key_digest(&self.key(&run.record));
        world.requests.push(Request { call, key, session, content, sender: Some(at) });
        run.sent = Some((sent, self.now(run)));
        run.next = Next::Hear;
    }

    fn key(&self, payout: &Payout) -> String {
        let text = idempotency_text("model", payout);
        match self.protocol.guards.key {
            KeyText::AsItIs => text,
            KeyText::WithoutTry => {
                text.rsplit_once('\n').expect("the try is its last line").0.to_owned()
            }
            KeyText::SessionInsteadOfPayout => {
                let session = payout.session.as_ref().map_or("none", |id| id.as_str());
                text.replace(payout.id().as_str(), session)
            }
        }
    }

    fn record_outcome(&self, world: &mut World, run: &mut Run, reply: &Reply) {
        let guards = &self.protocol.guards;
        let (sent, _) = run.sent.clone().expect("it was sent");
        let now = self.now(run);
        let event =
            record_answer(&run.record, &reply.answer(guards.exactly_one), &self.policy, now);
        let intends_call = event.intends_call();
        if apply(&run.record, event.clone(), now).is_err() {
            run.next = Next::Decide;
            run.sent = None;
            return;
        }
        let binds = matches!(event, Event::SessionBound { .. });
        if binds && !guards.intention_first {
            run.record = Record::new(apply(&run.record, event, now).expect("legal, as above"));
            run.since_write = 0;
            run.next = Next::Send;
            run.sent = None;
            return;
        }
        if binds && guards.ticket_first {
            self.publish_ticket(world, run);
        }
        if self.record(world, run, event) {
            run.next = if intends_call { Next::Send } else { Next::Decide };
            run.sent = None;
            return;
        }
        let overtaken = !run.record.still_intends(&sent);
        if overtaken && binds && !guards.session_once && run.record.state != State::Creating {
            self.bind_again(world, run, reply);
            return;
        }
        let first_session = run.record.state == State::Creating && binds;
        if overtaken && !first_session {
            run.next = Next::Decide;
            run.sent = None;
        }
    }

    /// Without the guard that a session is bound once: the later answer wins.
    fn bind_again(&self, world: &mut World, run: &mut Run, reply: &Reply) {
        let Reply::Done(shown) = reply else { unreachable!("only an answer binds") };
        let mut payout = Payout::clone(&run.record);
        payout.state = State::Bound;
        payout.session = Some(session_id(shown.number));
        payout.intention = Intention::new(Call::Start, 1, NOW);
        payout.version += 1;
        run.record = Record::new(payout);
        world.put(run.record.clone());
        run.since_write = 0;
        run.next = Next::Send;
        run.sent = None;
    }

    /// Whether the next thing publishes a ticket before it writes.
    pub(crate) fn publishes_first(&self, run: &Run) -> bool {
        match &run.next {
            Next::Record(Reply::Done(_)) => {
                run.record.state == State::Creating && self.protocol.guards.ticket_first
            }
            Next::Decide => matches!(self.next_step(run), Step::Wait(_)),
            Next::Accept
            | Next::Fill
            | Next::Intervene
            | Next::Send
            | Next::Hear
            | Next::Record(_) => false,
        }
    }

    /// The ticket of a step that is cut short after it.
    pub(crate) fn publish_first(&self, world: &mut World, at: usize) {
        let run = world.workers[at].clone().expect("it runs");
        self.publish_ticket(world, &run);
    }
}

fn key_digest(text: &str) -> u64 {
    let mut hasher = Mixer::default();
    text.hash(&mut hasher);
    hasher.finish()
}
