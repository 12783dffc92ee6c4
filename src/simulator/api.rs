//! The bank's methods: who asks, what they ask, and the answer.
//!
//! A call is checked in the bank's order — project, signature, JSON, idempotency key, content — and what it changes
//! is written whole before there is an answer. Faults are not its business: those lie around it, in `server`.

use bytes::Bytes;
use rusqlite::Connection;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::book::{self, Book};
use super::keys::PartnerKey;
use super::lifecycle::{self, Pace};
use super::order::{Kind, Order, Reading};
use super::session::{Account, Phase, Session};
use super::{BankKind, Idempotency, SecondStart};
use super::{method, recipients};

pub(super) const METHODS: [&str; 14] = [
    "token",
    "token/info",
    "session/create",
    "session/create/rko",
    "session/init/payout",
    "session/init/payout/rko",
    "session/init/payout/fiscalization",
    "session/start/payout",
    "session/start/payout/rko",
    "session/start/payout/fiscalization",
    "session/confirm",
    "session/cancel",
    "session/status",
    "wallet/balance",
];

/// What the collateral account holds before the first payout: enough for any test, in minor units.
const OPENING_BALANCE: i64 = 1_000_000_000_000;

/// One call, as it came.
#[derive(Clone, Default)]
pub(super) struct Call {
    pub(super) method: String,
    pub(super) project: Option<String>,
    pub(super) submerchant: Option<String>,
    pub(super) content_type: Option<String>,
    pub(super) signature: Option<String>,
    pub(super) key: Option<String>,
    pub(super) body: Bytes,
}

/// What the bank answers.
#[derive(Clone, Debug)]
pub(super) struct Answer {
    pub(super) http: u16,
    /// `ok` or the error code.
    pub(super) code: &'static str,
    pub(super) body: String,
}

impl Answer {
    pub(super) fn error(http: u16, code: &'static str, description: &str) -> Self {
        let body = json!({"status": "error", "error": {"code": code, "description": description}});
        Self { http, code, body: body.to_string() }
    }

    fn ok(body: &impl Serialize) -> Self {
        match serde_json::to_string(body) {
            Ok(body) => Self { http: 200, code: "ok", body },
            Err(error) => internal(&error),
        }
    }

    fn invalid(description: &str) -> Self {
        Self::error(400, "invalid_request", description)
    }
}

fn internal(error: &dyn std::error::Error) -> Answer {
    tracing::error!(%error, "simulator.book.failed");
    Answer::error(500, "internal_error", "The simulator could not use its data file")
}

/// The bank behind its counter.
pub(super) struct Bank {
    pub(super) project: String,
    pub(super) partner: PartnerKey,
    pub(super) book: Book,
    pub(super) pace: Pace,
    pub(super) kind: BankKind,
}

impl Bank {
    pub(super) fn execute(&self, call: &Call, now: i64) -> Answer {
        let reading = match self.authenticate(call).and_then(|()| read(call)) {
            Ok(reading) => reading,
            Err(answer) => return answer,
        };
        self.book
            .write(|book| match call.key.as_deref() {
                Some(key) => self.keyed(book, key, || self.perform(book, call, &reading, now)),
                None => self.perform(book, call, &reading, now),
            })
            .unwrap_or_else(|error| internal(&error))
    }

    /// A call that failed before it was looked at: its key is used up where the bank is of that kind.
    pub(super) fn fail(&self, call: &Call, answer: Answer) -> Answer {
        let Some(key) = call.key.as_deref() else { return answer };
        if self.authenticate(call).is_err() {
            return answer;
        }
        self.book
            .write(|book| self.keyed(book, key, || Ok(answer)))
            .unwrap_or_else(|error| internal(&error))
    }

    fn keyed(
        &self,
        book: &Connection,
        key: &str,
        perform: impl FnOnce() -> rusqlite::Result<Answer>,
    ) -> rusqlite::Result<Answer> {
        match (self.kind.idempotency, book::answer_of_key(book, key)?) {
            (Idempotency::Refused, Some(_)) => {
                return Ok(Answer::error(
                    400,
                    "idempotency_key_already_exists",
                    "The key belongs to a request that is in progress or processed",
                ));
            }
            (Idempotency::Replayed, Some((http, body))) => {
                return Ok(Answer { http, code: "replayed", body });
            }
            (Idempotency::Ignored, _) | (_, None) => {}
        }
        let answer = perform()?;
        if answer.http == 200 || self.kind.failed_request_uses_key {
            book::use_key(book, key, answer.http, &answer.body)?;
        }
        Ok(answer)
    }

