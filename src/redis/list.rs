//! Lists, newest first, without looking at every payout.
//!
//! The indexes hold ids by number; pages of them are read from the newest down, until enough
//! records were found. Guarantees that no more than a page is held beside what is returned.

use ::redis::Pipeline;

use super::connection::Call;
use super::failure::Failure;
use super::scripts;
use super::store::{RedisStore, parse};
use crate::domain::id::PayoutId;
use crate::domain::payout::{Payout, State};
use crate::store::{Filter, StoreError};

/// Records read at once: some hundred kilobytes.
const PAGE: usize = 64;

impl RedisStore {
    pub(super) async fn list_filtered(&self, filter: &Filter) -> Result<Vec<Payout>, StoreError> {
        let indexes = match (filter.attention, filter.state) {
            (true, _) => vec![self.keys.attention()],
            (false, Some(state)) => vec![self.keys.state(state)],
            (false, None) => State::ALL.map(|state| self.keys.state(state)).into(),
        };
        let mut found = Vec::new();
        let mut older_than = String::from("+inf");
        while found.len() < filter.limit {
            let page = self.page(&indexes, older_than).await?;
            let Some((_, last)) = page.last() else { break };
            older_than = format!("({last}");
            let full = page.len() == PAGE;
            // What another process has changed since the page was read does not match any more.
            let matches = |payout: &Payout| {
                filter.state.is_none_or(|state| payout.state == state)
                    && (!filter.attention || payout.attention.is_some())
            };
            let missing = filter.limit - found.len();
            let records = self.records(page).await?;
            found.extend(records.into_iter().filter(matches).take(missing));
            if !full {
                break;
            }
        }
        Ok(found)
    }

    /// Ids with their numbers.
    async fn page(
        &self,
        indexes: &[String],
        older_than: String,
    ) -> Result<Vec<(String, String)>, StoreError> {
        let (keys, args) = (indexes.to_vec(), vec![older_than, PAGE.to_string()]);
        self.read(Call { script: &scripts::PAGE, keys, args }).await
    }

    /// Those of a page that have not expired, and can be read.
    async fn records(&self, page: Vec<(String, String)>) -> Result<Vec<Payout>, StoreError> {
        let damaged = |_| StoreError::Unreadable("a payout id is damaged".into());
        let ids: Vec<PayoutId> = page
            .into_iter()
            .map(|(id, _)| PayoutId::try_from(id).map_err(damaged))
            .collect::<Result<_, _>>()?;
        let mut requests = Pipeline::with_capacity(ids.len());
        for id in &ids {
            requests.cmd("HGET").arg(self.keys.record(id)).arg("record");
        }
        let connection = self.link.connection().await?;
        let records: Vec<Option<Vec<u8>>> =
            connection.pipeline(&requests).await.map_err(Failure::of_read)?;
        let readable = |(id, record): (&PayoutId, Option<Vec<u8>>)| {
            parse(id, &record?)
                .inspect_err(|error| tracing::error!(event = "payout.unreadable", %error))
                .ok()
        };
        Ok(ids.iter().zip(records).filter_map(readable).collect())
    }
}
