//! The port on the scripts.

use std::time::Duration;

use ::redis::{FromRedisValue, cmd};
use async_trait::async_trait;
use tokio::time::timeout;

use super::clock::Clock;
use super::connection::{Call, Connection};
use super::dial::Dialer;
use super::failure::Failure;
use super::fence::{Seen, Told};
use super::keys::Keys;
use super::link::Link;
use super::{Barrier, Settings, scripts};
use crate::domain::id::{PayoutId, SessionId};
use crate::domain::payout::{Payout, State};
use crate::store::{Filter, Loaded, Recorded, Store, StoreError, read_record};

/// Longest that one request takes with all that belongs to it: its answer and two barriers.
const REQUEST_MAX: Duration = Duration::from_secs(8);

/// Longest retention: Redis counts in milliseconds, and nobody keeps anything for longer.
const RETENTION_MAX: Duration = Duration::from_secs(100 * 365 * 86_400);

/// Keys looked at by one step of a removal.
const REMOVED_AT_ONCE: usize = 1000;

/// Records under one prefix.
pub struct RedisStore {
    pub(super) link: Link,
    pub(super) keys: Keys,
    settings: Settings,
    clock: Clock,
    pub(super) seen: Seen,
}

/// A record, the count of the write that made it, and the server's time.
type Answer = (i64, Option<Vec<u8>>, Option<u64>, Told);

impl RedisStore {
    /// Reads the settings, and connects in the background. Needs a tokio runtime.
    pub fn start(settings: Settings) -> Result<Self, StoreError> {
        let keys = Keys::new(&settings.prefix)?;
        let link = Link::start(Dialer::new(settings.clone(), keys.clone())?);
        let seen = Seen::new(settings.barrier);
        Ok(Self { link, keys, settings, clock: Clock::default(), seen })
    }

    /// What server this is: "Redis 7.0.15, primary, append-only (everysec), noeviction".
    pub async fn describe(&self) -> Result<String, StoreError> {
        let connection = self.link.connection().await?;
        let info = connection.examine(&self.settings).await.map_err(Failure::of_read)?;
        let flushed = connection.flush_policy().await;
        let text = info.describe(flushed.as_deref());
        if flushed.as_deref() != Some("always") && self.settings.barrier == Barrier::None {
            let warning = "a machine that loses its power may lose the last second of payouts, or \
                           more with `appendfsync no`; `appendfsync always` or \
                           backend.redis_barrier closes that";
            return Ok(format!("{text}: {warning}"));
        }
        Ok(text)
    }

    /// Deletes every key of this prefix, a thousand at a time.
    pub async fn remove_all(&self) -> Result<(), StoreError> {
        let connection = self.link.connection().await?;
        let mut cursor = 0_u64;
        loop {
            let mut scan = cmd("SCAN");
            scan.arg(cursor).arg("MATCH").arg(self.keys.all()).arg("COUNT").arg(REMOVED_AT_ONCE);
            let (next, keys): (u64, Vec<Vec<u8>>) =
                connection.call(&scan).await.map_err(Failure::of_read)?;
            if !keys.is_empty() {
                let unlink = cmd("UNLINK").arg(keys).take();
                connection.call::<()>(&unlink).await.map_err(Failure::of_write)?;
            }
            if next == 0 {
                return Ok(());
            }
            cursor = next;
        }
    }

    /// Runs a script that changes nothing.
    pub(super) async fn read<T: FromRedisValue>(&self, call: Call<'_>) -> Result<T, StoreError> {
        let connection = self.link.connection().await?;
        connection.run(&call).await.map_err(Failure::of_read)
    }

    /// Waits until a record that was read cannot be taken back by a failover: somebody else's
    /// write may still be on its way to the replicas.
    async fn make_safe(&self, connection: &Connection, count: u64) -> Result<(), Failure> {
        let progress = &connection.progress;
        if progress.is_safe(count) {
            return Ok(());
        }
        if !progress.has_made(count) {
            self.mark(connection).await?;
        }
        progress.reach(connection, count).await
    }

    /// Writes what counts as a write and changes no record: a barrier vouches for its own
    /// connection's writes only, so it needs one.
    async fn mark(&self, connection: &Connection) -> Result<u64, Failure> {
        let request = cmd("HINCRBY").arg(self.keys.counters()).arg("writes").arg(1).take();
        let count = connection.call(&request).await?;
        connection.progress.made(count);
        Ok(count)
    }

    async fn write(&self, connection: &Connection, call: Call<'_>) -> Result<Recorded, StoreError> {
        let (outcome, millis, count, told): (String, i64, u64, Told) =
            connection.run(&call).await.map_err(Failure::of_write)?;
        let now = self.clock.told(millis);
        self.seen.told(told);
        match outcome.as_str() {
            "written" => {
                connection.progress.made(count);
                if !connection.progress.is_safe(count) {
                    let unsafe_yet = |failure: Failure| StoreError::Unknown(failure.text().into());
                    connection.progress.reach(connection, count).await.map_err(unsafe_yet)?;
                }
                self.seen.kept(count);
                Ok(Recorded::Written { now })
            }
            "conflict" => Ok(Recorded::Conflict),
            "session-taken" => Ok(Recorded::SessionTaken),
            other => Err(StoreError::Unknown(format!("the script answered {other}"))),
        }
    }

