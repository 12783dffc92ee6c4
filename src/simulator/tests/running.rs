//! The whole bank over HTTP: a payout from end to end, webhooks, restarts, and what `/_sim` tells.

use std::time::Duration;

use serde_json::{Value, json};

use super::rig::{Partner, Running, settings};
use crate::simulator::Faults;

#[tokio::test]
async fn a_payout_is_announced_confirmed_paid_and_told() {
    let (data, mut partner) = (tempfile::tempdir().expect("a directory"), Partner::open().await);
    let bank = Running::open(settings(&data, &partner, Faults::none())).await;
    let id = bank.started(10_000).await;
    let ready = partner.next().await;
    assert!(ready.genuine());
    assert_eq!(ready.json()["session"]["id"], id);
    assert_eq!(bank.confirm(&id).await.expect("an answer").0, 200);
    let finished = partner.next().await;
    assert!(finished.genuine());
    assert_eq!(finished.json()["session"]["status"], "accepted");

    let ledger = bank.sim("GET", "/_sim/ledger", "").await;
    assert_eq!(ledger["payouts"][0]["session_id"], id);
    assert_eq!(ledger["payouts"][0]["amount"], 10_000);
    assert_eq!(ledger["payouts"][0]["method"], "card");
    assert_eq!(ledger["totals"]["amounts"]["rub"], 10_000);
    let sessions = bank.sim("GET", "/_sim/sessions", "").await;
    assert_eq!(sessions["sessions"][0]["status"], "accepted");
    assert_eq!(sessions["sessions"][0]["confirm_received"], true);
    assert_eq!(sessions["sessions"][0]["payouts"], 1);
    bank.stop().await;
}

#[tokio::test]
async fn a_webhook_that_is_not_answered_with_200_comes_again_the_same() {
    let (data, mut partner) = (tempfile::tempdir().expect("a directory"), Partner::open().await);
    partner.will_answer(&[503, 204]);
    let bank = Running::open(settings(&data, &partner, Faults::none())).await;
    bank.started(10_000).await;
    let first = partner.next().await;
    for _ in 0..2 {
        let again = partner.next().await;
        assert_eq!((again.body, again.signature), (first.body.clone(), first.signature.clone()));
    }
    bank.stop().await;
}

#[tokio::test]
async fn a_restart_on_the_same_file_goes_on_where_it_left_off() {
    let (data, mut partner) = (tempfile::tempdir().expect("a directory"), Partner::open().await);
    let bank = Running::open(settings(&data, &partner, Faults::none())).await;
    let paid = bank.started(10_000).await;
    partner.next().await;
    bank.confirm(&paid).await;
    partner.next().await;
    let waiting = bank.started(20_000).await;
    partner.next().await;
    bank.stop().await;

    let bank = Running::open(settings(&data, &partner, Faults::none())).await;
    assert_eq!(bank.totals().await["payouts"], 1);
    assert_eq!(bank.confirm(&waiting).await.expect("an answer").0, 200);
    let mut finished = partner.next().await;
    if finished.kind() == "ready_to_confirm" {
        // Its delivery was under way when the bank stopped.
        finished = partner.next().await;
    }
    assert_eq!(finished.json()["session"]["status"], "accepted");
    assert_eq!(bank.totals().await["amounts"]["rub"], 30_000);
    bank.stop().await;
}

#[tokio::test]
async fn an_unconfirmed_payout_ends_by_the_banks_own_clock() {
    let (data, mut partner) = (tempfile::tempdir().expect("a directory"), Partner::open().await);
    let mut settings = settings(&data, &partner, Faults::none());
    // 240 minutes in 144 ms: enough to be asked first, also on a busy machine.
    settings.speed_up = 1e5;
    let bank = Running::open(settings).await;
    bank.started(10_000).await;
    assert_eq!(partner.next().await.kind(), "ready_to_confirm");
    let finished = partner.next().await.json();
    assert_eq!(finished["session"]["payments"][0]["error"]["code"], "confirm_timeout");
    assert_eq!(bank.totals().await["payouts"], 0);
    bank.stop().await;
}

