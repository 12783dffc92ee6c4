//! A stand-in of the bank's tokenization widget: a script for a page, a form in a frame of the bank's own origin, and
//! the address to which the form sends the number.
//!
//! The page never sees the number: it gets a hash (card) or a token (account), by a window message from the frame.
//! The bank does not publish its widget's interface; this one's is ours. What people enter is not logged.

use axum::body::Body;
use hyper::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderValue, REFERRER_POLICY,
    X_CONTENT_TYPE_OPTIONS,
};
use hyper::{Method, Response};
use rusqlite::Connection;
use serde::Deserialize;
use serde_json::json;

use super::recipients::{self, Number};
use super::{Shared, now_micros, server};

/// For the page that embeds the widget, whatever its origin.
const SCRIPT: &str = include_str!("widget/tokenize.js");
/// The frame and what it loads.
const FORM: &str = include_str!("widget/form.html");
const FORM_SCRIPT: &str = include_str!("widget/form.js");
const FORM_STYLE: &str = include_str!("widget/form.css");

/// The frame loads from and sends to its own origin only. Any page may embed it: that is what it is for.
const FORM_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; \
                           base-uri 'none'; form-action 'none'";

pub(super) fn answer(shared: &Shared, method: &Method, path: &str, body: &[u8]) -> Response<Body> {
    match (method.as_str(), path) {
        ("GET", "/widget/tokenize.js") => file("text/javascript", SCRIPT),
        ("GET", "/widget/form") => file("text/html", FORM),
        ("GET", "/widget/form.js") => file("text/javascript", FORM_SCRIPT),
        ("GET", "/widget/form.css") => file("text/css", FORM_STYLE),
        ("POST", "/widget/tokenize") => tokenize(shared, body),
        _ => error(404, "there is no such address under /widget/"),
    }
}

fn file(kind: &'static str, text: &'static str) -> Response<Body> {
    let mut response = Response::new(Body::from(text));
    let headers = response.headers_mut();
    let kind = format!("{kind}; charset=utf-8");
    headers.insert(CONTENT_TYPE, HeaderValue::try_from(kind).expect("a media type is ASCII"));
    headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(FORM_POLICY));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

fn error(http: u16, text: &str) -> Response<Body> {
    server::response(http, json!({ "error": text }).to_string())
}

#[derive(Deserialize)]
struct Entered {
    public_token: String,
    kind: String,
    number: String,
}

fn tokenize(shared: &Shared, body: &[u8]) -> Response<Body> {
    // What serde says of a bad body would repeat it.
    let Ok(entered) = serde_json::from_slice::<Entered>(body) else {
        return error(400, "public_token, kind and number are needed");
    };
    let now = now_micros();
    match shared.bank.book.write(|book| exchange(book, &entered, now)) {
        Ok(Ok(secret)) => {
            let name = if entered.kind == "card" { "number_hash" } else { "token" };
            server::response(200, json!({ name: secret }).to_string())
        }
        Ok(Err((http, text))) => error(http, text),
        Err(failure) => {
            tracing::error!(error = %failure, "simulator.widget.failed");
            error(500, "the simulator could not use its data file")
        }
    }
}

type Exchanged = Result<String, (u16, &'static str)>;

/// A number that is refused leaves the public token as it was: the person corrects it.
fn exchange(book: &Connection, entered: &Entered, now: i64) -> rusqlite::Result<Exchanged> {
    let Some(number) = Number::read(&entered.kind, &entered.number) else {
        return Ok(Err((422, "the number is not right")));
    };
    if !recipients::use_token(book, &entered.public_token, now)? {
        return Ok(Err((403, "the public token was not issued here, was used, or is too old")));
    }
    recipients::remember(book, &number).map(Ok)
}
