//! Which messages this process holds, so that it can say that it lives.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::queue::Lease;

/// Bounded by the prefetches of the consumers.
#[derive(Default)]
pub(super) struct InFlight {
    receipts: Mutex<HashMap<i64, i64>>,
}

impl InFlight {
    pub(super) fn insert(&self, lease: Lease) {
        self.receipts().insert(lease.id, lease.receipt);
    }

    pub(super) fn remove(&self, lease: Lease) {
        let mut receipts = self.receipts();
        // The same message may meanwhile be held again, under another receipt.
        if receipts.get(&lease.id) == Some(&lease.receipt) {
            receipts.remove(&lease.id);
        }
    }

    pub(super) fn all(&self) -> Vec<Lease> {
        self.receipts().iter().map(|(&id, &receipt)| Lease { id, receipt }).collect()
    }

    fn receipts(&self) -> MutexGuard<'_, HashMap<i64, i64>> {
        self.receipts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
