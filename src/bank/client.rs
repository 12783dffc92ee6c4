//! Calls to the bank over HTTP.
//!
//! A call is sent once: never repeated, never redirected, never through a proxy from the
//! environment. It ends within the timeout, and its answer is sorted: *not sent* only when no
//! connection came about, *unknown* whenever anything went wrong after that. When to call, and
//! what an answer leads to, is the caller's.

use std::error::Error;
use std::fmt;
use std::time::{Duration, Instant};

use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use reqwest::{Response, StatusCode, Url};

use super::answer;
use super::request::{self, Request};
use super::signing::PrivateKey;
use crate::domain::call::Answer;
use crate::domain::id::SessionId;
use crate::domain::payout::Payout;

const PROJECT: HeaderName = HeaderName::from_static("x-partner-project");
const SUBMERCHANT: HeaderName = HeaderName::from_static("x-partner-submerchant");
const SIGN: HeaderName = HeaderName::from_static("x-partner-sign");
const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("x-partner-idempotency-key");

/// Largest answer read. A session is a few KiB; the bound keeps a broken server from filling
/// memory.
const ANSWER_BYTES_MAX: usize = 1024 * 1024;

/// Idle connections are closed after this time, before common servers and balancers do (60 s and
/// up): a request into a connection that is just being closed has an unknown outcome.
const IDLE_MAX: Duration = Duration::from_secs(30);

/// Longest transport error shown, in characters.
const WHY_CHARS_MAX: usize = 200;

#[derive(Debug)]
pub struct BankSettings {
    /// Such as `https://demo.bank131.ru`; the calls' paths are appended to it.
    pub base_url: String,
    pub project: String,
    /// Required by the bank of financial institutions that are not residents.
    pub submerchant: Option<String>,
    /// A whole call: connecting, sending, and reading the answer.
    pub timeout: Duration,
    pub connect_timeout: Duration,
    pub private_key: PrivateKey,
}

