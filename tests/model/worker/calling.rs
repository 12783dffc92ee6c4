//! Sending what was intended, once, and recording what came of it.

use std::hash::{Hash, Hasher};

use payoutd::domain::call::{Call, idempotency_text, record_answer};
use payoutd::domain::event::Event;
use payoutd::domain::payout::{Intention, Payout, State};
use payoutd::domain::step::may_start;
use payoutd::domain::transition::apply;

use super::{Next, Run};
use crate::bank::{Kind, Reply, Request, session_id, session_number};
use crate::protocol::{KeyText, honest_policy};
use crate::record::{Mixer, NOW, Record, TICK, content};
use crate::search::Search;
use crate::world::World;

impl Search {
    pub(super) fn send(&self, world: &mut World, run: &mut Run, at: usize) {
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
        if starts {
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

    pub(super) fn key(&self, payout: &Payout) -> String {
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

    pub(super) fn record_outcome(&self, world: &mut World, run: &mut Run, reply: &Reply) {
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
    pub(super) fn bind_again(&self, world: &mut World, run: &mut Run, reply: &Reply) {
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
}

fn key_digest(text: &str) -> u64 {
    let mut hasher = Mixer::default();
    text.hash(&mut hasher);
    hasher.finish()
}
