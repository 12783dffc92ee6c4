//! What goes wrong, and how often: rules that can be scripted, replaced while the simulator runs, and repeated.
//!
//! Each rule draws its own random numbers from the seed and from how often it was asked, so a run repeats itself
//! as far as the requests that a rule sees come in the same order. The first rule that fires wins.
//! What a fault then does is the server's (calls) and the courier's (webhooks) business.

use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};

/// Most rules at once: far more than a script needs, and a bound on the work per request.
pub(super) const RULES_MAX: usize = 256;
/// Most extra copies of one webhook.
const COPIES_MAX: u32 = 1000;

/// All the rules in force.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Faults {
    #[serde(default)]
    pub rules: Vec<Rule>,
}

/// One thing that goes wrong.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// A method as in the address (`session/start/payout`), or `webhook`, or `webhook:ready_to_confirm`.
    /// Without one: every call, for a fault of calls; every webhook, for a fault of webhooks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub method: Option<String>,
    pub kind: FaultKind,
    /// From 0 (never) to 1 (each time).
    #[serde(default = "always")]
    pub probability: f64,
    /// At most so many hits; without it, no limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub times: Option<u32>,
}

/// What goes wrong. "Effect" is what the call asks for; "before" means that nothing was done.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum FaultKind {
    /// A call takes effect at once and is answered so much later; a webhook is sent so much later.
    Delay { ms: u64 },
    /// The connection is closed; nothing was done.
    DropBeforeEffect,
    /// Done, then the connection is closed without an answer.
    DropAfterEffect,
    /// No answer for a minute or until the caller gives up; nothing was done.
    TimeoutBefore,
    /// Done, and no answer for a minute or until the caller gives up.
    TimeoutAfter,
    /// HTTP 502 with a page in HTML; nothing was done.
    Status5xxBefore,
    /// Done, then HTTP 502 with a page in HTML.
    Status5xxAfter,
    /// HTTP 429; nothing was done.
    RateLimited,
    /// HTTP 400 with an error code that no list has; nothing was done.
    UnknownCode,
    /// Done, then HTTP 200 with a body that is no JSON.
    GarbageBody,
    /// The connection is closed at once, and the call takes effect so much later.
    DelayedEffect { ms: u64 },
    /// HTTP 401 `authentication_error`, as if a key had been exchanged; nothing was done.
    AuthenticationError,
    /// A webhook is never sent, and the bank believes that it was.
    Lost,
    /// A webhook and so many more copies of it, all at once.
    Duplicate { copies: u32 },
    /// `ready_to_confirm` is kept back until `payment_finished` has been delivered.
    Reordered,
    /// A webhook with a better ending and a worthless signature goes before the genuine one.
    Forged,
    /// A webhook is altered after it was signed; the genuine one follows as a retry.
    Tampered,
}

fn always() -> f64 {
    1.0
}

