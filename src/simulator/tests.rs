//! The simulator's tests: the bank at its counter with the time given (`counter`), and the whole of it over HTTP
//! (`running`). Webhook shapes are held against the bank's own examples.

mod counter;
mod counter_kinds;
mod counter_methods;
mod dice;
mod mail;
mod rig;
mod running;
mod running_faults;
mod settings;
mod signatures;
mod widget;
