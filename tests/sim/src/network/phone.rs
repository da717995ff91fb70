//! One phone: the stations of one leg, and the person who holds it.

use std::time::Duration;

use call_core::port::Question;
use call_core::{CallId, Conduct, Disposition, EffectId, Fact, Gather, Hungup, Leg, Progress, Script};

use super::{News, PROVIDER, Session};
use crate::dice::Dice;
use crate::invariants::Seen;
use crate::time::{MS, SEC, micros};
use crate::world::{Event, Sim, World};

/// Where a leg is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Station {
    Queued,
    Initiated,
    Ringing,
    Talking,
    Over,
}

/// One leg, as it truly is.
pub(crate) struct Phone {
    pub(crate) leg: Leg,
    /// Our name that travels with it.
    pub(crate) call: Option<CallId>,
    pub(crate) parent: Option<usize>,
    pub(crate) station: Station,
    pub(crate) hungup: Option<Hungup>,
    pub(crate) history: Vec<(u64, Station)>,
    person: Person,
    pub(crate) epoch: u32,
    pub(crate) sent: u64,
    pub(crate) answered: Option<u64>,
    pub(crate) session: Option<Session>,
    /// Whether an accepted hang-up is on its way.
    pub(crate) cutting: bool,
    /// Since when we know of it: a message that shows it open was stored.
    pub(crate) known: Option<u64>,
    /// Whether the provider dialled it long after it was asked to.
    pub(crate) ghost: bool,
    /// Who carries out what happens when it is answered.
    pub(crate) conduct: Conduct,
    /// What to do, if the dial said so: a provider that is asked may have been told beforehand.
    pub(crate) script: Option<Script>,
    /// The call that picked it up.
    pub(crate) answers: Option<CallId>,
    /// Whether anything was told of it.
    pub(crate) told: bool,
    /// The commands that were taken, and when.
    pub(crate) commands: Vec<(EffectId, u64)>,
    /// How many functions the provider's agent has invoked.
    pub(crate) invoked: u32,
    /// The keys that the provider listens for.
    pub(crate) gathers: Option<Gather>,
}

/// Who holds the phone.
#[derive(Debug, Clone, Copy)]
struct Person {
    queue: Option<u64>,
    answers: Answers,
    ring: u64,
    /// `None`: stays until somebody else hangs up.
    talk: Option<u64>,
    silent: bool,
}

/// What they do when it rings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Answers {
    Yes,
    Machine,
    Rejects,
    Never,
    /// Not even the carrier gives up.
    Forever,
    Busy,
    Invalid,
}

impl Person {
    fn draw(dice: &mut Dice) -> Self {
        let answers = match dice.below(100) {
            0..64 => Answers::Yes,
            64..72 => Answers::Machine,
            72..78 => Answers::Rejects,
            78..86 => Answers::Never,
            86..89 => Answers::Forever,
            89..96 => Answers::Busy,
            _ => Answers::Invalid,
        };
        let talk = match dice.below(100) {
            0..20 => Some(dice.within(SEC / 2, 2 * SEC)),
            20..70 => Some(dice.within(3 * SEC, 60 * SEC)),
            70..85 => Some(dice.within(60 * SEC, 1200 * SEC)),
            _ => None,
        };
        let queue = match dice.below(40) {
            0 => None,
            1 | 2 => Some(dice.within(5 * SEC, 400 * SEC)),
            _ => Some(dice.within(0, 800 * MS)),
        };
        Self { queue, answers, ring: dice.within(300 * MS, 20 * SEC), talk, silent: dice.percent(15) }
    }
}

impl Phone {
    /// What the provider said of it that long ago.
    pub(crate) fn as_of(&self, at: u64) -> Option<Station> {
        self.history.iter().rev().find(|(since, _)| *since <= at).map(|(_, station)| *station)
    }

    pub(crate) fn created(&self) -> u64 {
        self.history.first().map_or(0, |(at, _)| *at)
    }

