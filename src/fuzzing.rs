//! Doors to readers that nothing outside calls, for those who attack them: the fuzz targets in
//! `fuzz/` and the properties in `tests/inputs.rs`. No interface, and no promise to anybody else.

use std::io::{self, Read};

pub use axum::http::StatusCode;
use axum::http::{HeaderMap, HeaderValue};
use bytes::Bytes;

use crate::bank::answer;
use crate::cli::publish;
use crate::domain::call::Answer;
use crate::roles::ingress::{Ingress, SIGNATURE};

/// What an answer of the bank is taken for.
pub fn bank_answer(http: StatusCode, body: &[u8]) -> Answer {
    answer::sort(http, body)
}

/// What the bank is answered to a webhook with this signature. A value that no HTTP server would
/// have let through counts as none.
pub async fn webhook_answer(ingress: &Ingress, signature: &[u8], body: Bytes) -> StatusCode {
    let value = HeaderValue::from_bytes(signature).ok();
    let headers: HeaderMap =
        value.into_iter().map(|value| (SIGNATURE.parse().expect("a name"), value)).collect();
    ingress.take(&headers, body).await
}

/// As `payoutd publish` reads a CSV file: each row's line, and its command's message or everything
/// that is told of it.
pub fn csv_rows(
    input: impl Read,
    take: impl FnMut(u64, Result<Bytes, Vec<String>>),
) -> io::Result<()> {
    publish::csv_rows(input, take)
}
