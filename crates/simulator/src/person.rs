//! Who picks up: the people behind the numbers.

use std::sync::Mutex;

use rand::Rng;
use serde::{Deserialize, Serialize};

use crate::{dice::Dice, lock::locked};

/// What a person does when the phone rings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Manner {
    /// Picks up and stays on the line until `talk` seconds have passed or the other side ends the call.
    Talks,
    /// Lets it ring until the caller's time-out.
    NoAnswer,
    /// Is on another call; the phone does not ring.
    Busy,
    /// Declines while it rings.
    Rejects,
    /// Picks up and hangs up after two seconds.
    HangsUp,
    /// A machine picks up, plays a greeting and records.
    Voicemail,
    /// Nobody: the carrier does not know the number.
    Invalid,
}

/// One person on the network. All times are phone seconds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct Person {
    /// What they do when it rings.
    pub manner: Manner,
    /// Seconds of ringing before they pick up or decline.
    pub ring: f64,
    /// Seconds on the line before they hang up by themselves.
    pub talk: f64,
    /// Keys they press when a `<Gather>` asks for digits.
    pub digits: Option<String>,
    /// What they say when a `<Gather>` listens for speech.
    pub speech: Option<String>,
}

impl Default for Person {
    fn default() -> Self {
        Self::talks(20.0)
    }
}

impl Person {
    /// Picks up after four seconds and talks for `seconds`.
    #[must_use]
    pub fn talks(seconds: f64) -> Self {
        Self { manner: Manner::Talks, ring: 4.0, talk: seconds, digits: None, speech: None }
    }

    /// Never picks up.
    #[must_use]
    pub fn no_answer() -> Self {
        Self::with(Manner::NoAnswer)
    }

    /// Is always on another call.
    #[must_use]
    pub fn busy() -> Self {
        Self::with(Manner::Busy)
    }

    /// Declines after four seconds of ringing.
    #[must_use]
    pub fn rejects() -> Self {
        Self::with(Manner::Rejects)
    }

    /// Picks up and hangs up two seconds later.
    #[must_use]
    pub fn hangs_up() -> Self {
        Self { talk: 2.0, ..Self::with(Manner::HangsUp) }
    }

    /// An answering machine that records for up to 25 seconds.
    #[must_use]
    pub fn voicemail() -> Self {
        Self { talk: 25.0, ..Self::with(Manner::Voicemail) }
    }

    /// A number that does not exist.
    #[must_use]
    pub fn invalid() -> Self {
        Self::with(Manner::Invalid)
    }

    /// The same person, who presses these keys when a `<Gather>` asks.
    #[must_use]
    pub fn pressing(mut self, digits: impl Into<String>) -> Self {
        self.digits = Some(digits.into());
        self
    }

    /// The same person, who says this when a `<Gather>` listens.
    #[must_use]
    pub fn saying(mut self, speech: impl Into<String>) -> Self {
        self.speech = Some(speech.into());
        self
    }

    /// Seconds on the line: a person who hangs up at once stays two at most, whatever `talk` says.
    pub(crate) fn stays(&self) -> f64 {
        if self.manner == Manner::HangsUp { self.talk.min(2.0) } else { self.talk }
    }

    fn with(manner: Manner) -> Self {
        Self { manner, ..Self::talks(20.0) }
    }

    /// The default mix of humanity, for numbers that nobody described.
    fn drawn(dice: Dice, number: &str, nth: u64) -> Self {
        let mut draw = dice.about(&["person", number, &nth.to_string()]);
        let ring = draw.random_range(1.0..12.0);
        let person = match draw.random_range(0..100) {
            0..58 => Self::talks(draw.random_range(5.0..60.0)),
            58..68 => Self::no_answer(),
            68..76 => Self::busy(),
            76..81 => Self::rejects(),
            81..88 => Self::hangs_up(),
            88..97 => Self::voicemail(),
            _ => Self::invalid(),
        };
        Self { ring, ..person }
    }

    /// `+1AAA55501PX`: the number itself says who picks up (README, "People").
    fn told_by(number: &str) -> Option<Self> {
        let digits = number.strip_prefix("+1").filter(|rest| rest.len() == 10)?;
        let tail = digits.get(3..)?.strip_prefix("55501")?;
        let mut keys = tail.chars().map(|key| key.to_digit(10));
        let (who, detail) = (keys.next()??, keys.next()??);
        Some(match who {
            0 => Self::talks(10.0 + 5.0 * f64::from(detail)),
            1 => Self::no_answer(),
            2 => Self::busy(),
            3 => Self::rejects(),
            4 => Self::hangs_up(),
            5 => Self::voicemail(),
            6 => Self::invalid(),
            7 => Self::talks(3600.0),
            8 => Self::talks(120.0).pressing(detail.to_string()),
            _ => return None,
        })
    }
}

/// The rule table: who lives at which number.
#[derive(Debug, Default)]
pub(crate) struct People {
    rules: Mutex<Vec<(String, Person)>>,
}

impl People {
    /// `pattern` is a number, a prefix ending in `*`, or `*` for everybody.
    pub(crate) fn settle(&self, pattern: String, person: Person) {
        let mut rules = locked(&self.rules);
        rules.retain(|(known, _)| *known != pattern);
        rules.push((pattern, person));
    }

    /// The latest matching rule wins, then the number's own pattern, then the seeded mix.
    pub(crate) fn at(&self, dice: Dice, number: &str, nth: u64) -> Person {
        locked(&self.rules)
            .iter()
            .rev()
            .find(|(pattern, _)| matches(pattern, number))
            .map(|(_, person)| person.clone())
            .or_else(|| Person::told_by(number))
            .unwrap_or_else(|| Person::drawn(dice, number, nth))
    }
}

/// Whether `number` fits `pattern` (a number, or a prefix ending in `*`).
pub(crate) fn matches(pattern: &str, number: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(prefix) => number.starts_with(prefix),
        None => pattern == number,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_can_say_who_picks_up() {
        let people = People::default();
        let dice = Dice::new(7);
        assert_eq!(people.at(dice, "+12025550121", 0).manner, Manner::Busy);
        assert_eq!(people.at(dice, "+12025550102", 0).talk, 20.0);
        assert_eq!(people.at(dice, "+12025550185", 0).digits.as_deref(), Some("5"));
    }

    #[test]
    fn the_latest_rule_wins_over_pattern_and_mix() {
        let people = People::default();
        people.settle("*".into(), Person::busy());
        people.settle("+1202*".into(), Person::voicemail());
        let dice = Dice::new(7);
        assert_eq!(people.at(dice, "+12025550121", 0).manner, Manner::Voicemail);
        assert_eq!(people.at(dice, "+4930123456", 0).manner, Manner::Busy);
    }

    #[test]
    fn the_mix_depends_on_the_seed_only() {
        let at = |seed: u64| -> Vec<Person> {
            (0..40).map(|n| People::default().at(Dice::new(seed), &format!("+4930{n:06}"), 0)).collect()
        };
        assert_eq!(at(7), at(7));
        assert_ne!(at(7), at(8));
    }
}
