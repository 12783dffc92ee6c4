//! What a run came to, as text and as JSON.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::Serialize;

use crate::person::Person;
use crate::strikes::Loss;
use crate::verdict::Verdict;

/// Lines of text; the JSON has them all.
const BROKEN_SHOWN_MAX: usize = 40;

/// What was done.
#[derive(Serialize)]
pub(crate) struct Course {
    pub(crate) seed: u64,
    pub(crate) payouts: usize,
    pub(crate) faults: usize,
    pub(crate) seconds: u64,
    pub(crate) plan: Vec<String>,
    pub(crate) faults_done: BTreeMap<&'static str, usize>,
    pub(crate) losses: Vec<Loss>,
}

#[derive(Serialize)]
pub(crate) struct Report {
    #[serde(flatten)]
    pub(crate) course: Course,
    pub(crate) paid: usize,
    pub(crate) events: usize,
    /// Until every payout was final or needed a person, from when the last one was published if that
    /// was later. Absent: not within two minutes.
    pub(crate) settled_after_last_fault_ms: Option<u128>,
    /// For the person's last words, and queues to run empty.
    pub(crate) quiet_after_that_ms: u128,
    /// In the whole run: it was the machine's own doing.
    pub(crate) machine_stood_still_ms: u128,
    pub(crate) took_s: f64,
    pub(crate) dead_letters: BTreeMap<String, usize>,
    pub(crate) person: Person,
    pub(crate) refused_words: BTreeMap<String, usize>,
    /// What the business met at the broker.
    pub(crate) troubles: BTreeMap<String, usize>,
    pub(crate) kept: PathBuf,
    pub(crate) verdict: Verdict,
}

impl Report {
    /// A process that ends by itself, or does not end when it is told to, is a broken promise.
    pub(crate) fn with_fallen(mut self, fallen: Vec<String>) -> Self {
        self.verdict.broken.extend(fallen);
        self
    }

    /// Whether starts were found paused.
    pub(crate) fn was_resumed(&self) -> bool {
        self.person.resumes > 0
    }

    pub(crate) fn kept_all(&self) -> bool {
        self.verdict.broken.is_empty()
    }

    pub(crate) fn print(&self) {
        let Self { course, paid, events, verdict, .. } = self;
        let Course { seed, payouts, faults, seconds, .. } = course;
        println!("\nseed {seed}: {payouts} payouts and {faults} faults in {seconds} s");
        list("faults", &course.faults_done);
        for Loss { at_s, what, noticed_ms, published_again } in &course.losses {
            let noticed = noticed_ms
                .map_or("never noticed".to_owned(), |ms| format!("noticed after {ms} ms"));
            println!(
                "at {at_s:.1} s the store was {what}: {noticed}, {published_again} published again"
            );
        }
        list("ends", &verdict.ends);
        list("other than success", &verdict.reasons);
        println!("the bank paid {paid}; {events} events came, copies included");
        let Person { called_for, resumes, .. } = &self.person;
        println!(
            "a person was called for {} payouts, and resumed {resumes} times",
            called_for.len()
        );
        list("words of the person", &self.person.words);
        list("words refused at once", &self.person.refused);
        list("words refused later", &self.refused_words);
        list("dead letters", &self.dead_letters);
        for payout in &verdict.paid_in_attention {
            println!("{payout}: paid, and a person is called for it");
        }
        match self.settled_after_last_fault_ms {
            Some(ms) => println!("all settled {ms} ms after the last fault"),
            None => println!("NOT all settled after the last fault"),
        }
        if self.machine_stood_still_ms > 0 {
            println!("the machine stood still for {} ms in all", self.machine_stood_still_ms);
        }
        println!("{:.0} s in all; logs in {}", self.took_s, self.kept.display());
        for broken in verdict.broken.iter().take(BROKEN_SHOWN_MAX) {
            println!("BROKEN: {broken}");
        }
        if verdict.broken.len() > BROKEN_SHOWN_MAX {
            println!("BROKEN: {} in all", verdict.broken.len());
        }
        if verdict.broken.is_empty() {
            println!("every promise was kept");
        }
    }
}

fn list<K: std::fmt::Display>(title: &str, counts: &BTreeMap<K, usize>) {
    for (what, count) in counts {
        println!("{title}: {count} × {what}");
    }
}
