//! One connection to a server that was found good.
//!
//! Guarantees that a request is sent once, that each ends within the response timeout, and that a
//! connection which has failed once is not used again: what an answer that came too late would
//! have said, nobody knows.

use std::sync::OnceLock;
use std::time::Duration;

use ::redis::aio::MultiplexedConnection;
use ::redis::{Cmd, ErrorKind, FromRedisValue, Pipeline, RedisError, Script, ServerErrorKind, cmd};
use tokio::sync::Notify;

use super::Settings;
use super::barrier::Progress;
use super::failure::{Failure, breaks_connection};
use super::info::Info;
use super::sentinel::Place;

/// Longest wait for an answer. Requests take less than a millisecond; a server that flushes its
/// log to a busy disk can stand still for a second.
pub(super) const RESPONSE_MAX: Duration = Duration::from_secs(2);

pub(super) struct Connection {
    redis: MultiplexedConnection,
    pub(super) progress: Progress,
    /// Where it leads, if Sentinels said so.
    pub(super) place: Option<Place>,
    fault: OnceLock<String>,
    noticed: Notify,
}

/// A call of a script: its keys and arguments.
pub(super) struct Call<'a> {
    pub(super) script: &'a Script,
    pub(super) keys: Vec<String>,
    pub(super) args: Vec<String>,
}

impl Connection {
    pub(super) fn new(
        redis: MultiplexedConnection,
        progress: Progress,
        place: Option<Place>,
    ) -> Self {
        Self { redis, progress, place, fault: OnceLock::new(), noticed: Notify::new() }
    }

    /// Why it is not to be used any more.
    pub(super) fn fault(&self) -> Option<&str> {
        self.fault.get().map(String::as_str)
    }

    /// Waits until there is a fault. For one task only.
    pub(super) async fn failed(&self) -> &str {
        loop {
            if let Some(fault) = self.fault() {
                return fault;
            }
            self.noticed.notified().await;
        }
    }

    pub(super) async fn call<T: FromRedisValue>(&self, request: &Cmd) -> Result<T, Failure> {
        request.query_async(&mut self.redis.clone()).await.map_err(|e| self.failure(&e))
    }

    pub(super) async fn pipeline<T: FromRedisValue>(
        &self,
        requests: &Pipeline,
    ) -> Result<T, Failure> {
        requests.query_async(&mut self.redis.clone()).await.map_err(|e| self.failure(&e))
    }

    /// Runs a script. Loads it first if the server has lost it: then it certainly did not run.
    pub(super) async fn run<T: FromRedisValue>(&self, call: &Call<'_>) -> Result<T, Failure> {
        let request = evaluate(call);
        let mut redis = self.redis.clone();
        match request.query_async(&mut redis).await {
            Err(e) if e.kind() == ErrorKind::Server(ServerErrorKind::NoScript) => {
                call.script.load_async(&mut redis).await.map_err(|e| self.not_run(&e))?;
                request.query_async(&mut redis).await.map_err(|e| self.failure(&e))
            }
            outcome => outcome.map_err(|e| self.failure(&e)),
        }
    }

    pub(super) async fn load(&self, script: &Script) -> Result<(), Failure> {
        let loaded = script.load_async(&mut self.redis.clone()).await;
        loaded.map(drop).map_err(|e| self.failure(&e))
    }

    /// Runs a script that can only fail for want of rights: inside a script Redis 7.0 says so
    /// with the code that it has for everything.
    pub(super) async fn try_out(&self, call: &Call<'_>) -> Result<(), Failure> {
        let request = evaluate(call);
        let tried: Result<(), RedisError> = request.query_async(&mut self.redis.clone()).await;
        tried.map_err(|error| match error.code() {
            Some("ERR") => Failure::rights_missing(error.detail().unwrap_or("no details")),
            _ => self.failure(&error),
        })
    }

    /// What the server says of itself, and whether that will do.
    pub(super) async fn examine(&self, settings: &Settings) -> Result<Info, Failure> {
        let text: String = self.call(&cmd("INFO")).await?;
        let info = Info::parse(&text);
        // For a person to mend only if a person has named it.
        if let Some(place) = &self.place
            && info.is_replica()
        {
            return Err(Failure::NotDone(format!("{place} is a replica: a failover goes on")));
        }
        info.judge(settings)
    }

    /// How often the log is flushed, if the server tells.
    pub(super) async fn flush_policy(&self) -> Option<String> {
        let request = cmd("CONFIG").arg("GET").arg("appendfsync").take();
        let pair: Vec<String> = request.query_async(&mut self.redis.clone()).await.ok()?;
        pair.into_iter().nth(1)
    }

    fn failure(&self, error: &RedisError) -> Failure {
        let failure = Failure::of(error);
        if breaks_connection(error) && self.fault.set(failure.text().into()).is_ok() {
            self.noticed.notify_one();
        }
        failure
    }

    fn not_run(&self, error: &RedisError) -> Failure {
        match self.failure(error) {
            Failure::Unknown(text) => Failure::NotDone(text),
            certain => certain,
        }
    }
}

fn evaluate(call: &Call<'_>) -> Cmd {
    let mut request = cmd("EVALSHA");
    request.arg(call.script.get_hash()).arg(call.keys.len()).arg(&call.keys).arg(&call.args);
    request
}
