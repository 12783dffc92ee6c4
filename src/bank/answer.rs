//! Sorting an HTTP answer by what the caller does next.
//!
//! Guarantees that only a definite code under a 2xx or 4xx status counts as not done, and only
//! `ok` with a session under 2xx as done. Everything else is unknown, in words that hold nothing
//! of the body but a cleaned error code.

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

pub(super) fn sort(http: StatusCode, body: &[u8]) -> Answer {
    let unknown = |what: &str| Answer::Unknown(format!("HTTP {}{what}", http.as_u16()));
    let Some(fields) = wire::object::<Fields>(body) else {
        return unknown(if body.is_empty() { ", empty body" } else { ", unreadable body" });
    };
    let status = wire::text(fields.status.as_ref());
    let reason = fields.error.as_ref().and_then(wire::reason);
    match (status.as_deref(), reason) {
        (Some("error"), Some(reason)) => sort_error(http, fields.error.as_ref(), reason),
        (None, Some(reason)) if fields.status.is_none() => {
            sort_error(http, fields.error.as_ref(), reason)
        }
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
fn sort_error(http: StatusCode, error: Option<&Raw>, reason: BankReason) -> Answer {
    let definite =
        (http.is_success() || http.is_client_error()) && http != StatusCode::TOO_MANY_REQUESTS;
    let code = error.and_then(wire::code).filter(|_| definite);
    match code.as_deref().map_or(Class::Unknown, classify) {
        Class::Refused => Answer::Refused(reason),
        Class::Misconfigured => Answer::Misconfigured(reason),
        Class::Forbidden => Answer::Forbidden(reason),
        Class::KeyUsed => Answer::KeyUsed,
        Class::Unknown => Answer::Unknown(format!("HTTP {}, code {}", http.as_u16(), reason.code)),
    }
}
