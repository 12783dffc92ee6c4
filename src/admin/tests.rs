//! Who is ready, and who is not.

use super::*;
use crate::bus::BusError;
use crate::fakes::Asked;
use crate::roles::Role;
use crate::store::StoreError;

/// What `/readyz` answers. `None`: the bus, or the store, never does.
async fn told(
    bus: Option<Result<(), BusError>>,
    store: Option<Result<(), StoreError>>,
    takes_work: [bool; 2],
) -> (StatusCode, Value) {
    let roles = [Role::Executor, Role::Decider];
    let health = Health::of(&roles);
    for (role, takes) in roles.into_iter().zip(takes_work) {
        health.set(role, takes);
    }
    let store_says = move || match &store {
        Some(Ok(())) => Some(Ok(())),
        Some(Err(error)) => Some(Err(StoreError::Unavailable(error.to_string()))),
        None => None,
    };
    let admin = Admin {
        ports: Some(Ports {
            store: Arc::new(Asked(store_says)),
            bus: Arc::new(Asked(move || bus.clone())),
        }),
        health,
    };
    let answer = readyz(State(Arc::new(admin))).await.into_response();
    let status = answer.status();
    let body = axum::body::to_bytes(answer.into_body(), 1 << 16).await.expect("a body");
    (status, serde_json::from_slice(&body).expect("JSON"))
}

const WORKS: [bool; 2] = [true, true];

#[tokio::test]
async fn ready_is_who_reaches_the_bus_and_the_store_and_takes_work_in_every_role() {
    let (status, body) = told(Some(Ok(())), Some(Ok(())), WORKS).await;
    assert_eq!((status, &body["ready"]), (StatusCode::OK, &true.into()));

    let lost = || Some(Err(BusError::Unavailable("lost".into())));
    let (status, body) = told(lost(), Some(Ok(())), WORKS).await;
    assert_eq!((status, &body["ready"]), (StatusCode::SERVICE_UNAVAILABLE, &false.into()));
    assert_eq!(body["bus"], "the bus is unavailable: lost");
    assert_eq!(body["store"], "ok");

    let down = || Some(Err(StoreError::Unavailable("down".into())));
    let (status, body) = told(Some(Ok(())), down(), WORKS).await;
    assert_eq!((status, &body["ready"]), (StatusCode::SERVICE_UNAVAILABLE, &false.into()));
    assert_eq!(body["bus"], "ok");
    assert!(body["store"].as_str().expect("text").contains("down"), "{body}");

    for idle in [[false, true], [true, false]] {
        let (status, body) = told(Some(Ok(())), Some(Ok(())), idle).await;
        assert_eq!((status, &body["ready"]), (StatusCode::SERVICE_UNAVAILABLE, &false.into()));
        assert_eq!(body["roles"]["executor"], idle[0]);
        assert_eq!(body["roles"]["decider"], idle[1]);
    }
}

#[tokio::test]
async fn who_does_not_answer_counts_as_gone_and_holds_nobody_up() {
    let answer = tokio::time::timeout(CHECK_TIMEOUT * 10, told(None, None, WORKS)).await;
    let (status, body) = answer.expect("an answer in time");
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
    for port in ["bus", "store"] {
        assert_eq!(body[port], "no answer within 800 ms");
    }
}
