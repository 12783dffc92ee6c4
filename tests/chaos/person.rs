//! The person who is called: looks at each payout that needs one, first in the bank's ledger, which
//! stands for its cabinet, and then releases or rejects it. What is paid there is left as it is.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use serde::Serialize;

use crate::scene::Scene;

/// Between being called and saying anything: whatever was on its way has arrived.
const THINKS: Duration = Duration::from_secs(10);

/// Words said of one payout before it is left: releases first, then rejections.
const WORDS_MAX: usize = 6;

/// Of these, releases.
const RELEASES: usize = 2;

#[derive(Default, Serialize)]
pub(crate) struct Person {
    pub(crate) called_for: BTreeSet<String>,
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

impl Person {
    /// One round. How many are left about which something can still be said.
    pub(crate) fn look(&mut self, scene: &Scene) -> Option<usize> {
        let attention = scene.attention()?;
        let ledger = scene.ledger().ok()?;
        let paid: BTreeSet<_> =
            ledger.iter().filter_map(|row| row.merchant_payout_id.as_deref()).collect();
        let mut left = 0;
        for payout in attention.iter().map(|attention| &attention.payout_id) {
            self.called_for.insert(payout.clone());
            let new = Case { heard: Instant::now(), words: 0 };
            let case = self.cases.entry(payout.clone()).or_insert(new);
            if paid.contains(payout.as_str()) || case.words >= WORDS_MAX {
                continue;
            }
            left += 1;
            if case.heard.elapsed() < THINKS {
                continue;
            }
            let verb = if case.words < RELEASES { "release" } else { "reject" };
            case.words += 1;
            // The next word only after this one has had its time.
            case.heard = Instant::now();
            let reason = format!("not paid, as the bank shows it: look {}", case.words);
            let said = scene.person(&[verb, payout, "--reason", &reason]);
            *self.words.entry(verb).or_default() += 1;
            if said.code != Some(0) {
                let why = said.err.replace(payout.as_str(), "…");
                *self.refused.entry(format!("{verb}: {why}")).or_default() += 1;
                // Nothing else comes of waiting where a release is refused for good.
                case.words = case.words.max(RELEASES);
            }
        }
        Some(left)
    }
}
