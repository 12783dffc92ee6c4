//! The person who is called: looks at each payout that needs one, first in the bank's ledger, which
//! stands for its cabinet. What is paid there is adopted with its session, and never rejected; the
//! others are released or rejected.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use serde::Serialize;

use crate::scene::Scene;

/// Between being called and saying anything: whatever was on its way has arrived.
const THINKS: Duration = Duration::from_secs(10);

/// Words said of one payout before it is left.
const WORDS_MAX: usize = 4;

/// Of these, releases, before it is rejected.
const RELEASES: usize = 2;

/// Payouts in one round, so that who is busy with hundreds still sees that all are paused.
const AT_ONCE: usize = 10;

/// The person looks so often.
const LOOK_EVERY: Duration = Duration::from_secs(2);

/// Until the run is over.
pub(crate) fn attend(
    person: &Mutex<Person>,
    scene: &Scene,
    pauses: &(dyn Fn() -> bool + Sync),
    over: &AtomicBool,
) {
    let mut was_paused = false;
    while !over.load(Ordering::Relaxed) {
        let mut person = person.lock().unwrap_or_else(PoisonError::into_inner);
        let is_paused = pauses();
        // Not at once: who resumes before all have noticed will have to do so again.
        if was_paused && is_paused {
            person.resume(scene);
        }
        was_paused = is_paused;
        person.look(scene);
        drop(person);
        thread::sleep(LOOK_EVERY);
    }
}

#[derive(Default, Serialize)]
pub(crate) struct Person {
    pub(crate) called_for: BTreeSet<String>,
    /// Times that starts and confirms were found paused, and were resumed.
    pub(crate) resumes: usize,
    pub(crate) words: BTreeMap<&'static str, usize>,
    /// What was refused at once, by reason.
    pub(crate) refused: BTreeMap<String, usize>,
    #[serde(skip)]
    cases: BTreeMap<String, Case>,
}

struct Case {
    heard: Instant,
    words: usize,
}

impl Case {
    fn is_left_alone(&self) -> bool {
        self.words >= WORDS_MAX
    }

    fn is_due(&self) -> bool {
        !self.is_left_alone() && self.heard.elapsed() >= THINKS
    }
}

impl Person {
    /// Lets out what is paused, as docs/servers.md says. A process that notices a loss later than
    /// others pauses again what was resumed in between, and is heeded again.
    pub(crate) fn resume(&mut self, scene: &Scene) {
        if scene.person(&["resume"]).code == Some(0) {
            self.resumes += 1;
        }
    }

    /// One round. How many are left about which something can still be said.
    pub(crate) fn look(&mut self, scene: &Scene) -> Option<usize> {
        let attention = scene.attention()?;
        let called: BTreeSet<_> = attention.into_iter().map(|called| called.payout_id).collect();
        self.cases.retain(|payout, _| called.contains(payout));
        for payout in &called {
            let new = || Case { heard: Instant::now(), words: 0 };
            self.cases.entry(payout.clone()).or_insert_with(new);
        }
        self.called_for.extend(called);
        if self.cases.values().any(Case::is_due) {
            self.settle_the_due(scene)?;
        }
        Some(self.cases.values().filter(|case| !case.is_left_alone()).count())
    }

    fn settle_the_due(&mut self, scene: &Scene) -> Option<()> {
        let ledger = scene.ledger().ok()?;
        let paid: BTreeMap<_, _> = ledger
            .iter()
            .filter_map(|row| Some((row.merchant_payout_id.as_deref()?, row.session_id.as_str())))
            .collect();
        for (payout, case) in self.cases.iter_mut().filter(|(_, case)| case.is_due()).take(AT_ONCE)
        {
            let session = paid.get(payout.as_str()).copied();
            let verb = match session {
                Some(_) => "adopt",
                None if case.words < RELEASES => "release",
                None => "reject",
            };
            case.words += 1;
            // The next word only after this one has had its time.
            case.heard = Instant::now();
            let shows = if session.is_some() { "paid" } else { "not paid" };
            let reason = format!("{shows}, as the bank shows it: look {}", case.words);
            let mut words = vec![verb, payout, "--reason", &reason];
            words.extend(session);
            let said = scene.person(&words);
            *self.words.entry(verb).or_default() += 1;
            if said.code != Some(0) {
                let why = said.err.replace(payout.as_str(), "…");
                *self.refused.entry(format!("{verb}: {why}")).or_default() += 1;
                if session.is_none() {
                    // A release that is refused at once is refused for good.
                    case.words = case.words.max(RELEASES);
                }
            }
        }
        Some(())
    }
}
