//! `/_sim/…`: for whoever tests against the bank, and no part of it. No signature is asked for.
//!
//! Lists come in pages: `after` is the last number seen (the answer's `next`), `limit` the size.

use axum::body::Body;
use hyper::{Method, Response};
use rusqlite::{Connection, Row};
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::faults::Faults;
use super::session::{PayoutStatus, Phase, time};
use super::{Shared, book, lifecycle, now_micros, server};

const PAGE: i64 = 1000;
const PAGE_MAX: i64 = 10_000;

struct Page {
    after: i64,
    limit: i64,
    totals_only: bool,
}

impl Page {
    fn read(query: Option<&str>) -> Result<Self, String> {
        let mut page = Self { after: 0, limit: PAGE, totals_only: false };
        for pair in query.unwrap_or_default().split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, "true"));
            let number = || value.parse().map_err(|_| format!("{name} has to be a number"));
            match name {
                "after" => page.after = number()?,
                "limit" => page.limit = number()?.clamp(0, PAGE_MAX),
                "totals" => page.totals_only = value == "true",
                _ => return Err(format!("there is no parameter \"{name}\"")),
            }
        }
        Ok(page)
    }
}

pub(super) fn answer(
    shared: &Shared,
    method: &Method,
    path: &str,
    query: Option<&str>,
    body: &[u8],
) -> Response<Body> {
    let answered = match (method.as_str(), path) {
        ("GET", "/_sim/ledger") => list(shared, query, ledger),
        ("GET", "/_sim/sessions") => list(shared, query, sessions),
        ("GET", "/_sim/requests") => list(shared, query, requests),
        ("PUT", "/_sim/requests") => switch_log(shared, body),
        ("GET", "/_sim/faults") => Ok(faults(shared)),
        ("PUT", "/_sim/faults") => replace_faults(shared, body),
        ("POST", "/_sim/send-webhook") => send_webhook(shared, body),
        ("PUT", "/_sim/confirm-information") => dictate_information(shared, body),
        _ => Err((404, String::from("there is no such address under /_sim/"))),
    };
    match answered {
        Ok(value) => server::response(200, value.to_string()),
        Err((http, error)) => server::response(http, json!({ "error": error }).to_string()),
    }
}

type Answered = Result<Value, (u16, String)>;

fn list(
    shared: &Shared,
    query: Option<&str>,
    look: fn(&Connection, &Page) -> rusqlite::Result<Value>,
) -> Answered {
    let page = Page::read(query).map_err(|error| (400, error))?;
    shared.bank.book.read(|book| look(book, &page)).map_err(|error| (500, error.to_string()))
}

