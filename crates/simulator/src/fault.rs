//! What can go wrong, on demand and by chance.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::Mutex,
};

use serde::{Deserialize, Serialize};

use crate::{dice::Dice, lock::locked, person};

/// One way in which a provider or a network misbehaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Fault {
    /// A callback is held back for 1 to 30 phone seconds; later ones overtake it.
    CallbackLate,
    /// A callback is never sent.
    CallbackLost,
    /// A callback is sent twice.
    CallbackDoubled,
    /// A callback waits until its successor has been delivered.
    CallbackReordered,
    /// A forged callback that claims the call has completed, with a signature of the wrong key, precedes the true one.
    CallbackForged,
    /// Bytes that are no callback at all are posted to the callback URL, unsigned; the true one follows.
    CallbackGarbage,
    /// The first callback of a call arrives before the REST answer that names the call.
    CallbackFirst,
    /// A REST request is not carried out and never answered.
    TimeoutBefore,
    /// A REST request is carried out (the call *is* placed) and never answered.
    TimeoutAfter,
    /// A REST request is not carried out; the connection drops.
    DroppedBefore,
    /// A REST request is carried out; the connection drops instead of the answer.
    DroppedAfter,
    /// A REST request is not carried out; the answer is a 500 or 503.
    ErrorBefore,
    /// A REST request is carried out; the answer is a 500 or 503 all the same.
    ErrorAfter,
    /// 429 with code 20429: not carried out, safe to repeat.
    RateLimited,
    /// A fetch or list shows the call as it was before its last change.
    StaleRead,
    /// The far end drops the call while the phone rings; for a call inside `<Dial>`, the caller leaves.
    HangupDuringDial,
    /// A `<Stream>` fails with `stream-error` instead of starting.
    StreamFails,
    /// The provider is down for five phone seconds: REST answers 503, callbacks wait.
    Outage,
}

impl Fault {
    /// Every fault, in the order of the declaration.
    pub const ALL: [Self; 18] = [
        Self::CallbackLate,
        Self::CallbackLost,
        Self::CallbackDoubled,
        Self::CallbackReordered,
        Self::CallbackForged,
        Self::CallbackGarbage,
        Self::CallbackFirst,
        Self::TimeoutBefore,
        Self::TimeoutAfter,
        Self::DroppedBefore,
        Self::DroppedAfter,
        Self::ErrorBefore,
        Self::ErrorAfter,
        Self::RateLimited,
        Self::StaleRead,
        Self::HangupDuringDial,
        Self::StreamFails,
        Self::Outage,
    ];

    /// The name used in JSON, in rules and in counts, e.g. `callback-lost`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::CallbackLate => "callback-late",
            Self::CallbackLost => "callback-lost",
            Self::CallbackDoubled => "callback-doubled",
            Self::CallbackReordered => "callback-reordered",
            Self::CallbackForged => "callback-forged",
            Self::CallbackGarbage => "callback-garbage",
            Self::CallbackFirst => "callback-first",
            Self::TimeoutBefore => "timeout-before",
            Self::TimeoutAfter => "timeout-after",
            Self::DroppedBefore => "dropped-before",
            Self::DroppedAfter => "dropped-after",
            Self::ErrorBefore => "error-before",
            Self::ErrorAfter => "error-after",
            Self::RateLimited => "rate-limited",
            Self::StaleRead => "stale-read",
            Self::HangupDuringDial => "hangup-during-dial",
            Self::StreamFails => "stream-fails",
            Self::Outage => "outage",
        }
    }
}

/// How probable each fault is, per occasion (a callback, a REST request, a call). The seed decides which ones it hits.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Faults(BTreeMap<Fault, f64>);

impl Faults {
    /// A network on its best day.
    #[must_use]
    pub fn none() -> Self {
        Self::default()
    }

