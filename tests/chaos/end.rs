//! The end of a run: waits until nothing moves any more, and collects what it left behind.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::Context;
use serde::Deserialize;
use serde_json::Value;

use crate::business::{Business, QUEUE};
use crate::person::Person;
use crate::report::{Course, Report};
use crate::scene::{Scene, within};
use crate::services::RabbitMq;
use crate::stalls::Stalls;
use crate::verdict::{self, Evidence};

/// Longest from the last fault until all is settled: what is promised for these delays.
const SETTLED_MAX: Duration = Duration::from_secs(30);

/// Longest until what is late counts as stuck.
const STUCK_AFTER: Duration = Duration::from_secs(120);

/// Longest that the person takes for what is left then, and the queues until they are empty.
const QUIET_MAX: Duration = Duration::from_secs(120);

/// Payouts of which the history is kept as evidence.
const SHOWN_MAX: usize = 20;

#[derive(Deserialize)]
struct Queue {
    name: String,
    messages: Option<usize>,
}

#[derive(Deserialize)]
struct Letter {
    queue: Option<String>,
    reason: String,
}

/// A broker of 3.10 forgets a queue that is new when it is killed.
pub(crate) fn keeps_all_queues(scene: &Scene, broker: &RabbitMq) -> anyhow::Result<()> {
    let queues = insist("the queues", || queues(scene))?;
    queues.keys().map(String::as_str).chain([QUEUE]).for_each(|queue| broker.keeps(queue));
    Ok(())
}

/// What waits in each queue.
fn queues(scene: &Scene) -> Option<BTreeMap<String, usize>> {
    let queues = scene.shown::<Queue>(&["topology", "--json"])?;
    Some(queues.into_iter().filter_map(|queue| Some((queue.name, queue.messages?))).collect())
}

/// Asks until there is an answer. A long run does not end for want of one.
fn insist<T>(what: &str, ask: impl Fn() -> Option<T>) -> anyhow::Result<T> {
    let mut answer = None;
    within(QUIET_MAX, || {
        answer = ask();
        answer.is_some()
    });
    answer.with_context(|| format!("nobody tells {what}"))
}

/// A run whose faults are all over.
pub(crate) struct Run<'a> {
    pub(crate) scene: &'a Scene,
    pub(crate) business: &'a Business,
    pub(crate) person: &'a Mutex<Person>,
    /// Whether starts are paused.
    pub(crate) pauses: &'a dyn Fn() -> bool,
    pub(crate) stalls: &'a Stalls,
    pub(crate) began: Instant,
    /// When the last fault was over.
    pub(crate) last: Instant,
}

pub(crate) fn report(run: &Run<'_>, course: Course) -> anyhow::Result<Report> {
    let Run { scene, business, person, pauses, stalls, began: run_began, last } = *run;
    let look_away = || person.lock().unwrap_or_else(PoisonError::into_inner);
    let settled = within(STUCK_AFTER, || {
        if pauses() {
            return false;
        }
        let open = business.open_orders();
        if open.is_empty() {
            return true;
        }
        let called = scene.attention().unwrap_or_default();
        let called: BTreeSet<_> = called.into_iter().map(|attention| attention.payout_id).collect();
        open.iter().all(|order| called.contains(&order.payout))
    });
    let settled_after = settled.then(|| last.elapsed());
    let stood_still = stalls.since(last);

    // What is left is for the person, who has an end too.
    let began = Instant::now();
    within(QUIET_MAX, || look_away().look(scene) == Some(0));
    let attention = || scene.attention().unwrap_or_default();
    let is_forgotten = |(name, count): &(String, usize)| {
        let tickets = if name.starts_with("payoutd.tickets.") { attention().len() } else { 0 };
        !name.contains("dead-letters") && *count > tickets
    };
    let forgotten = || -> Option<Vec<(String, usize)>> {
        Some(queues(scene)?.into_iter().filter(&is_forgotten).collect())
    };
    within(QUIET_MAX, || forgotten().is_some_and(|queues| queues.is_empty()));
    let forgotten = insist("what the queues hold", forgotten)?;
    let quiet_ms = began.elapsed().as_millis();

    let evidence = Evidence {
        orders: business.orders(),
        ledger: insist("the bank's ledger", || scene.ledger().ok())?,
        told: business.told(),
        attention: insist("who needs a person", || scene.attention())?,
    };
    let mut judged = verdict::judge(&evidence);
    for (queue, count) in forgotten {
        judged.broken.push(format!("{count} messages are forgotten in {queue}"));
    }
    match settled_after {
        Some(after) if after > SETTLED_MAX + stood_still => {
            let text = format!(
                "settled only {after:.0?} after the last fault, and the machine stood still for \
                 {stood_still:.0?} of it"
            );
            judged.broken.push(text);
        }
        Some(_) => {}
        None => judged.broken.push(format!("not all settled {STUCK_AFTER:?} after the last fault")),
    }
    keep(scene, &judged, &evidence)?;
    let list = ["dead-letters", "list", "--json", "--limit", "10000"];
    let letters = insist("the dead letters", || scene.shown::<Letter>(&list))?;
    let mut dead_letters = BTreeMap::new();
    for Letter { queue, reason } in letters {
        let queue = queue.unwrap_or_else(|| "from nowhere".into());
        let reason = verdict::without_ids(&reason);
        *dead_letters.entry(format!("{queue}: {reason}")).or_default() += 1;
    }
    Ok(Report {
        course,
        paid: evidence.ledger.len(),
        events: evidence.told.len(),
        settled_after_last_fault_ms: settled_after.map(|after| after.as_millis()),
        quiet_after_that_ms: quiet_ms,
        machine_stood_still_ms: stalls.since(run_began).as_millis(),
        took_s: run_began.elapsed().as_secs_f64(),
        dead_letters,
        person: std::mem::take(&mut *look_away()),
        refused_words: business.refused_words(),
        troubles: business.troubles(),
        kept: scene.kept.clone(),
        verdict: judged,
    })
}

/// For whoever has to find out why: ledger and events of the run, and the histories of payouts that
/// are in the verdict or need a person.
fn keep(scene: &Scene, verdict: &verdict::Verdict, evidence: &Evidence) -> anyhow::Result<()> {
    let lines = |lines: Vec<String>| lines.join("\n");
    let rows = evidence.ledger.iter().map(|row| format!("{row:?}")).collect();
    let told = evidence.told.iter().map(|told| format!("{told:?}")).collect();
    fs::write(scene.kept.join("ledger.txt"), lines(rows))?;
    fs::write(scene.kept.join("events.txt"), lines(told))?;
    let accused = verdict.broken.iter().filter_map(|text| text.split_once(':')).map(|(id, _)| id);
    let called = evidence.attention.iter().map(|attention| attention.payout_id.as_str());
    let mut shown = Vec::new();
    for id in accused.chain(called).filter(|id| id.starts_with("inv-")).take(SHOWN_MAX) {
        shown.push(scene.person(&["show", id]).out);
    }
    fs::write(scene.kept.join("payouts.txt"), shown.join("\n\n"))?;
    let all: Vec<Value> =
        scene.shown(&["list", "--json", "--limit", "1000000"]).unwrap_or_default();
    fs::write(scene.kept.join("records.txt"), lines(all.iter().map(Value::to_string).collect()))?;
    Ok(())
}
