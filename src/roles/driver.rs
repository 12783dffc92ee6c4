//! The driver: takes a payout as far as it can go now.
//!
//! Load the record, decide the next step with a pure function, write the intention, call the
//! bank, write the outcome, until the payout is final or has to wait. Guarantees: a call is sent
//! only by the process whose write intended it, once; when `drive` returns `Ok`, the payout is
//! final with its events published, or waits with a confirmed ticket. On `Err` somebody has to
//! look again: the message that led here must not be acknowledged.

mod calling;
mod clock;
mod habit;
mod log;
mod outbox;
mod taking;
mod teller;
mod waiting;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crate::bank::client::Bank;
use crate::bus::Bus;
use crate::domain::call::Answer;
use crate::domain::event::Event;
use crate::domain::payout::Payout;
use crate::domain::policy::Policy;
use crate::domain::session::Session;
use crate::domain::standing::{Paused, Standing};
use crate::domain::step::{Sight, Source, Step, next_step, waited_too_long};
use crate::domain::time::Timestamp;
use crate::domain::transition::apply;
use crate::store::{Fence, Recorded, Store, StoreError};

use super::intake::HandleError;
use clock::Clock;
use habit::Habit;
use teller::Teller;

/// Most steps for one message. The longest way through a payout has under 20; lost races and
/// retries add some. More means that something repeats itself.
const STEPS_MAX: u32 = 100;

pub struct Driver {
    pub store: Arc<dyn Store>,
    pub fence: Arc<dyn Fence>,
    pub bus: Arc<dyn Bus>,
    teller: Teller,
    pub policy: Policy,
    /// CloudEvents `source` of what is published.
    pub source: String,
    habit: Habit,
    /// Whether this process has said that something is paused.
    said_paused: AtomicBool,
}

/// What a message says about a payout.
#[derive(Default)]
pub struct Look {
    /// A session that the message showed.
    pub sight: Option<Sight>,
    /// The number of the ticket, if the message was one.
    pub ticket: Option<u64>,
}

impl Driver {
    pub fn new(
        (store, fence): (Arc<dyn Store>, Arc<dyn Fence>),
        bus: Arc<dyn Bus>,
        bank: Bank,
        policy: Policy,
        source: String,
    ) -> Self {
        let (habit, said_paused) = (Habit::default(), AtomicBool::new(false));
        let teller = Teller::new(bank, policy.delays.after(0));
        Self { store, fence, bus, teller, policy, source, habit, said_paused }
    }

    /// The policy, with what is paused and what this process has learnt of the bank.
    fn policy_now(&self) -> Policy {
        let seen = self.habit.confirms_by_itself();
        let confirms_automatically = self.policy.confirms_automatically || seen;
        let Standing { paused, has_lost, .. } = self.fence.standing();
        self.say(&paused);
        Policy { confirms_automatically, paused, has_lost, ..self.policy.clone() }
    }

    /// Says once when something is paused, and when nothing is any more.
    fn say(&self, Paused { starts, confirms }: &Paused) {
        let is_paused = starts.is_some() || confirms.is_some();
        if self.said_paused.swap(is_paused, Ordering::Relaxed) == is_paused {
            return;
        }
        match is_paused {
            true => tracing::error!(
                event = "payoutd.paused",
                starts,
                confirms,
                "payoutd resume lets them go out again"
            ),
            false => tracing::info!(event = "payoutd.resumed"),
        }
    }

    /// A bank that pays without our confirmation was not set up as we think: a lost start is not
    /// repeated from now on, and a person must say so for the other processes.
    fn learn_from(&self, payout: &Payout, now: Timestamp) {
        let shows = self.habit.learn_from(payout, &self.fence.standing(), now);
        if shows && !self.policy.confirms_automatically {
            tracing::error!(
                event = "bank.confirms_by_itself",
                payout_id = %payout.id(),
                "the bank paid without our confirmation: have it switched off there, or set \
                 bank.confirms_automatically = true"
            );
        }
    }

    /// Publishes a ticket for a payout whose own was lost, due at once. `false`: somebody else did
    /// something for it.
    pub async fn reissue_ticket(
        &self,
        payout: Payout,
        now: Timestamp,
    ) -> Result<bool, HandleError> {
        let mut run = Run::new(self, payout, now, Look::default());
        run.publish_ticket(run.payout.session.clone(), Duration::ZERO).await?;
        run.record(Event::TicketIssued { next_look_at: now }).await
    }

    /// Drives a payout that was just loaded.
    pub async fn drive(
        &self,
        payout: Payout,
        now: Timestamp,
        look: Look,
    ) -> Result<(), HandleError> {
        Run::new(self, payout, now, look).until_rest().await
    }
}

