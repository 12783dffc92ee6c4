//! What we send: for each call its method and its body.
//!
//! A body is built once, as bytes; those are signed and sent. What the command says in the bank's
//! own fields, and the `confirm_information` to echo, go through as they were written.

use serde::Serialize;

use crate::digest::sha256_hex;
use crate::domain::call::{Call, idempotency_text};
use crate::domain::command::{Account, CreateCommand};
use crate::domain::id::{PayoutId, SessionId};
use crate::domain::json::{Object, Raw};
use crate::domain::payout::Payout;

pub(super) struct Request {
    /// What follows `/api/v1/`.
    pub(super) method: &'static str,
    pub(super) body: Vec<u8>,
    /// On calls that change something.
    pub(super) idempotency_key: Option<String>,
}

/// The payout's intended call.
///
/// # Panics
/// When a payout without a command intends anything, or one without a session anything but to
/// get one: no transition leads there.
pub(super) fn intended(project: &str, payout: &Payout) -> Request {
    let call = payout.intention.call;
    let command = payout.command.create().expect("a stub intends nothing");
    let body = match call {
        Call::Create => create(payout),
        Call::Init => order(Object::default(), command),
        Call::Start => order(in_session(payout), command),
        Call::Confirm | Call::Cancel => finish(payout),
    };
    Request {
        method: method(call, command),
        body: bytes(&body),
        idempotency_key: Some(sha256_hex(idempotency_text(project, payout).as_bytes())),
    }
}

pub(super) fn status(session: &SessionId) -> Request {
    Request { method: "session/status", body: bytes(&session_id(session)), idempotency_key: None }
}

/// Opening a session and starting a payout in it differ between the kinds of account, and a payout
/// with a receipt has a start of its own.
fn method(call: Call, command: &CreateCommand) -> &'static str {
    match (call, command.account) {
        (Call::Create, Account::Collateral) => "session/create",
        (Call::Create, Account::Settlement) => "session/create/rko",
        (Call::Init, Account::Collateral) if command.asks_for_receipt() => {
            "session/init/payout/fiscalization"
        }
        (Call::Init, Account::Collateral) => "session/init/payout",
        (Call::Init, Account::Settlement) => "session/init/payout/rko",
        (Call::Start, Account::Collateral) if command.asks_for_receipt() => {
            "session/start/payout/fiscalization"
        }
        (Call::Start, Account::Collateral) => "session/start/payout",
        (Call::Start, Account::Settlement) => "session/start/payout/rko",
        (Call::Confirm, Account::Collateral | Account::Settlement) => "session/confirm",
        (Call::Cancel, Account::Collateral | Account::Settlement) => "session/cancel",
    }
}

fn create(payout: &Payout) -> Object {
    let mut body = Object::default();
    body.push("metadata", raw(&our_metadata(payout.id())));
    body
}

/// What to pay to whom.
fn order(mut body: Object, command: &CreateCommand) -> Object {
    for (name, value) in command.bank_fields() {
        body.push(name, value.clone());
    }
    let mut metadata = our_metadata(&command.payout_id);
    if let Some(own) = command.metadata() {
        metadata.push("metadata", own.clone());
    }
    body.push("metadata", raw(&metadata));
    body
}

fn finish(payout: &Payout) -> Object {
    let mut body = in_session(payout);
    if let Some(information) = &payout.confirm_information {
        body.push("confirm_information", information.clone());
    }
    body
}

fn in_session(payout: &Payout) -> Object {
    let session = payout.session.as_ref().expect("the session is bound before it is used");
    session_id(session)
}

fn session_id(session: &SessionId) -> Object {
    let mut body = Object::default();
    body.push("session_id", raw(session));
    body
}

/// Ties what the bank shows to its payout, even if our own records were lost.
fn our_metadata(payout_id: &PayoutId) -> Object {
    let mut metadata = Object::default();
    metadata.push("payout_id", raw(payout_id));
    metadata
}

fn raw(value: &impl Serialize) -> Raw {
    Raw::of(value).expect("ids and objects of raw JSON are JSON")
}

fn bytes(body: &Object) -> Vec<u8> {
    serde_json::to_vec(body).expect("an object of raw JSON is JSON")
}

#[cfg(test)]
mod tests;
