//! Nothing goes round in circles, and nothing waits for ever unseen: each payout, before a bank
//! that does not change its mind, ends or calls a person.

use proptest::prelude::*;
use proptest::sample::select;

use super::*;

/// Long enough for anything that is due: every delay, the review, the bank's patience.
const LOOKS: i64 = 60;
const BETWEEN_LOOKS: i64 = 1800;

/// As the driver takes a payout on, before a bank that shows and answers the same all the time.
struct Drive {
    payout: Payout,
    policy: Policy,
    shown: Session,
    answer: Answer,
    now: i64,
}

impl Drive {
    fn put(&mut self, event: Event) -> bool {
        let next = apply(&self.payout, event, at(self.now)).ok();
        next.map(|next| self.payout = next).is_some()
    }

    fn send(&mut self, sight: &mut Option<Sight>) {
        loop {
            let starts =
                matches!(self.payout.intention.call, Call::Create | Call::Init | Call::Start);
            if starts && !may_start(&self.payout, &self.policy, at(self.now)) {
                self.put(Event::Postponed { until: at(self.now) });
                return;
            }
            if let Answer::Done(session) = &self.answer {
                *sight = Some(answer(session.clone(), at(self.now)));
            }
            let event = record_answer(&self.payout, &self.answer, &self.policy, at(self.now));
            let calls = event.intends_call();
            if !self.put(event) || !calls {
                return;
            }
        }
    }

    /// `false`: it does not come to rest.
    fn until_rest(&mut self) -> bool {
        let mut sight = None;
        for _ in 0..100 {
            match next_step(&self.payout, sight.as_ref(), &self.policy, at(self.now)) {
                Step::Write(event) => {
                    let calls = event.intends_call();
                    if self.put(event) && calls {
                        self.send(&mut sight);
                    }
                }
                Step::AskStatus => match &self.payout.session {
                    Some(id) => {
                        let shown = Session { id: id.clone(), ..self.shown.clone() };
                        sight = Some(answer(shown, at(self.now)));
                    }
                    None => return true,
                },
                Step::Wait(_) | Step::Done => return true,
            }
        }
        false
    }
}

fn any_answer() -> impl Strategy<Value = Option<Answer>> {
    select(vec![
        None,
        Some(Answer::Refused(reason())),
        Some(Answer::Forbidden(reason())),
        Some(Answer::Misconfigured(reason())),
        Some(Answer::KeyUsed),
        Some(Answer::NotSent("no connection".into())),
        Some(Answer::Unknown("timeout".into())),
    ])
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn each_payout_ends_or_calls_a_person(
        payout in any_payout(),
        sight in any_sight(),
        answered in any_answer(),
        confirms_automatically in any::<bool>(),
    ) {
        let shown = Session { id: SessionId::new(SESSION), ..sight.session };
        let answer = answered.unwrap_or_else(|| Answer::Done(shown.clone()));
        let policy = Policy { confirms_automatically, ..policy() };
        let mut drive = Drive { payout, policy, shown, answer, now: 400 };
        for _ in 0..LOOKS {
            prop_assert!(drive.until_rest(), "restless");
            drive.now += BETWEEN_LOOKS;
            drive.put(Event::TicketIssued { next_look_at: at(drive.now) });
        }
        prop_assert!(drive.payout.rests() || drive.payout.attention.is_some());
    }
}