/// Where a fault may strike.
#[derive(Clone, Copy)]
pub(super) enum Place<'a> {
    Call(&'a str),
    Webhook(&'a str),
}

impl FaultKind {
    fn strikes_calls(self) -> bool {
        !self.strikes_webhooks_only()
    }

    fn strikes_webhooks(self) -> bool {
        self.strikes_webhooks_only() || matches!(self, Self::Delay { .. })
    }

    fn strikes_webhooks_only(self) -> bool {
        matches!(
            self,
            Self::Lost | Self::Duplicate { .. } | Self::Reordered | Self::Forged | Self::Tampered
        )
    }
}

impl Rule {
    /// This fault each time.
    pub fn always(kind: FaultKind) -> Self {
        Self { method: None, kind, probability: 1.0, times: None }
    }

    pub fn on(self, method: &str) -> Self {
        Self { method: Some(method.to_owned()), ..self }
    }

    pub fn times(self, times: u32) -> Self {
        Self { times: Some(times), ..self }
    }

    pub fn with_probability(self, probability: f64) -> Self {
        Self { probability, ..self }
    }

    fn covers(&self, place: Place<'_>) -> bool {
        match (place, self.method.as_deref()) {
            (Place::Call(_), None) => self.kind.strikes_calls(),
            (Place::Call(call), Some(method)) => self.kind.strikes_calls() && method == call,
            (Place::Webhook(_), None) => self.kind.strikes_webhooks_only(),
            (Place::Webhook(webhook), Some(method)) => {
                self.kind.strikes_webhooks()
                    && method.strip_prefix("webhook").is_some_and(|rest| {
                        rest.is_empty() || rest.strip_prefix(':') == Some(webhook)
                    })
            }
        }
    }

    fn complaint(&self) -> Option<String> {
        if !(0.0..=1.0).contains(&self.probability) {
            return Some(format!("probability {} is not between 0 and 1", self.probability));
        }
        if matches!(self.kind, FaultKind::Duplicate { copies } if copies > COPIES_MAX) {
            return Some(format!("at most {COPIES_MAX} copies of a webhook"));
        }
        let method = self.method.as_deref()?;
        let possible = if method == "webhook" || method.starts_with("webhook:") {
            self.kind.strikes_webhooks()
        } else if super::api::METHODS.contains(&method) {
            self.kind.strikes_calls()
        } else {
            return Some(format!("there is no method \"{method}\""));
        };
        (!possible).then(|| format!("{:?} cannot happen to \"{method}\"", self.kind))
    }
}

impl Faults {
    /// Nothing goes wrong.
    pub fn none() -> Self {
        Self::default()
    }

    /// A bad day at the bank: some of everything, and still enough gets through.
    pub fn rough() -> Self {
        use FaultKind::*;
        let some = |kind, probability| Rule::always(kind).with_probability(probability);
        Self {
            rules: vec![
                some(DropBeforeEffect, 0.02),
                some(DropAfterEffect, 0.02),
                some(Status5xxBefore, 0.02),
                some(Status5xxAfter, 0.02),
                some(RateLimited, 0.02),
                some(UnknownCode, 0.01),
                some(GarbageBody, 0.01),
                some(DelayedEffect { ms: 300 }, 0.01),
                some(TimeoutBefore, 0.005),
                some(TimeoutAfter, 0.005),
                some(Delay { ms: 250 }, 0.05),
                some(Lost, 0.10),
                some(Duplicate { copies: 2 }, 0.10),
                some(Delay { ms: 500 }, 0.05).on("webhook"),
                some(Reordered, 0.05).on("webhook:ready_to_confirm"),
                some(Forged, 0.05),
                some(Tampered, 0.05),
            ],
        }
    }

    /// From JSON: `{"rules": [{"method": "session/confirm", "kind": "drop_after_effect", "times": 1}]}`.
    /// A kind with a value is an object: `{"delay": {"ms": 500}}`.
    pub fn parse(text: &str) -> Result<Self, super::SimulatorError> {
        let faults: Self = serde_json::from_str(text).map_err(|error| {
            super::SimulatorError::Faults(format!("{error}; an example is {EXAMPLE}"))
        })?;
        faults.check()?;
        Ok(faults)
    }

    pub(super) fn check(&self) -> Result<(), super::SimulatorError> {
        if self.rules.len() > RULES_MAX {
            return Err(super::SimulatorError::Faults(format!("at most {RULES_MAX} rules")));
        }
        match self.rules.iter().find_map(Rule::complaint) {
            Some(complaint) => Err(super::SimulatorError::Faults(complaint)),
            None => Ok(()),
        }
    }
}

const EXAMPLE: &str = r#"{"rules":[{"method":"session/confirm","kind":"drop_after_effect","times":1},{"kind":{"delay":{"ms":500}}}]}"#;

/// The rules in force, each with how often it was asked and how often it fired.
pub(super) struct Dice {
    seed: u64,
    rules: Mutex<Vec<Die>>,
}

struct Die {
    rule: Rule,
    asked: u64,
    hits: u32,
}

impl Dice {
    pub(super) fn new(seed: u64, faults: Faults) -> Self {
        let dice = Self { seed, rules: Mutex::default() };
        dice.replace(faults);
        dice
    }

    pub(super) fn replace(&self, faults: Faults) {
        *self.lock() =
            faults.rules.into_iter().map(|rule| Die { rule, asked: 0, hits: 0 }).collect();
    }

    /// The rules, and how often each has fired.
    pub(super) fn shown(&self) -> (Faults, Vec<u32>) {
        let dice = self.lock();
        let rules = dice.iter().map(|die| die.rule.clone()).collect();
        (Faults { rules }, dice.iter().map(|die| die.hits).collect())
    }

    pub(super) fn throw(&self, place: Place<'_>) -> Option<FaultKind> {
        let mut dice = self.lock();
        dice.iter_mut().enumerate().find_map(|(position, die)| {
            if !die.rule.covers(place) || die.rule.times.is_some_and(|times| die.hits >= times) {
                return None;
            }
            let drawn = fraction(self.seed, position as u64, die.asked);
            die.asked += 1;
            if drawn >= die.rule.probability {
                return None;
            }
            die.hits = die.hits.saturating_add(1);
            Some(die.rule.kind)
        })
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Die>> {
        self.rules.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A number in 0..1 from the three: SplitMix64's finaliser, which spreads neighbouring inputs well.
fn fraction(seed: u64, rule: u64, count: u64) -> f64 {
    let mut bits = seed
        ^ rule.wrapping_mul(0xd6e8_feb8_6659_fd93)
        ^ count.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^= bits >> 31;
    (bits >> 11) as f64 / (1u64 << 53) as f64
}
