//! What is sent, held against the bank's own examples.

use payoutd::bank::client::{Bank, BankSettings};
use payoutd::bank::webhook::Webhook;
use payoutd::domain::call::Answer;
use payoutd::domain::command::Flow;
use payoutd::domain::event::Event;
use payoutd::domain::id::SessionId;
use payoutd::domain::json::Raw;
use payoutd::domain::payout::Payout;
use serde_json::{Value, json};

use super::server::{Received, Server};
use super::world::*;

async fn sent(payout: &Payout) -> Received {
    sent_with(payout, |settings| settings).await
}

async fn sent_with(payout: &Payout, change: impl FnOnce(BankSettings) -> BankSettings) -> Received {
    let server = Server::answering(200, ok("ps_3230")).await;
    let bank = Bank::new(change(settings(&server.url))).expect("usable settings");
    let answer = bank.send(payout).await;
    assert!(matches!(answer, Answer::Done(_)), "{answer:?}");
    server.only()
}

fn read(received: &Received) -> Value {
    serde_json::from_slice(&received.body).expect("JSON is sent")
}

/// Takes the metadata out of a body: ours is not the example's.
fn without_metadata(mut body: Value) -> (Value, Option<Value>) {
    let metadata = body.as_object_mut().expect("an object").remove("metadata");
    (body, metadata)
}

#[tokio::test]
async fn create_opens_a_session_that_names_the_payout() {
    for (payout, path, example) in [
        (collateral(), "/api/v1/session/create", "collateral_session_create_request.json"),
        (settlement(), "/api/v1/session/create/rko", "settlement_session_create_request.json"),
    ] {
        let received = sent(&payout).await;
        assert_eq!(received.path, path);
        let (rest, metadata) = without_metadata(read(&received));
        assert_eq!(rest, without_metadata(json_fixture(example)).0);
        assert_eq!(metadata, Some(json!({"payout_id": "inv-1"})));
    }
}

/// The pages: the same parameters as for start, and no session to name.
#[tokio::test]
async fn one_request_says_what_start_says_but_for_the_session() {
    for (example, account, path) in [
        ("collateral_start_hash_request.json", "collateral", "/session/init/payout"),
        ("settlement_start_individual_request.json", "settlement", "/session/init/payout/rko"),
        ("settlement_start_legal_entity_request.json", "settlement", "/session/init/payout/rko"),
    ] {
        let command = command_like(example, "inv-1", account).to_string();
        let received = sent(&accepted_for(&command, Flow::OneRequest)).await;
        assert_eq!(received.path, format!("/api/v1{path}"));
        let (rest, metadata) = without_metadata(read(&received));
        let (mut expected, own) = without_metadata(json_fixture(example));
        expected.as_object_mut().expect("an object").remove("session_id");
        assert_eq!(rest, expected);
        let expected = match own {
            Some(own) => json!({"payout_id": "inv-1", "metadata": own}),
            None => json!({"payout_id": "inv-1"}),
        };
        assert_eq!(metadata, Some(expected));
    }
}

#[tokio::test]
async fn start_says_what_the_banks_examples_say_field_for_field() {
    for (example, account, session, path) in [
        ("collateral_start_hash_request.json", "collateral", "ps_3230", "/session/start/payout"),
        (
            "settlement_start_individual_request.json",
            "settlement",
            "ps_2643",
            "/session/start/payout/rko",
        ),
        (
            "settlement_start_legal_entity_request.json",
            "settlement",
            "ps_2643",
            "/session/start/payout/rko",
        ),
    ] {
        let command = command_like(example, "inv-1", account).to_string();
        let received = sent(&bound(&accepted(&command), session)).await;
        assert_eq!(received.path, format!("/api/v1{path}"));
        let (rest, metadata) = without_metadata(read(&received));
        let (asked, own) = without_metadata(json_fixture(example));
        assert_eq!(rest, asked);
        let expected = match own {
            Some(own) => json!({"payout_id": "inv-1", "metadata": own}),
            None => json!({"payout_id": "inv-1"}),
        };
        assert_eq!(metadata, Some(expected));
    }
}

