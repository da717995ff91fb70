//! The practice's appointment book: days, slots and who has them.

use std::collections::BTreeMap;

use jiff::ToSpan as _;
use jiff::civil::{Date, DateTime, Time, Weekday};
use serde::Serialize;

/// An appointment, as the agent collected it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Appointment {
    /// Who comes.
    pub name: String,
    /// What for.
    pub reason: Option<String>,
    /// The call in which it was made: a call has one appointment.
    pub call: String,
}

/// A slot cannot be had.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refused {
    /// Somebody else has it.
    Taken,
    /// The practice is closed then.
    Closed,
    /// It has begun.
    Past,
}

/// Who comes when.
#[derive(Debug, Default)]
pub struct Book(BTreeMap<DateTime, Appointment>);

impl Book {
    /// The slots of a day that begin after `now` and that nobody has, in their order.
    #[must_use]
    pub fn free(&self, day: Date, now: DateTime) -> Vec<Time> {
        let slots = slots(day).map(|time| day.to_datetime(time));
        slots.filter(|slot| *slot > now && !self.0.contains_key(slot)).map(DateTime::time).collect()
    }

    /// The first day from this one on with a free slot; looks three months ahead.
    #[must_use]
    pub fn next_free(&self, day: Date, now: DateTime) -> Option<Date> {
        (0..92_i64).filter_map(|ahead| day.checked_add(ahead.days()).ok()).find(|day| !self.free(*day, now).is_empty())
    }

    /// Makes an appointment, in place of the one that the same call has made before: asked twice, it is made once.
    ///
    /// # Errors
    /// Why the slot cannot be had; the call keeps what it had.
    pub fn make(&mut self, slot: DateTime, appointment: Appointment, now: DateTime) -> Result<(), Refused> {
        if self.0.get(&slot).is_some_and(|other| other.call != appointment.call) {
            return Err(Refused::Taken);
        }
        if !slots(slot.date()).any(|time| time == slot.time()) {
            return Err(Refused::Closed);
        }
        if slot <= now {
            return Err(Refused::Past);
        }
        self.0.retain(|_, other| other.call != appointment.call);
        self.0.insert(slot, appointment);
        Ok(())
    }

    /// What somebody has of appointments after `now`.
    pub fn of<'a>(&'a self, name: &'a str, now: DateTime) -> impl Iterator<Item = (DateTime, &'a Appointment)> {
        let coming = self.0.iter().filter(move |(slot, _)| **slot > now);
        coming.filter(move |(_, made)| made.name.eq_ignore_ascii_case(name)).map(|(slot, made)| (*slot, made))
    }
}

/// Half hours, in the morning and in the afternoon of working days.
fn slots(day: Date) -> impl Iterator<Item = Time> {
    let is_open = !matches!(day.weekday(), Weekday::Saturday | Weekday::Sunday);
    let hours = if is_open { [9, 10, 11, 14, 15, 16].as_slice() } else { &[] };
    hours.iter().flat_map(|hour| [0, 30].map(|minute| Time::constant(*hour, minute, 0, 0)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> DateTime {
        text.parse().unwrap()
    }

    fn by(call: &str) -> Appointment {
        Appointment { name: "Ann".to_owned(), reason: None, call: call.to_owned() }
    }

    #[test]
    fn a_slot_belongs_to_one_call_and_a_call_has_one_slot() {
        let (mut book, now) = (Book::default(), at("2026-11-26T12:00:00"));
        let (ten, eleven) = (at("2026-11-27T10:00:00"), at("2026-11-27T11:00:00"));
        assert_eq!(book.make(ten, by("a"), now), Ok(()));
        assert_eq!(book.make(ten, by("a"), now), Ok(()), "asked twice");
        assert_eq!(book.make(ten, by("b"), now), Err(Refused::Taken));
        assert_eq!(book.make(eleven, by("a"), now), Ok(()), "moved");
        assert_eq!(book.make(ten, by("b"), now), Ok(()));
        assert_eq!(book.of("ann", now).count(), 2);
    }

    #[test]
    fn nobody_comes_at_night_on_sundays_or_yesterday() {
        let (mut book, now) = (Book::default(), at("2026-11-27T10:00:00"));
        for (slot, refused) in [
            ("2026-11-27T13:00:00", Refused::Closed),
            ("2026-11-27T10:15:00", Refused::Closed),
            ("2026-11-29T10:00:00", Refused::Closed),
            ("2026-11-27T10:00:00", Refused::Past),
            ("2026-11-26T10:00:00", Refused::Past),
        ] {
            assert_eq!(book.make(at(slot), by("a"), now), Err(refused), "{slot}");
        }
        assert_eq!(book.free(now.date(), now).len(), 9, "the morning is half over");
        assert_eq!(book.next_free(at("2026-11-28T00:00:00").date(), now), Some(at("2026-11-30T00:00:00").date()));
    }
}