    fn write_call(&self, payout: &Payout, expected: u64) -> Result<Call<'static>, StoreError> {
        let keys = &self.keys;
        let record = serde_json::to_string(payout)
            .map_err(|e| StoreError::Unavailable(format!("payout {}: {e}", payout.id())))?;
        let record_key = keys.record(payout.id());
        let session_key = payout.session.as_ref().map(|session| keys.session(session));
        let flag = |set: bool| String::from(if set { "1" } else { "0" });
        let look = match payout.is_settled() {
            true => String::new(),
            false => payout.next_look_at.as_millis().to_string(),
        };
        let bound = flag(session_key.is_some());
        let mut all = vec![
            record_key.clone(),
            session_key.unwrap_or(record_key),
            keys.counters(),
            keys.unsettled(),
            keys.expiring(),
            keys.attention(),
        ];
        all.extend(State::ALL.map(|state| keys.state(state)));
        let [epoch, seen] = self.seen.args();
        let args = vec![
            payout.id().to_string(),
            expected.to_string(),
            payout.version.to_string(),
            record,
            payout.state.name().into(),
            flag(payout.attention.is_some()),
            look,
            bound,
            self.settings.retention.min(RETENTION_MAX).as_millis().to_string(),
            epoch,
            seen,
        ];
        Ok(Call { script: &scripts::RECORD, keys: all, args })
    }

    async fn load_from(
        &self,
        connection: &Connection,
        id: &PayoutId,
    ) -> Result<Loaded, StoreError> {
        let keys = vec![self.keys.record(id), self.keys.counters()];
        let call = Call { script: &scripts::LOAD, keys, args: self.seen.args().into() };
        let (millis, record, count, told): Answer =
            connection.run(&call).await.map_err(Failure::of_read)?;
        // Before anything is waited for: an answer that is used late looks like a clock set back.
        let now = self.clock.told(millis);
        self.seen.told(told);
        if let Some(count) = count {
            self.make_safe(connection, count).await.map_err(Failure::of_read)?;
            self.seen.kept(count);
        }
        let payout = record.map(|record| parse(id, &record)).transpose()?;
        Ok(Loaded { payout, now })
    }
}

#[async_trait]
impl Store for RedisStore {
    async fn check(&self) -> Result<(), StoreError> {
        let connection = self.link.now()?;
        let look = async {
            connection.examine(&self.settings).await?;
            if self.settings.barrier != Barrier::None {
                let count = self.mark(&connection).await?;
                connection.progress.reach(&connection, count).await?;
            }
            Ok(())
        };
        in_time(async { look.await.map_err(Failure::of_read) }).await
    }

    async fn load(&self, id: &PayoutId) -> Result<Loaded, StoreError> {
        let connection = self.link.connection().await?;
        in_time(self.load_from(&connection, id)).await
    }

    /// Asks twice: a script may only touch keys that it is given. A session's payout is written
    /// once, so nothing comes between.
    async fn load_by_session(&self, session: &SessionId) -> Result<Loaded, StoreError> {
        let connection = self.link.connection().await?;
        let find = async {
            let keys = vec![self.keys.session(session), self.keys.counters()];
            let call = Call { script: &scripts::SESSION, keys, args: self.seen.args().into() };
            let (millis, owner, told): (i64, Option<String>, Told) =
                connection.run(&call).await.map_err(Failure::of_read)?;
            self.seen.told(told);
            let id = owner.map(PayoutId::try_from).transpose().map_err(|_| {
                StoreError::Unreadable("the payout id of a session is damaged".into())
            })?;
            match id {
                Some(id) => self.load_from(&connection, &id).await,
                None => Ok(Loaded { payout: None, now: self.clock.told(millis) }),
            }
        };
        in_time(find).await
    }

    async fn record(&self, payout: &Payout, expected: u64) -> Result<Recorded, StoreError> {
        let call = self.write_call(payout, expected)?;
        let connection = self.link.connection().await?;
        let late = || StoreError::Unknown("Redis did not answer in time".into());
        let written = timeout(REQUEST_MAX, self.write(&connection, call)).await;
        written.unwrap_or_else(|_| Err(late()))
    }

    async fn overdue(&self, by: Duration, limit: usize) -> Result<Vec<PayoutId>, StoreError> {
        let by = i64::try_from(by.as_millis()).unwrap_or(i64::MAX);
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let call = Call {
            script: &scripts::OVERDUE,
            keys: vec![self.keys.unsettled()],
            args: vec![by.to_string(), limit.to_string()],
        };
        let ids: Vec<String> = self.read(call).await?;
        let damaged = |_| StoreError::Unreadable("a payout id is damaged".into());
        ids.into_iter().map(|id| PayoutId::try_from(id).map_err(damaged)).collect()
    }

    async fn list(&self, filter: &Filter) -> Result<Vec<Payout>, StoreError> {
        self.list_filtered(filter).await
    }
}

pub(super) async fn in_time<T>(
    request: impl Future<Output = Result<T, StoreError>>,
) -> Result<T, StoreError> {
    let late = || StoreError::Unavailable("Redis did not answer in time".into());
    timeout(REQUEST_MAX, request).await.unwrap_or_else(|_| Err(late()))
}

pub(super) fn parse(id: &PayoutId, record: &[u8]) -> Result<Payout, StoreError> {
    read_record(id.as_str(), record)
}
