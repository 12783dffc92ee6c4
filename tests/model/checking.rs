//! What must always hold, and searching for a way in which it does not.

use std::time::Instant;

use payoutd::domain::payout::{Payout, State};
use stateright::{Checker, HasDiscoveries, Model, Path, Property};

use crate::protocol::{Guards, Protocol};
use crate::record::content;
use crate::search::{Action, Search};
use crate::world::World;

pub(crate) const PAID_ONCE: &str = "a command is paid at most once";
pub(crate) const CONFIRMED_ONCE: &str = "at most one session is ever sent a confirmation";
pub(crate) const STAYS: &str = "what is final stays, and a payout stays its first command's";
pub(crate) const TRUE_WORD: &str =
    "what is told as paid is paid, and what is told as unpaid is not";
pub(crate) const NEVER_STUCK: &str = "whatever went wrong, the payout ends or a person is called";
pub(crate) const STARTED_ONCE: &str = "the bank holds at most one payout of a command";
pub(crate) const UNATTENDED: &str = "no person is called";

/// What holds as long as the store forgets nothing.
pub(crate) const SAFE: &[&str] =
    &[PAID_ONCE, CONFIRMED_ONCE, STAYS, TRUE_WORD, NEVER_STUCK, STARTED_ONCE];

/// What holds beside it where the bank gives no reason to call a person.
pub(crate) const BY_ITSELF: &[&str] =
    &[PAID_ONCE, CONFIRMED_ONCE, STAYS, TRUE_WORD, NEVER_STUCK, STARTED_ONCE, UNATTENDED];

/// What is asked where the store forgets.
pub(crate) const NOT_TWICE: &[&str] = &[PAID_ONCE, CONFIRMED_ONCE, NEVER_STUCK];

pub(crate) fn properties(check: &[&str]) -> Vec<Property<Search>> {
    let all = [
        Property::always(PAID_ONCE, |_: &Search, world: &World| world.bank.paid.len() <= 1),
        Property::always(CONFIRMED_ONCE, |_, world: &World| world.bank.confirms_sent.len() <= 1),
        Property::always(STAYS, |_, world: &World| stays(world)),
        Property::always(TRUE_WORD, |_, world: &World| is_true(world)),
        Property::always(NEVER_STUCK, |search: &Search, world| search.finds_rest(world)),
        Property::always(STARTED_ONCE, |_, world: &World| world.bank.started() <= 1),
        Property::always(UNATTENDED, |_, world: &World| {
            world.store.as_ref().is_none_or(|record| record.attention.is_none())
        }),
    ];
    all.into_iter().filter(|property| check.contains(&property.name)).collect()
}

fn stays(world: &World) -> bool {
    let own = |payout: &Payout| {
        let mut started = world.bank.sessions.iter().flat_map(|session| &session.payouts);
        started.all(|started| *started == content(payout))
    };
    world.broken.is_none() && world.store.as_ref().is_none_or(|record| own(record))
}

fn is_true(world: &World) -> bool {
    let Some(record) = &world.store else { return true };
    let paid = world.bank.paid.len();
    match record.state {
        State::Succeeded => paid == 1,
        State::Failed | State::Cancelled | State::Rejected => {
            paid == 0 || record.attention.is_some()
        }
        State::Stub
        | State::Creating
        | State::Initiating
        | State::Bound
        | State::Started
        | State::Held
        | State::Confirming
        | State::Cancelling
        | State::Confirmed => true,
    }
}

type Way = Path<World, Action>;

/// Searches all of it, or up to the first thing that does not hold.
fn search(what: &str, protocol: Protocol) -> Option<(&'static str, Way)> {
    let began = Instant::now();
    let check = protocol.check;
    let checker =
        Search::new(protocol).checker().finish_when(HasDiscoveries::AnyFailures).spawn_bfs().join();
    let found = check.iter().find_map(|name| Some((*name, checker.discovery(name)?)));
    println!(
        "{what}: {} states, {} steps, depth {}, {:.1} s{}",
        checker.unique_state_count(),
        checker.state_count(),
        checker.max_depth(),
        began.elapsed().as_secs_f64(),
        found.as_ref().map_or(String::new(), |(name, _)| format!("; does not hold: {name}")),
    );
    found
}

/// Everything that the protocol is to keep is kept, in every state.
pub(crate) fn holds(what: &str, protocol: Protocol) {
    if let Some((name, way)) = search(what, protocol) {
        panic!("{what}: not so: {name}\n{}", told(way));
    }
}

/// There is a way in which this is not kept.
pub(crate) fn falls(what: &str, protocol: Protocol, name: &'static str) {
    assert!(protocol.check.contains(&name), "it must be looked for");
    match search(what, protocol) {
        Some((found, way)) if found == name => println!("{}", told(way)),
        Some((found, way)) => panic!("{what}: {found} falls before\n{}", told(way)),
        None => panic!("{what}: holds, though a guard is away: {name}"),
    }
}

/// The shape of a way: what happened, in order, and the record where it stands.
fn told(way: Way) -> String {
    let steps = way.into_vec();
    let lines = steps.iter().map(|(world, action)| {
        let record = world.store.as_ref().map_or("no record".to_owned(), |record| {
            let attention = if record.attention.is_some() { ", attention" } else { "" };
            let intention = &record.intention;
            format!(
                "{} v{}{attention}, {} {} {:?}",
                record.state, record.version, intention.call, intention.attempt, intention.outcome
            )
        });
        let action = action.as_ref().map_or("end".to_owned(), |action| format!("{action:?}"));
        format!("  {record} | {action}\n")
    });
    lines.collect()
}

/// The guard is needed: with it this is kept, without it there is a way in which it is not.
pub(crate) fn needs(what: &str, protocol: &Protocol, name: &'static str, without: fn(&mut Guards)) {
    let check = ONE.iter().find(|one| one[0] == name).expect("a property");
    let with = Protocol { check, ..protocol.clone() };
    let mut guards = with.guards;
    without(&mut guards);
    falls(&format!("without {what}"), Protocol { guards, ..with.clone() }, name);
    holds(&format!("with {what}"), with);
}

const ONE: &[&[&str]] = &[
    &[PAID_ONCE],
    &[CONFIRMED_ONCE],
    &[STAYS],
    &[TRUE_WORD],
    &[NEVER_STUCK],
    &[STARTED_ONCE],
    &[UNATTENDED],
];