#[tokio::test]
async fn the_request_log_tells_what_was_asked_and_answered_and_never_a_signature() {
    let (data, partner) = (tempfile::tempdir().expect("a directory"), Partner::open().await);
    let bank = Running::open(settings(&data, &partner, Faults::none())).await;
    let body = r#"{"metadata":"good"}"#;
    bank.ok("session/create", body).await;
    bank.call("session/status", r#"{"session_id":"ps_9"}"#).await;
    let log = bank.sim("GET", "/_sim/requests?limit=10", "").await;
    assert_eq!(log["requests"][0]["method"], "session/create");
    assert_eq!(log["requests"][0]["body"], body);
    assert_eq!(log["requests"][0]["outcome"], "ok");
    assert_eq!(log["requests"][1]["outcome"], "invalid_request");
    assert!(!log.to_string().contains(&super::rig::sign_as_partner(body)));

    bank.sim("PUT", "/_sim/requests", r#"{"enabled":false}"#).await;
    bank.ok("session/create", body).await;
    let log = bank.sim("GET", "/_sim/requests?after=1", "").await;
    assert_eq!(log["requests"].as_array().map(Vec::len), Some(1));
    bank.stop().await;
}

#[tokio::test]
async fn lists_come_in_pages() {
    let (data, partner) = (tempfile::tempdir().expect("a directory"), Partner::open().await);
    let bank = Running::open(settings(&data, &partner, Faults::none())).await;
    for _ in 0..3 {
        bank.ok("session/create", "{}").await;
    }
    let page = bank.sim("GET", "/_sim/sessions?limit=2", "").await;
    assert_eq!(page["next"], 2);
    let page = bank.sim("GET", "/_sim/sessions?limit=2&after=2", "").await;
    assert_eq!(page["sessions"][0]["session_id"], "ps_3");
    assert_eq!(page["next"], Value::Null);
    let (status, _) = bank.ask("GET", "/_sim/sessions?afte=2", "", "").await.expect("an answer");
    assert_eq!(status, 400);
    bank.stop().await;
}

#[tokio::test]
async fn a_webhook_is_sent_again_on_request() {
    let (data, mut partner) = (tempfile::tempdir().expect("a directory"), Partner::open().await);
    let bank = Running::open(settings(&data, &partner, Faults::none())).await;
    let id = bank.started(10_000).await;
    let first = partner.next().await;
    let wanted = json!({"session_id": id, "type": "ready_to_confirm"}).to_string();
    bank.sim("POST", "/_sim/send-webhook", &wanted).await;
    assert_eq!(partner.next().await.body, first.body);
    bank.stop().await;
}

#[tokio::test]
async fn a_body_above_the_limit_is_refused() {
    let (data, partner) = (tempfile::tempdir().expect("a directory"), Partner::open().await);
    let bank = Running::open(settings(&data, &partner, Faults::none())).await;
    let body = " ".repeat(crate::simulator::server::BODY_BYTES_MAX + 1);
    let answer = bank.ask("POST", "/api/v1/session/create", &body, "").await;
    assert!(answer.is_none_or(|(status, _)| status == 413));
    bank.ok("session/create", "{}").await;
    bank.stop().await;
}

#[tokio::test]
async fn the_ledger_shows_what_was_paid_again() {
    let (data, mut partner) = (tempfile::tempdir().expect("a directory"), Partner::open().await);
    let mut settings = settings(&data, &partner, Faults::none());
    settings.processing = Duration::ZERO;
    settings.kind.confirms_automatically = true;
    let bank = Running::open(settings).await;
    for _ in 0..2 {
        let mut body: Value = serde_json::from_str(super::rig::CARD_START).expect("JSON");
        body["metadata"] = json!({"payout_id": "inv-1"});
        bank.ok("session/init/payout", &body.to_string()).await;
        partner.next().await;
    }
    let ledger = bank.sim("GET", "/_sim/ledger", "").await;
    assert_eq!(ledger["payouts"][0]["merchant_payout_id"], "inv-1");
    assert_eq!(ledger["totals"]["merchant_payouts"], 1);
    assert_eq!(ledger["totals"]["paid_again"], 1);
    bank.stop().await;
}
