//! What went wrong at the broker, and whether a person must act.

use std::time::Duration;

use lapin::ErrorKind;

use crate::bus::BusError;

/// The broker's codes for what does not mend itself: no permission, other arguments, no such
/// virtual host.
const ACCESS_REFUSED: u16 = 403;
const PRECONDITION_FAILED: u16 = 406;
const NOT_ALLOWED: u16 = 530;

/// The broker's own words; they name users and objects, never passwords.
pub(super) fn words(error: &lapin::Error) -> String {
    match error.kind() {
        ErrorKind::ProtocolError(error) => error.get_message().as_str().to_owned(),
        // What the stream said, without the library's words around it.
        ErrorKind::IOError(error) => error.to_string(),
        _ => error.to_string(),
    }
}

pub(super) fn failure(error: &lapin::Error) -> BusError {
    let words = words(error);
    let code = match error.kind() {
        ErrorKind::ProtocolError(error) => error.get_id(),
        _ => 0,
    };
    match code {
        ACCESS_REFUSED | NOT_ALLOWED => BusError::Misconfigured(format!(
            "the broker refuses payoutd: {words}: check user, password, virtual host and its \
             permissions"
        )),
        PRECONDITION_FAILED => BusError::Misconfigured(format!(
            "the broker has it otherwise than payoutd needs it: {words}: `payoutd topology` shows \
             the differences; delete or migrate it, or take another prefix"
        )),
        _ => BusError::Unavailable(words),
    }
}

pub(super) fn unavailable(what: impl Into<String>) -> BusError {
    BusError::Unavailable(what.into())
}

/// What an error says, without what kind it is.
pub(super) fn text(error: &BusError) -> &str {
    match error {
        BusError::Unavailable(text) | BusError::Misconfigured(text) => text,
    }
}

/// An operation at the broker, for so long.
pub(super) async fn within<T>(
    limit: Duration,
    what: &str,
    work: impl Future<Output = lapin::Result<T>>,
) -> Result<T, BusError> {
    match tokio::time::timeout(limit, work).await {
        Ok(outcome) => outcome.map_err(|error| failure(&error)),
        Err(_) => Err(unavailable(format!("the broker did not answer in {limit:?}: {what}"))),
    }
}
