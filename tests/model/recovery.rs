//! Whether a payout finds its way out once nothing goes wrong any more.

use payoutd::domain::payout::Payout;

use crate::bank::{Bank, Phase};
use crate::protocol::Faults;
use crate::search::{Action, Search};
use crate::world::{Letter, World};

/// Many times what any way out needs.
const STEPS_MAX: u32 = 300;

impl World {
    /// It is final, or somebody was called.
    pub(crate) fn is_settled(&self) -> bool {
        let settled = |payout: &Payout| payout.state.is_final() || payout.attention.is_some();
        self.store.as_ref().is_some_and(|record| settled(record))
    }
}

impl Search {
    /// From a state in which nothing is in hand and no call on its way: without any more faults,
    /// and with every message handled once, the payout becomes final, or a person is called.
    pub(crate) fn finds_rest(&self, world: &World) -> bool {
        if !world.is_quiet() || world.is_settled() {
            return true;
        }
        let mut known = self.recovered.lock().expect("nobody panics with it");
        let mut world = World { left: Faults::default(), ..world.clone() };
        let mut passed = Vec::new();
        let mut rests = false;
        for _ in 0..STEPS_MAX {
            let fingerprint = world.fingerprint();
            if let Some(known) = known.get(&fingerprint) {
                rests = *known;
                break;
            }
            passed.push(fingerprint);
            if world.is_settled() {
                rests = true;
                break;
            }
            let Some(action) = self.calm_action(&world) else { break };
            self.perform(&mut world, action);
        }
        known.extend(passed.into_iter().map(|fingerprint| (fingerprint, rests)));
        rests
    }

    /// What happens next where nothing goes wrong.
    fn calm_action(&self, world: &World) -> Option<Action> {
        if let Some(request) = world.requests.first() {
            return Some(Action::Land(request.clone()));
        }
        if let Some(at) = world.workers.iter().position(Option::is_some) {
            return Some(Action::Step(at));
        }
        let due = |letter: &&Letter| !matches!(letter, Letter::Ticket { due: 1.., .. });
        if let Some(letter) = world.letters.iter().find(due) {
            return Some(Action::Take(letter.clone()));
        }
        for session in &world.bank.sessions {
            let phase = Bank::next_phases(session).first();
            if let Some(phase) = phase.filter(|phase| **phase != Phase::Cancelled) {
                return Some(Action::GoOn(session.number, *phase));
            }
        }
        if self.protocol.sweep && world.may_sweep() {
            return Some(Action::Sweep);
        }
        world.may_tick().then_some(Action::Tick)
    }
}
