//! A model of the protocol, searched whole: two workers, a bank, a store and a bus that do their
//! worst. What decides is the crate's own code (`next_step`, `apply`, `record_answer`, `may_start`,
//! `intervene`, the idempotency key's text); by hand is only the world around it and the order in
//! which the driver does things. `docs/model.md` says what is modelled, and what is not.

mod bank;
mod checking;
mod holds;
mod possible;
mod protocol;
mod record;
mod recovery;
mod search;
mod teeth;
mod worker;
mod world;
