//! Fixtures, keys, and payouts at each point where a call is intended.

use std::path::Path;
use std::time::Duration;

use payoutd::bank::client::{Bank, BankSettings};
use payoutd::bank::signing::{PrivateKey, PublicKeys};
use payoutd::domain::command::{CreateCommand, Flow};
use payoutd::domain::event::Event;
use payoutd::domain::id::SessionId;
use payoutd::domain::json::Raw;
use payoutd::domain::payout::Payout;
use payoutd::domain::time::Timestamp;
use payoutd::domain::transition::apply;
use serde_json::{Value, json};

pub(crate) const NOW: Timestamp = Timestamp::from_millis(1_800_000_000_000);

pub(crate) fn fixture(name: &str) -> Vec<u8> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures");
    std::fs::read(folder.join(name)).unwrap_or_else(|e| panic!("{name}: {e}"))
}

pub(crate) fn json_fixture(name: &str) -> Value {
    serde_json::from_slice(&fixture(name)).expect("a JSON fixture")
}

pub(crate) fn private_key() -> PrivateKey {
    PrivateKey::from_pem(&fixture("signatures/private_pkcs8.pem"), None).expect("a key")
}

pub(crate) fn public_keys() -> PublicKeys {
    PublicKeys::from_pems([fixture("signatures/public_spki.pem")]).expect("a key")
}

pub(crate) fn settings(base_url: &str) -> BankSettings {
    BankSettings {
        base_url: base_url.into(),
        project: "your_project_name".into(),
        submerchant: None,
        timeout: Duration::from_secs(20),
        connect_timeout: Duration::from_secs(10),
        private_key: private_key(),
    }
}

pub(crate) fn bank(base_url: &str) -> Bank {
    Bank::new(settings(base_url)).expect("usable settings")
}

/// A command that asks for what one of the bank's start requests asks for.
pub(crate) fn command_like(start_request: &str, payout_id: &str, account: &str) -> Value {
    let mut command = json_fixture(start_request);
    let fields = command.as_object_mut().expect("an object");
    fields.remove("session_id").expect("the bank's example names one");
    fields.insert("type".into(), json!("payout.create"));
    fields.insert("payout_id".into(), json!(payout_id));
    fields.insert("account".into(), json!(account));
    command
}

pub(crate) fn collateral() -> Payout {
    accepted(&command_like("collateral_start_hash_request.json", "inv-1", "collateral").to_string())
}

pub(crate) fn settlement() -> Payout {
    let request = "settlement_start_legal_entity_request.json";
    accepted(&command_like(request, "inv-1", "settlement").to_string())
}

pub(crate) fn accepted(command: &str) -> Payout {
    accepted_for(command, Flow::TwoStep)
}

pub(crate) fn accepted_for(command: &str, flow: Flow) -> Payout {
    let command = CreateCommand::parse(command.as_bytes()).expect("a valid command");
    Payout::accept(command, "hash".into(), flow, NOW, NOW)
}

pub(crate) fn command_of(payout: &Payout) -> &CreateCommand {
    payout.command.create().expect("a command")
}

/// Start is intended in this session.
pub(crate) fn bound(payout: &Payout, session: &str) -> Payout {
    let session = SessionId::new(session);
    applied(payout, Event::SessionBound { session, next_look_at: NOW })
}

pub(crate) fn confirming(payout: &Payout, confirm_information: Option<Raw>) -> Payout {
    let started = applied(payout, Event::Started { bank_payout: None, answered: true });
    applied(&started, Event::ConfirmDecided { reason: "test".into(), confirm_information })
}

pub(crate) fn cancelling(payout: &Payout, confirm_information: Option<Raw>) -> Payout {
    let started = applied(payout, Event::Started { bank_payout: None, answered: true });
    applied(&started, Event::CancelDecided { reason: "test".into(), confirm_information })
}

pub(crate) fn applied(payout: &Payout, event: Event) -> Payout {
    apply(payout, event, NOW).expect("a legal transition")
}

/// The bank's answer that shows this session.
pub(crate) fn ok(session: &str) -> String {
    json!({"status": "ok", "session": {"id": session, "status": "created"}}).to_string()
}
