//! The binary on RabbitMQ and Redis: every role a process of its own, and the servers killed,
//! frozen, absent or set up wrong.
//!
//! Where the servers only have to be there, they are those that `scripts/test` names in
//! `PAYOUTD_TEST_AMQP_URL` and `PAYOUTD_TEST_REDIS_URL`; where something is done to them, the test
//! starts its own.

mod broker;
mod demo;
mod doctor;
mod examples;
mod installation;
mod outages;
mod rights;
mod starting;
mod strangers;
mod topology;
mod widget;
