//! The whole pipeline: real roles, real HTTP and signatures, the bank simulator, and whichever
//! backend `PAYOUTD_TEST_BACKEND` names (`embedded` if none). Cases carry their numbers from the fault matrix.

#[expect(dead_code, reason = "the tests of the contract itself use the rest")]
#[path = "../support/contract.rs"]
mod contract;

mod adoption;
mod backend;
mod bank;
mod banks;
mod clocks;
mod commands;
mod crash;
mod crashes;
mod echo;
mod faults;
mod fence;
mod hostile;
mod ingress;
mod lost;
mod methods;
mod one_request;
mod outage;
mod pages;
mod review;
mod rolled_back;
mod rolling;
mod stopping;
mod tickets;
mod unswept;
mod verbatim;
mod webhooks;
mod wishes;
mod world;
mod writes;
