//! The end of the demo: payoutd's records beside the bank's ledger, and whether they agree.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use serde::Serialize;

use crate::domain::event::Event;
use crate::domain::id::PayoutId;
use crate::domain::money::Money;
use crate::domain::payout::{Payout, State};
use crate::store::Store;

use super::super::output;
use super::bank::Bank;
use super::commands::Commands;
use super::ledger::Ledger;
use super::usage::Usage;

/// Rows shown of a long table; what disagrees is always shown.
const ROWS_MAX: u64 = 20;

/// What the ledger says of one payout: kept small, for there may be very many.
struct Entry {
    times: u32,
    amount: i64,
    /// Amount, currency and session are the payout's own.
    matches: bool,
}

/// A row of the table.
#[derive(Serialize)]
struct Row {
    payout_id: PayoutId,
    /// Absent if it was never recorded.
    state: Option<State>,
    amount_details: Option<Money>,
    paid_times: u32,
    /// Minor units.
    paid_amount: i64,
    #[serde(skip_serializing_if = "String::is_empty")]
    why: String,
    agrees: bool,
}

/// What it all came to.
#[derive(Serialize)]
pub(super) struct Outcome {
    pub(super) agree: bool,
    /// Places where record and ledger say different things.
    disagreements: u64,
    states: BTreeMap<&'static str, u64>,
}

/// Prints the table. They agree if every payout is final, each that succeeded was paid once, with
/// its own amount and through its own session, and nothing else was paid.
pub(super) async fn print(
    store: &dyn Store,
    bank: &Bank,
    commands: &Commands,
    json: bool,
) -> anyhow::Result<Outcome> {
    let mut paid = read_ledger(store, bank).await?;
    let mut outcome = Outcome { agree: true, disagreements: 0, states: BTreeMap::new() };
    if !json {
        println!("{:28} {:10} {:>14}  {:>14}  WHY", "PAYOUT", "STATE", "AMOUNT", "BANK PAID");
    }
    for (n, id) in (0..).zip(commands.ids()) {
        let payout = store.load(&id).await?.payout;
        let entry = paid.remove(id.as_str());
        let row = Row::of(id, payout, entry);
        if let Some(state) = row.state {
            *outcome.states.entry(state.name()).or_default() += 1;
        }
        outcome.disagreements += u64::from(!row.agrees);
        if json {
            output::json(&row);
        } else if n < ROWS_MAX || !row.agrees {
            println!("{}", row.text());
        }
    }
    for (id, entry) in &paid {
        eprintln!("the bank paid {id:?} {} time(s), which is unknown here", entry.times);
        outcome.disagreements += 1;
    }
    outcome.agree = outcome.disagreements == 0;
    if !json {
        if commands.count > ROWS_MAX {
            println!("… and {} more", commands.count - ROWS_MAX);
        }
        outcome.print();
    }
    Ok(outcome)
}

/// What was paid, by payout id; what the bank paid without one stands under an empty id.
async fn read_ledger(store: &dyn Store, bank: &Bank) -> anyhow::Result<HashMap<String, Entry>> {
    let mut paid: HashMap<String, Entry> = HashMap::new();
    let mut ledger = Ledger::at(&bank.address);
    while let Some(page) = ledger.page().await? {
        for row in page {
            let id = row.merchant_payout_id.unwrap_or_default();
            let payout = match id.parse() {
                Ok(id) => store.load(&id).await?.payout,
                Err(_) => None,
            };
            let matches = payout.is_some_and(|payout| {
                let Some(command) = payout.command.create() else { return false };
                let Money { amount, currency } = &command.money;
                *amount == row.amount
                    && currency.code().eq_ignore_ascii_case(&row.currency)
                    && payout.session.is_some_and(|own| own.as_str() == row.session_id)
            });
            let entry = paid.entry(id).or_insert(Entry { times: 0, amount: 0, matches: true });
            entry.times += 1;
            entry.amount += row.amount;
            entry.matches &= matches;
        }
    }
    Ok(paid)
}

