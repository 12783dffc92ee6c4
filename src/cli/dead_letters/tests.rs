//! Whose a message is, and which may be replayed.

use super::*;

#[test]
fn the_payout_of_a_command_a_ticket_and_a_webhook_is_found() {
    for (body, id) in [
        (r#"{"payout_id":"inv-1"}"#, Some("inv-1")),
        (r#"{"payout":"inv-1","number":2}"#, Some("inv-1")),
        (r#"{"session":{"id":"ps_1","metadata":{"payout_id":"inv-1"}}}"#, Some("inv-1")),
        (r#"{"payout_id":7}"#, None),
        (r#"{"metadata":{"payout_id":"inv-1"}}"#, None),
        ("not JSON", None),
    ] {
        assert_eq!(payout_id(body.as_bytes()).as_deref(), id, "{body}");
    }
}

#[test]
fn what_is_shown_of_an_id_is_short_and_moves_no_cursor() {
    let hostile = format!(r#"{{"payout_id":"\u001b[2J{}"}}"#, "x".repeat(1000));
    let shown = payout_id(hostile.as_bytes()).expect("an id");
    assert!(shown.chars().count() == ID_CHARS_MAX && !shown.contains('\u{1b}'), "{shown}");
}

#[test]
fn only_a_command_can_be_too_old_to_be_replayed_and_what_came_from_nowhere_never_can() {
    let day = Duration::from_secs(86_400);
    let aged = |queue, age| DeadLetter {
        id: "7".into(),
        queue,
        body: "{}".into(),
        reason: "bad".into(),
        at: Timestamp::from(SystemTime::now() - age),
    };
    let refused = |queue, age| refuse_replay(&aged(queue, age), day).is_err();
    assert!(refused(Some(Queue::Commands), 2 * day));
    assert!(!refused(Some(Queue::Commands), day / 2));
    assert!(!refused(Some(Queue::Tickets), 2 * day));
    assert!(!refused(Some(Queue::BankEvents), 2 * day));
    assert!(refused(None, Duration::ZERO), "nowhere to go");
}