#[tokio::test]
async fn the_commands_own_fields_reach_the_bank_as_they_were_written() {
    let command = "{\"type\":\"payout.create\", \"payout_id\":\"inv-1\",\r\n\
        \"newer\" : { \"z\":1.50, \"a\":[ 1E+2,\t-0 ], \"n\":123456789012345678901234567890 },\
        \"payment_method\":{\"type\":\"card\" ,\"card\":{\"type\":\"tokenized_card\",\
        \"tokenized_card\":{\"token\":\"\\u0416\\/Ж\"}}},\
        \"amount_details\":{\"currency\":\"RUB\",  \"amount\":10000},\
        \"metadata\" : [ 1.0, \"x\" ], \"issued_at\":\"2026-11-21T12:00:00Z\"}";
    let received = sent(&bound(&accepted(command), "ps_1")).await;
    let expected = "{\"session_id\":\"ps_1\",\
        \"newer\":{ \"z\":1.50, \"a\":[ 1E+2,\t-0 ], \"n\":123456789012345678901234567890 },\
        \"payment_method\":{\"type\":\"card\" ,\"card\":{\"type\":\"tokenized_card\",\
        \"tokenized_card\":{\"token\":\"\\u0416\\/Ж\"}}},\
        \"amount_details\":{\"currency\":\"RUB\",  \"amount\":10000},\
        \"metadata\":{\"payout_id\":\"inv-1\",\"metadata\":[ 1.0, \"x\" ]}}";
    assert_eq!(String::from_utf8_lossy(&received.body), expected);
}

#[tokio::test]
async fn confirm_and_cancel_say_what_the_banks_examples_say() {
    let webhook = Webhook::parse(&fixture("settlement_ready_to_confirm_webhook.json"));
    let shown = webhook.expect("readable").session.expect("shown").confirm_information;
    let card = bound(&collateral(), "ps_3230");
    let account = bound(&settlement(), "ps_2643");
    for (payout, path, example) in [
        (confirming(&card, None), "confirm", "collateral_confirm_request.json"),
        (cancelling(&card, None), "cancel", "collateral_cancel_request.json"),
        (confirming(&account, shown.clone()), "confirm", "settlement_confirm_request.json"),
        (cancelling(&account, shown), "cancel", "settlement_cancel_request.json"),
    ] {
        let received = sent(&payout).await;
        assert_eq!(received.path, format!("/api/v1/session/{path}"));
        assert_eq!(read(&received), json_fixture(example));
    }
}