    /// A bit of everything.
    #[must_use]
    pub fn demo() -> Self {
        Fault::ALL.into_iter().fold(Self::none(), |faults, fault| {
            let probability = match fault {
                Fault::CallbackLate | Fault::CallbackDoubled | Fault::CallbackReordered => 0.06,
                Fault::CallbackLost | Fault::CallbackFirst | Fault::StaleRead => 0.05,
                Fault::RateLimited | Fault::ErrorAfter | Fault::DroppedAfter => 0.03,
                Fault::CallbackForged
                | Fault::CallbackGarbage
                | Fault::ErrorBefore
                | Fault::HangupDuringDial
                | Fault::StreamFails => 0.02,
                Fault::DroppedBefore | Fault::TimeoutBefore | Fault::TimeoutAfter => 0.01,
                Fault::Outage => 0.01,
            };
            faults.with(fault, probability)
        })
    }

    /// The same, with this probability (0 to 1) for one fault.
    #[must_use]
    pub fn with(mut self, fault: Fault, probability: f64) -> Self {
        self.0.insert(fault, probability);
        self
    }

    fn chance(&self, fault: Fault) -> f64 {
        self.0.get(&fault).copied().unwrap_or(0.0)
    }
}

/// A fault on demand. Every filter that is set must match; without `times` and `calls` it lasts until healed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Rule {
    /// What goes wrong.
    pub fault: Fault,
    /// Only for calls to this number (or prefix ending in `*`).
    #[serde(default)]
    pub number: Option<String>,
    /// Only for this call.
    #[serde(default)]
    pub call: Option<String>,
    /// Only on this occasion: a callback's `CallStatus` (or `recording`, `amd`, `stream`) or a REST operation
    /// (`create`, `fetch`, `update`, `list`, `other`).
    #[serde(default)]
    pub on: Option<String>,
    /// At most this many occasions.
    #[serde(default)]
    pub times: Option<u32>,
    /// At most this many different calls, each of them on every occasion.
    #[serde(default)]
    pub calls: Option<usize>,
}

impl Rule {
    /// `fault` on every occasion, until healed.
    #[must_use]
    pub fn new(fault: Fault) -> Self {
        Self { fault, number: None, call: None, on: None, times: None, calls: None }
    }

    /// Only for calls to this number (or prefix ending in `*`).
    #[must_use]
    pub fn number(mut self, number: impl Into<String>) -> Self {
        self.number = Some(number.into());
        self
    }

    /// Only for this call.
    #[must_use]
    pub fn call(mut self, sid: impl Into<String>) -> Self {
        self.call = Some(sid.into());
        self
    }

    /// Only on this occasion (see [`Rule::on`]).
    #[must_use]
    pub fn on(mut self, occasion: impl Into<String>) -> Self {
        self.on = Some(occasion.into());
        self
    }

    /// At most this many occasions.
    #[must_use]
    pub fn times(mut self, times: u32) -> Self {
        self.times = Some(times);
        self
    }

    /// At most this many different calls.
    #[must_use]
    pub fn calls(mut self, calls: usize) -> Self {
        self.calls = Some(calls);
        self
    }
}

/// What is being done when a fault may strike.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Occasion<'a> {
    /// The number called; empty when the request names none.
    pub(crate) number: &'a str,
    pub(crate) call: Option<&'a str>,
    pub(crate) on: &'a str,
}

/// Everything known about faults, as `GET /control/faults` tells it.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct FaultReport {
    /// Probabilities in force.
    pub chances: Faults,
    /// Rules in force, `times` being what is left of them.
    pub rules: Vec<Rule>,
    /// How often each fault was injected so far.
    pub counts: BTreeMap<Fault, u64>,
}

/// Decides, and counts what it decided.
#[derive(Debug)]
pub(crate) struct Book {
    dice: Dice,
    pages: Mutex<Pages>,
}

#[derive(Debug)]
struct Pages {
    chances: Faults,
    rules: Vec<Entry>,
    counts: BTreeMap<Fault, u64>,
    draws: HashMap<String, u64>,
}

#[derive(Debug)]
struct Entry {
    rule: Rule,
    calls: BTreeSet<String>,
}

impl Book {
    pub(crate) fn new(dice: Dice, chances: Faults) -> Self {
        Self {
            dice,
            pages: Mutex::new(Pages { chances, rules: Vec::new(), counts: BTreeMap::new(), draws: HashMap::new() }),
        }
    }

    pub(crate) fn set(&self, chances: Faults) {
        locked(&self.pages).chances = chances;
    }

