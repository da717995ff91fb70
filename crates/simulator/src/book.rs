//! Decides which faults strike, and counts what it decided.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::Mutex,
};

use serde::Serialize;

use crate::{
    dice::Dice,
    fault::{Fault, Faults, Occasion, Rule},
    lock::locked,
    person,
};

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
}
