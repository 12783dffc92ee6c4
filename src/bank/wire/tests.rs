//! What is read of sessions in every shape, and that no bytes make reading panic.

use proptest::prelude::*;
use reqwest::StatusCode;
use serde_json::json;

use super::super::answer::sort;
use super::super::webhook::Webhook;
use super::*;
use crate::domain::session::Reading;

fn read(session: &Value) -> Session {
    read_text(&session.to_string())
}

fn read_text(session: &str) -> Session {
    super::session(&Raw::parse(session).expect("JSON"), None).expect("a session")
}

#[test]
fn v1_and_v2_names_are_read_alike() {
    let payout = |method: &str| {
        json!({"id": "po_1", "status": "succeeded", method: {"type": "card"},
            "amount_details": {"amount": 5, "currency": "RUB"}})
    };
    let v1 = read(&json!({"id": "ps_1", "status": "accepted",
        "payments": [payout("payment_method")]}));
    let v2 = read(&json!({"id": "ps_1", "status": "accepted",
        "payout_list": [payout("payout_details")]}));
    assert_eq!(v1, v2);
    assert_eq!(v1.reading(), Reading::Succeeded);
    assert_eq!(v1.payouts[0].payment_method, json!({"type": "card"}));
}

#[test]
fn a_payout_shown_under_both_names_counts_once_and_two_count_twice() {
    let payouts = |v1: Value, v2: Value| {
        read(&json!({"id": "ps_1", "payments": v1, "payout_list": v2})).payouts.len()
    };
    let one = json!([{"id": "po_1", "status": "pending"}]);
    let other = json!([{"id": "po_2", "status": "pending"}]);
    assert_eq!(payouts(one.clone(), one.clone()), 1);
    assert_eq!(payouts(one.clone(), other.clone()), 2);
    assert_eq!(payouts(json!([]), other), 1);
    assert_eq!(payouts(json!([{}]), json!([{}])), 2);
    assert_eq!(payouts(json!(null), json!(null)), 0);
    let shown = |amount: i64, currency: &str, method: &str| {
        json!([{"id": "po_1", "amount_details": {"amount": amount, "currency": currency},
            "payment_method": {"type": method}}])
    };
    assert_eq!(payouts(shown(1, "rub", "card"), shown(1, "RUB", "card")), 1);
    assert_eq!(payouts(shown(1, "rub", "card"), one), 1, "with less shown");
    for face in [shown(2, "rub", "card"), shown(1, "usd", "card"), shown(1, "rub", "wallet")] {
        assert_eq!(payouts(shown(1, "rub", "card"), face), 2, "two faces");
    }
}

#[test]
fn a_method_with_two_faces_is_one_that_nobody_can_read() {
    let payout = json!({"id": "po_1", "payment_method": {"type": "card"},
        "payout_details": {"type": "wallet"}});
    let shown = read(&json!({"id": "ps_1", "payments": [payout]}));
    assert!(shown.payouts[0].payment_method.is_string());
}

#[test]
fn money_coming_in_is_not_a_payout() {
    let incoming = json!([{"id": "pm_1", "status": "succeeded"}]);
    let session = json!({"id": "ps_1", "status": "created",
        "acquiring_payments": incoming, "payment_list": incoming});
    assert_eq!(read(&session).reading(), Reading::Empty);
}

