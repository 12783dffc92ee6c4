//! Writing: what is decided, the tickets that have it looked at again, and what is published.

use payoutd::domain::event::Event;
use payoutd::domain::payout::{CallOutcome, Intention, State};
use payoutd::domain::step::Step;
use payoutd::domain::time::Timestamp;
use payoutd::domain::transition::apply;

use super::{Next, Run};
use crate::bank::Reply;
use crate::record::Record;
use crate::search::Search;
use crate::world::{Letter, World};

impl Search {
    /// Without the guard that status is asked first: the next try of a call whose outcome is open.
    pub(super) fn repeats_unasked(&self, run: &Run) -> Option<u32> {
        let Intention { attempt, outcome, .. } = &run.record.intention;
        let open = matches!(outcome, CallOutcome::Pending | CallOutcome::Unknown { .. });
        let calling = matches!(run.record.state, State::Bound | State::Confirming);
        let asks = !self.protocol.guards.status_first && open && calling;
        asks.then_some(attempt + 1)
    }

    /// `record`, or, without the guards, a call that is sent whoever wins the write, or before it.
    pub(super) fn write(&self, world: &mut World, run: &mut Run, event: Event) -> bool {
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
    pub(super) fn record(&self, world: &mut World, run: &mut Run, event: Event) -> bool {
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

    pub(super) fn reload(&self, world: &World, run: &mut Run) {
        run.record = world.store.clone().expect("records do not vanish");
        run.published = run.published.max(run.record.published);
        run.lag = 0;
    }

    pub(super) fn wait(&self, world: &mut World, run: &mut Run, until: Option<Timestamp>) -> bool {
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

    pub(super) fn publish_ticket(&self, world: &mut World, run: &Run) {
        let (number, version) = (run.record.ticket + 1, run.record.version);
        world.letters.push(Letter::Ticket { number, version, due: 1 });
    }

    pub(super) fn mark_published(&self, world: &mut World, run: &mut Run) -> bool {
        if run.record.published >= run.published {
            return true;
        }
        let published = run.published;
        self.record(world, run, Event::Published { published })
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