fn rows(
    book: &Connection,
    page: &Page,
    query: &str,
    row: fn(&Row<'_>) -> rusqlite::Result<Value>,
) -> rusqlite::Result<Vec<Value>> {
    book.prepare_cached(query)?.query_map([page.after, page.limit], row)?.collect()
}

/// The number to go on after, when the page is full.
fn next(page: &Page, rows: &[Value]) -> Value {
    match rows.last() {
        Some(last) if rows.len() as i64 == page.limit => last["n"].clone(),
        _ => Value::Null,
    }
}

fn ledger(book: &Connection, page: &Page) -> rusqlite::Result<Value> {
    let totals = ledger_totals(book)?;
    if page.totals_only {
        return Ok(json!({ "totals": totals }));
    }
    let payouts = rows(
        book,
        page,
        "SELECT ledger.n, ledger.session, payout, ledger.merchant, ledger.amount, ledger.currency, paid_at,
                ledger.method_type, settlement,
                coalesce(json_extract(method, '$.card.last4'), substr(number, -4),
                         substr(json_extract(method, '$.bank_account.ru.account'), -4))
         FROM ledger JOIN payouts ON payouts.n = payout
              LEFT JOIN recipients ON secret = json_extract(method, '$.bank_account.ru.token')
         WHERE ledger.n > ?1 ORDER BY ledger.n LIMIT ?2",
        |row| {
            let settlement: bool = row.get(8)?;
            Ok(json!({
                "n": row.get::<_, i64>(0)?,
                "session_id": format!("ps_{}", row.get::<_, i64>(1)?),
                "payout_id": format!("po_{}", row.get::<_, i64>(2)?),
                "merchant_payout_id": row.get::<_, Option<String>>(3)?,
                "amount": row.get::<_, i64>(4)?,
                "currency": row.get::<_, String>(5)?,
                "paid_at": time(row.get(6)?),
                "method": row.get::<_, String>(7)?,
                "account": if settlement { "settlement" } else { "collateral" },
                "last4": row.get::<_, Option<String>>(9)?,
            }))
        },
    )?;
    Ok(json!({ "next": next(page, &payouts), "payouts": payouts, "totals": totals }))
}

fn ledger_totals(book: &Connection) -> rusqlite::Result<Value> {
    let (payouts, merchants, named): (i64, i64, i64) = book
        .prepare_cached("SELECT count(*), count(DISTINCT merchant), count(merchant) FROM ledger")?
        .query_row([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
    let amounts: Vec<(String, i64)> = book
        .prepare_cached("SELECT currency, sum(amount) FROM ledger GROUP BY currency ORDER BY 1")?
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect::<Result<_, _>>()?;
    let amounts: serde_json::Map<_, _> =
        amounts.into_iter().map(|(currency, sum)| (currency, Value::from(sum))).collect();
    Ok(json!({
        "payouts": payouts,
        "merchant_payouts": merchants,
        "paid_again": named - merchants,
        "amounts": amounts,
    }))
}

fn sessions(book: &Connection, page: &Page) -> rusqlite::Result<Value> {
    let sessions = rows(
        book,
        page,
        "SELECT n, phase, settlement, confirms, created_at, updated_at, metadata,
                (SELECT count(*) FROM payouts WHERE session = sessions.n),
                (SELECT group_concat(status) FROM payouts WHERE session = sessions.n),
                (SELECT min(merchant) FROM payouts WHERE session = sessions.n)
         FROM sessions WHERE n > ?1 ORDER BY n LIMIT ?2",
        session,
    )?;
    Ok(json!({ "next": next(page, &sessions), "sessions": sessions }))
}

fn session(row: &Row<'_>) -> rusqlite::Result<Value> {
    let phase: String = row.get(1)?;
    let status = Phase::ALL.into_iter().find(|one| one.name() == phase).map(Phase::status);
    let settlement: bool = row.get(2)?;
    let confirms: i64 = row.get(3)?;
    let statuses: Option<String> = row.get(8)?;
    let statuses: Vec<&str> =
        statuses.as_deref().map(|all| all.split(',').collect()).unwrap_or_default();
    let metadata: Option<String> = row.get(6)?;
    Ok(json!({
        "n": row.get::<_, i64>(0)?,
        "session_id": format!("ps_{}", row.get::<_, i64>(0)?),
        "status": status,
        "waits_for_confirm": phase == Phase::Waiting.name(),
        "account": if settlement { "settlement" } else { "collateral" },
        "confirms": confirms,
        "confirm_received": confirms > 0,
        "payouts": row.get::<_, i64>(7)?,
        "payout_statuses": statuses,
        "paid": statuses.contains(&PayoutStatus::Succeeded.name()),
        "merchant_payout_id": row.get::<_, Option<String>>(9)?,
        "metadata": metadata.and_then(|text| serde_json::from_str::<Value>(&text).ok()),
        "created_at": time(row.get(4)?),
        "updated_at": time(row.get(5)?),
    }))
}

fn requests(book: &Connection, page: &Page) -> rusqlite::Result<Value> {
    let requests = rows(
        book,
        page,
        "SELECT n, at, method, project, submerchant, content_type, key, fault, http, outcome, body
         FROM requests WHERE n > ?1 ORDER BY n LIMIT ?2",
        |row| {
            let fault: Option<String> = row.get(7)?;
            Ok(json!({
                "n": row.get::<_, i64>(0)?,
                "at": time(row.get(1)?),
                "method": row.get::<_, String>(2)?,
                "project": row.get::<_, Option<String>>(3)?,
                "submerchant": row.get::<_, Option<String>>(4)?,
                "content_type": row.get::<_, Option<String>>(5)?,
                "idempotency_key": row.get::<_, Option<String>>(6)?,
                "fault": fault.and_then(|text| serde_json::from_str::<Value>(&text).ok()),
                "http": row.get::<_, Option<u16>>(8)?,
                "outcome": row.get::<_, String>(9)?,
                "body": row.get::<_, String>(10)?,
            }))
        },
    )?;
    Ok(json!({ "next": next(page, &requests), "requests": requests }))
}

fn switch_log(shared: &Shared, body: &[u8]) -> Answered {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Switch {
        enabled: bool,
    }
    let switch: Switch = read(body)?;
    shared.log_requests(switch.enabled);
    Ok(json!({ "enabled": switch.enabled }))
}

fn faults(shared: &Shared) -> Value {
    let (faults, hits) = shared.dice.shown();
    json!({ "rules": faults.rules, "hits": hits })
}

fn replace_faults(shared: &Shared, body: &[u8]) -> Answered {
    let faults: Faults = read(body)?;
    faults.check().map_err(|error| (400, error.to_string()))?;
    tracing::info!(rules = faults.rules.len(), "simulator.faults.replaced");
    shared.dice.replace(faults);
    Ok(self::faults(shared))
}

fn send_webhook(shared: &Shared, body: &[u8]) -> Answered {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Wanted {
        session_id: String,
        r#type: String,
    }
    let wanted: Wanted = read(body)?;
    let number = wanted.session_id.strip_prefix("ps_").and_then(|number| number.parse().ok());
    let number: i64 = number.ok_or((400, String::from("session_id is no session id")))?;
    let sent = shared.bank.book.write(|book| match book::session(book, number)? {
        Some(session) => {
            let (now, pace) = (now_micros(), shared.bank.pace);
            lifecycle::notify(book, &session, &wanted.r#type, now, pace).map(|()| true)
        }
        None => Ok(false),
    });
    match sent {
        Ok(true) => {
            shared.courier.notify_one();
            Ok(json!({ "sent": wanted.session_id }))
        }
        Ok(false) => Err((404, String::from("there is no such session"))),
        Err(error) => Err((500, error.to_string())),
    }
}

/// Kept as it was written, spacing and all.
fn dictate_information(shared: &Shared, body: &[u8]) -> Answered {
    let text = std::str::from_utf8(body).map_err(|error| (400, error.to_string()))?;
    let text = Some(text.trim_ascii()).filter(|text| !text.is_empty());
    if let Some(text) = text {
        let object: &RawValue = read(text.as_bytes())?;
        if !object.get().starts_with('{') {
            return Err((400, String::from("confirm_information is an object")));
        }
    }
    let dictated = shared.bank.book.write(|book| book::dictate_information(book, text));
    dictated.map_err(|error| (500, error.to_string()))?;
    Ok(json!({ "dictated": text.is_some() }))
}

fn read<'a, T: Deserialize<'a>>(body: &'a [u8]) -> Result<T, (u16, String)> {
    serde_json::from_slice(body).map_err(|error| (400, error.to_string()))
}