    pub(crate) fn add(&self, rule: Rule) {
        locked(&self.pages).rules.push(Entry { rule, calls: BTreeSet::new() });
    }

    pub(crate) fn clear(&self) {
        let mut pages = locked(&self.pages);
        pages.chances = Faults::none();
        pages.rules.clear();
    }

    pub(crate) fn report(&self) -> FaultReport {
        let pages = locked(&self.pages);
        FaultReport {
            chances: pages.chances.clone(),
            rules: pages.rules.iter().map(|entry| entry.rule.clone()).collect(),
            counts: pages.counts.clone(),
        }
    }

    /// Whether `fault` strikes now. A yes is counted, so ask only when it can be carried out.
    pub(crate) fn strikes(&self, fault: Fault, occasion: Occasion<'_>) -> bool {
        let mut pages = locked(&self.pages);
        let struck = pages.demanded(fault, occasion) || pages.drawn(self.dice, fault, occasion);
        if struck {
            *pages.counts.entry(fault).or_default() += 1;
        }
        struck
    }
}

impl Pages {
    fn demanded(&mut self, fault: Fault, occasion: Occasion<'_>) -> bool {
        let hit = self
            .rules
            .iter_mut()
            .find_map(|entry| (entry.rule.fault == fault && entry.fits(occasion)).then_some(entry));
        let Some(entry) = hit else { return false };
        if let Some(sid) = occasion.call {
            entry.calls.insert(sid.to_owned());
        }
        if let Some(times) = &mut entry.rule.times {
            *times -= 1;
        }
        self.rules.retain(|entry| entry.rule.times != Some(0));
        true
    }

    fn drawn(&mut self, dice: Dice, fault: Fault, occasion: Occasion<'_>) -> bool {
        let chance = self.chances.chance(fault);
        if chance <= 0.0 {
            return false;
        }
        // How often this very question was asked takes the place of time: SIDs differ from run to run, numbers do not.
        let key = format!("{} {} {}", fault.name(), occasion.number, occasion.on);
        let nth = self.draws.entry(key).or_default();
        *nth += 1;
        dice.happens(chance, &[fault.name(), occasion.number, occasion.on, &nth.to_string()])
    }
}

impl Entry {
    fn fits(&self, occasion: Occasion<'_>) -> bool {
        let rule = &self.rule;
        rule.times != Some(0)
            && rule.number.as_deref().is_none_or(|pattern| person::matches(pattern, occasion.number))
            && rule.call.as_deref().is_none_or(|sid| occasion.call == Some(sid))
            && rule.on.as_deref().is_none_or(|on| on == occasion.on)
            && rule
                .calls
                .is_none_or(|most| self.calls.len() < most || occasion.call.is_some_and(|sid| self.calls.contains(sid)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RINGING: Occasion<'_> = Occasion { number: "+12025550100", call: Some("CA1"), on: "ringing" };

    #[test]
    fn a_rule_is_used_up() {
        let book = Book::new(Dice::new(1), Faults::none());
        book.add(Rule::new(Fault::CallbackLost).on("ringing").times(1));
        assert!(!book.strikes(Fault::CallbackLost, Occasion { on: "completed", ..RINGING }));
        assert!(book.strikes(Fault::CallbackLost, RINGING));
        assert!(!book.strikes(Fault::CallbackLost, RINGING));
        assert_eq!(book.report().counts[&Fault::CallbackLost], 1);
    }

    #[test]
    fn a_rule_for_n_calls_stays_with_those_calls() {
        let book = Book::new(Dice::new(1), Faults::none());
        book.add(Rule::new(Fault::CallbackDoubled).calls(1));
        let other = Occasion { call: Some("CA2"), ..RINGING };
        assert!(book.strikes(Fault::CallbackDoubled, RINGING));
        assert!(!book.strikes(Fault::CallbackDoubled, other));
        assert!(book.strikes(Fault::CallbackDoubled, RINGING));
    }

    #[test]
    fn names_are_the_json_names() {
        for fault in Fault::ALL {
            assert_eq!(serde_json::to_value(fault).unwrap(), fault.name());
        }
    }
}
