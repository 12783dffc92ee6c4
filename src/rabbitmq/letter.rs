//! A dead letter as a message: its body, and everything else in headers.

use lapin::message::Delivery;
use lapin::types::{AMQPValue, FieldTable};

use super::names::{self, Names, X_DEATH};
use crate::bus::DELIVERIES_MAX;
use crate::bus::dead_letters::{DeadLetter, Settled, Verdict};
use crate::digest::sha256_hex;
use crate::domain::time::Timestamp;

/// Longest reason that is kept, in bytes: it travels in a header, and a person reads it.
const REASON_MAX: usize = 2048;

pub(super) fn fresh_id() -> String {
    format!("{:032x}", rand::random::<u128>())
}

pub(super) fn delivered_too_often() -> String {
    format!("delivered {DELIVERIES_MAX} times and never settled")
}

/// How often the broker delivered a message before. A publisher may claim something, which counts
/// only with the broker's mark.
pub(super) fn deliveries_before(message: &Delivery) -> u32 {
    let headers = message.properties.headers().as_ref().filter(|_| message.redelivered);
    match headers.and_then(|table| table.inner().get(names::DELIVERY_COUNT)) {
        Some(AMQPValue::LongLongInt(count)) => u32::try_from(*count).unwrap_or(0),
        Some(AMQPValue::LongInt(count)) => u32::try_from(*count).unwrap_or(0),
        _ => 0,
    }
}

/// Whether its publisher put something into its headers that harms.
pub(super) fn is_hostile(message: &Delivery) -> bool {
    let headers = message.properties.headers().as_ref();
    headers.is_some_and(|table| table.contains_key(names::HOSTILE))
}

/// What tells a letter that payoutd put aside.
pub(super) fn headers(letter: &DeadLetter) -> FieldTable {
    let mut table = FieldTable::default();
    insert(&mut table, names::ID, &letter.id);
    insert(&mut table, names::REASON, bounded(&letter.reason));
    if let Some(queue) = letter.queue {
        insert(&mut table, names::QUEUE, queue.name());
    }
    table.insert(names::AT.into(), AMQPValue::LongLongInt(letter.at.as_millis()));
    table
}

pub(super) fn settled_headers(settled: &Settled) -> FieldTable {
    let mut table = headers(&settled.letter);
    match &settled.verdict {
        Verdict::Replay => insert(&mut table, names::VERDICT, "replay"),
        Verdict::Discard { reason } => {
            insert(&mut table, names::VERDICT, "discard");
            insert(&mut table, names::VERDICT_REASON, bounded(reason));
        }
    }
    table.insert(names::SETTLED_AT.into(), AMQPValue::LongLongInt(settled.at.as_millis()));
    table
}

fn insert(table: &mut FieldTable, key: &str, value: &str) {
    table.insert(key.into(), AMQPValue::LongString(value.into()));
}

fn bounded(text: &str) -> &str {
    &text[..text.floor_char_boundary(REASON_MAX)]
}

/// Reads a message of the dead letters, whoever put it there.
pub(super) fn read(message: &Delivery, names: &Names) -> DeadLetter {
    let nothing = FieldTable::default();
    let table = message.properties.headers().as_ref().unwrap_or(&nothing);
    let body = bytes::Bytes::copy_from_slice(&message.data);
    if let Some(death) = death(table) {
        return moved(&death, body, names);
    }
    let at = millis(table, names::AT).unwrap_or(Timestamp::from_millis(0));
    DeadLetter {
        id: text(table, names::ID).unwrap_or_else(|| id_of(&[&body])),
        queue: text(table, names::QUEUE).and_then(|name| crate::bus::Queue::named(&name)),
        reason: text(table, names::REASON)
            .unwrap_or_else(|| "put here by somebody else, without a reason".into()),
        body,
        at,
    }
}

pub(super) fn read_settled(message: &Delivery, names: &Names) -> Option<Settled> {
    let table = message.properties.headers().as_ref()?;
    let verdict = match text(table, names::VERDICT)?.as_str() {
        "replay" => Verdict::Replay,
        _ => Verdict::Discard { reason: text(table, names::VERDICT_REASON).unwrap_or_default() },
    };
    let at = millis(table, names::SETTLED_AT)?;
    Some(Settled { letter: read(message, names), verdict, at })
}

/// The broker's newest account of how a message was moved.
fn death(table: &FieldTable) -> Option<FieldTable> {
    let deaths = table.inner().get(X_DEATH)?.as_array()?;
    deaths.as_slice().first()?.as_field_table().cloned()
}

/// A letter that the broker moved here by itself: what its publisher says of it does not count.
fn moved(death: &FieldTable, body: bytes::Bytes, names: &Names) -> DeadLetter {
    let source = text(death, "queue").unwrap_or_default();
    let why = text(death, "reason").unwrap_or_default();
    let seconds = match death.inner().get("time") {
        Some(AMQPValue::Timestamp(seconds)) => i64::try_from(*seconds).unwrap_or(0),
        _ => 0,
    };
    let reason = match why.as_str() {
        "delivery_limit" => delivered_too_often(),
        other => format!("moved here by the broker: {}", bounded(other)),
    };
    DeadLetter {
        id: id_of(&[source.as_bytes(), &seconds.to_be_bytes(), &body]),
        queue: names.queue_named(&source),
        body,
        reason,
        at: Timestamp::from_millis(seconds.saturating_mul(1000)),
    }
}

fn id_of(parts: &[&[u8]]) -> String {
    sha256_hex(&parts.concat())[..32].to_owned()
}

fn text(table: &FieldTable, key: &str) -> Option<String> {
    let value = table.inner().get(key)?.as_long_string()?;
    Some(String::from_utf8_lossy(value.as_bytes()).into_owned())
}

fn millis(table: &FieldTable, key: &str) -> Option<Timestamp> {
    Some(Timestamp::from_millis(table.inner().get(key)?.as_long_long_int()?))
}
