//! What of the broker's bytes the client library may see.
//!
//! Anybody who may publish can put anything into a message's properties: text that is not UTF-8,
//! tables in tables thousands of levels deep. The library gives up the connection over the first
//! and overflows its stack over the second, at every delivery and for every message that shares the
//! connection. payoutd reads bodies, and of headers only its own and the broker's about dead letters.
//! So each content header is written anew with those alone, and bodies pass as they are.
//!
//! Headers that are hostile leave a mark: every further delivery of such a message costs the broker
//! seconds, and moving it may break it, so that whoever takes the message replaces it.
//!
//! A message of ours that comes back because it fits no queue ends the connection: the library may
//! tie a return to the confirm of another message. The connection is built anew with its topology.

mod reader;

use self::reader::Reader;
use super::names::{HEADERS_READ, HOSTILE, X_DEATH};

const METHOD: u8 = 1;
const HEADER: u8 = 2;
const BODY: u8 = 3;
const HEARTBEAT: u8 = 8;
const FRAME_END: u8 = 0xCE;

/// A frame's type, channel and size.
const FRAME_HEAD: usize = 7;

/// Largest method or header that is taken in. Brokers keep to 128 KiB, and exceed it a little when
/// they add headers of their own.
const FRAME_MAX: usize = 4 * 1024 * 1024;

/// Most bytes of headers that are kept of one message: a reason, and the broker's account of how a
/// message came here.
const KEPT_MAX: usize = 32 * 1024;

/// Tables and lists in one another that are kept; the broker's own are two deep.
const DEPTH_MAX: usize = 4;

/// Flags of the properties that come before the headers, and of the headers.
const CONTENT_TYPE: u16 = 1 << 15;
const CONTENT_ENCODING: u16 = 1 << 14;
const HEADERS: u16 = 1 << 13;
/// More flags follow. Nobody has defined any.
const MORE_FLAGS: u16 = 1;

/// Why nothing more may come through.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Blocked {
    #[error("a message fitted no queue: is {0:?} missing?")]
    Unroutable(String),
    #[error("the broker sent a frame of {0} bytes")]
    TooLarge(usize),
}

/// One connection's bytes from the broker, in order.
#[derive(Default)]
pub(super) struct Sieve {
    /// The beginning of a frame that is not there whole yet.
    held: Vec<u8>,
    /// So many bytes of the present frame pass as they are.
    passing: usize,
    /// No frames: the broker speaks another version and says so.
    foreign: bool,
}

impl Sieve {
    /// Takes in what was read and adds to `out` what may be seen of it.
    pub(super) fn feed(&mut self, mut input: &[u8], out: &mut Vec<u8>) -> Result<(), Blocked> {
        while !input.is_empty() {
            if self.foreign {
                out.extend_from_slice(input);
                return Ok(());
            }
            if self.passing > 0 {
                let (now, later) = input.split_at(self.passing.min(input.len()));
                out.extend_from_slice(now);
                self.passing -= now.len();
                input = later;
                continue;
            }
            let wanted = self.frame_length().unwrap_or(FRAME_HEAD);
            let (now, later) = input.split_at((wanted - self.held.len()).min(input.len()));
            self.held.extend_from_slice(now);
            input = later;
            self.advance(out)?;
        }
        Ok(())
    }

    /// Length of the held frame with its head and end, once its head is there.
    fn frame_length(&self) -> Option<usize> {
        let size = self.held.get(3..FRAME_HEAD)?;
        let size = u32::from_be_bytes(size.try_into().expect("four bytes"));
        Some(FRAME_HEAD + usize::try_from(size).unwrap_or(usize::MAX - 8) + 1)
    }

    fn advance(&mut self, out: &mut Vec<u8>) -> Result<(), Blocked> {
        let Some(length) = self.frame_length() else { return Ok(()) };
        match self.held[0] {
            METHOD | HEADER if length > FRAME_MAX => return Err(Blocked::TooLarge(length)),
            METHOD | HEADER if self.held.len() < length => return Ok(()),
            METHOD => method(&self.held, out)?,
            HEADER => header(&self.held, out),
            BODY | HEARTBEAT => {
                out.extend_from_slice(&self.held);
                self.passing = length - FRAME_HEAD;
            }
            _ => {
                out.extend_from_slice(&self.held);
                self.foreign = true;
            }
        }
        self.held.clear();
        Ok(())
    }
}

