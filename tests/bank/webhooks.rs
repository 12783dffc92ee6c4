//! The bank's own webhooks, as they are read.

use payoutd::bank::webhook::{Kind, MalformedWebhook, Webhook};
use payoutd::digest::sha256_hex;
use payoutd::domain::id::{BankPayoutId, SessionId};
use payoutd::domain::session::{PayoutStatus, Reading, SessionStatus};
use serde_json::{Value, json};

use super::world::*;

#[test]
fn a_card_payout_that_waits_for_confirmation_is_read_whole() {
    let body = fixture("collateral_ready_to_confirm_webhook.json");
    let webhook = Webhook::parse(&body).expect("readable");
    assert_eq!(webhook.kind, Kind::ReadyToConfirm);
    assert_eq!(webhook.digest, sha256_hex(&body));
    let session = webhook.session.expect("shown");
    assert_eq!(session.id, SessionId::new("ps_3230"));
    assert_eq!(session.status, SessionStatus::InProgress);
    assert_eq!(session.reading(), Reading::AwaitsConfirmation);
    assert_eq!((session.payout_id.clone(), session.confirm_information.clone()), (None, None));
    let payout = session.payout().expect("one");
    assert_eq!(payout.id, Some(BankPayoutId::new("po_2025")));
    assert_eq!(payout.status, PayoutStatus::Pending);
    assert_eq!(payout.money, Some(command_of(&collateral()).money.clone()));
    assert_eq!(payout.payment_method["card"]["last4"], "4940");
    assert_eq!(payout.participants, command_of(&collateral()).participants);
    assert_eq!(payout.error, None);
}

#[test]
fn a_settlement_payout_comes_with_its_confirm_information_as_written() {
    let body = fixture("settlement_ready_to_confirm_webhook.json");
    let webhook = Webhook::parse(&body).expect("readable");
    let session = webhook.session.expect("shown");
    assert_eq!(session.id, SessionId::new("ps_2643"));
    assert_eq!(session.reading(), Reading::AwaitsConfirmation);
    assert_eq!(session.payout().expect("one").money, Some(command_of(&settlement()).money.clone()));
    let text = String::from_utf8(body).expect("UTF-8");
    let at = text.find("\"confirm_information\": ").expect("there") + 23;
    let written = text[at..].strip_suffix("\n}").expect("the last field");
    assert_eq!(session.confirm_information.expect("shown").text(), written);
}

/// The gate's table calls it ignored: it does not even reach the gate.
#[test]
fn what_a_receipt_says_changes_nothing_that_is_read() {
    let plain = fixture("collateral_ready_to_confirm_webhook.json");
    let read = |webhook: &Value| {
        Webhook::parse(webhook.to_string().as_bytes()).expect("readable").session.expect("shown")
    };
    let mut webhook: Value = serde_json::from_slice(&plain).expect("JSON");
    let without = read(&webhook);
    for receipt in [json!({"professional_income_taxpayer": {"services": []}}), json!(7), json!([])]
    {
        webhook["session"]["payments"][0]["fiscalization_details"] = receipt;
        assert_eq!(read(&webhook), without);
    }
}

#[test]
fn the_banks_webhooks_mean_the_same_under_the_names_of_v2() {
    for name in
        ["collateral_ready_to_confirm_webhook.json", "settlement_ready_to_confirm_webhook.json"]
    {
        let text = String::from_utf8(fixture(name)).expect("UTF-8");
        let renamed = text
            .replace("\"payments\"", "\"payout_list\"")
            .replace("\"payment_method\"", "\"payout_details\"");
        assert_ne!(renamed, text);
        let session = |text: &str| Webhook::parse(text.as_bytes()).expect("readable").session;
        assert_eq!(session(&renamed), session(&text), "{name}");
    }
}

#[test]
fn types_that_are_not_about_payouts_are_kept_by_name_with_or_without_a_session() {
    for session in [json!(null), json!("newer"), json!({"id": 7})] {
        let body = json!({"type": "action_required", "session": session}).to_string();
        let webhook = Webhook::parse(body.as_bytes()).expect("readable");
        assert_eq!(webhook.kind, Kind::Other("action_required".into()));
        assert_eq!(webhook.session, None);
    }
    let body = json!({"type": "newer\n", "session": {"id": "ps_1"}}).to_string();
    let webhook = Webhook::parse(body.as_bytes()).expect("readable");
    assert_eq!(webhook.kind, Kind::Other("newer".into()));
    assert!(webhook.session.is_some());
}

#[test]
fn a_known_type_must_show_a_session() {
    for kind in ["ready_to_confirm", "payment_finished", "payment_refunded"] {
        for session in [json!(null), json!({}), json!([]), json!({"id": ""})] {
            let body = json!({"type": kind, "session": session}).to_string();
            assert_eq!(Webhook::parse(body.as_bytes()), Err(MalformedWebhook::NoSession));
        }
    }
}

#[test]
fn what_is_no_object_with_a_type_is_malformed() {
    use MalformedWebhook::{NoObject, NoType};
    let cases: [(&[u8], MalformedWebhook); 8] = [
        (b"", NoObject),
        (b"null", NoObject),
        (br#"["ready_to_confirm",{"id":"ps_1"},null]"#, NoObject),
        (br#"{"type":"payment_finished""#, NoObject),
        (br#"{"type":"payment_finished"} {}"#, NoObject),
        (br#"{"type":"a","type":"b"}"#, NoObject),
        (b"{}", NoType),
        (br#"{"type":1,"session":{"id":"ps_1"}}"#, NoType),
    ];
    for (body, problem) in cases {
        let shown = String::from_utf8_lossy(body);
        assert_eq!(Webhook::parse(body), Err(problem), "{shown}");
    }
}