impl Row {
    fn of(payout_id: PayoutId, payout: Option<Payout>, entry: Option<Entry>) -> Self {
        let state = payout.as_ref().map(|payout| payout.state);
        let succeeded = state == Some(State::Succeeded);
        let agrees = match &entry {
            Some(entry) => succeeded && entry.times == 1 && entry.matches,
            None => state.is_some_and(State::is_final) && !succeeded,
        };
        Self {
            payout_id,
            state,
            why: payout.as_ref().map(why).unwrap_or_default(),
            amount_details: payout.and_then(|payout| Some(payout.command.create()?.money.clone())),
            paid_times: entry.as_ref().map_or(0, |entry| entry.times),
            paid_amount: entry.as_ref().map_or(0, |entry| entry.amount),
            agrees,
        }
    }

    fn text(&self) -> String {
        let paid = match self.paid_times {
            0 => "–".to_owned(),
            1 => format!("{}.{:02}", self.paid_amount / 100, self.paid_amount % 100),
            times => format!("{times} TIMES"),
        };
        let verdict = if self.agrees { "" } else { "  DISAGREES" };
        let state = match self.state {
            Some(state) => output::state(state, 10),
            None => "no record ".to_owned(),
        };
        let amount = self.amount_details.as_ref().map(ToString::to_string).unwrap_or_default();
        let id = self.payout_id.as_str();
        let text = format!("{id:28} {state} {amount:>14}  {paid:>14}  {}{verdict}", self.why);
        text.trim_end().to_owned()
    }
}

/// Why it ended as it did, where the state alone does not say.
fn why(payout: &Payout) -> String {
    let end = payout.history.iter().rev().find_map(|entry| match &entry.event {
        Event::Failed { reason } => Some(reason.code.clone()),
        Event::Cancelled { reason } | Event::Rejected { reason } => Some(reason.clone()),
        _ => None,
    });
    let attention = payout.attention.as_ref().map(|a| format!("needs attention: {}", a.reason));
    attention.or(end).unwrap_or_default()
}

impl Outcome {
    fn print(&self) {
        let parts: Vec<_> = self.states.iter().map(|(state, n)| format!("{n} {state}")).collect();
        println!("\n{}", parts.join(", "));
        if self.agree {
            println!("payoutd's records and the bank's ledger agree.");
        } else {
            let places = self.disagreements;
            println!("payoutd's records and the bank's ledger DISAGREE in {places} place(s).");
        }
    }
}

/// How fast it was, and what it cost.
#[derive(Serialize)]
pub(super) struct Figures {
    payouts: u64,
    seconds: f64,
    payouts_per_second: f64,
    /// Absent, as the next, where the system does not tell.
    cpu_ms_per_payout: Option<f64>,
    peak_memory_mib: Option<u64>,
    /// Where CPU and memory were measured.
    measured: String,
}

impl Figures {
    pub(super) fn of(
        payouts: u64,
        elapsed: Duration,
        usage: Option<&Usage>,
        measured: String,
    ) -> Self {
        let (count, seconds) = (payouts as f64, elapsed.as_secs_f64());
        Self {
            payouts,
            seconds,
            payouts_per_second: count / seconds,
            cpu_ms_per_payout: usage.map(|usage| usage.cpu.as_secs_f64() * 1000.0 / count),
            peak_memory_mib: usage.map(|usage| usage.peak_memory_mib),
            measured,
        }
    }

    pub(super) fn print(&self) {
        let Self { payouts, seconds, payouts_per_second, .. } = self;
        print!("{payouts} payouts in {seconds:.1} s, {payouts_per_second:.0} a second");
        if let (Some(each), Some(mib)) = (self.cpu_ms_per_payout, self.peak_memory_mib) {
            print!("; {each:.1} ms CPU each, {mib} MiB at most, {}", self.measured);
        }
        println!();
    }
}
