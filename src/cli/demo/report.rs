//! The end of the demo: payoutd's records beside the bank's ledger, and whether they agree.

use std::collections::HashMap;
use std::time::Duration;

use crate::domain::event::Event;
use crate::domain::money::Money;
use crate::domain::payout::{Payout, State};
use crate::embedded::Embedded;
use crate::store::Store;

use super::super::output;
use super::Bank;
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

/// Prints the table. `true`: every payout is final, each that succeeded was paid once, with its
/// own amount and through its own session, and nothing else was paid.
pub(super) async fn print(
    backend: &Embedded,
    bank: &Bank,
    commands: &Commands,
) -> anyhow::Result<bool> {
    let mut paid = read_ledger(backend, bank).await?;
    let mut counts: HashMap<State, u64> = HashMap::new();
    let mut disagreements = 0;
    println!("{:28} {:10} {:>14}  {:>14}  WHY", "PAYOUT", "STATE", "AMOUNT", "BANK PAID");
    for (n, id) in (0..).zip(commands.ids()) {
        let Some(payout) = backend.store.load(&id).await?.payout else {
            println!("{:28} never recorded", id.as_str());
            disagreements += 1;
            continue;
        };
        *counts.entry(payout.state).or_default() += 1;
        let entry = paid.remove(id.as_str());
        let agrees = match &entry {
            Some(entry) => payout.state == State::Succeeded && entry.times == 1 && entry.matches,
            None => payout.state.is_final() && payout.state != State::Succeeded,
        };
        disagreements += u64::from(!agrees);
        if n < ROWS_MAX || !agrees {
            println!("{}", row(&payout, entry.as_ref(), agrees));
        }
    }
    for (id, entry) in &paid {
        println!("{id:28} unknown here; the bank paid it {} time(s)", entry.times);
        disagreements += 1;
    }
    if commands.count > ROWS_MAX {
        println!("… and {} more", commands.count - ROWS_MAX);
    }
    sum_up(&counts, disagreements);
    Ok(disagreements == 0)
}

/// What was paid, by payout id; what the bank paid without one stands under an empty id.
async fn read_ledger(backend: &Embedded, bank: &Bank) -> anyhow::Result<HashMap<String, Entry>> {
    let mut paid: HashMap<String, Entry> = HashMap::new();
    let mut ledger = Ledger::at(&bank.address);
    while let Some(page) = ledger.page().await? {
        for row in page {
            let id = row.merchant_payout_id.unwrap_or_default();
            let payout = match id.parse() {
                Ok(id) => backend.store.load(&id).await?.payout,
                Err(_) => None,
            };
            let matches = payout.is_some_and(|payout| {
                let Money { amount, currency } = &payout.command.money;
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

fn row(payout: &Payout, entry: Option<&Entry>, agrees: bool) -> String {
    let paid = match entry {
        None => "–".to_owned(),
        Some(Entry { times: 1, amount, .. }) => format!("{}.{:02}", amount / 100, amount % 100),
        Some(Entry { times, .. }) => format!("{times} TIMES"),
    };
    let verdict = if agrees { "" } else { "  DISAGREES" };
    let state = output::state(payout.state, 10);
    let text = format!(
        "{:28} {state} {:>14}  {paid:>14}  {}{verdict}",
        payout.id().as_str(),
        payout.command.money,
        why(payout)
    );
    text.trim_end().to_owned()
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

fn sum_up(counts: &HashMap<State, u64>, disagreements: u64) {
    let count = |state: &State| counts.get(state).map(|count| format!("{count} {state}"));
    let parts: Vec<_> = State::ALL.iter().filter_map(count).collect();
    println!("\n{}", parts.join(", "));
    if disagreements == 0 {
        println!("payoutd's records and the bank's ledger agree.");
    } else {
        println!("payoutd's records and the bank's ledger DISAGREE in {disagreements} place(s).");
    }
}

/// How fast it was, and what it cost: payoutd and the simulator together.
pub(super) fn figures(count: u64, elapsed: Duration, usage: Option<Usage>) {
    let seconds = elapsed.as_secs_f64();
    print!("{count} payouts in {seconds:.1} s, {:.0} a second", count as f64 / seconds);
    if let Some(Usage { cpu, peak_memory_mib }) = usage {
        let each = cpu.as_secs_f64() * 1000.0 / count as f64;
        print!("; {each:.1} ms CPU each, {peak_memory_mib} MiB at most, the simulator included");
    }
    println!();
}
