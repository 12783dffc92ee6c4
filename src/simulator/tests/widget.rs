//! The stand-in widget: what its form sends, and what comes of the hash or token it gets.

use serde_json::{Value, json};

use super::rig::*;
use crate::simulator::{BankKind, Faults, recipients};

const ACCESS: &str = r#"{"tokenize_widget":{"access":true}}"#;
const CARD: &str = "4242 4242 4242 4242";
const ACCOUNT: &str = "40817810500000001234";

fn token(counter: &Counter) -> String {
    let answer = json_of(&counter.call("token", ACCESS));
    answer["public_token"].as_str().expect("a token").to_owned()
}

#[test]
fn a_public_token_is_good_once_and_for_a_quarter_of_an_hour() {
    let counter = Counter::open(BankKind::default());
    let (first, second) = (token(&counter), token(&counter));
    assert_ne!(first, second);
    let used = |token: &str, later: i64| {
        let now = counter.now + later;
        counter.bank.book.write(|book| recipients::use_token(book, token, now)).expect("a book")
    };
    const QUARTER: i64 = 15 * 60 * 1_000_000;
    assert!(!used("never-issued", 0));
    assert!(used(&first, QUARTER - 1));
    assert!(!used(&first, QUARTER - 1), "it was used");
    assert!(!used(&second, QUARTER), "it is too old");
}

/// What the form sends, and what it is answered.
async fn enter(running: &Running, token: &str, kind: &str, number: &str) -> (u16, Value) {
    let body = json!({"public_token": token, "kind": kind, "number": number}).to_string();
    let answer = running.ask("POST", "/widget/tokenize", &body, "").await;
    let (status, body) = answer.expect("an answer");
    (status, serde_json::from_str(&body).expect("JSON"))
}

async fn public_token(running: &Running) -> String {
    let answer = running.ok("token", ACCESS).await;
    answer["public_token"].as_str().expect("a token").to_owned()
}

async fn running() -> (Running, tempfile::TempDir, Partner) {
    let data = tempfile::tempdir().expect("a folder");
    let partner = Partner::open().await;
    let running = Running::open(settings(&data, &partner, Faults::none())).await;
    (running, data, partner)
}

#[tokio::test]
async fn a_wrong_number_leaves_the_public_token_and_a_right_one_uses_it_up() {
    let (running, _data, _partner) = running().await;
    let token = public_token(&running).await;
    for (kind, number) in [("card", "4242 4242 4242 4241"), ("account", CARD), ("phone", CARD)] {
        assert_eq!(enter(&running, &token, kind, number).await.0, 422, "{kind} {number}");
    }
    assert_eq!(enter(&running, "0000", "card", CARD).await.0, 403);
    let (status, answer) = enter(&running, &token, "card", CARD).await;
    assert_eq!(status, 200, "{answer}");
    assert_eq!(answer["number_hash"].as_str().expect("a hash").len(), 64);
    assert_eq!(enter(&running, &token, "card", CARD).await.0, 403, "it was used");
    let answer = running.ask("POST", "/widget/tokenize", CARD, "").await.expect("an answer");
    assert_eq!(answer.0, 400);
    assert!(!answer.1.contains("4242"), "{answer:?}");
    running.stop().await;
}

#[tokio::test]
async fn a_card_that_was_entered_is_shown_by_its_own_digits_and_paid() {
    let (running, _data, mut partner) = running().await;
    let token = public_token(&running).await;
    let (_, answer) = enter(&running, &token, "card", CARD).await;
    let card = json!({"type": "encrypted_card", "encrypted_card": answer});
    let info = running.ok("token/info", &json!({"type": "card", "card": card}).to_string()).await;
    let shown = json!({"type": "card", "brand": "visa", "last4": "4242", "bin": "424242",
        "country_iso3": "RUS"});
    assert_eq!(info["info"], shown);

    let created = running.ok("session/create", "{}").await;
    let id = created["session"]["id"].as_str().expect("an id");
    let mut start: Value =
        serde_json::from_str(&start_body(CARD_START, id, 10_000)).expect("the example");
    start["payment_method"]["card"] = card;
    running.ok("session/start/payout", &start.to_string()).await;
    let ready: Value = serde_json::from_str(&partner.next().await.body).expect("JSON");
    let paid_to = &ready["session"]["payments"][0]["payment_method"]["card"];
    assert_eq!((&paid_to["last4"], &paid_to["bin"]), (&json!("4242"), &json!("424242")));
    assert_eq!(running.confirm(id).await.expect("an answer").0, 200);
    partner.next().await;
    let ledger = running.sim("GET", "/_sim/ledger", "").await;
    assert_eq!(ledger["payouts"][0]["last4"], "4242");
    running.stop().await;
}

#[tokio::test]
async fn an_account_that_was_entered_is_the_one_to_confirm() {
    let (running, _data, mut partner) = running().await;
    let token = public_token(&running).await;
    let (_, answer) = enter(&running, &token, "account", ACCOUNT).await;
    let account = json!({"type": "bank_account",
        "bank_account": {"system_type": "ru", "ru": answer}});
    let info = running.ok("token/info", &account.to_string()).await;
    let shown = json!({"type": "bank_account", "first5": "40817", "last4": "1234"});
    assert_eq!(info["info"], shown);

    let created = running.ok("session/create/rko", "{}").await;
    let id = created["session"]["id"].as_str().expect("an id");
    let mut start: Value =
        serde_json::from_str(&start_body(RKO_START, id, 300_000)).expect("the example");
    start["payment_method"]["bank_account"]["ru"]["token"] = answer["token"].clone();
    running.ok("session/start/payout/rko", &start.to_string()).await;
    let ready: Value = serde_json::from_str(&partner.next().await.body).expect("JSON");
    let recipient = &ready["confirm_information"]["account_details"]["recipient"];
    assert_eq!(recipient["account_number"], ACCOUNT);
    running.stop().await;
}

#[tokio::test]
async fn what_is_entered_is_not_in_the_request_log() {
    let (running, _data, _partner) = running().await;
    let token = public_token(&running).await;
    enter(&running, &token, "card", CARD).await;
    enter(&running, &token, "account", ACCOUNT).await;
    let requests = running.sim("GET", "/_sim/requests", "").await;
    assert_eq!(requests["requests"].as_array().expect("a list").len(), 1, "the token alone");
    assert!(!requests.to_string().contains("4242"), "{requests}");
    running.stop().await;
}
