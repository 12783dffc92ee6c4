//! The world around the protocol: a state, and how it changes.

use std::hash::{Hash, Hasher};

use payoutd::domain::event::Event;
use payoutd::domain::payout::State;
use payoutd::domain::transition::apply;

use crate::bank::{Bank, Request, Shown};
use crate::protocol::Faults;
use crate::record::{Mixer, NOW, Record, TICK, content};
use crate::worker::Run;

/// A message in a queue.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Letter {
    Command(u8),
    Cancel,
    /// `due`: in how many ticks it may be taken.
    Ticket {
        number: u64,
        version: u64,
        due: u8,
    },
    Webhook(Shown),
}

#[derive(Clone, Debug)]
pub(crate) struct World {
    pub(crate) store: Option<Record>,
    /// What the store may go back to.
    pub(crate) earlier: Option<Record>,
    pub(crate) workers: [Option<Run>; 2],
    pub(crate) letters: Vec<Letter>,
    pub(crate) requests: Vec<Request>,
    pub(crate) bank: Bank,
    /// What may still go wrong.
    pub(crate) left: Faults,
    /// A rule was broken at a write.
    pub(crate) broken: Option<&'static str>,
}

impl World {
    pub(crate) fn remove_letter(&mut self, letter: &Letter) {
        let at = self.letters.iter().position(|l| l == letter).expect("it is there");
        self.letters.remove(at);
    }

    /// Its message is delivered again, and nobody waits for its call any more.
    pub(crate) fn crash(&mut self, at: usize) {
        self.left.crashes -= 1;
        let run = self.workers[at].take().expect("it runs");
        self.letters.push(run.letter);
        for request in &mut self.requests {
            if request.sender == Some(at) {
                request.sender = None;
            }
        }
    }

    /// A call ends, or is lost, before the deadline of its intention: one that is on its way keeps
    /// time from passing. So does a worker that is in the middle of something, but for a freeze.
    pub(crate) fn may_tick(&self) -> bool {
        let busy = self.workers.iter().any(Option::is_some);
        self.requests.is_empty() && self.store.is_some() && (!busy || self.left.freezes > 0)
    }

    /// What is older than `age_max` ticks does not get older: nobody who works can have seen
    /// anything so long ago.
    pub(crate) fn tick(&mut self, age_max: u8) {
        if self.workers.iter().any(Option::is_some) {
            self.left.freezes -= 1;
        }
        self.store = self.store.as_ref().map(|record| record.aged(age_max));
        self.earlier = self.earlier.as_ref().map(|record| record.aged(age_max));
        for run in self.workers.iter_mut().flatten() {
            run.age(age_max);
        }
        for letter in &mut self.letters {
            if let Letter::Ticket { due, .. } = letter {
                *due = due.saturating_sub(1);
            }
        }
    }

    /// An unsettled record is overdue, and its ticket is nowhere: one that is ahead of the record is
    /// not its own. (The real sweep may also take a late ticket for a lost one; that is a doubled
    /// ticket.)
    pub(crate) fn may_sweep(&self) -> bool {
        let Some(record) = &self.store else { return false };
        let is_its = |letter: &Letter| match letter {
            Letter::Ticket { number, version, .. } => {
                *number >= record.ticket && *version <= record.version
            }
            Letter::Command(_) | Letter::Cancel | Letter::Webhook(_) => false,
        };
        let in_hand = self.workers.iter().flatten().any(|run| is_its(&run.letter));
        !record.is_settled()
            && record.next_look_at + TICK <= NOW
            && !in_hand
            && !self.letters.iter().any(is_its)
    }

    pub(crate) fn sweep(&mut self) {
        let record = self.store.as_ref().expect("something to sweep");
        let number = record.ticket + 1;
        self.letters.push(Letter::Ticket { number, version: record.version, due: 0 });
        let event = Event::TicketIssued { next_look_at: NOW };
        let mut swept = apply(record, event, NOW).expect("legal in every state");
        swept.version += 1;
        self.store = Some(Record::new(swept));
    }

    /// A ticket with a number below the record's does nothing, if the store cannot go back.
    pub(crate) fn drop_old_tickets(&mut self) {
        let Some(record) = self.store.as_ref().filter(|_| self.left.roll_backs == 0) else {
            return;
        };
        let (newest, version) = (record.ticket, record.version);
        self.letters.retain(|letter| match letter {
            Letter::Ticket { number, version: known, .. } => *number >= newest || *known > version,
            Letter::Command(_) | Letter::Cancel | Letter::Webhook(_) => true,
        });
    }

    /// Stores a record, and notes what must never be seen between two records.
    pub(crate) fn put(&mut self, record: Record) {
        if let Some(before) = &self.store {
            if before.state.is_final() && before.state != record.state {
                self.broken = Some("a final state was left");
            }
            let filled = before.state != State::Stub;
            if filled && content(before) != content(&record) {
                self.broken = Some("another command took the payout over");
            }
        }
        self.store = Some(record);
    }

    /// Nothing is in any worker's hand, and no call on its way.
    pub(crate) fn is_quiet(&self) -> bool {
        self.workers.iter().all(Option::is_none) && self.requests.is_empty()
    }

    pub(crate) fn fingerprint(&self) -> u64 {
        let mut hasher = Mixer::default();
        let zero = self.store.as_ref().map_or((0, 0), |record| (record.version, record.ticket));
        let may_roll_back = self.left.roll_backs > 0;
        let relative = |(version, ticket): (u64, u64)| {
            let low = if may_roll_back { i64::MIN } else { -1 };
            (
                version.wrapping_sub(zero.0).cast_signed().max(low),
                ticket.wrapping_sub(zero.1).cast_signed().max(low),
            )
        };
        for record in [&self.store, &self.earlier] {
            record
                .as_ref()
                .map(|r| (r.digest(), relative((r.version, r.ticket))))
                .hash(&mut hasher);
        }
        // Workers are alike: in an order of their own.
        let mut workers = [0, 1].map(|at| {
            let mut hasher = Mixer::default();
            if let Some(run) = &self.workers[at] {
                run.digest(relative, &mut hasher);
                for request in self.requests.iter().filter(|r| r.sender == Some(at)) {
                    (request.call, request.key, request.session).hash(&mut hasher);
                }
            }
            hasher.finish()
        });
        workers.sort_unstable();
        workers.hash(&mut hasher);
        let mut letters: Vec<_> = self.letters.iter().map(|l| l.relative(relative)).collect();
        letters.sort_unstable();
        letters.hash(&mut hasher);
        for request in self.requests.iter().filter(|r| r.sender.is_none()) {
            request.hash(&mut hasher);
        }
        (&self.bank, self.left, self.broken).hash(&mut hasher);
        hasher.finish()
    }
}

impl Letter {
    /// With its numbers as they stand beside the record's.
    pub(crate) fn relative(
        &self,
        relative: impl Fn((u64, u64)) -> (i64, i64),
    ) -> (Option<(i64, i64)>, Self) {
        match self {
            Self::Ticket { number, version, due } => {
                let place = relative((*version, *number));
                (Some(place), Self::Ticket { number: 0, version: 0, due: *due })
            }
            letter => (None, letter.clone()),
        }
    }
}

impl Hash for World {
    fn hash<H: Hasher>(&self, hasher: &mut H) {
        hasher.write_u64(self.fingerprint());
    }
}

impl PartialEq for World {
    fn eq(&self, other: &Self) -> bool {
        self.fingerprint() == other.fingerprint()
    }
}
