//! The whole pipeline: real roles, real HTTP and signatures, the bank simulator, the embedded
//! backend. Cases carry their numbers from the fault matrix.

mod bank;
mod banks;
mod commands;
mod crash;
mod crashes;
mod faults;
mod ingress;
mod pages;
mod stopping;
mod tickets;
mod unswept;
mod webhooks;
mod world;
mod writes;