    fn authenticate(&self, call: &Call) -> Result<(), Answer> {
        if call.project.as_deref() != Some(self.project.as_str()) {
            return Err(Answer::error(
                401,
                "identification_error",
                "X-PARTNER-PROJECT names no project of this bank",
            ));
        }
        let signature = call.signature.as_deref().unwrap_or_default();
        if !self.partner.verifies(&call.body, signature) {
            return Err(Answer::error(
                401,
                "authentication_error",
                "X-PARTNER-SIGN is not the partner's signature of this body",
            ));
        }
        Ok(())
    }

    fn perform(
        &self,
        book: &Connection,
        call: &Call,
        reading: &Reading<'_>,
        now: i64,
    ) -> rusqlite::Result<Answer> {
        match call.method.as_str() {
            "token" => token(book, reading, now),
            "token/info" => token_info(book, &call.body),
            "session/create" => self.create(book, Account::Collateral, reading, now),
            "session/create/rko" => self.create(book, Account::Settlement, reading, now),
            "session/init/payout" => self.init(book, Kind::Collateral, reading, now),
            "session/init/payout/rko" => self.init(book, Kind::Settlement, reading, now),
            "session/init/payout/fiscalization" => self.init(book, Kind::WithReceipt, reading, now),
            "session/start/payout" => self.start(book, Kind::Collateral, reading, now),
            "session/start/payout/rko" => self.start(book, Kind::Settlement, reading, now),
            "session/start/payout/fiscalization" => {
                self.start(book, Kind::WithReceipt, reading, now)
            }
            "session/confirm" => self.decide(book, reading, now, true),
            "session/cancel" => self.decide(book, reading, now, false),
            "session/status" => self.status(book, reading),
            "wallet/balance" => balance(book),
            _ => Ok(Answer::error(404, "invalid_request", "There is no such method")),
        }
    }

    fn create(
        &self,
        book: &Connection,
        account: Account,
        reading: &Reading<'_>,
        now: i64,
    ) -> rusqlite::Result<Answer> {
        let metadata = reading.metadata.map(RawValue::get);
        let session = book::new_session(book, account, metadata, now, now + self.pace.window)?;
        self.shown(&session)
    }

    fn init(
        &self,
        book: &Connection,
        kind: Kind,
        reading: &Reading<'_>,
        now: i64,
    ) -> rusqlite::Result<Answer> {
        let order = match Order::read(book, kind, reading)? {
            Ok(order) => order,
            Err(answer) => return Ok(answer),
        };
        let due = now + self.pace.window;
        let mut session = book::new_session(book, kind.account(), None, now, due)?;
        order.place(book, &mut session, now, self.pace)?;
        self.shown(&session)
    }

    fn start(
        &self,
        book: &Connection,
        kind: Kind,
        reading: &Reading<'_>,
        now: i64,
    ) -> rusqlite::Result<Answer> {
        let mut session = match named(book, reading)? {
            Ok(session) => session,
            Err(answer) => return Ok(answer),
        };
        if session.account != kind.account() {
            return Ok(Answer::invalid("The session belongs to the other kind of account"));
        }
        let open = match session.phase {
            Phase::Created => true,
            Phase::Starting | Phase::Waiting | Phase::Paying => {
                self.kind.second_start == SecondStart::Appended
            }
            Phase::Unclear | Phase::Accepted | Phase::Cancelled => false,
        };
        if !open {
            return Ok(Answer::invalid("The session takes no payout any more"));
        }
        match Order::read(book, kind, reading)? {
            Ok(order) => order.place(book, &mut session, now, self.pace)?,
            Err(answer) => return Ok(answer),
        }
        self.shown(&session)
    }

