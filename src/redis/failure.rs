//! What went wrong with the server, and what to do about it.
//!
//! Guarantees that a failure counts as "nothing was done" only where the server said so itself, and
//! that the texts hold no credentials and no stored data.

use ::redis::{ErrorKind, RedisError};

use crate::store::StoreError;

/// Why a request failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Failure {
    /// The server refused it, or it was never sent.
    NotDone(String),
    /// The server refuses it until a person has acted. Says how.
    Misconfigured(String),
    /// It may have been done: the answer is missing, or makes no sense.
    Unknown(String),
}

impl Failure {
    pub(super) fn of(error: &RedisError) -> Self {
        if error.kind() == ErrorKind::AuthenticationFailed {
            return Self::Misconfigured(CREDENTIALS.into());
        }
        let Some(code) = error.code() else {
            return Self::Unknown(without_answer(error));
        };
        match code {
            "WRONGPASS" | "NOAUTH" => Self::Misconfigured(CREDENTIALS.into()),
            "NOPERM" => Self::rights_missing(error.detail().unwrap_or(code)),
            "MOVED" | "ASK" => Self::Misconfigured(
                "this node of the Redis cluster does not hold payoutd's keys: set the URL to the \
                 one that does (CLUSTER KEYSLOT and CLUSTER NODES tell which)"
                    .into(),
            ),
            "LOADING" | "READONLY" | "OOM" | "MASTERDOWN" | "NOREPLICAS" | "MISCONF" | "BUSY"
            | "CLUSTERDOWN" | "TRYAGAIN" | "NOSCRIPT" => Self::NotDone(answered(code, error)),
            _ => Self::Unknown(answered(code, error)),
        }
    }

    pub(super) fn rights_missing(refusal: &str) -> Self {
        Self::Misconfigured(format!(
            "Redis's user may not do what payoutd needs ({refusal}): give it the rights that the \
             documentation lists (docs/servers.md, ACL SETUSER)"
        ))
    }

    /// For a request that changes nothing.
    pub(super) fn of_read(self) -> StoreError {
        match self {
            Self::NotDone(text) | Self::Unknown(text) => StoreError::Unavailable(text),
            Self::Misconfigured(text) => StoreError::Misconfigured(text),
        }
    }

    /// For a write that was sent.
    pub(super) fn of_write(self) -> StoreError {
        match self {
            Self::NotDone(text) => StoreError::Unavailable(text),
            Self::Misconfigured(text) => StoreError::Misconfigured(text),
            Self::Unknown(text) => StoreError::Unknown(text),
        }
    }

    pub(super) fn text(&self) -> &str {
        match self {
            Self::NotDone(text) | Self::Misconfigured(text) | Self::Unknown(text) => text,
        }
    }
}

const CREDENTIALS: &str = "Redis refuses the user or the password: set the right ones in the URL \
                           (redis://user:password@host:6379)";

/// Whether to give the connection up: it is broken, answers late, leads to what is no primary any
/// more, or refuses what it allowed when it was opened. The next one is examined from the start.
pub(super) fn breaks_connection(error: &RedisError) -> bool {
    match error.code() {
        Some(code) => matches!(
            code,
            "ERR" | "LOADING" | "MASTERDOWN" | "MOVED" | "NOAUTH" | "NOPERM" | "READONLY"
        ),
        None => true,
    }
}

fn answered(code: &str, error: &RedisError) -> String {
    format!("Redis answered {code}: {}", error.detail().unwrap_or("no details"))
}

fn without_answer(error: &RedisError) -> String {
    if error.is_timeout() {
        "Redis did not answer in time".into()
    } else if error.is_io_error() {
        format!("the connection to Redis failed: {error}")
    } else {
        // Its whole text may quote what was read.
        format!("Redis's answer makes no sense: {}", error.category())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ::redis::parse_redis_value;

    fn failure(reply: &str) -> Failure {
        let reply = parse_redis_value(format!("-{reply}\r\n").as_bytes()).expect("a reply");
        Failure::of(&reply.extract_error().expect_err("an error"))
    }

    #[test]
    fn what_the_server_refused_was_not_done() {
        for reply in [
            "LOADING Redis is loading the dataset in memory",
            "READONLY You can't write against a read only replica.",
            "OOM command not allowed when used memory > 'maxmemory'.",
            "MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.",
            "NOREPLICAS Not enough good replicas to write.",
            "MISCONF Errors writing to the AOF file: No space left on device",
            "BUSY Redis is busy running a script.",
            "CLUSTERDOWN Hash slot not served",
            "TRYAGAIN Multiple keys request during rehashing of slot",
        ] {
            let failed = failure(reply);
            assert!(matches!(failed, Failure::NotDone(_)), "{reply}: {failed:?}");
            let code = reply.split(' ').next().expect("a code");
            assert!(failed.text().contains(code), "{failed:?}");
        }
    }

    #[test]
    fn what_a_person_must_mend_says_how() {
        for (reply, cure) in [
            ("WRONGPASS invalid username-password pair", "set the right ones in the URL"),
            ("NOAUTH Authentication required.", "set the right ones in the URL"),
            ("NOPERM User x has no permissions to run the 'evalsha' command", "ACL SETUSER"),
            ("MOVED 866 10.0.0.7:6379", "set the URL to the one that does"),
        ] {
            let Failure::Misconfigured(text) = failure(reply) else { panic!("{reply}") };
            assert!(text.contains(cure), "{text}");
        }
    }

    #[test]
    fn anything_else_may_have_been_done() {
        assert!(matches!(failure("ERR something new"), Failure::Unknown(_)));
        let broken = RedisError::from(std::io::Error::from(std::io::ErrorKind::ConnectionReset));
        assert!(matches!(Failure::of(&broken), Failure::Unknown(_)));
    }
}
