//! Public tokens, and what is told of a recipient behind a hash or token.

use payoutd::bank::token::{Recipient, TokenError, TokenInfo};
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};

use super::server::Server;
use super::world::*;

const HASH: &str = "63191fa17cc7edf818ee5d6611a2c2169ab30b705111cffd710af39880deef09";
const TOKEN: &str = "3f03ee2580046153bb0aa859558e7ada10d3835270fdb4c4b70961239d37f31d";

fn recipients() -> [Recipient; 3] {
    [
        Recipient::CardHash(HASH.into()),
        Recipient::CardToken(TOKEN.into()),
        Recipient::AccountToken(TOKEN.into()),
    ]
}

async fn issued(http: u16, body: impl Into<String>) -> Result<SecretString, TokenError> {
    let server = Server::answering(http, body.into()).await;
    bank(&server.url).issue_token().await
}

async fn info(http: u16, body: impl Into<String>, of: &Recipient) -> Result<TokenInfo, TokenError> {
    let server = Server::answering(http, body.into()).await;
    bank(&server.url).token_info(of).await
}

fn refusal(code: &str) -> String {
    json!({"status": "error", "error": {"code": code, "description": HASH}}).to_string()
}

fn word<T>(answer: &Result<T, TokenError>) -> &'static str {
    match answer {
        Ok(_) => "done",
        Err(TokenError::Refused { .. }) => "refused",
        Err(TokenError::Misconfigured { .. }) => "misconfigured",
        Err(TokenError::Unavailable(_)) => "unavailable",
    }
}

#[tokio::test]
async fn a_public_token_is_asked_for_as_the_banks_examples_do() {
    let server = Server::answering(200, fixture("token_answer.json")).await;
    let token = bank(&server.url).issue_token().await.expect("a token");
    let shown = json_fixture("token_answer.json");
    assert_eq!(shown["public_token"], token.expose_secret());
    let received = server.only();
    assert_eq!(received.path, "/api/v1/token");
    let sent: Value = serde_json::from_slice(&received.body).expect("JSON");
    for example in ["collateral_token_request.json", "settlement_token_request.json"] {
        assert_eq!(sent, json_fixture(example));
    }
    let signature = received.header("x-partner-sign").expect("signed");
    assert!(public_keys().verify(&received.body, signature));
    assert_eq!(received.header("x-partner-idempotency-key"), None, "it changes nothing");
}

#[tokio::test]
async fn a_recipient_is_asked_about_in_the_shape_of_their_payment_method() {
    let card =
        |kind: &str, content: Value| json!({"type": "card", "card": {"type": kind, kind: content}});
    let expected = [
        card("encrypted_card", json!({"number_hash": HASH})),
        card("tokenized_card", json!({"token": TOKEN})),
        json!({"type": "bank_account",
            "bank_account": {"system_type": "ru", "ru": {"token": TOKEN}}}),
    ];
    for (recipient, expected) in recipients().iter().zip(expected) {
        let server = Server::answering(200, fixture("token_info_card_answer.json")).await;
        bank(&server.url).token_info(recipient).await.expect("told");
        let received = server.only();
        assert_eq!(received.path, "/api/v1/token/info");
        assert_eq!(serde_json::from_slice::<Value>(&received.body).expect("JSON"), expected);
        assert_eq!(received.header("x-partner-idempotency-key"), None);
    }
}

#[tokio::test]
async fn what_the_bank_tells_is_read_for_cards_and_accounts() {
    let [by_hash, by_token, account] = recipients();
    for card in [by_hash, by_token] {
        let body = String::from_utf8(fixture("token_info_card_answer.json")).expect("UTF-8");
        let told = info(200, body, &card).await.expect("told");
        let expected = json!({"type": "card", "brand": "mir", "last4": "4940",
            "country_iso3": "RUS"});
        assert_eq!(serde_json::to_value(told).expect("JSON"), expected);
    }
    let body = String::from_utf8(fixture("token_info_account_answer.json")).expect("UTF-8");
    let told = info(200, body, &account).await.expect("told");
    let expected = json!({"type": "bank_account", "first5": "40702", "last4": "0001"});
    assert_eq!(serde_json::to_value(told).expect("JSON"), expected);
    for (shown, expected) in [
        (json!({"first5": "40702"}), json!({"type": "bank_account", "first5": "40702"})),
        (json!({"last4": "0001"}), json!({"type": "bank_account", "last4": "0001"})),
    ] {
        let body = json!({"status": "ok", "info": shown}).to_string();
        let told = info(200, body, &account).await.expect("told");
        assert_eq!(serde_json::to_value(told).expect("JSON"), expected);
    }
}