    fn decide(
        &self,
        book: &Connection,
        reading: &Reading<'_>,
        now: i64,
        confirm: bool,
    ) -> rusqlite::Result<Answer> {
        let mut session = match named(book, reading)? {
            Ok(session) => session,
            Err(answer) => return Ok(answer),
        };
        let information = reading.confirm_information.map(RawValue::get);
        let decided = if confirm {
            lifecycle::confirm(book, &mut session, information, now, self.pace)?
        } else {
            lifecycle::cancel(book, &mut session, information, now, self.pace)?
        };
        match decided {
            Ok(()) => self.shown(&session),
            Err(lifecycle::Refusal::WrongPhase) => {
                Ok(Answer::invalid("The session does not wait for that"))
            }
            Err(lifecycle::Refusal::InformationDiffers) => {
                Ok(Answer::invalid("confirm_information is not what was sent"))
            }
        }
    }

    fn shown(&self, session: &Session) -> rusqlite::Result<Answer> {
        let session = session.shown(self.pace.naming).map_err(lifecycle::unshowable)?;
        Ok(Answer::ok(&SessionAnswer { status: "ok", session, confirm_information: None }))
    }

    fn status(&self, book: &Connection, reading: &Reading<'_>) -> rusqlite::Result<Answer> {
        let session = match named(book, reading)? {
            Ok(session) => session,
            Err(answer) => return Ok(answer),
        };
        let confirm_information = session.information_shown().map_err(lifecycle::unshowable)?;
        let shown = session.shown(self.pace.naming).map_err(lifecycle::unshowable)?;
        Ok(Answer::ok(&SessionAnswer { status: "ok", session: shown, confirm_information }))
    }
}

fn read(call: &Call) -> Result<Reading<'_>, Answer> {
    let text = std::str::from_utf8(&call.body).map_err(|_| Answer::invalid("Not UTF-8"))?;
    let text = text.trim_ascii();
    if text.is_empty() && call.method == "wallet/balance" {
        return Ok(Reading::default());
    }
    if !text.starts_with('{') {
        return Err(Answer::invalid("The body has to be a JSON object"));
    }
    serde_json::from_str(text).map_err(|error| Answer::invalid(&error.to_string()))
}

/// The session that the request names.
fn named(book: &Connection, reading: &Reading<'_>) -> rusqlite::Result<Result<Session, Answer>> {
    let number = reading
        .session_id
        .as_deref()
        .and_then(|id| id.strip_prefix("ps_"))
        .and_then(|number| number.parse().ok());
    let Some(number) = number else {
        return Ok(Err(Answer::invalid("session_id is missing or no session id")));
    };
    Ok(book::session(book, number)?.ok_or_else(|| Answer::invalid("There is no such session")))
}

#[derive(Serialize)]
struct SessionAnswer<'a> {
    status: &'static str,
    session: Box<RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    confirm_information: Option<&'a RawValue>,
}

fn token(book: &Connection, reading: &Reading<'_>, now: i64) -> rusqlite::Result<Answer> {
    if !reading.tokenize_widget.as_ref().is_some_and(|widget| widget.access) {
        return Ok(Answer::invalid("tokenize_widget.access has to be true"));
    }
    let token = recipients::issue_token(book, now)?;
    Ok(Answer::ok(&json!({"status": "ok", "public_token": token})))
}

fn token_info(book: &Connection, body: &[u8]) -> rusqlite::Result<Answer> {
    let request: Value = serde_json::from_slice(body).unwrap_or(Value::Null);
    let entered = recipients::entered(book, method::secret(&request))?;
    Ok(match method::token_info(&request, entered.as_deref()) {
        Some(info) => Answer::ok(&json!({"status": "ok", "info": info})),
        None => Answer::invalid("Neither a card nor a bank account by hash or token"),
    })
}

fn balance(book: &Connection) -> rusqlite::Result<Answer> {
    let paid: i64 = book
        .prepare_cached(
            "SELECT coalesce(sum(amount), 0) FROM ledger WHERE settlement = 0 AND currency = 'rub'",
        )?
        .query_row([], |row| row.get(0))?;
    Ok(Answer::ok(&json!({"status": "ok", "wallets": [
        {"id": "1", "amount_details": {"amount": OPENING_BALANCE - paid, "currency": "rub"}}]})))
}

/// Whether a widget may be opened.
#[derive(Deserialize)]
pub(super) struct TokenizeWidget {
    #[serde(default)]
    access: bool,
}
