//! When webhooks are sent again, and when the bank gives up.

use super::rig::Counter;
use crate::simulator::BankKind;
use crate::simulator::outbox::{self, Fate, Webhook};

const SECOND: i64 = 1_000_000;

fn take(counter: &Counter) -> Vec<Webhook> {
    counter.bank.book.write(|book| outbox::take(book, counter.now, 10)).expect("the outbox")
}

fn settle(counter: &Counter, webhook: &Webhook, fate: Fate, speed_up: f64) {
    let settled = |book: &_| outbox::settle(book, webhook, fate, counter.now, speed_up);
    counter.bank.book.write(|book| settled(book)).expect("the outbox");
}

fn next_due(counter: &Counter) -> Option<i64> {
    counter.bank.book.write(|book| outbox::next_due(book)).expect("the outbox")
}

fn add(counter: &Counter, kind: &str) {
    counter.bank.book.write(|book| outbox::add(book, 1, kind, "{}", counter.now)).expect("added");
}

#[test]
fn intervals_grow_up_to_15_minutes_and_end_after_30() {
    for speed_up in [1.0, 100.0] {
        let mut counter = Counter::open(BankKind::default());
        add(&counter, "ready_to_confirm");
        let first = counter.now;
        let mut intervals = Vec::new();
        loop {
            let webhook = take(&counter).remove(0);
            assert!(take(&counter).is_empty(), "one that is under way is not taken again");
            settle(&counter, &webhook, Fate::Refused, speed_up);
            let Some(due) = next_due(&counter) else { break };
            intervals.push((due - counter.now) as f64 * speed_up / SECOND as f64);
            counter.now = due;
            assert!(intervals.len() < 20, "it has to give up: {intervals:?}");
        }
        assert!(intervals.is_sorted() && intervals.len() >= 4, "{intervals:?}");
        assert!(intervals.iter().all(|interval| *interval <= 900.0), "{intervals:?}");
        let lasted = (counter.now - first) as f64 * speed_up / SECOND as f64;
        assert!((900.0..=1800.0).contains(&lasted), "{lasted}");
    }
}

#[test]
fn a_webhook_that_was_taken_is_not_sent_again() {
    let counter = Counter::open(BankKind::default());
    add(&counter, "ready_to_confirm");
    let webhook = take(&counter).remove(0);
    settle(&counter, &webhook, Fate::Done, 1.0);
    assert_eq!(next_due(&counter), None);
}

#[test]
fn a_webhook_that_is_kept_back_comes_after_the_last_one() {
    let counter = Counter::open(BankKind::default());
    add(&counter, "ready_to_confirm");
    let ready = take(&counter).remove(0);
    settle(&counter, &ready, Fate::Held, 1.0);
    assert_eq!(next_due(&counter), None);
    add(&counter, "payment_finished");
    let finished = take(&counter).remove(0);
    assert!(take(&counter).is_empty());
    settle(&counter, &finished, Fate::Done, 1.0);
    let ready = take(&counter).remove(0);
    assert_eq!(ready.kind, "ready_to_confirm");
    assert!(ready.faulted, "and is not kept back again");
}

#[test]
fn a_webhook_that_is_put_off_keeps_its_fate() {
    let mut counter = Counter::open(BankKind::default());
    add(&counter, "ready_to_confirm");
    let webhook = take(&counter).remove(0);
    settle(&counter, &webhook, Fate::PutOff(SECOND), 1.0);
    assert!(take(&counter).is_empty());
    counter.now += SECOND;
    assert!(take(&counter).remove(0).faulted);
}