#[tokio::test]
async fn a_whole_number_in_place_of_a_few_digits_is_not_let_through() {
    let [card, _, account] = recipients();
    for shown in [
        json!({"last4": "2200240123454940"}),
        json!({"last4": 4940}),
        json!({"first5": "40702810500000000001", "last4": "40702810500000000001"}),
        json!({"last4": "49 0"}),
        json!({}),
        json!("4940"),
    ] {
        let body = json!({"status": "ok", "info": shown}).to_string();
        for recipient in [&card, &account] {
            let told = info(200, body.clone(), recipient).await;
            assert_eq!(word(&told), "unavailable", "{shown}");
            assert!(!format!("{told:?}").contains("407028"), "{told:?}");
        }
    }
    let odd = json!({"status": "ok", "info": {"last4": "4940", "bin": "2200240123454940",
        "brand": "2200240123454940", "country_iso3": "220"}});
    let told = info(200, odd.to_string(), &card).await.expect("told");
    let only_last4 =
        TokenInfo::Card { brand: None, last4: "4940".into(), bin: None, country_iso3: None };
    assert_eq!(told, only_last4);
}

#[tokio::test]
async fn each_answer_says_what_to_do_next() {
    let [card, _, _] = recipients();
    for (http, body, meaning) in [
        (400, refusal("invalid_request"), "refused"),
        (200, refusal("invalid_request"), "refused"),
        (404, refusal("newer_than_this_program"), "refused"),
        (401, refusal("authentication_error"), "misconfigured"),
        (401, refusal("identification_error"), "misconfigured"),
        (403, refusal("authorization_error"), "misconfigured"),
        (400, refusal("internal_error"), "unavailable"),
        (400, refusal("provider_timeout"), "unavailable"),
        (500, refusal("invalid_request"), "unavailable"),
        (429, refusal("too_many_requests"), "unavailable"),
        (502, "<html>".into(), "unavailable"),
        (200, String::new(), "unavailable"),
        (200, r#"{"status":"ok"}"#.into(), "unavailable"),
        (200, r#"{"public_token":"abc","info":{"last4":"1234"}}"#.into(), "unavailable"),
        (200, r#"{"status":"ok","public_token":""}"#.into(), "unavailable"),
        (200, r#"{"status":"ok","public_token":"a b"}"#.into(), "unavailable"),
        (302, r#"{"status":"ok","public_token":"abc"}"#.into(), "unavailable"),
    ] {
        let (token, told) =
            (issued(http, body.clone()).await, info(http, body.clone(), &card).await);
        assert_eq!(word(&token), meaning, "token: {http} {body}");
        assert_eq!(word(&told), meaning, "token/info: {http} {body}");
        assert!(!told.expect_err("no info").to_string().contains(HASH), "{body}");
    }
    let nobody = bank("http://127.0.0.1:1").issue_token().await;
    assert_eq!(word(&nobody), "unavailable");
}

#[tokio::test]
async fn neither_a_token_nor_a_hash_is_ever_printed() {
    let body = String::from_utf8(fixture("token_answer.json")).expect("UTF-8");
    let token = issued(200, body).await.expect("a token");
    let printed = format!("{token:?} {:?}", recipients());
    assert!(!printed.contains(token.expose_secret()), "{printed}");
    assert!(!printed.contains(HASH) && !printed.contains(TOKEN), "{printed}");
}