/// One message's handling of one payout.
struct Run<'a> {
    driver: &'a Driver,
    payout: Payout,
    clock: Clock,
    sight: Option<Sight>,
    ticket: Option<u64>,
    /// History entries whose publication this run has had confirmed.
    published: usize,
}

impl<'a> Run<'a> {
    fn new(driver: &'a Driver, payout: Payout, now: Timestamp, look: Look) -> Self {
        let published = payout.published;
        let clock = Clock::at(now);
        Self { driver, payout, clock, sight: look.sight, ticket: look.ticket, published }
    }

    async fn until_rest(mut self) -> Result<(), HandleError> {
        for _ in 0..STEPS_MAX {
            self.publish_events().await?;
            let policy = self.driver.policy_now();
            let rested =
                match next_step(&self.payout, self.sight.as_ref(), &policy, self.clock.now()) {
                    Step::Write(event) => {
                        self.write(event).await?;
                        false
                    }
                    Step::AskStatus => !self.ask_status().await? && self.wait(None).await?,
                    Step::Wait(until) => self.wait(until).await?,
                    Step::Done => self.mark_published().await?,
                };
            if rested {
                return Ok(());
            }
        }
        Err(HandleError::Restless(STEPS_MAX))
    }

    /// Writes what was decided, and sends the call it intends. If another writer was first,
    /// nothing is sent and the newer record is decided on.
    async fn write(&mut self, event: Event) -> Result<(), HandleError> {
        let intends_call = event.intends_call();
        if self.record(event).await? && intends_call {
            self.send_intended().await?;
        }
        Ok(())
    }

    /// Writes an event. `false`: it was not written, and the record was read again.
    async fn record(&mut self, event: Event) -> Result<bool, HandleError> {
        let now = self.clock.now();
        let name = event.name();
        let changed = match apply(&self.payout, event, now) {
            Ok(changed) => changed,
            Err(illegal) => {
                tracing::debug!(event = "payout.overtaken", payout_id = %self.payout.id(), %illegal);
                self.reload().await?;
                return Ok(false);
            }
        };
        let published = Event::Published { published: self.published };
        let mut changed =
            apply(&changed, published, now).expect("publication is recorded in every state");
        changed.version = self.payout.version + 1;
        changed.write_id = rand::random();
        let expected = std::mem::replace(&mut self.payout, changed).version;
        if self.store_payout(expected).await? {
            log::change(&self.payout, name);
            if name == "succeeded" {
                self.driver.learn_from(&self.payout, self.clock.now());
            }
            return Ok(true);
        }
        self.reload().await?;
        Ok(false)
    }

    /// Stores the payout as it stands here. A write whose outcome is unknown is looked up: its id
    /// tells whether it is ours that is stored.
    async fn store_payout(&mut self, expected: u64) -> Result<bool, HandleError> {
        self.clock.begin_write();
        match self.driver.store.record(&self.payout, expected).await {
            Ok(Recorded::Written { now }) => {
                self.clock.set(now);
                self.driver.habit.heard(&self.driver.fence.standing(), now);
                Ok(true)
            }
            Ok(Recorded::Conflict) => Ok(false),
            Ok(Recorded::SessionTaken) => Err(HandleError::SessionTaken),
            Err(StoreError::Unknown(_)) => {
                let loaded = self.driver.store.load(self.payout.id()).await?;
                self.clock.set(loaded.now);
                Ok(loaded.payout.is_some_and(|stored| stored.write_id == self.payout.write_id))
            }
            Err(error) => Err(error.into()),
        }
    }

    async fn reload(&mut self) -> Result<(), HandleError> {
        let loaded = self.driver.store.load(self.payout.id()).await?;
        self.clock.set(loaded.now);
        let newer = loaded.payout.ok_or_else(|| {
            // The store was emptied: whoever takes the message again sees that.
            StoreError::Unavailable(format!("payout {} has vanished", self.payout.id()))
        })?;
        // What this run has published counts for nothing in a record that the store has rolled back.
        let went_back = newer.version < self.payout.version;
        self.published = if went_back { 0 } else { self.published }.max(newer.published);
        self.payout = newer;
        Ok(())
    }

    /// Asks the bank what became of the session. `false`: it gave no session.
    async fn ask_status(&mut self) -> Result<bool, HandleError> {
        let Some(session) = self.payout.session.clone() else { return Ok(false) };
        let asked_at = self.clock.now();
        let answer = self.driver.teller.status(&self.payout, &session).await;
        if let Answer::Done(session) = answer {
            self.see(session, asked_at);
            return Ok(true);
        }
        log::answer(&self.payout, "status", &answer);
        if let Some(event) = waited_too_long(&self.payout, self.clock.now()) {
            self.record(event).await?;
        }
        Ok(false)
    }

    fn see(&mut self, session: Session, asked_at: Timestamp) {
        self.sight = Some(Sight { session, source: Source::Answer { asked_at } });
    }
}
