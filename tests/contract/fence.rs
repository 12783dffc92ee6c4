//! What the fence promises, on any backend.

use payoutd::domain::standing::{Epoch, Paused, Scope};
use payoutd::store::{Fence, Suspicion};

use super::store::{load, payout, write};
use super::{Backend, soon};

/// Declares the suite for a backend: an expression that makes a fresh one.
macro_rules! fence_contract {
    ($backend:expr) => {
        crate::fence::fence_contract! { $backend;
            what_is_paused_is_told_with_the_next_answer_to_anybody
            a_pause_keeps_its_first_reason_and_is_resumed_in_parts
            a_pause_survives_a_restart
            a_suspicion_pauses_everything_until_a_new_epoch
            what_is_older_than_an_epoch_is_known_to_be_lost
        }
    };
    ($backend:expr; $($case:ident)*) => {$(
        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn $case() {
            crate::fence::$case(&$backend).await;
        }
    )*};
}
pub(crate) use fence_contract;

const STARTS: Scope = Scope { starts: true, confirms: false };
const CONFIRMS: Scope = Scope { starts: false, confirms: true };

fn paused(starts: Option<&str>, confirms: Option<&str>) -> Paused {
    Paused { starts: starts.map(Into::into), confirms: confirms.map(Into::into) }
}

async fn begun(backend: &dyn Backend) -> super::Ports {
    let ports = backend.open().await;
    soon(ports.fence.begin(false)).await.expect("begun");
    ports
}

fn epoch(fence: &dyn Fence) -> Epoch {
    fence.standing().epoch.expect("it has begun")
}

pub(crate) async fn what_is_paused_is_told_with_the_next_answer_to_anybody(backend: &dyn Backend) {
    let (one, other) = (begun(backend).await, begun(backend).await);
    assert_eq!(epoch(&*one.fence), epoch(&*other.fence));
    soon(one.fence.pause(STARTS, "the bank asked us to")).await.expect("paused");
    assert!(load(&*other.store, "inv-1").await.is_none());
    assert_eq!(other.fence.standing().paused, paused(Some("the bank asked us to"), None));
    soon(one.fence.resume(Scope::ALL)).await.expect("resumed");
    write(&*other.store, &payout("inv-1")).await;
    assert_eq!(other.fence.standing().paused, Paused::default());
}

pub(crate) async fn a_pause_keeps_its_first_reason_and_is_resumed_in_parts(backend: &dyn Backend) {
    let fence = begun(backend).await.fence;
    let before = epoch(&*fence);
    soon(fence.pause(CONFIRMS, "first")).await.expect("paused");
    soon(fence.pause(Scope::ALL, "second")).await.expect("paused");
    soon(fence.pause(Scope::ALL, "third")).await.expect("paused");
    assert_eq!(fence.standing().paused, paused(Some("second"), Some("first")));
    soon(fence.resume(CONFIRMS)).await.expect("resumed");
    assert_eq!(fence.standing().paused, paused(Some("second"), None));
    assert_eq!(epoch(&*fence), before, "nothing was lost");
}

pub(crate) async fn a_pause_survives_a_restart(backend: &dyn Backend) {
    let fence = begun(backend).await.fence;
    soon(fence.pause(Scope::ALL, "a reason")).await.expect("paused");
    let before = fence.standing();
    drop(fence);
    assert_eq!(begun(backend).await.fence.standing(), before);
}

pub(crate) async fn a_suspicion_pauses_everything_until_a_new_epoch(backend: &dyn Backend) {
    let (fence, other) = (begun(backend).await.fence, begun(backend).await);
    let before = epoch(&*fence);
    let suspicion = soon(fence.suspect(Some(before), "a ticket is ahead")).await;
    assert_eq!(suspicion.expect("told"), Suspicion::Paused);
    load(&*other.store, "inv-1").await;
    let reason = other.fence.standing().paused.starts.expect("paused");
    assert!(reason.ends_with("a ticket is ahead"), "{reason}");
    assert!(other.fence.standing().paused.confirms.is_some());
    soon(fence.resume(Scope::ALL)).await.expect("resumed");
    load(&*other.store, "inv-1").await;
    assert_eq!(other.fence.standing(), fence.standing());
    assert_eq!(fence.standing().paused, Paused::default());
    assert_ne!(epoch(&*fence), before);
}

pub(crate) async fn what_is_older_than_an_epoch_is_known_to_be_lost(backend: &dyn Backend) {
    let fence = begun(backend).await.fence;
    let before = Some(epoch(&*fence));
    assert!(!fence.standing().has_lost);
    let suspect = async |epoch| soon(fence.suspect(epoch, "why")).await.expect("told");
    // Of another store, and nobody has looked into it.
    assert_eq!(suspect(Some(Epoch(7))).await, Suspicion::Paused);
    soon(fence.resume(Scope::ALL)).await.expect("resumed");
    for old in [before, Some(Epoch(7)), None] {
        assert_eq!(suspect(old).await, Suspicion::Known, "{old:?}");
    }
    assert_eq!(fence.standing().paused, Paused::default());
    assert!(fence.standing().has_lost, "and it stays so");
    assert_eq!(suspect(Some(epoch(&*fence))).await, Suspicion::Paused, "the next loss");
}
