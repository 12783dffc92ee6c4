//! `payoutd run --role gateway` as a process of its own: no queues, no records, no file.

use serde_json::{Value, json};

use crate::bank::{BankSim, get, post};
use crate::place::{Place, free_port};
use crate::process::{Process, Stream};

pub(crate) const KEY: &str = "test-0123456789abcdef0123456789abcdef";

/// The role, ready, and its address.
pub(crate) fn start(place: &mut Place) -> (Process, String) {
    place.write("gateway.key", format!("{KEY}\n"));
    place.set("gateway.key_file", "gateway.key");
    place.set("gateway.listen", "127.0.0.1:0");
    let gateway = place.start(["run", "--role", "gateway"]);
    let address = gateway.line(Stream::Err, |line| {
        let rest = line.split_once("gateway.listening")?.1;
        Some(rest.split_once("address=")?.1.split_whitespace().next()?.to_owned())
    });
    (gateway, address)
}

fn ask(address: &str, path: &str, key: &str, body: &str) -> (u16, Value) {
    let (status, body) = post(address, path, &format!("authorization: Bearer {key}\r\n"), body);
    (status, serde_json::from_str(&body).unwrap_or_else(|e| panic!("{e}: {body}")))
}

#[test]
fn the_gateway_alone_answers_the_site_and_makes_no_file() {
    let mut place = Place::with_keys();
    let bank = BankSim::start(&mut place, &[]);
    let admin = format!("127.0.0.1:{}", free_port());
    place.set("admin.listen", &admin);
    // Nobody is there: it does not need them.
    place.set("backend.kind", "rabbitmq-redis");
    place.set("backend.amqp_url", "amqp://127.0.0.1:1");
    place.set("backend.redis_url", "redis://127.0.0.1:1");
    place.set("log.level", "trace");
    let (gateway, address) = start(&mut place);

    let (status, issued) = ask(&address, "/v1/widget-tokens", KEY, "");
    assert_eq!(status, 201, "{issued}");
    assert_eq!(issued["public_token"].as_str().map(str::len), Some(64));
    let hash = "63191fa17cc7edf818ee5d6611a2c2169ab30b705111cffd710af39880deef09";
    let card = json!({"card": {"number_hash": hash}}).to_string();
    let told = json!({"type": "card", "brand": "mir", "last4": "4940", "bin": "220024",
        "country_iso3": "RUS"});
    assert_eq!(ask(&address, "/v1/token-info", KEY, &card), (200, told));
    let token = "3f03ee2580046153bb0aa859558e7ada10d3835270fdb4c4b70961239d37f31d";
    let account = json!({"bank_account": {"token": token}}).to_string();
    let told = json!({"type": "bank_account", "first5": "40702", "last4": "0001"});
    assert_eq!(ask(&address, "/v1/token-info", KEY, &account), (200, told));
    assert_eq!(ask(&address, "/v1/token-info", &KEY[1..], &card).0, 401);

    let (status, body) = get(&admin, "/readyz").expect("an answer");
    let body: Value = serde_json::from_str(&body).expect("JSON");
    assert_eq!((status, body), (200, json!({"ready": true, "roles": {"gateway": true}})));
    bank.stop();
    assert_eq!(ask(&address, "/v1/widget-tokens", KEY, "").0, 503);

    let ended = gateway.terminate();
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(!place.path("payoutd.db").exists(), "it keeps nothing");
    let public = issued["public_token"].as_str().expect("a token");
    for secret in [KEY, hash, token, public] {
        assert!(!ended.err.contains(secret), "{}", ended.err);
    }
}

#[test]
fn what_the_bank_refuses_is_422_and_what_is_wrong_with_us_is_503_and_an_error_in_the_log() {
    let mut place = Place::with_keys();
    let faults = r#"{"rules":[{"method":"token/info","kind":"unknown_code"},
        {"method":"token","kind":"authentication_error"}]}"#;
    let bank = BankSim::start(&mut place, &["--faults", faults]);
    let (gateway, address) = start(&mut place);
    let (status, refused) = ask(&address, "/v1/token-info", KEY, r#"{"card":{"token":"abc"}}"#);
    assert_eq!((status, &refused["code"]), (422, &json!("moon_phase_unsuitable")), "{refused}");
    assert_eq!(ask(&address, "/v1/widget-tokens", KEY, "").0, 503);
    let ended = gateway.terminate();
    let error = ended.err.lines().find(|line| line.contains("gateway.misconfigured"));
    assert!(error.is_some_and(|line| line.contains("ERROR")), "{}", ended.err);
    bank.stop();
}

#[test]
fn the_gateway_runs_beside_the_other_roles_and_never_unnamed() {
    let mut place = Place::with_keys();
    let bank = BankSim::start(&mut place, &[]);
    place.run([]).terminate();
    place.write("gateway.key", KEY);
    place.set("gateway.key_file", "gateway.key");
    place.set("gateway.listen", "0.0.0.0:0");
    let both = place.run(["--role", "executor", "--role", "gateway"]);
    both.line(Stream::Err, |line| line.contains("gateway.exposed").then_some(()));
    let ended = both.terminate();
    assert_eq!(ended.code, Some(0), "{ended:?}");
    bank.stop();
}

#[test]
fn without_usable_keys_it_does_not_start_and_says_why() {
    let mut place = Place::with_keys();
    let refused = |place: &Place, said: &str| {
        let refused = place.ran(["run", "--role", "gateway"]);
        assert_eq!(refused.code, Some(2), "{refused:?}");
        assert!(refused.err.contains("gateway.key_file"), "{}", refused.err);
        assert!(refused.err.contains(said), "{}", refused.err);
        assert!(!refused.err.contains("hunter2"), "{}", refused.err);
    };
    refused(&place, "is not set");
    place.set("gateway.key_file", "gateway.key");
    refused(&place, "gateway.key: No such file");
    place.write("gateway.key", "hunter2");
    refused(&place, "line 1: a key has 32 to 1024 characters, not 7");
    let beside = place.ran(["run", "--role", "executor", "--role", "gateway"]);
    assert_eq!(beside.code, Some(2), "{beside:?}");
    assert!(!place.path("payoutd.db").exists(), "made by a process that was refused");
}
