//! RabbitMQ and Redis as the tests start them: native processes on free ports, in a temporary
//! folder, gone when dropped and gone when the test process is killed.
//!
//! For whoever includes it, with `#[path]`:
//!
//! - [`RabbitMq`] and [`Redis`]: a server of one's own, to kill, start again, freeze and thaw
//! - [`probe`]: does a server answer, and which version is it
//!
//! What fails here fails a test, so it panics, with the end of the server's log. Starting takes
//! seconds and blocks: asynchronous tests call it through `tokio::task::spawn_blocking`.
//!
//! `services/containers.rs` is not declared here: only the runner needs containers.

#[path = "services/group.rs"]
mod group;
#[path = "services/ports.rs"]
mod ports;
#[path = "services/probe.rs"]
pub(crate) mod probe;
#[path = "services/rabbitmq.rs"]
mod rabbitmq;
#[path = "services/redis.rs"]
mod redis_server;

pub(crate) use rabbitmq::RabbitMq;
pub(crate) use redis_server::Redis;
