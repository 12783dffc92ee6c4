//! Each kind of bank, and each script that an amount can ask for.

use serde_json::{Value, json};

use super::rig::{CARD_START, Counter, PROCESSING, RKO_START, json_of, signed, start_body};
use crate::simulator::api::Answer;
use crate::simulator::{BankKind, Idempotency, SecondStart};

fn bank(idempotency: Idempotency, failed_request_uses_key: bool) -> Counter {
    Counter::open(BankKind { idempotency, failed_request_uses_key, ..BankKind::default() })
}

#[test]
fn a_used_key_is_refused() {
    let counter = bank(Idempotency::Refused, false);
    assert_eq!(counter.keyed("session/create", "{}", "k").code, "ok");
    let again = counter.keyed("session/create", "{}", "k");
    assert_eq!((again.http, again.code), (400, "idempotency_key_already_exists"));
    assert_eq!(counter.keyed("session/create", "{}", "other").code, "ok");
}

#[test]
fn a_used_key_brings_the_first_answer_again_where_the_bank_replays() {
    let counter = bank(Idempotency::Replayed, false);
    let first = counter.keyed("session/create", "{}", "k");
    let again = counter.keyed("session/create", "{}", "k");
    assert_eq!((again.http, again.body), (first.http, first.body));
    assert_eq!(counter.session(false), "ps_2", "no second session was made");
}

#[test]
fn a_used_key_means_nothing_where_the_bank_ignores_it() {
    let counter = bank(Idempotency::Ignored, true);
    counter.keyed("session/create", "{}", "k");
    let again = json_of(&counter.keyed("session/create", "{}", "k"));
    assert_eq!(again["session"]["id"], "ps_2");
}

#[test]
fn a_failed_request_uses_up_its_key_only_where_the_bank_is_of_that_kind() {
    for (uses, code) in [(false, "ok"), (true, "idempotency_key_already_exists")] {
        let counter = bank(Idempotency::Refused, uses);
        let id = counter.session(false);
        let refused = start_body(CARD_START, &id, 10_001);
        let refused = counter.keyed("session/start/payout", &refused, "k");
        assert_eq!(refused.code, "account_not_found");
        let good = start_body(CARD_START, &id, 10_000);
        assert_eq!(counter.keyed("session/start/payout", &good, "k").code, code);

        let broken = Answer::error(502, "bad_gateway", "");
        counter.bank.fail(&signed("session/create", "{}", Some("x")), broken);
        assert_eq!(counter.keyed("session/create", "{}", "x").code, code);
    }
}

#[test]
fn a_request_that_is_not_the_partners_uses_up_no_key() {
    let counter = bank(Idempotency::Refused, true);
    let mut call = signed("session/create", "{}", Some("k"));
    call.signature = None;
    counter.bank.execute(&call, counter.now);
    counter.bank.fail(&call, Answer::error(502, "bad_gateway", ""));
    assert_eq!(counter.keyed("session/create", "{}", "k").code, "ok");
}

#[test]
fn a_second_start_is_refused_or_pays_twice() {
    for (second_start, code, paid) in [
        (SecondStart::Refused, "invalid_request", vec![10_000]),
        (SecondStart::Appended, "ok", vec![10_000, 10_000]),
    ] {
        let mut counter = Counter::open(BankKind { second_start, ..BankKind::default() });
        let id = counter.started(false, 10_000);
        let body = start_body(CARD_START, &id, 10_000);
        assert_eq!(counter.call("session/start/payout", &body).code, code);
        counter.pass(PROCESSING);
        let shown = counter.status(&id)["session"]["payments"].as_array().map(Vec::len);
        assert_eq!(shown, Some(paid.len()));
        assert_eq!(counter.confirm(&id).code, "ok");
        counter.pass(PROCESSING);
        assert_eq!(counter.paid(), paid);
    }
}

#[test]
fn a_bank_that_confirms_by_itself_never_asks() {
    let mut counter =
        Counter::open(BankKind { confirms_automatically: true, ..BankKind::default() });
    for rko in [false, true] {
        let id = counter.started(rko, 10_000);
        counter.pass(PROCESSING);
        assert_eq!(counter.status(&id)["session"]["next_action"], Value::Null);
        counter.pass(PROCESSING);
        assert_eq!(counter.status(&id)["session"]["status"], "accepted");
        let kinds: Vec<_> = counter.webhooks().into_iter().map(|(kind, _)| kind).collect();
        assert_eq!(kinds, ["payment_finished"]);
    }
    assert_eq!(counter.paid(), [10_000, 10_000]);
}

/// The first webhook of a payout of this amount, and `session/status` beside it.
fn waiting(counter: &mut Counter, rko: bool, amount: i64) -> (String, Value, Value) {
    let id = counter.started(rko, amount);
    counter.pass(PROCESSING);
    let (_, body) = counter.webhooks().remove(0);
    let status = counter.status(&id);
    (id, serde_json::from_str(&body).expect("JSON"), status)
}