    pub(crate) const fn is_silent(&self) -> bool {
        self.person.silent
    }

    pub(crate) fn is_open(&self) -> bool {
        self.station != Station::Over
    }
}

impl World {
    /// A new leg. Its life goes on by itself.
    pub(crate) fn create(&mut self, call: Option<CallId>, parent: Option<usize>, station: Station) -> usize {
        let phone = self.network.phones.len();
        let conduct = parent.map_or(Conduct::Asked, |parent| self.network.phones[parent].conduct);
        let mut person = Person::draw(&mut self.dice);
        if call.is_none() {
            // A caller waits for our answer, and gives up in the end.
            person.answers = Answers::Never;
        }
        self.network.phones.push(Phone {
            leg: Leg::new(PROVIDER, format!("P{phone}")),
            call,
            parent,
            station,
            hungup: None,
            history: vec![(self.now, station)],
            person,
            epoch: 0,
            sent: 0,
            answered: None,
            session: None,
            cutting: false,
            known: None,
            ghost: false,
            conduct,
            script: None,
            answers: None,
            told: false,
            commands: Vec::new(),
            invoked: 0,
            gathers: None,
        });
        let limit = self.clients.carrier_limit();
        self.after(limit, Event::Network(News::Limit { phone }));
        self.plan_next(phone);
        phone
    }

    /// Somebody rings us.
    pub(crate) fn ring_in(&mut self) {
        let phone = self.create(None, None, Station::Ringing);
        let conduct = crate::client::conduct(&mut self.dice);
        self.network.phones[phone].conduct = conduct;
        self.trace.line(self.now, "net", || format!("somebody rings us: P{phone}, {conduct:?}"));
        let rings = Fact::Progress(Progress::Ringing);
        match conduct {
            // The first message may be any: the news that it rings, or the question what to do.
            Conduct::Asked => {
                if self.dice.percent(60) {
                    self.announce(phone);
                }
                self.message(phone, rings, true);
                if self.dice.percent(30) {
                    self.tool_call(phone);
                }
            }
            Conduct::Commanded => {
                self.message(phone, rings, false);
                if self.dice.percent(15) {
                    let wait = self.dice.within(200 * MS, 2 * SEC);
                    self.after(wait, Event::Network(News::Cut { phone }));
                }
            }
            // The agent picks up by itself; we may be asked whom to be beforehand.
            Conduct::Agent => {
                if self.dice.percent(50) {
                    self.tell(phone, vec![rings], Some(Question::WhatNow));
                }
                let epoch = self.network.phones[phone].epoch;
                let wait = self.dice.within(100 * MS, 2 * SEC);
                self.after(wait, Event::Network(News::PickUp { phone, epoch }));
            }
        }
    }

    /// Another number is rung for a call under way.
    pub(crate) fn transfer(&mut self, phone: usize, call: CallId) {
        let child = self.create(Some(call), Some(phone), Station::Initiated);
        self.announce(child);
    }

    pub(crate) fn move_to(&mut self, phone: usize, station: Station, hungup: Option<Hungup>) {
        let now = self.now;
        let state = &mut self.network.phones[phone];
        if state.station == Station::Over {
            return;
        }
        state.epoch += 1;
        state.station = station;
        state.history.push((now, station));
        if station == Station::Talking {
            state.answered = Some(now);
        }
        state.hungup = hungup.map(|hungup| Hungup {
            duration: state.answered.map(|at| Duration::from_secs((now - at) / SEC)),
            cause: hungup.cause.or_else(|| Some(hungup.disposition.as_str().to_owned())),
            ..hungup
        });
        self.trace.mix(phone as u64 ^ ((station as u64) << 32) ^ now);
        self.trace.line(now, "net", || format!("P{phone} {station:?}"));
        self.announce(phone);
        if station == Station::Over {
            self.over(phone);
        } else {
            self.plan_next(phone);
        }
    }