/// Settings that no call could be made with.
#[derive(Debug, thiserror::Error)]
pub enum BankError {
    #[error("the bank's address {0}")]
    Address(&'static str),
    #[error("the {0} has characters that an HTTP header cannot carry")]
    Header(&'static str),
    #[error("no HTTP client can be made: {0}")]
    Client(String),
}

pub struct Bank {
    client: reqwest::Client,
    /// Up to `/api/v1/`, with its slash.
    methods: String,
    project: String,
    private_key: PrivateKey,
}

impl Bank {
    pub fn new(settings: BankSettings) -> Result<Self, BankError> {
        let address = address(&settings.base_url)?;
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.insert(PROJECT, header("project", &settings.project)?);
        if let Some(submerchant) = &settings.submerchant {
            headers.insert(SUBMERCHANT, header("submerchant", submerchant)?);
        }
        let mut client = reqwest::Client::builder()
            .default_headers(headers)
            .user_agent(concat!("payoutd/", env!("CARGO_PKG_VERSION")))
            .timeout(settings.timeout)
            .connect_timeout(settings.connect_timeout)
            .pool_idle_timeout(IDLE_MAX)
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .referer(false)
            .no_proxy();
        if address.scheme() == "http" {
            // Never used, so a machine without root certificates can talk to the simulator.
            client = client.tls_certs_only([]);
        }
        Ok(Self {
            client: client.build().map_err(|e| BankError::Client(root_cause(&e)))?,
            methods: format!("{}/api/v1/", address.as_str().trim_end_matches('/')),
            project: settings.project,
            private_key: settings.private_key,
        })
    }

    /// Sends the call that the payout's record intends.
    pub async fn send(&self, payout: &Payout) -> Answer {
        let request = request::intended(&self.project, payout);
        self.call(request, payout, payout.session.as_ref()).await
    }

    /// Asks for the session as it is now. The payout is named in logs only.
    pub async fn status(&self, payout: &Payout, session: &SessionId) -> Answer {
        match self.call(request::status(session), payout, Some(session)).await {
            Answer::Done(shown) if shown.id != *session => {
                Answer::Unknown("the bank answered for another session".into())
            }
            answer => answer,
        }
    }

    /// Asks for a session that does not exist: changes nothing, and tells whether the bank is
    /// there and knows us.
    pub async fn probe(&self) -> Answer {
        self.exchange(request::status(&SessionId::new("payoutd-probe"))).await
    }

    async fn call(&self, request: Request, payout: &Payout, session: Option<&SessionId>) -> Answer {
        let began = Instant::now();
        let method = request.method;
        let answer = self.exchange(request).await;
        tracing::debug!(
            event = "bank.called",
            payout_id = %payout.id(),
            session_id = session.map(SessionId::as_str),
            method,
            elapsed_ms = began.elapsed().as_millis(),
        );
        answer
    }

    async fn exchange(&self, request: Request) -> Answer {
        match self.deliver(request).await {
            Ok((status, body)) => answer::sort(status, &body),
            Err(Undelivered::NotSent(why)) => Answer::NotSent(why),
            Err(Undelivered::Unknown(why)) => Answer::Unknown(why),
        }
    }

    /// Sends a request once, and reads its answer whole, whatever it says.
    pub(super) async fn deliver(
        &self,
        request: Request,
    ) -> Result<(StatusCode, Vec<u8>), Undelivered> {
        let mut signature = HeaderValue::try_from(self.private_key.sign(&request.body))
            .expect("base64 fits a header");
        signature.set_sensitive(true);
        let mut post = self
            .client
            .post(format!("{}{}", self.methods, request.method))
            .header(SIGN, signature)
            .body(request.body);
        if let Some(key) = request.idempotency_key {
            post = post.header(IDEMPOTENCY_KEY, key);
        }
        let mut response = post.send().await.map_err(|error| failed(&error))?;
        let status = response.status();
        let body = read(&mut response).await;
        let body =
            body.map_err(|why| Undelivered::Unknown(format!("HTTP {}, {why}", status.as_u16())))?;
        Ok((status, body))
    }
}

/// Why there is no answer to read.
pub(super) enum Undelivered {
    /// Not one byte of the request has left.
    NotSent(String),
    /// It may have arrived.
    Unknown(String),
}

impl fmt::Debug for Bank {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Bank")
            .field("methods", &self.methods)
            .field("project", &self.project)
            .finish_non_exhaustive()
    }
}

async fn read(response: &mut Response) -> Result<Vec<u8>, String> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|e| what_broke(&e))? {
        if body.len() + chunk.len() > ANSWER_BYTES_MAX {
            return Err(format!("more than {ANSWER_BYTES_MAX} bytes"));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

/// Without a connection (refused, no such name, no TLS) not one byte of the request has left.
fn failed(error: &reqwest::Error) -> Undelivered {
    if error.is_connect() || error.is_builder() {
        Undelivered::NotSent(format!("no connection to the bank: {}", root_cause(error)))
    } else {
        Undelivered::Unknown(what_broke(error))
    }
}

fn what_broke(error: &reqwest::Error) -> String {
    if error.is_timeout() {
        "timed out".into()
    } else {
        format!("the connection broke: {}", root_cause(error))
    }
}

/// What lies at the bottom of an error, without the address on top of it.
fn root_cause(error: &reqwest::Error) -> String {
    let mut cause: &dyn Error = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    cause.to_string().chars().take(WHY_CHARS_MAX).collect()
}

fn address(text: &str) -> Result<Url, BankError> {
    let url = Url::parse(text).map_err(|_| BankError::Address("is not a URL"))?;
    let bare = url.query().is_none() && url.fragment().is_none();
    let anonymous = url.username().is_empty() && url.password().is_none();
    match url.scheme() {
        "http" | "https" if bare && anonymous => Ok(url),
        "http" | "https" => Err(BankError::Address("must not have a user, a query or a fragment")),
        _ => Err(BankError::Address("must start with https:// (or http:// for a simulator)")),
    }
}

fn header(name: &'static str, value: &str) -> Result<HeaderValue, BankError> {
    HeaderValue::from_str(value).map_err(|_| BankError::Header(name))
}