#[test]
fn amounts_ask_for_payouts_that_fail() {
    let mut counter = Counter::open(BankKind::default());
    let (id, ..) = waiting(&mut counter, false, 10_002);
    counter.confirm(&id);
    counter.pass(PROCESSING);
    let payout = &counter.status(&id)["session"]["payments"][0];
    assert_eq!(payout["error"]["code"], "provider_exceeds_amount_limit");

    let (id, webhook, status) = waiting(&mut counter, false, 10_003);
    assert_eq!(webhook["type"], "payment_finished");
    assert_eq!(status["session"]["status"], "cancelled");
    assert_eq!(counter.confirm(&id).code, "invalid_request");

    let id = counter.started(false, 10_011);
    counter.pass(PROCESSING);
    assert_eq!(counter.status(&id)["session"]["next_action"], Value::Null);
    counter.pass(super::rig::WINDOW);
    let payout = &counter.status(&id)["session"]["payments"][0];
    assert_eq!(payout["error"]["code"], "confirm_timeout");
    assert!(counter.paid().is_empty());
}

#[test]
fn amounts_ask_the_bank_to_have_something_else_than_was_asked() {
    let mut counter = Counter::open(BankKind::default());
    let (id, webhook, _) = waiting(&mut counter, false, 10_004);
    assert_eq!(webhook["session"]["payments"][0]["amount_details"]["amount"], 110_004);
    counter.confirm(&id);
    counter.pass(PROCESSING);
    assert_eq!(counter.paid(), [110_004], "what it has is what it pays");
    counter.webhooks();

    let (_, webhook, _) = waiting(&mut counter, false, 10_005);
    let recipient = &webhook["session"]["payments"][0]["participant_details"]["recipient"];
    assert_ne!(recipient["full_name"], "Ivanov Ivan Ivanovich");
    let (_, webhook, _) = waiting(&mut counter, true, 10_005);
    let recipient = &webhook["confirm_information"]["account_details"]["recipient"];
    assert_ne!(recipient["name"], "Vector LLC");

    for (rko, currency) in [(false, "kzt"), (true, "KZT")] {
        let (_, webhook, _) = waiting(&mut counter, rko, 10_009);
        assert_eq!(webhook["session"]["payments"][0]["amount_details"]["currency"], currency);
    }
    let (_, webhook, _) = waiting(&mut counter, false, 10_010);
    assert_eq!(webhook["session"]["payments"][0]["payment_method"]["card"]["last4"], "0000");
    let (_, webhook, _) = waiting(&mut counter, true, 10_010);
    let account = &webhook["session"]["payments"][0]["payment_method"]["bank_account"];
    assert_eq!(account["ru"]["token"], "0000000000000000");
    let (_, webhook, _) = waiting(&mut counter, true, 10_012);
    let sender = &webhook["confirm_information"]["account_details"]["sender"];
    assert_ne!(sender["account_number"], "40702810300200000013");
}

#[test]
fn an_amount_asks_for_two_payouts_in_the_session() {
    let mut counter = Counter::open(BankKind::default());
    let (id, webhook, _) = waiting(&mut counter, false, 10_006);
    assert_eq!(webhook["session"]["payments"].as_array().map(Vec::len), Some(2));
    counter.confirm(&id);
    counter.pass(PROCESSING);
    assert_eq!(counter.paid(), [10_006, 10_006]);
}

#[test]
fn amounts_ask_for_a_session_in_error_that_succeeds_later_or_never() {
    let mut counter = Counter::open(BankKind::default());
    for (amount, paid) in [(10_015, false), (10_007, true)] {
        let (id, ..) = waiting(&mut counter, false, amount);
        counter.confirm(&id);
        counter.pass(PROCESSING);
        let session = &counter.status(&id)["session"];
        assert_eq!(session["status"], "error");
        assert_eq!(session["payments"][0]["status"], "failed");
        assert_eq!(counter.webhooks().len(), 1);
        counter.pass(1_000 * PROCESSING);
        assert_eq!(counter.paid().len(), usize::from(paid));
        let status = if paid { "accepted" } else { "error" };
        assert_eq!(counter.status(&id)["session"]["status"], status);
        counter.webhooks();
    }
}

#[test]
fn an_amount_asks_for_a_payout_that_never_finishes() {
    let mut counter = Counter::open(BankKind::default());
    let (id, ..) = waiting(&mut counter, false, 10_008);
    counter.confirm(&id);
    counter.pass(PROCESSING);
    counter.pass(1_000 * super::rig::WINDOW);
    assert_eq!(counter.status(&id)["session"]["payments"][0]["status"], "in_progress");
    assert!(counter.paid().is_empty());
}

#[test]
fn amounts_ask_for_confirm_information_that_is_missing_or_changes() {
    let mut counter = Counter::open(BankKind::default());
    let (_, webhook, status) = waiting(&mut counter, true, 10_013);
    assert_eq!(webhook["confirm_information"], Value::Null);
    assert!(status["confirm_information"].is_object());

    let (id, webhook, status) = waiting(&mut counter, true, 10_014);
    assert_ne!(webhook["confirm_information"], status["confirm_information"]);
    let old = json!({"session_id": id, "confirm_information": webhook["confirm_information"]});
    assert_eq!(counter.call("session/confirm", &old.to_string()).code, "invalid_request");
}

#[test]
fn amounts_that_are_on_no_list_run_without_a_hitch() {
    let mut counter = Counter::open(BankKind::default());
    for amount in [100, 1_000, 10_050, 10_099] {
        let (id, ..) = waiting(&mut counter, false, amount);
        assert_eq!(counter.confirm(&id).code, "ok");
        counter.pass(PROCESSING);
        counter.webhooks();
    }
    assert_eq!(counter.paid(), [100, 1_000, 10_050, 10_099]);
    assert_eq!(counter.call("session/init/payout/rko", RKO_START).code, "ok");
}