    fn plan_next(&mut self, phone: usize) {
        let state = &self.network.phones[phone];
        let (person, epoch) = (state.person, state.epoch);
        let wait = match state.station {
            Station::Queued => person.queue,
            Station::Initiated => Some(self.dice.within(50 * MS, 1500 * MS)),
            Station::Ringing => match person.answers {
                Answers::Yes | Answers::Machine | Answers::Rejects => Some(person.ring),
                Answers::Forever => None,
                Answers::Never | Answers::Busy | Answers::Invalid => Some(25 * SEC + person.ring),
            },
            Station::Talking => person.talk,
            Station::Over => None,
        };
        if let Some(wait) = wait {
            self.after(wait, Event::Network(News::Step { phone, epoch }));
        }
    }

    pub(super) fn step(&mut self, phone: usize) {
        let state = &self.network.phones[phone];
        let over = |disposition| (Station::Over, Some(Hungup::new(disposition)));
        let (station, hungup) = match (state.station, state.person.answers) {
            (Station::Queued, Answers::Invalid) => over(Disposition::Failed),
            (Station::Queued, _) => (Station::Initiated, None),
            (Station::Initiated, Answers::Busy) => over(Disposition::Busy),
            (Station::Initiated, _) => (Station::Ringing, None),
            (Station::Ringing, Answers::Yes | Answers::Machine) => (Station::Talking, None),
            (Station::Ringing, _) => over(Disposition::NoAnswer),
            (Station::Talking, _) => over(Disposition::Completed),
            (Station::Over, _) => return,
        };
        self.move_to(phone, station, hungup);
    }

    /// A hang-up takes effect.
    pub(super) fn cut(&mut self, phone: usize) {
        let talked = self.network.phones[phone].answered.is_some();
        let disposition = if talked { Disposition::Completed } else { Disposition::Canceled };
        self.move_to(phone, Station::Over, Some(Hungup::new(disposition)));
    }

    /// The leg is over: its children go with it, its parent goes on, its media session will notice.
    fn over(&mut self, phone: usize) {
        let children: Vec<usize> =
            (0..self.network.phones.len()).filter(|child| self.network.phones[*child].parent == Some(phone)).collect();
        for child in children {
            if self.network.phones[child].is_open() {
                self.after(50 * MS, Event::Network(News::Cut { phone: child }));
            }
        }
        if let Some(parent) = self.network.phones[phone].parent
            && self.network.phones[parent].is_open()
        {
            let (wait, epoch) = (self.dice.within(MS, SEC), self.network.phones[parent].epoch);
            self.after(wait, Event::Network(News::Script { phone: parent, epoch }));
        }
        if self.network.phones[phone].session.is_some() {
            let wait = self.dice.within(0, 3 * SEC);
            self.after(wait, Event::Network(News::Notice { phone }));
        }
        if self.network.phones[phone].parent.is_none() && self.dice.percent(40) {
            for nth in 0..self.dice.within(1, 3) {
                let wait = self.dice.within(10 * MS, 60 * SEC);
                let nth = u8::try_from(nth).unwrap_or(0);
                self.after(wait, Event::Network(News::Afterword { phone, nth }));
            }
        }
    }
}

impl World {
    /// The carrier's own limit: nothing that we know of should need it.
    pub(super) fn limit(&mut self, sim: &Sim, phone: usize) {
        if self.network.phones[phone].is_open() {
            self.show(&sim.store, &Seen::Outlived { phone });
            self.move_to(phone, Station::Over, Some(Hungup::new(Disposition::Failed)));
        }
    }
}

/// How long a phone may be off the hook before the carrier itself ends it.
pub(crate) fn carrier_limit(policy: &call_core::Policy) -> u64 {
    let longest = [policy.queue_limit, policy.ring_limit, policy.live_limit, policy.stale.outer];
    2 * longest.into_iter().map(micros).sum::<u64>() + 1800 * SEC
}
