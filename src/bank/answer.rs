//! Sorting an HTTP answer by what the caller does next.
//!
//! Guarantees that only a definite code under a 2xx or 4xx status counts as not done, and only
//! `ok` with a session under 2xx as done. Everything else is unknown, in words that hold nothing
//! of the body but an error code.

use reqwest::StatusCode;
use serde::Deserialize;

use super::error::{Class, classify};
use super::wire;
use crate::domain::call::Answer;
use crate::domain::json::Raw;
use crate::domain::session::BankReason;

#[derive(Deserialize)]
struct Fields {
    status: Option<Raw>,
    session: Option<Raw>,
    confirm_information: Option<Raw>,
    error: Option<Raw>,
}

pub(crate) fn sort(http: StatusCode, body: &[u8]) -> Answer {
    let unknown = |what: &str| Answer::Unknown(format!("HTTP {}{what}", http.as_u16()));
    let Some(fields) = wire::object::<Fields>(body) else {
        return unknown(if body.is_empty() { ", empty body" } else { ", unreadable body" });
    };
    let status = wire::text(fields.status.as_ref());
    let reason = fields.error.as_ref().and_then(wire::reason);
    match (status.as_deref(), reason) {
        (Some("error"), Some(reason)) => sort_error(http, reason),
        (None, Some(reason)) if fields.status.is_none() => sort_error(http, reason),
        (Some("ok"), None) if http.is_success() => {
            let beside = fields.confirm_information;
            match fields.session.and_then(|session| wire::session(&session, beside)) {
                Some(session) => Answer::Done(session),
                None => unknown(" without a session"),
            }
        }
        (Some("ok"), None) => unknown(" and yet \"ok\""),
        (Some("ok"), Some(_)) => unknown(", \"ok\" and an error at once"),
        (_, _) => unknown(", neither \"ok\" nor an error code"),
    }
}

