//! What the site is told when something is wrong: problem details (RFC 9457).

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

/// One for each thing that the caller can do about it.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Problem {
    BadBody,
    /// No key, or none of ours.
    NoKey,
    NotFound,
    NotPost,
    TooSlow,
    TooLarge,
    /// The bank refuses: the same would be refused again.
    Refused {
        code: String,
    },
    /// Too many requests in hand.
    Busy,
    /// The bank cannot be asked just now.
    Unavailable,
}

/// Seconds after which to ask again: a request in hand takes less, a bank that is away more.
const BUSY_SECONDS: HeaderValue = HeaderValue::from_static("1");
const AWAY_SECONDS: HeaderValue = HeaderValue::from_static("5");

#[derive(Serialize)]
struct Details<'a> {
    r#type: &'static str,
    title: &'a str,
    status: u16,
    detail: &'static str,
    /// The bank's error code.
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<&'a str>,
}

impl Problem {
    /// A body that could not be taken.
    pub(super) fn of_body(status: StatusCode) -> Self {
        match status {
            StatusCode::PAYLOAD_TOO_LARGE => Self::TooLarge,
            StatusCode::REQUEST_TIMEOUT => Self::TooSlow,
            _ => Self::BadBody,
        }
    }

    fn status(&self) -> StatusCode {
        match self {
            Self::BadBody => StatusCode::BAD_REQUEST,
            Self::NoKey => StatusCode::UNAUTHORIZED,
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::NotPost => StatusCode::METHOD_NOT_ALLOWED,
            Self::TooSlow => StatusCode::REQUEST_TIMEOUT,
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Refused { .. } => StatusCode::UNPROCESSABLE_ENTITY,
            Self::Busy => StatusCode::TOO_MANY_REQUESTS,
            Self::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    fn detail(&self) -> &'static str {
        match self {
            Self::BadBody => {
                "The body must be one of {\"card\":{\"number_hash\":…}}, {\"card\":{\"token\":…}} \
                 and {\"bank_account\":{\"token\":…}}. A card's number is never taken."
            }
            Self::NoKey => "Show a key of gateway.key_file: Authorization: Bearer ….",
            Self::NotFound => "There are POST /v1/widget-tokens and POST /v1/token-info.",
            Self::NotPost => "Use POST.",
            Self::TooSlow => "The body did not arrive in time.",
            Self::TooLarge => "The body is larger than 16 KiB.",
            Self::Refused { .. } => "The bank refuses this; code is its error code.",
            Self::Busy => "Too many requests at a time; ask again.",
            Self::Unavailable => "The bank cannot be asked just now; ask again.",
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = self.status();
        let code = match &self {
            Self::Refused { code } => Some(code.as_str()),
            _ => None,
        };
        let title = status.canonical_reason().unwrap_or_default();
        let details = Details {
            r#type: "about:blank",
            title,
            status: status.as_u16(),
            detail: self.detail(),
            code,
        };
        let body = serde_json::to_string(&details).expect("texts are JSON");
        let mut response = (status, body).into_response();
        let headers = response.headers_mut();
        let kind = HeaderValue::from_static("application/problem+json");
        headers.insert(header::CONTENT_TYPE, kind);
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        match self {
            Self::NoKey => {
                headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
            }
            Self::NotPost => {
                headers.insert(header::ALLOW, HeaderValue::from_static("POST"));
            }
            Self::Busy => {
                headers.insert(header::RETRY_AFTER, BUSY_SECONDS);
            }
            Self::Unavailable => {
                headers.insert(header::RETRY_AFTER, AWAY_SECONDS);
            }
            Self::BadBody
            | Self::NotFound
            | Self::TooSlow
            | Self::TooLarge
            | Self::Refused { .. } => {}
        }
        response
    }
}