#[tokio::test]
async fn confirm_information_is_echoed_byte_for_byte_even_out_of_the_store() {
    let information = "{ \"b\":1.50,\r\n\t\"a\" : \"\\u0416Ж\\/\",\"n\":1E+2, \
        \"big\":123456789012345678901234567890,\"z\":{ }, \"e\":[ ] }";
    for body in [
        format!(
            r#"{{"type":"ready_to_confirm","session":{{"id":"ps_1"}},"confirm_information": {information} }}"#
        ),
        format!(
            r#"{{"type":"ready_to_confirm","session":{{"confirm_information":{information},"id":"ps_1"}}}}"#
        ),
    ] {
        let session = Webhook::parse(body.as_bytes()).expect("readable").session.expect("shown");
        let payout = confirming(&bound(&settlement(), "ps_1"), session.confirm_information);
        let stored = serde_json::to_vec(&payout).expect("a record is JSON");
        let loaded: Payout = serde_json::from_slice(&stored).expect("and back");
        for payout in [payout, loaded] {
            let expected =
                format!(r#"{{"session_id":"ps_1","confirm_information":{information}}}"#);
            assert_eq!(String::from_utf8_lossy(&sent(&payout).await.body), expected);
        }
    }
}

#[tokio::test]
async fn status_asks_by_session_and_carries_no_idempotency_key() {
    let server = Server::answering(200, ok("ps_3230")).await;
    let asked = SessionId::new("ps_3230");
    let answer = bank(&server.url).status(&settlement(), &asked).await;
    assert!(matches!(answer, Answer::Done(session) if session.id == asked));
    let received = server.only();
    assert_eq!(received.path, "/api/v1/session/status");
    assert_eq!(&received.body[..], br#"{"session_id":"ps_3230"}"#);
    assert_eq!(received.header("x-partner-idempotency-key"), None);
    assert!(
        public_keys().verify(&received.body, received.header("x-partner-sign").expect("signed"))
    );
}

#[tokio::test]
async fn a_status_of_another_session_than_asked_for_tells_nothing() {
    let server = Server::answering(200, ok("ps_other")).await;
    let answer = bank(&server.url).status(&collateral(), &SessionId::new("ps_3230")).await;
    assert!(matches!(answer, Answer::Unknown(_)), "{answer:?}");
}

#[tokio::test]
async fn every_call_carries_the_partners_headers_and_a_signature_over_the_bytes_sent() {
    let bound = bound(&settlement(), "ps_3230");
    let information = Raw::parse(r#"{"name": "Ж"}"#);
    for payout in [settlement(), bound.clone(), confirming(&bound, information)] {
        let received = sent(&payout).await;
        assert_eq!(received.header("content-type"), Some("application/json"));
        assert_eq!(received.header("x-partner-project"), Some("your_project_name"));
        assert_eq!(received.header("x-partner-submerchant"), None);
        let signature = received.header("x-partner-sign").expect("signed");
        assert!(public_keys().verify(&received.body, signature));
        let key = received.header("x-partner-idempotency-key").expect("a key");
        assert!(key.len() == 64 && key.bytes().all(|b| b.is_ascii_hexdigit()), "{key}");
    }
}

#[tokio::test]
async fn a_submerchant_is_named_when_there_is_one() {
    let payout = collateral();
    let received = sent_with(&payout, |settings| BankSettings {
        submerchant: Some("sub-7".into()),
        ..settings
    });
    assert_eq!(received.await.header("x-partner-submerchant"), Some("sub-7"));
}

#[tokio::test]
async fn an_idempotency_key_is_the_tries_own_and_the_same_whenever_it_is_sent() {
    async fn key(payout: &Payout) -> String {
        let received = sent(payout).await;
        received.header("x-partner-idempotency-key").expect("a key").to_owned()
    }
    let request = "collateral_start_hash_request.json";
    let create = collateral();
    let other = accepted(&command_like(request, "inv-2", "collateral").to_string());
    let start = bound(&create, "ps_3230");
    let in_another_session = bound(&create, "ps_9");
    let again = applied(&start, Event::Intended { attempt: 2 });
    let confirm = confirming(&start, None);
    let cancel = cancelling(&start, None);

    assert_eq!(key(&start).await, key(&start).await);
    assert_eq!(key(&start).await, key(&in_another_session).await);
    let mut keys = Vec::new();
    for payout in [&create, &other, &start, &again, &confirm, &cancel] {
        keys.push(key(payout).await);
    }
    let elsewhere = sent_with(&create, |settings| BankSettings {
        project: "another_project".into(),
        ..settings
    });
    keys.push(elsewhere.await.header("x-partner-idempotency-key").expect("a key").to_owned());
    let count = keys.len();
    keys.sort();
    keys.dedup();
    assert_eq!(keys.len(), count);
}

#[test]
fn settings_that_no_call_could_be_made_with_are_refused_at_once() {
    let problem = |change: fn(&mut BankSettings)| {
        let mut settings = settings("http://127.0.0.1:1");
        change(&mut settings);
        Bank::new(settings).expect_err("must be refused").to_string()
    };
    assert!(problem(|s| s.base_url = "demo.bank131.ru".into()).contains("URL"));
    assert!(problem(|s| s.base_url = "ftp://demo.bank131.ru".into()).contains("https://"));
    assert!(problem(|s| s.base_url = "http://user@127.0.0.1".into()).contains("user"));
    assert!(problem(|s| s.base_url = "http://127.0.0.1/?a=b".into()).contains("query"));
    assert!(problem(|s| s.project = "a\nb".into()).contains("project"));
    assert!(problem(|s| s.submerchant = Some("\u{7}".into())).contains("submerchant"));
}

#[tokio::test]
async fn an_address_may_have_a_path_and_a_final_slash() {
    for suffix in ["", "/", "/bank", "/bank/"] {
        let server = Server::answering(200, ok("ps_1")).await;
        bank(&format!("{}{suffix}", server.url)).send(&collateral()).await;
        let prefix = suffix.trim_end_matches('/');
        assert_eq!(server.only().path, format!("{prefix}/api/v1/session/create"));
    }
}