/// Under 5xx even a definite code is unknown: whoever answers so is not sure of anything. Under
/// 429 the request may have been counted, queued or passed on.
fn sort_error(http: StatusCode, reason: BankReason) -> Answer {
    let definite =
        http.is_success() || http.is_client_error() && http != StatusCode::TOO_MANY_REQUESTS;
    let class = if definite { classify(&reason.code) } else { Class::Unknown };
    match class {
        Class::Refused => Answer::Refused(reason),
        Class::Misconfigured => Answer::Misconfigured(reason),
        Class::Forbidden => Answer::Forbidden(reason),
        Class::KeyUsed => Answer::KeyUsed,
        Class::Unknown => Answer::Unknown(format!("HTTP {}, code {}", http.as_u16(), reason.code)),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::error::CODES;
    use super::*;

    const OK: &str = r#"{"status":"ok","session":{"id":"ps_1","status":"created"}}"#;

    fn sorted(http: u16, body: &str) -> Answer {
        sort(StatusCode::from_u16(http).expect("a status"), body.as_bytes())
    }

    fn refusal(code: &str) -> String {
        json!({"status": "error", "error": {"code": code, "description": "Ivanov 4940"}})
            .to_string()
    }

    fn word(answer: &Answer) -> &'static str {
        match answer {
            Answer::Done(_) => "done",
            Answer::Refused(_) => "refused",
            Answer::Forbidden(_) => "forbidden",
            Answer::Misconfigured(_) => "misconfigured",
            Answer::KeyUsed => "key used",
            Answer::NotSent(_) => "not sent",
            Answer::Unknown(_) => "unknown",
        }
    }

    /// Written out once more, so that a code that slips into another class is noticed.
    const MEANINGS: [(&str, &str); 21] = [
        ("invalid_request", "refused"),
        ("account_not_found", "refused"),
        ("bank_card_expired", "refused"),
        ("card_number_does_not_exist", "refused"),
        ("provider_exceeds_amount_limit", "refused"),
        ("provider_foreign_transfer_prohibited", "refused"),
        ("amount_less_allowed_provider", "refused"),
        ("activity_count_exceeded", "refused"),
        ("taxpayer_unknown", "refused"),
        ("taxpayer_not_bound", "refused"),
        ("taxpayer_income_exceeds_amount_limit", "refused"),
        ("confirm_timeout", "refused"),
        ("identification_error", "misconfigured"),
        ("authentication_error", "misconfigured"),
        ("authorization_error", "forbidden"),
        ("idempotency_key_already_exists", "key used"),
        ("internal_error", "unknown"),
        ("provider_internal_error", "unknown"),
        ("provider_issuer_unavailable", "unknown"),
        ("provider_timeout", "unknown"),
        ("newer_than_this_program", "unknown"),
    ];

    #[test]
    fn every_code_under_every_class_of_http_status_has_one_meaning() {
        for (code, meaning) in MEANINGS {
            for http in [200, 201, 400, 401, 403, 404, 408, 409, 422] {
                assert_eq!(word(&sorted(http, &refusal(code))), meaning, "{code} under {http}");
            }
            for http in [100, 302, 307, 429, 500, 502, 503, 504, 599] {
                assert_eq!(word(&sorted(http, &refusal(code))), "unknown", "{code} under {http}");
            }
        }
        let listed = CODES.iter().map(|(_, codes)| codes.len()).sum::<usize>();
        assert_eq!(listed, MEANINGS.len() - 1, "every listed code is in the table");
    }

    #[test]
    fn a_code_counts_only_as_it_is_spelled() {
        for code in
            ["INVALID_REQUEST", "invalid-request", "invalid_request ", "invalid_request!", ""]
        {
            assert_eq!(word(&sorted(400, &refusal(code))), "unknown", "{code:?}");
        }
        let number = r#"{"status":"error","error":{"code":7,"description":"x"}}"#;
        assert_eq!(word(&sorted(400, number)), "unknown");
    }

    #[test]
    fn only_ok_with_a_session_under_2xx_is_done() {
        for (http, body, meaning) in [
            (200, OK, "done"),
            (201, OK, "done"),
            (200, r#"{"status":"ok","session":{"id":"ps_1"},"error":null,"newer":[1]}"#, "done"),
            (200, r#"{"status":"ok","session":{"id":"ps_1"},"error":{}}"#, "done"),
            (400, OK, "unknown"),
            (429, OK, "unknown"),
            (503, OK, "unknown"),
            (200, r#"{"status":"ok"}"#, "unknown"),
            (200, r#"{"status":"ok","session":{}}"#, "unknown"),
            (200, r#"{"status":"ok","session":{"id":7}}"#, "unknown"),
            (200, r#"{"status":"ok","session":["ps_1"]}"#, "unknown"),
            (200, r#"{"session":{"id":"ps_1"}}"#, "unknown"),
            (200, r#"{"status":"pending","session":{"id":"ps_1"}}"#, "unknown"),
            (200, r#"{"status":"error","session":{"id":"ps_1"}}"#, "unknown"),
            (200, r#"{"status":"error"}"#, "unknown"),
            (400, r#"{"status":"error","error":"invalid_request"}"#, "unknown"),
            (400, r#"{"status":"ok","error":{"code":"invalid_request"}}"#, "unknown"),
            (400, r#"{"status":1,"error":{"code":"invalid_request"}}"#, "unknown"),
            (400, r#"{"error":{"code":"invalid_request"}}"#, "refused"),
        ] {
            assert_eq!(word(&sorted(http, body)), meaning, "{http} {body}");
        }
    }

    #[test]
    fn a_body_that_cannot_be_read_is_unknown_under_every_status() {
        for http in [200, 204, 302, 400, 401, 403, 404, 429, 500, 502] {
            for body in ["", " ", "null", "[]", "\"ok\"", "<html>", "{", "{}", "{}{}", "\u{feff}{}"]
            {
                assert_eq!(word(&sorted(http, body)), "unknown", "{http} {body:?}");
            }
        }
        assert!(matches!(sort(StatusCode::OK, b"{\"a\":\"\xff\"}"), Answer::Unknown(_)));
    }

    #[test]
    fn why_tells_the_status_and_the_code_and_nothing_else_of_the_body() {
        let secret = "Ivanov 40702810300200000013";
        let long = format!("a{}", "_x9".repeat(100));
        for (http, body) in [
            (200, refusal(secret)),
            (500, refusal("provider_timeout")),
            (400, refusal(&long)),
            (400, secret.into()),
            (200, json!({"status": secret, "session": secret}).to_string()),
        ] {
            let Answer::Unknown(why) = sorted(http, &body) else { panic!("{body}") };
            assert!(why.starts_with(&format!("HTTP {http}")) && why.len() < 100, "{why}");
            assert!(!why.contains("vanov") && !why.contains("4070"), "{why}");
        }
        assert_eq!(
            sorted(500, &refusal("provider_timeout")),
            Answer::Unknown("HTTP 500, code provider_timeout".into())
        );
    }

    #[test]
    fn a_refusal_carries_code_and_bounded_text() {
        let text = "я\n".repeat(500);
        let body = json!({"status": "error", "error":
            {"code": "invalid_request", "description": text, "newer": {}}});
        let Answer::Refused(reason) = sorted(400, &body.to_string()) else { panic!("refused") };
        assert_eq!(reason, BankReason { code: "invalid_request".into(), text: "я".repeat(200) });
    }

    #[test]
    fn confirm_information_may_stand_beside_the_session_or_inside_it() {
        for body in [
            r#"{"status":"ok","session":{"id":"ps_1"},"confirm_information":{ "a" :1.0 }}"#,
            r#"{"status":"ok","session":{"id":"ps_1","confirm_information":{ "a" :1.0 }}}"#,
        ] {
            let Answer::Done(session) = sorted(200, body) else { panic!("done") };
            let information = session.confirm_information.expect("shown");
            assert_eq!(information.text(), r#"{ "a" :1.0 }"#);
        }
    }
}
