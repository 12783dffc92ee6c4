//! The fence on the file.
//!
//! Messages and records are in one file and share its fate, so a ticket is never ahead of its
//! record, and nothing has to be compared: what is left is the epoch, and what is paused.

use std::sync::{Mutex, PoisonError};

use async_trait::async_trait;
use rusqlite::{Connection, Result as SqlResult, params};

use super::store::EmbeddedStore;
use crate::domain::standing::{Epoch, Paused, Scope, Standing};
use crate::store::{Fence, LOST, StoreError, Suspicion};

/// How things stood when something was read or written. Later ones have a larger number.
pub(super) struct Told {
    change: i64,
    standing: Standing,
}

pub(super) fn read(connection: &Connection) -> SqlResult<Told> {
    let sql = "SELECT change, epoch, starts, confirms, lost OR resumed FROM fence";
    connection.prepare_cached(sql)?.query_row([], |row| {
        let epoch = Some(Epoch(row.get::<_, i64>(1)?.cast_unsigned()));
        let paused = Paused { starts: row.get(2)?, confirms: row.get(3)? };
        let standing = Standing { epoch, paused, has_lost: row.get(4)? };
        Ok(Told { change: row.get(0)?, standing })
    })
}

/// The newest that this process was told.
#[derive(Default)]
pub(super) struct Newest(Mutex<(i64, Standing)>);

impl Newest {
    /// Answers of several threads may overtake each other.
    pub(super) fn told(&self, Told { change, standing }: Told) {
        let mut newest = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if change >= newest.0 {
            *newest = (change, standing);
        }
    }

    fn get(&self) -> Standing {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).1.clone()
    }
}

impl EmbeddedStore {
    async fn change<T: Send + 'static>(
        &self,
        change: impl Fn(&Connection) -> SqlResult<T> + Send + 'static,
    ) -> Result<T, StoreError> {
        let write = move |tx: &Connection| {
            let outcome = change(tx)?;
            tx.execute("UPDATE fence SET change = change + 1", [])?;
            Ok((outcome, read(tx)?))
        };
        let (outcome, told) = self.threads.writer.write(write).await?;
        self.newest.told(told);
        Ok(outcome)
    }
}

#[async_trait]
impl Fence for EmbeddedStore {
    fn standing(&self) -> Standing {
        self.newest.get()
    }

    /// The epoch came with the file.
    async fn begin(&self, _: bool) -> Result<(), StoreError> {
        self.newest.told(self.threads.readers.read(read).await?);
        Ok(())
    }

    async fn pause(&self, scope: Scope, reason: &str) -> Result<(), StoreError> {
        let reason = reason.to_owned();
        self.change(move |tx| pause(tx, scope, &reason)).await
    }

    async fn resume(&self, scope: Scope) -> Result<(), StoreError> {
        let epoch: i64 = rand::random();
        self.change(move |tx| {
            let sql = "UPDATE fence SET epoch = CASE WHEN lost THEN ?1 ELSE epoch END,
                                        resumed = resumed OR lost, lost = FALSE,
                                        starts = CASE WHEN ?2 THEN NULL ELSE starts END,
                                        confirms = CASE WHEN ?3 THEN NULL ELSE confirms END";
            tx.execute(sql, params![epoch, scope.starts, scope.confirms]).map(drop)
        })
        .await
    }

    async fn suspect(&self, ticket: Option<Epoch>, why: &str) -> Result<Suspicion, StoreError> {
        let reason = format!("{LOST}: {why}");
        self.change(move |tx| {
            let sql = "SELECT resumed, epoch FROM fence";
            let (resumed, epoch) =
                tx.query_row(sql, [], |row| Ok((row.get::<_, bool>(0)?, row.get::<_, i64>(1)?)))?;
            if resumed && ticket.is_none_or(|ticket| ticket.0.cast_signed() != epoch) {
                return Ok(Suspicion::Known);
            }
            pause(tx, Scope::ALL, &reason)?;
            tx.execute("UPDATE fence SET lost = TRUE", [])?;
            Ok(Suspicion::Paused)
        })
        .await
    }
}

/// The first reason stays.
fn pause(tx: &Connection, scope: Scope, reason: &str) -> SqlResult<()> {
    let sql = "UPDATE fence SET starts = CASE WHEN ?1 THEN coalesce(starts, ?3) ELSE starts END,
                                confirms = CASE WHEN ?2 THEN coalesce(confirms, ?3) ELSE confirms END";
    tx.execute(sql, params![scope.starts, scope.confirms, reason]).map(drop)
}
