//! Waiting for a backend, and what its settings become.

use std::sync::atomic::{AtomicUsize, Ordering};

use super::*;
use crate::config::Needs;
use crate::fakes::Asked;
use crate::redis::Barrier;

/// Longest wait: a few tries, and far more.
const PATIENCE: Duration = Duration::from_secs(30);

async fn waited(bus: &dyn Bus, store: &dyn Store, shutdown: &Shutdown) -> anyhow::Result<bool> {
    tokio::time::timeout(PATIENCE, usable(bus, store, shutdown)).await.expect("it ends")
}

fn bus_gone() -> Option<Result<(), BusError>> {
    Some(Err(BusError::Unavailable("gone".into())))
}

fn store_gone() -> Option<Result<(), StoreError>> {
    Some(Err(StoreError::Unavailable("gone".into())))
}

#[tokio::test]
async fn what_is_unavailable_is_waited_for() {
    // The store comes at the second try, the bus at the third.
    let (buses, stores) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let bus = Asked(|| match buses.fetch_add(1, Ordering::SeqCst) {
        0 | 1 => bus_gone(),
        _ => Some(Ok(())),
    });
    let store = Asked(|| match stores.fetch_add(1, Ordering::SeqCst) {
        0 => store_gone(),
        _ => Some(Ok(())),
    });
    assert!(waited(&bus, &store, &Shutdown::default()).await.expect("usable"));
    assert_eq!((buses.into_inner(), stores.into_inner()), (3, 3));
}

#[tokio::test]
async fn what_a_person_has_to_mend_is_not_waited_for_whatever_else_is_missing() {
    let bus_wrong = Asked(|| Some(Err(BusError::Misconfigured("mend the bus".into()))));
    let store_wrong = Asked(|| Some(Err(StoreError::Misconfigured("mend the store".into()))));
    let never = Shutdown::default();
    for (ended, cure) in [
        (waited(&bus_wrong, &Asked(store_gone), &never).await, "mend the bus"),
        (waited(&Asked(bus_gone), &store_wrong, &never).await, "mend the store"),
    ] {
        let error = ended.expect_err("it ends");
        assert_eq!(error.to_string(), cure);
        assert!(error.is::<BadInput>(), "the exit code of what has to be mended");
    }
}

#[tokio::test]
async fn who_waits_can_be_stopped() {
    let shutdown = Shutdown::default();
    shutdown.begin();
    let usable = waited(&Asked(bus_gone), &Asked(store_gone), &shutdown).await;
    assert!(!usable.expect("no error"));
}

#[test]
fn both_servers_get_what_was_set_for_them() {
    let environment = [
        ("KIND", "rabbitmq-redis"),
        ("PREFIX", "shop-1"),
        ("RETENTION", "30days"),
        ("REDIS_URL", "rediss://r:6380"),
        ("REDIS_BARRIER", "replicas"),
        ("REDIS_BARRIER_REPLICAS", "2"),
        ("ALLOW_VOLATILE_STORE", "true"),
        ("AMQP_CA_FILE", "nowhere.pem"),
    ]
    .map(|(name, value)| (format!("PAYOUTD_BACKEND__{name}").into(), value.into()));
    let config = Config::read(None, environment, Needs::Backend).expect("usable");
    let BackendKind::RabbitmqRedis(servers) = &config.backend.kind else { panic!("servers") };
    let redis = redis_settings(&config, servers).expect("no file is named");
    assert_eq!(redis.prefix, "shop-1");
    assert_eq!(redis.retention, Duration::from_secs(30 * 86_400));
    assert_eq!(redis.barrier, Barrier::Replicas(2));
    assert!(redis.allow_volatile);
    let refused = rabbitmq_settings(&config, servers).expect_err("its file is missing");
    let text = refused.to_string();
    assert!(text.contains("backend.amqp_ca_file") && text.contains("nowhere.pem"), "{text}");
}
