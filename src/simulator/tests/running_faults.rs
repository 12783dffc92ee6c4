//! Each fault as the partner meets it.

use serde_json::{Value, json};
use tempfile::TempDir;

use super::rig::{Partner, Running, settings};
use crate::simulator::{FaultKind, Faults, Rule};

async fn with(rules: Vec<Rule>) -> (TempDir, Partner, Running) {
    let (data, partner) = (tempfile::tempdir().expect("a directory"), Partner::open().await);
    let bank = Running::open(settings(&data, &partner, Faults { rules })).await;
    (data, partner, bank)
}

/// What a call under this fault gets, and how many sessions there are after it.
async fn create_under(kind: FaultKind) -> (Option<(u16, String)>, usize) {
    let (_data, _partner, bank) =
        with(vec![Rule::always(kind).on("session/create").times(1)]).await;
    let answer = bank.call("session/create", "{}").await;
    let sessions = bank.sim("GET", "/_sim/sessions", "").await;
    let sessions = sessions["sessions"].as_array().map_or(0, Vec::len);
    assert_eq!(bank.call("session/create", "{}").await.expect("an answer").0, 200, "only once");
    bank.stop().await;
    (answer, sessions)
}

#[tokio::test]
async fn faults_before_the_effect_do_nothing_and_faults_after_it_have_done_it() {
    use FaultKind::*;
    for (kind, http, done) in [
        (DropBeforeEffect, None, 0),
        (DropAfterEffect, None, 1),
        (Status5xxBefore, Some(502), 0),
        (Status5xxAfter, Some(502), 1),
        (RateLimited, Some(429), 0),
        (UnknownCode, Some(400), 0),
        (AuthenticationError, Some(401), 0),
        (GarbageBody, Some(200), 1),
        (Delay { ms: 1 }, Some(200), 1),
    ] {
        let (answer, sessions) = create_under(kind).await;
        assert_eq!(answer.as_ref().map(|(http, _)| *http), http, "{kind:?}");
        assert_eq!(sessions, done, "{kind:?}");
        if kind == GarbageBody {
            let (_, body) = answer.expect("an answer");
            assert!(serde_json::from_str::<Value>(&body).is_err());
        }
    }
}

#[tokio::test]
async fn a_call_without_an_answer_hangs_until_the_bank_stops() {
    for (kind, done) in [(FaultKind::TimeoutBefore, 0), (FaultKind::TimeoutAfter, 1)] {
        let (_data, _partner, bank) = with(vec![Rule::always(kind).on("session/create")]).await;
        let call = bank.call("session/create", "{}");
        let look = async {
            // The log has the call once its effect, if any, is there.
            bank.logged(1).await;
            bank.sim("GET", "/_sim/sessions", "").await
        };
        let sessions = tokio::select! {
            answer = call => panic!("answered with {answer:?}"),
            sessions = look => sessions,
        };
        assert_eq!(sessions["sessions"].as_array().map(Vec::len), Some(done));
        bank.stop().await;
    }
}

#[tokio::test]
async fn an_effect_that_is_put_off_lands_after_the_connection_was_closed() {
    let rule = Rule::always(FaultKind::DelayedEffect { ms: 20 }).on("session/start/payout");
    let (_data, mut partner, bank) = with(vec![rule]).await;
    let created = bank.ok("session/create", "{}").await;
    let id = created["session"]["id"].as_str().expect("an id");
    let body = super::rig::start_body(super::rig::CARD_START, id, 10_000);
    assert_eq!(bank.call("session/start/payout", &body).await, None);
    let status = json!({ "session_id": id }).to_string();
    assert_eq!(bank.ok("session/status", &status).await["session"]["status"], "created");
    assert_eq!(partner.next().await.kind(), "ready_to_confirm");
    bank.stop().await;
}

#[tokio::test]
async fn a_lost_webhook_never_comes() {
    let rule = Rule::always(FaultKind::Lost).on("webhook:ready_to_confirm");
    let (_data, mut partner, bank) = with(vec![rule]).await;
    let id = bank.started(10_000).await;
    bank.confirm_when_it_waits(&id).await;
    assert_eq!(partner.next().await.kind(), "payment_finished");
    bank.stop().await;
    assert!(partner.is_quiet());
}

#[tokio::test]
async fn a_webhook_comes_in_copies() {
    let rule = Rule::always(FaultKind::Duplicate { copies: 49 }).on("webhook:ready_to_confirm");
    let (_data, mut partner, bank) = with(vec![rule]).await;
    bank.started(10_000).await;
    let first = partner.next().await;
    for _ in 0..49 {
        assert_eq!(partner.next().await.body, first.body);
    }
    bank.stop().await;
    assert!(partner.is_quiet());
}

#[tokio::test]
async fn webhooks_come_in_the_wrong_order() {
    let rule = Rule::always(FaultKind::Reordered).on("webhook:ready_to_confirm");
    let (_data, mut partner, bank) = with(vec![rule]).await;
    let id = bank.started(10_000).await;
    bank.confirm_when_it_waits(&id).await;
    assert_eq!(partner.next().await.kind(), "payment_finished");
    let late = partner.next().await;
    assert_eq!(late.kind(), "ready_to_confirm");
    assert_eq!(late.json()["session"]["next_action"], "confirm", "as it was then");
    bank.stop().await;
}

#[tokio::test]
async fn a_late_webhook_comes_all_the_same() {
    let rule = Rule::always(FaultKind::Delay { ms: 20 }).on("webhook");
    let (_data, mut partner, bank) = with(vec![rule]).await;
    bank.started(10_000).await;
    assert!(partner.next().await.genuine());
    bank.stop().await;
}

#[tokio::test]
async fn a_forged_webhook_comes_before_the_genuine_one() {
    let (_data, mut partner, bank) = with(vec![Rule::always(FaultKind::Forged).times(1)]).await;
    bank.started(10_000).await;
    let forged = partner.next().await;
    assert!(!forged.genuine());
    assert_eq!(forged.json()["session"]["status"], "accepted");
    let genuine = partner.next().await;
    assert!(genuine.genuine());
    assert_eq!(genuine.kind(), "ready_to_confirm");
    bank.stop().await;
}

#[tokio::test]
async fn a_tampered_webhook_is_followed_by_the_genuine_one() {
    let (_data, mut partner, bank) = with(vec![Rule::always(FaultKind::Tampered).times(1)]).await;
    bank.started(10_000).await;
    let tampered = partner.next().await;
    assert!(!tampered.genuine());
    let genuine = partner.next().await;
    assert!(genuine.genuine());
    assert_eq!(genuine.signature, tampered.signature, "altered after it was signed");
    bank.stop().await;
}

#[tokio::test]
async fn faults_are_replaced_while_the_bank_runs() {
    let (_data, _partner, bank) = with(Vec::new()).await;
    let rules = r#"{"rules":[{"method":"session/create","kind":"rate_limited","times":1}]}"#;
    bank.sim("PUT", "/_sim/faults", rules).await;
    assert_eq!(bank.call("session/create", "{}").await.expect("an answer").0, 429);
    assert_eq!(bank.call("session/create", "{}").await.expect("an answer").0, 200);
    let shown = bank.sim("GET", "/_sim/faults", "").await;
    assert_eq!(shown["hits"], json!([1]));
    assert_eq!(shown["rules"][0]["kind"], "rate_limited");
    let wrong = r#"{"rules":[{"method":"session/create","kind":"lost"}]}"#;
    let (status, _) = bank.ask("PUT", "/_sim/faults", wrong, "").await.expect("an answer");
    assert_eq!(status, 400);
    bank.stop().await;
}
