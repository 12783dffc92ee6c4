//! What the run showed, held against what payoutd promises.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

/// What was asked for.
#[derive(Clone, Debug)]
pub(crate) struct Order {
    pub(crate) payout: String,
    /// Minor units. No two orders have the same.
    pub(crate) amount: i64,
    pub(crate) account: &'static str,
    pub(crate) last4: String,
}

/// A row of the bank's ledger.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Paid {
    pub(crate) merchant_payout_id: Option<String>,
    pub(crate) session_id: String,
    pub(crate) amount: i64,
    pub(crate) account: String,
    pub(crate) last4: Option<String>,
}

/// A result event.
#[derive(Clone, Debug)]
pub(crate) struct Told {
    pub(crate) id: String,
    pub(crate) kind: String,
    pub(crate) payout: String,
    pub(crate) reason: String,
}

/// A payout that needs a person, as `payoutd list --attention --json` shows it.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Attention {
    pub(crate) payout_id: String,
    pub(crate) state: String,
    pub(crate) attention: Why,
}

#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Why {
    pub(crate) reason: String,
}

/// All that is known at the end.
#[derive(Default)]
pub(crate) struct Evidence {
    pub(crate) orders: Vec<Order>,
    pub(crate) ledger: Vec<Paid>,
    pub(crate) told: Vec<Told>,
    pub(crate) attention: Vec<Attention>,
}

#[derive(Debug, Default, Serialize)]
pub(crate) struct Verdict {
    /// Promises that were broken, in words.
    pub(crate) broken: Vec<String>,
    /// How the payouts ended: by final event, or `needs attention`.
    pub(crate) ends: BTreeMap<String, usize>,
    /// Ends other than success, and attention, by reason.
    pub(crate) reasons: BTreeMap<String, usize>,
    /// Paid, and a person is called for it: its record does not say so.
    pub(crate) paid_in_attention: Vec<String>,
}

/// The end that a final event tells.
pub(crate) fn end(kind: &str) -> Option<&str> {
    let end = kind.strip_prefix("payout.")?;
    ["succeeded", "failed", "cancelled", "rejected"].contains(&end).then_some(end)
}

pub(crate) fn judge(evidence: &Evidence) -> Verdict {
    let mut verdict = Verdict::default();
    let orders: BTreeMap<_, _> = evidence.orders.iter().map(|o| (o.payout.as_str(), o)).collect();
    let mut paid: BTreeMap<&str, Vec<&Paid>> = BTreeMap::new();
    for row in &evidence.ledger {
        let payout = row.merchant_payout_id.as_deref().unwrap_or_default();
        paid.entry(payout).or_default().push(row);
        match orders.get(payout) {
            Some(order) => verdict.compare(order, row),
            None => verdict.broken.push(format!("the bank paid {payout:?}, which nobody ordered")),
        }
    }
    let mut finals: BTreeMap<&str, BTreeMap<&str, &Told>> = BTreeMap::new();
    for told in evidence.told.iter().filter(|told| end(&told.kind).is_some()) {
        finals.entry(&told.payout).or_default().insert(&told.id, told);
    }
    let called = evidence.attention.iter().map(|a| (a.payout_id.as_str(), a)).collect();
    for payout in orders.keys().copied() {
        let rows = paid.get(payout).map_or(&[][..], Vec::as_slice);
        verdict.one(payout, rows, finals.get(payout), &called);
    }
    verdict
}

impl Verdict {
    fn compare(&mut self, order: &Order, row: &Paid) {
        let shown = (row.amount, row.account.as_str(), row.last4.as_deref());
        let ordered = (order.amount, order.account, Some(order.last4.as_str()));
        if shown != ordered {
            let payout = &order.payout;
            self.broken.push(format!("{payout}: ordered {ordered:?}, and {shown:?} was paid"));
        }
    }

    fn one(
        &mut self,
        payout: &str,
        paid: &[&Paid],
        finals: Option<&BTreeMap<&str, &Told>>,
        called: &BTreeMap<&str, &Attention>,
    ) {
        let sessions: BTreeSet<_> = paid.iter().map(|row| &row.session_id).collect();
        if paid.len() > 1 {
            self.broken.push(format!("{payout}: paid {} times, in {sessions:?}", paid.len()));
        }
        let none = BTreeMap::new();
        let finals = finals.unwrap_or(&none);
        if finals.len() > 1 {
            let ids: Vec<_> = finals.keys().collect();
            self.broken.push(format!("{payout}: more than one final event: {ids:?}"));
        }
        let attention = called.get(payout);
        let Some(told) = finals.values().next() else {
            let Some(attention) = attention else {
                self.broken.push(format!("{payout}: neither final nor in attention"));
                return;
            };
            self.count("needs attention", &format!("{}: {}", attention.state, why(attention)));
            if !paid.is_empty() {
                self.paid_in_attention.push(payout.to_owned());
            }
            return;
        };
        let end = end(&told.kind).expect("only final ones are here");
        self.count(end, &told.reason);
        match (end == "succeeded", paid.is_empty()) {
            (true, true) => self.broken.push(format!("{payout}: told as paid, and it is not")),
            // A person who was called knows that the two do not agree.
            (false, false) if attention.is_some() => self.paid_in_attention.push(payout.to_owned()),
            (false, false) => self.broken.push(format!("{payout}: told as {end}, and it is paid")),
            (true, false) | (false, true) => {}
        }
    }

    fn count(&mut self, end: &str, reason: &str) {
        *self.ends.entry(end.to_owned()).or_default() += 1;
        if end != "succeeded" {
            *self.reasons.entry(format!("{end}: {}", without_ids(reason))).or_default() += 1;
        }
    }
}

fn why(attention: &Attention) -> &str {
    &attention.attention.reason
}

/// So that the same reason of many payouts is one line.
pub(crate) fn without_ids(reason: &str) -> String {
    let plain = |word: &str| {
        let begins = ["ps_", "inv-"].into_iter().find(|begins| word.starts_with(begins));
        begins.map_or(word.to_owned(), |begins| format!("{begins}…"))
    };
    reason.split(' ').map(plain).collect::<Vec<_>>().join(" ")
}