#[test]
fn whatever_stands_where_payouts_stand_is_never_taken_for_none() {
    for payments in ["{}", "\"po_1\"", "7", "false", "[7]", "[null]", "[[]]", "{\"0\":{\"id\":1}}"]
    {
        for name in ["payments", "payout_list"] {
            let text = format!(r#"{{"id":"ps_1","status":"created","{name}":{payments}}}"#);
            let session = read_text(&text);
            assert_eq!(session.payouts.len(), 1, "{text}");
            assert_eq!(session.reading(), Reading::InProgress, "{text}");
            assert!(session.may_pay(), "{text}");
        }
    }
}

#[test]
fn optional_fields_that_are_missing_or_of_the_wrong_type_are_not_shown() {
    let bare = read(&json!({"id": "ps_1", "payments": [{}]}));
    for wrong in [json!(null), json!(7), json!([]), json!("x"), json!({"payout_id": [], "code": 1})]
    {
        let payout = json!({"id": json!([]), "status": wrong, "amount_details": wrong,
            "error": wrong, "metadata": wrong, "paymentMetadata": wrong});
        let session = json!({"id": "ps_1", "status": wrong, "next_action": wrong,
            "metadata": wrong, "session_metadata": wrong, "error": wrong, "payments": [payout]});
        assert_eq!(read(&session), bare, "{wrong}");
    }
    assert_eq!(bare.status, SessionStatus::Unfamiliar);
    assert_eq!(bare.payouts[0].status, PayoutStatus::Unfamiliar);
    assert_eq!(bare.payouts[0].payment_method, Value::Null);
}

#[test]
fn a_session_needs_an_id_that_keys_and_logs_can_carry() {
    let id = |id: Value| super::session(&Raw::of(&json!({"id": id})).expect("JSON"), None);
    assert!(id(json!("ps_3230")).is_some());
    assert!(id(json!("x".repeat(128))).is_some());
    let long = "x".repeat(129);
    for bad in
        [json!(null), json!(7), json!(""), json!("a b"), json!("a\n"), json!("ж"), json!(long)]
    {
        assert!(id(bad.clone()).is_none(), "{bad}");
    }
}

#[test]
fn the_statuses_of_the_banks_pages_are_known() {
    use SessionStatus as S;
    for (word, status) in [
        ("created", S::Created),
        ("in_progress", S::InProgress),
        ("accepted", S::Accepted),
        ("cancelled", S::Cancelled),
        ("error", S::Error),
        ("Accepted", S::Unfamiliar),
    ] {
        assert_eq!(read(&json!({"id": "ps_1", "status": word})).status, status, "{word}");
    }
    use PayoutStatus as P;
    for (word, status) in [
        ("pending", P::Pending),
        ("in_progress", P::InProgress),
        ("succeeded", P::Succeeded),
        ("failed", P::Failed),
        ("SUCCEEDED", P::Unfamiliar),
    ] {
        let session = read(&json!({"id": "ps_1", "payments": [{"status": word}]}));
        assert_eq!(session.payouts[0].status, status, "{word}");
    }
    for (action, awaits) in [("confirm", true), ("capture", false)] {
        let session = read(&json!({"id": "ps_1", "next_action": action}));
        assert_eq!(session.awaits_confirmation, awaits, "{action}");
    }
}

#[test]
fn amounts_are_read_only_as_whole_numbers() {
    let money = |amount: &str| {
        let details = format!(r#"{{"amount":{amount},"currency":"rub"}}"#);
        read_text(&format!(r#"{{"id":"ps_1","payments":[{{"amount_details":{details}}}]}}"#))
            .payouts[0]
            .money
            .clone()
    };
    assert_eq!(money("10000").map(|m| m.amount), Some(10_000));
    for bad in ["10000.0", "1e4", "\"10000\"", "9223372036854775808", "null", "[10000]"] {
        assert_eq!(money(bad), None, "{bad}");
    }
}

#[test]
fn our_payout_id_is_found_wherever_the_bank_returns_metadata() {
    let ours = json!({"payout_id": "inv-1", "metadata": "good"});
    for session in [
        json!({"id": "ps_1", "metadata": ours}),
        json!({"id": "ps_1", "session_metadata": ours}),
        json!({"id": "ps_1", "metadata": "good", "payments": [{"metadata": ours}]}),
        json!({"id": "ps_1", "session_metadata": {}, "payments": [{"paymentMetadata": ours}]}),
        json!({"id": "ps_1", "payout_list": [{"metadata": {}}, {"metadata": ours}]}),
    ] {
        assert_eq!(read(&session).payout_id, "inv-1".parse().ok(), "{session}");
    }
    for foreign in [json!("inv-1"), json!({"payout_id": "a b"}), json!({"payout_id": 7}), json!([])]
    {
        assert_eq!(read(&json!({"id": "ps_1", "metadata": foreign})).payout_id, None, "{foreign}");
    }
}

#[test]
fn a_payouts_error_is_its_own_or_else_the_sessions() {
    let error = |code: &str| json!({"code": code, "description": "d"});
    let session = read(&json!({"id": "ps_1", "error": error("outer"),
        "payments": [{"status": "failed", "error": error("inner")}, {"status": "failed"}]}));
    let codes = session.payouts.iter().map(|p| p.error.as_ref().expect("shown").code.as_str());
    assert_eq!(codes.collect::<Vec<_>>(), ["inner", "outer"]);
}

/// What the fuzzer found: the bank's words went into events and logs with whatever numbers they had.
#[test]
fn an_error_is_told_without_the_numbers_that_are_somebodys() {
    let told = |code: &str, description: &str| {
        let raw = Raw::of(&json!({"code": code, "description": description})).expect("JSON");
        let BankReason { code, text } = super::reason(&raw).expect("an error");
        (code, text)
    };
    let (code, text) = told("invalid_request", "account 40817810099910004312 is closed");
    assert_eq!((code.as_str(), text.as_str()), ("invalid_request", "account … is closed"));
    assert_eq!(told("inv40817810099910004312", "").0, "unspecified");
    let (_, text) = told("x", &format!("{} 40817810099910004312", "a".repeat(TEXT_CHARS_MAX - 10)));
    assert!(text.ends_with("a …"), "{text}");
}

#[test]
fn confirm_information_beside_the_session_goes_before_one_inside() {
    let raw = |text| Raw::parse(text).expect("JSON");
    let session = raw(r#"{"id":"ps_1","confirm_information":{"in":1}}"#);
    let information = |beside| super::session(&session, beside).expect("read").confirm_information;
    assert_eq!(information(None), Some(raw(r#"{"in":1}"#)));
    assert_eq!(information(Some(raw("{ }"))), Some(raw("{ }")));
}

#[test]
fn bottomless_nesting_is_no_way_to_overflow_the_stack() {
    let deep = format!("{}{}", "[".repeat(400_000), "]".repeat(400_000));
    for field in ["id", "payments", "metadata", "error", "confirm_information", "newer"] {
        let session = format!(r#"{{"id":"ps_1","{field}":{deep}}}"#);
        let session = session.replacen(r#""id":"ps_1","id""#, r#""id""#, 1);
        no_panic(format!(r#"{{"type":"payment_finished","session":{session}}}"#).as_bytes());
        no_panic(format!(r#"{{"status":"ok","session":{session}}}"#).as_bytes());
    }
    let payouts = format!(
        r#"{{"type":"t","session":{{"id":"ps_1","payments":[{{"payment_method":{deep}}}]}}}}"#
    );
    let session = Webhook::parse(payouts.as_bytes()).expect("readable").session.expect("shown");
    let method = &session.payouts[0].payment_method;
    assert!(method.is_string(), "shown, and not readable: not the same as not shown");
}

fn no_panic(body: &[u8]) {
    let _: Result<Webhook, _> = Webhook::parse(body);
    for http in [StatusCode::OK, StatusCode::BAD_REQUEST] {
        let _: crate::domain::call::Answer = sort(http, body);
    }
}

const FIXTURES: [&[u8]; 2] = [
    include_bytes!("../../../tests/fixtures/collateral_ready_to_confirm_webhook.json"),
    include_bytes!("../../../tests/fixtures/settlement_ready_to_confirm_webhook.json"),
];

/// What a change puts in: bytes that JSON gives a meaning to, and any others.
fn piece() -> impl Strategy<Value = Vec<u8>> {
    let tokens = ["{", "}", "[", "]", ",", ":", "\"", "\\", "null", "1e999", "-0", "\\ud800", " "];
    prop_oneof![
        prop::sample::select(tokens.to_vec()).prop_map(|t| t.as_bytes().to_vec()),
        prop::collection::vec(any::<u8>(), 0..4),
    ]
}

proptest! {
    #[test]
    fn no_bytes_make_reading_panic(body in prop::collection::vec(any::<u8>(), 0..512)) {
        no_panic(&body);
    }

    #[test]
    fn no_change_to_a_webhook_makes_reading_panic(
        which in 0..FIXTURES.len(),
        changes in prop::collection::vec((any::<prop::sample::Index>(), 0..6usize, piece()), 1..6),
    ) {
        let mut body = FIXTURES[which].to_vec();
        for (at, removed, put) in changes {
            let at = at.index(body.len().max(1)).min(body.len());
            let end = (at + removed).min(body.len());
            body.splice(at..end, put);
        }
        no_panic(&body);
    }

    #[test]
    fn unknown_fields_and_their_order_change_nothing(
        name in "x_[a-z]{1,8}",
        first in any::<bool>(),
        which in 0..FIXTURES.len(),
    ) {
        let whole = std::str::from_utf8(FIXTURES[which]).expect("UTF-8");
        let field = format!("\"{name}\":[{{\"id\":1}},null]");
        let changed = if first {
            whole.replace('{', &format!("{{{field},")).replace(",}", "}").replace(",\n}", "\n}")
        } else {
            whole.replace("\n}", &format!(",{field}\n}}"))
        };
        let read = |body: &str| Webhook::parse(body.as_bytes()).ok().and_then(|w| w.session);
        let (plain, changed) = (read(whole).expect("read"), read(&changed));
        let changed = changed.expect("read");
        prop_assert_eq!(plain.reading(), changed.reading());
        prop_assert_eq!(&plain.payouts[0].money, &changed.payouts[0].money);
        prop_assert_eq!(plain.id, changed.id);
    }
}