/// Deliveries carry names that somebody else chose.
fn method(frame: &[u8], out: &mut Vec<u8>) -> Result<(), Blocked> {
    const BASIC: u16 = 60;
    const RETURN: u16 = 50;
    const DELIVER: u16 = 60;
    const GET_OK: u16 = 71;
    let payload = &frame[FRAME_HEAD..frame.len() - 1];
    let mut reader = Reader(payload);
    let ids = (reader.u16(), reader.u16());
    let before_names = match ids {
        (Some(BASIC), Some(RETURN)) => {
            let key = reader.take(2).and_then(|_| {
                reader.short_text()?;
                reader.short_text()?;
                reader.short_text()
            });
            let key = String::from_utf8_lossy(key.unwrap_or_default()).into_owned();
            return Err(Blocked::Unroutable(key));
        }
        (Some(BASIC), Some(DELIVER)) => reader.short_text().and_then(|_| reader.take(9)),
        (Some(BASIC), Some(GET_OK)) => reader.take(9),
        _ => None,
    };
    let names_at = payload.len() - reader.0.len();
    let names = before_names.and_then(|_| Some([reader.short_text()?, reader.short_text()?]));
    match names {
        Some(names) if names.iter().any(|name| std::str::from_utf8(name).is_err()) => {
            let mut cleaned = payload[..names_at].to_vec();
            cleaned.extend_from_slice(&[0, 0]);
            cleaned.extend_from_slice(reader.0);
            write_frame(frame, &cleaned, out);
        }
        _ => out.extend_from_slice(frame),
    }
    Ok(())
}

fn header(frame: &[u8], out: &mut Vec<u8>) {
    const CLASS_WEIGHT_AND_SIZE: usize = 12;
    let payload = &frame[FRAME_HEAD..frame.len() - 1];
    let mut reader = Reader(payload);
    let Some(fixed) = reader.take(CLASS_WEIGHT_AND_SIZE) else {
        return out.extend_from_slice(frame);
    };
    let mut cleaned = fixed.to_vec();
    match kept_headers(&mut reader).filter(|kept| !kept.is_empty()) {
        Some(kept) => {
            cleaned.extend_from_slice(&HEADERS.to_be_bytes());
            write_long(&kept, &mut cleaned);
        }
        None => cleaned.extend_from_slice(&[0, 0]),
    }
    write_frame(frame, &cleaned, out);
}

/// The entries of the headers that payoutd reads; `None` if there are no headers.
fn kept_headers(reader: &mut Reader<'_>) -> Option<Vec<u8>> {
    let flags = reader.u16()?;
    if flags & MORE_FLAGS != 0 {
        return Some(mark());
    }
    if flags & HEADERS == 0 {
        return None;
    }
    for before in [CONTENT_TYPE, CONTENT_ENCODING] {
        if flags & before != 0 {
            reader.short_text()?;
        }
    }
    let Some(table) = reader.long() else { return Some(mark()) };
    let mut entries = Reader(table);
    let mut kept = Vec::new();
    let mut hostile = table.len() > KEPT_MAX;
    while let Some((key, kind, value)) = entries.entry() {
        if std::str::from_utf8(key).is_err() || !sound(kind, value, DEPTH_MAX) {
            hostile = true;
            continue;
        }
        let mut entry = vec![u8::try_from(key.len()).expect("was read from one byte")];
        entry.extend_from_slice(key);
        entry.push(kind);
        if key == X_DEATH.as_bytes() {
            // The newest is the first, and the only one that is read.
            let Some(newest @ [b'F', ..]) = value.get(4..).and_then(|all| Reader(all).element())
            else {
                hostile = true;
                continue;
            };
            write_long(newest, &mut entry);
        } else {
            entry.extend_from_slice(value);
        }
        let read = HEADERS_READ.iter().any(|name| name.as_bytes() == key);
        if read && kept.len() + entry.len() <= KEPT_MAX {
            kept.extend_from_slice(&entry);
        }
    }
    if hostile || !entries.0.is_empty() {
        kept.extend_from_slice(&mark());
    }
    Some(kept)
}

/// A header that says of the others that they were hostile.
fn mark() -> Vec<u8> {
    let mut entry = vec![u8::try_from(HOSTILE.len()).expect("a short name")];
    entry.extend_from_slice(HOSTILE.as_bytes());
    entry.extend_from_slice(b"V");
    entry
}

/// Whether the library reads this value without harm. `value` is as long as its kind says.
fn sound(kind: u8, value: &[u8], depth: usize) -> bool {
    match (kind, depth) {
        (b'F' | b'A', 0) => false,
        (b'F', _) => {
            let mut entries = Reader(&value[4..]);
            let mut all_sound = true;
            while let Some((key, kind, value)) = entries.entry() {
                all_sound &= std::str::from_utf8(key).is_ok() && sound(kind, value, depth - 1);
            }
            all_sound && entries.0.is_empty()
        }
        (b'A', _) => {
            let mut elements = Reader(&value[4..]);
            let mut all_sound = true;
            while let Some((&kind, value)) = elements.element().and_then(<[u8]>::split_first) {
                all_sound &= sound(kind, value, depth - 1);
            }
            all_sound && elements.0.is_empty()
        }
        _ => true,
    }
}

fn write_long(bytes: &[u8], out: &mut Vec<u8>) {
    let length = u32::try_from(bytes.len()).expect("part of a frame");
    out.extend_from_slice(&length.to_be_bytes());
    out.extend_from_slice(bytes);
}

fn write_frame(of: &[u8], payload: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(&of[..3]);
    write_long(payload, out);
    out.push(FRAME_END);
}

#[cfg(test)]
mod tests;
