//! The bank's ledger, read from the simulator page by page.

use anyhow::{Context, ensure};
use axum::body::{Body, to_bytes};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde::Deserialize;

/// A page of the ledger has at most 1000 rows of some 300 bytes.
const PAGE_BYTES_MAX: usize = 4 * 1024 * 1024;

/// A payout that the bank really paid.
#[derive(Debug, Deserialize)]
pub(super) struct Paid {
    pub(super) session_id: String,
    pub(super) merchant_payout_id: Option<String>,
    pub(super) amount: i64,
    pub(super) currency: String,
}

#[derive(Deserialize)]
struct Page {
    payouts: Vec<Paid>,
    next: Option<i64>,
}

/// Reads rows, oldest first.
pub(super) struct Ledger<'a> {
    client: Client<HttpConnector, Body>,
    address: &'a str,
    after: Option<i64>,
}

impl<'a> Ledger<'a> {
    pub(super) fn at(address: &'a str) -> Self {
        let client = Client::builder(TokioExecutor::new()).build_http();
        Self { client, address, after: Some(0) }
    }

    /// The next rows; `None` after the last.
    pub(super) async fn page(&mut self) -> anyhow::Result<Option<Vec<Paid>>> {
        let Some(after) = self.after else { return Ok(None) };
        let uri = format!("http://{}/_sim/ledger?after={after}", self.address).parse()?;
        let response = self.client.get(uri).await.context("the ledger cannot be read")?;
        ensure!(response.status().is_success(), "the ledger answers {}", response.status());
        let body = to_bytes(Body::new(response.into_body()), PAGE_BYTES_MAX).await?;
        let page: Page = serde_json::from_slice(&body)?;
        self.after = page.next;
        Ok(Some(page.payouts))
    }
}
