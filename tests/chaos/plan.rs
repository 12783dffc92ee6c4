//! What goes wrong, and when: a pure function of the seed, the time and the number of faults.

use std::fmt;
use std::time::Duration;

use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{Rng, SeedableRng};

/// The processes of payoutd. Two of each role that takes messages; the bank knows one ingress.
pub(crate) const ROLES: [(&str, &str); 7] = [
    ("ingress", "ingress"),
    ("executor-1", "executor"),
    ("executor-2", "executor"),
    ("decider-1", "decider"),
    ("decider-2", "decider"),
    ("reconciler-1", "reconciler"),
    ("reconciler-2", "reconciler"),
];

/// What the bank does for a while: a name, and rules as `PUT /_sim/faults` takes them.
pub(crate) const MOODS: [(&str, &str); 12] = [
    ("loses webhooks", r#"{"method":"webhook","kind":"lost","probability":0.7}"#),
    ("sends webhooks thrice", r#"{"method":"webhook","kind":{"duplicate":{"copies":2}}}"#),
    ("sends webhooks 3 s late", r#"{"method":"webhook","kind":{"delay":{"ms":3000}}}"#),
    ("sends webhooks in disorder", r#"{"method":"webhook:ready_to_confirm","kind":"reordered"}"#),
    ("does nothing and is silent", r#"{"kind":"timeout_before","probability":0.4}"#),
    ("does it and is silent", r#"{"kind":"timeout_after","probability":0.4}"#),
    ("does nothing, says 502", r#"{"kind":"status5xx_before","probability":0.5}"#),
    ("does it, says 502", r#"{"kind":"status5xx_after","probability":0.5}"#),
    ("does it and hangs up", r#"{"kind":"drop_after_effect","probability":0.5}"#),
    (
        "hangs up and does it 2.5 s later",
        r#"{"kind":{"delayed_effect":{"ms":2500}},"probability":0.3}"#,
    ),
    ("takes fewer calls", r#"{"kind":"rate_limited","probability":0.5}"#),
    ("does not know the key", r#"{"kind":"authentication_error"}"#),
];

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Server {
    Broker,
    Store,
    Bank,
}

/// A way between payoutd and somebody else.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Line {
    ToBroker,
    ToStore,
    ToBank,
    /// The bank's webhooks.
    FromBank,
}

/// Faults of one victim follow each other; those of different ones overlap.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Victim {
    /// Of [`ROLES`].
    Role(usize),
    Server(Server),
    Line(Line),
    Mood,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Deed {
    /// SIGKILL, and a start.
    Kill(Victim),
    /// SIGTERM, and a start.
    Terminate(Victim),
    /// SIGSTOP, and SIGCONT.
    Freeze(Victim),
    /// Connections end, and new ones end at once.
    Cut(Line),
    /// Connections stay, and nothing passes.
    Swallow(Line),
    /// Of [`MOODS`].
    Mood(usize),
    /// The store is set back to what it held some seconds ago.
    RollBack,
    /// The store forgets everything.
    Empty,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Fault {
    pub(crate) at: Duration,
    pub(crate) lasts: Duration,
    pub(crate) deed: Deed,
}

/// `count` faults, in order, spread over `time`.
pub(crate) fn plan(seed: u64, time: Duration, count: usize, with_loss: bool) -> Vec<Fault> {
    let mut rng = StdRng::seed_from_u64(seed);
    let mut faults: Vec<_> = (0..count)
        .map(|n| {
            // Also a short run is set back and emptied once each, where losses are wanted.
            let deed = match n {
                0 if with_loss => Deed::RollBack,
                1 if with_loss => Deed::Empty,
                _ => deed(&mut rng, with_loss),
            };
            Fault {
                at: time.mul_f64(rng.random_range(0.05..0.95)),
                lasts: Duration::from_millis(rng.random_range(500..6_000)),
                deed,
            }
        })
        .collect();
    faults.sort_by_key(|fault| fault.at);
    faults
}

fn deed(rng: &mut StdRng, with_loss: bool) -> Deed {
    let role = Victim::Role(rng.random_range(0..ROLES.len()));
    let line = [Line::ToBroker, Line::ToStore, Line::ToBank, Line::FromBank];
    let line = *line.choose(rng).expect("four of them");
    match rng.random_range(0..if with_loss { 100 } else { 96 }) {
        0..22 => Deed::Kill(role),
        22..34 => Deed::Freeze(role),
        34..42 => Deed::Terminate(role),
        42..45 => Deed::Kill(Victim::Server(Server::Broker)),
        45..49 => Deed::Freeze(Victim::Server(Server::Broker)),
        49..53 => Deed::Kill(Victim::Server(Server::Store)),
        53..57 => Deed::Freeze(Victim::Server(Server::Store)),
        57..62 => Deed::Kill(Victim::Server(Server::Bank)),
        62..66 => Deed::Freeze(Victim::Server(Server::Bank)),
        66..72 => Deed::Cut(line),
        72..78 => Deed::Swallow(line),
        78..96 => Deed::Mood(rng.random_range(0..MOODS.len())),
        96..98 => Deed::RollBack,
        _ => Deed::Empty,
    }
}

impl Deed {
    pub(crate) fn victim(self) -> Victim {
        match self {
            Self::Kill(victim) | Self::Terminate(victim) | Self::Freeze(victim) => victim,
            Self::Cut(line) | Self::Swallow(line) => Victim::Line(line),
            Self::Mood(_) => Victim::Mood,
            Self::RollBack | Self::Empty => Victim::Server(Server::Store),
        }
    }

    /// Faults are counted by this.
    pub(crate) fn kind(self) -> &'static str {
        match self {
            Self::Kill(_) => "killed",
            Self::Terminate(_) => "stopped",
            Self::Freeze(_) => "frozen",
            Self::Cut(_) => "cut off",
            Self::Swallow(_) => "nothing passes",
            Self::Mood(_) => "the bank misbehaves",
            Self::RollBack => "the store is set back",
            Self::Empty => "the store is emptied",
        }
    }
}

impl fmt::Display for Victim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Role(n) => f.write_str(ROLES[*n].0),
            Self::Server(Server::Broker) => f.write_str("RabbitMQ"),
            Self::Server(Server::Store) => f.write_str("Redis"),
            Self::Server(Server::Bank) => f.write_str("the bank"),
            Self::Line(Line::ToBroker) => f.write_str("the way to RabbitMQ"),
            Self::Line(Line::ToStore) => f.write_str("the way to Redis"),
            Self::Line(Line::ToBank) => f.write_str("the way to the bank"),
            Self::Line(Line::FromBank) => f.write_str("the way of webhooks"),
            Self::Mood => f.write_str("the bank"),
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (at, lasts) = (self.at.as_secs_f64(), self.lasts.as_secs_f64());
        write!(f, "{at:7.1} s  ")?;
        match self.deed {
            Deed::Mood(n) => write!(f, "the bank {} for {lasts:.1} s", MOODS[n].0),
            Deed::RollBack | Deed::Empty => write!(f, "{}", self.deed.kind()),
            Deed::Kill(victim) | Deed::Terminate(victim) => {
                write!(f, "{victim}: {} and started again", self.deed.kind())
            }
            Deed::Freeze(_) | Deed::Cut(_) | Deed::Swallow(_) => {
                write!(f, "{}: {} for {lasts:.1} s", self.deed.victim(), self.deed.kind())
            }
        }
    }
}
