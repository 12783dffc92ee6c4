//! A word about a payout that exists or is to come: cancel, approve, reject, release, adopt.
//!
//! Anybody who may publish commands may send one; `payoutd cancel` and its kin publish the same.
//! What it leads to is decided by [`intervene`](crate::domain::intervene::intervene).

use std::fmt;

use super::super::id::{PayoutId, SessionId};
use super::super::json::Object;
use super::super::text::is_invisible;
use super::reader::Reader;
use super::{InvalidCommand, Violation};

/// Longest reason, in characters: it is kept in the record and told in events.
pub const REASON_CHARS_MAX: usize = 500;

/// Longest id of a session that a person may name, in characters: the bank's own are far shorter.
pub const SESSION_ID_CHARS_MAX: usize = 100;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Intervention {
    pub verb: Verb,
    pub payout_id: PayoutId,
    /// The session to adopt; no other verb has one.
    pub session: Option<SessionId>,
    /// Why, for people.
    pub reason: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Verb {
    /// Do not pay; possible until it was decided to confirm.
    Cancel,
    /// Confirm what is held for review.
    Approve,
    /// Do not pay what is held for review or needs attention.
    Reject,
    /// Carry on with what needs attention.
    Release,
    /// Take this session for the payout's, which needs attention.
    Adopt,
}

impl Verb {
    pub const ALL: [Self; 5] =
        [Self::Cancel, Self::Approve, Self::Reject, Self::Release, Self::Adopt];

    /// The command's `type`.
    pub fn command_type(self) -> &'static str {
        match self {
            Self::Cancel => "payout.cancel",
            Self::Approve => "payout.approve",
            Self::Reject => "payout.reject",
            Self::Release => "payout.release",
            Self::Adopt => "payout.adopt",
        }
    }
}

impl fmt::Display for Verb {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.command_type().trim_start_matches("payout."))
    }
}

impl Intervention {
    pub(super) fn read(verb: Verb, fields: &Object) -> Result<Self, InvalidCommand> {
        let mut reader = Reader { fields, violations: Vec::new() };
        let payout_id = reader.payout_id();
        let reason = reader.reason();
        let session = if verb == Verb::Adopt { reader.session() } else { None };
        let known = ["type", "payout_id", "reason", "session_id"];
        let count = if verb == Verb::Adopt { known.len() } else { known.len() - 1 };
        reader.refuse_fields_beside(&known[..count]);
        match (payout_id, reason) {
            (Some(payout_id), Some(reason)) if reader.violations.is_empty() => {
                Ok(Self { verb, payout_id, session, reason })
            }
            (payout_id, _) => Err(InvalidCommand::new(payout_id, reader.violations)),
        }
    }

    /// Checks a reason that was given elsewhere than in a message.
    pub fn check_reason(reason: &str) -> Result<(), Violation> {
        let problem = match reason.chars().count() {
            _ if reason.trim().is_empty() => "is empty: say why, for whoever reads it later".into(),
            count if count > REASON_CHARS_MAX => {
                format!("has {count} characters; at most {REASON_CHARS_MAX} are kept")
            }
            _ if reason.chars().any(is_no_plain_text) => "must be one line of plain text".into(),
            _ => return Ok(()),
        };
        Err(Violation { pointer: "/reason".into(), problem })
    }

    /// Checks the id of a session that was given elsewhere than in a message.
    pub fn check_session(session: &str) -> Result<(), Violation> {
        let allowed = |b: u8| b.is_ascii_alphanumeric() || b"._:-".contains(&b);
        if (1..=SESSION_ID_CHARS_MAX).contains(&session.len()) && session.bytes().all(allowed) {
            return Ok(());
        }
        let problem =
            format!("must be 1 to {SESSION_ID_CHARS_MAX} characters of A-Z a-z 0-9 . _ : -");
        Err(Violation { pointer: "/session_id".into(), problem })
    }

    /// The message that says it.
    pub fn to_json(&self) -> Vec<u8> {
        let mut message = serde_json::json!({
            "type": self.verb.command_type(),
            "payout_id": self.payout_id,
            "reason": self.reason,
        });
        if let Some(session) = &self.session {
            message["session_id"] = serde_json::json!(session);
        }
        message.to_string().into_bytes()
    }
}

/// What breaks a line, or does not show.
fn is_no_plain_text(char: char) -> bool {
    let breaks_a_line = matches!(char, '\u{2028}' | '\u{2029}');
    char.is_control() || breaks_a_line || is_invisible(char)
}

impl Reader<'_> {
    fn reason(&mut self) -> Option<String> {
        if self.present("reason").is_none() {
            self.refuse("/reason", "is missing: say why, for whoever reads it later");
            return None;
        }
        let reason = self.text("reason")?;
        match Intervention::check_reason(&reason) {
            Ok(()) => Some(reason),
            Err(Violation { pointer, problem }) => {
                self.refuse(&pointer, problem);
                None
            }
        }
    }

    fn session(&mut self) -> Option<SessionId> {
        if self.present("session_id").is_none() {
            self.refuse("/session_id", "is missing: say which session of the bank is the payout's");
            return None;
        }
        let session = self.text("session_id")?;
        match Intervention::check_session(&session) {
            Ok(()) => Some(SessionId::new(session)),
            Err(Violation { pointer, problem }) => {
                self.refuse(&pointer, problem);
                None
            }
        }
    }

    fn refuse_fields_beside(&mut self, known: &[&str]) {
        for (name, _) in self.fields.fields().filter(|(name, _)| !known.contains(name)) {
            let pointer = self.pointer(name);
            self.refuse(&pointer, "must be left out: this command has no such field");
        }
    }
}
