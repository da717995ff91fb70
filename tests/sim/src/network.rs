//! The telephone network and its people: what is true, whoever is told of it.

mod agent;
mod commanded;
mod keys;
mod message;
mod phone;
mod talk;

use std::collections::BTreeMap;

use call_core::{CallId, Conduct, Fact, Hungup, Leg, Progress, ProviderName};

use crate::world::{Sim, World};

pub(crate) use commanded::REMEMBERED;
use message::{Instruction, Message};
pub(crate) use phone::{Phone, Station, carrier_limit};
pub(crate) use talk::Session;

pub(crate) const PROVIDER: ProviderName = ProviderName::new("acme");

/// Everything on the network.
pub(crate) struct Network {
    pub(crate) phones: Vec<Phone>,
    /// The phone that was dialled for a call of ours.
    pub(crate) dialled: BTreeMap<CallId, usize>,
    /// When a call was last said not to be there.
    pub(crate) gone: BTreeMap<CallId, u64>,
    messages: Vec<Message>,
}

/// What happens on the network.
#[derive(Debug, Clone, Copy)]
pub(crate) enum News {
    /// A phone goes on to its next station, unless something came between.
    Step { phone: usize, epoch: u32 },
    /// A hang-up takes effect.
    Cut { phone: usize },
    /// The carrier ends what nobody else has ended.
    Limit { phone: usize },
    /// A message goes out.
    Send { message: usize },
    /// The conversation goes on.
    Talk { phone: usize },
    /// The caller presses keys.
    Keys { phone: usize },
    /// Words end.
    Spoken { phone: usize, speech: usize },
    /// The audio stream opens.
    Open { phone: usize },
    /// Audio still flows.
    Flow { phone: usize },
    /// The media session notices that the phone is over.
    Notice { phone: usize },
    /// The script goes on.
    Script { phone: usize, epoch: u32 },
    /// What the provider tells after the end.
    Afterword { phone: usize, nth: u8 },
    /// The provider's agent picks up.
    PickUp { phone: usize, epoch: u32 },
    /// The provider says that its agent's call has begun.
    Started { phone: usize },
    /// The provider's agent invokes a function.
    Invoke { phone: usize },
    /// Somebody rings us.
    Ring,
}

impl Network {
    pub(crate) const fn new() -> Self {
        Self { phones: Vec::new(), dialled: BTreeMap::new(), gone: BTreeMap::new(), messages: Vec::new() }
    }

    /// The phone of a leg.
    pub(crate) fn find(&self, leg: &Leg) -> Option<usize> {
        leg.id.strip_prefix('P')?.parse().ok().filter(|phone| *phone < self.phones.len())
    }

    /// The phone of a call: the leg that it knows, or the one that was dialled for it.
    pub(crate) fn of(&self, call: &call_core::Call) -> Option<usize> {
        let known = call.legs().first().and_then(|first| self.find(&first.leg));
        known.or_else(|| self.dialled.get(&call.id()).copied())
    }
}

/// Something happens on the network.
pub(crate) fn happen(sim: &Sim, news: News) {
    let mut guard = sim.world();
    let world = &mut *guard;
    match news {
        News::Step { phone, epoch } if world.network.phones[phone].epoch == epoch => world.step(phone),
        News::Step { .. } => {}
        News::Cut { phone } => world.cut(phone),
        News::Limit { phone } => world.limit(sim, phone),
        News::Send { message } => {
            drop(guard);
            message::send(sim, message);
        }
        News::Talk { phone } => {
            drop(guard);
            talk::talk(sim, phone);
        }
        News::Keys { phone } => world.keys(phone),
        News::Spoken { phone, speech } => world.spoken(phone, speech, true),
        News::Open { phone } => world.open(phone),
        News::Flow { phone } => world.flow(phone),
        News::Notice { phone } => world.notice(phone),
        News::Script { phone, epoch } if world.network.phones[phone].epoch == epoch => world.over_by(phone),
        News::Script { .. } => {}
        News::Afterword { phone, nth } => world.afterword(phone, nth),
        News::PickUp { phone, epoch } if world.network.phones[phone].epoch == epoch => {
            world.move_to(phone, Station::Talking, None);
        }
        News::PickUp { .. } => {}
        News::Started { phone } => world.message(phone, Fact::Answered, false),
        News::Invoke { phone } => world.invoke(phone),
        News::Ring => world.ring_in(),
    }
}

impl World {
    fn over_by(&mut self, phone: usize) {
        self.move_to(phone, Station::Over, Some(Hungup::new(call_core::Disposition::Completed)));
    }

    /// Tells what became true of a phone.
    fn announce(&mut self, phone: usize) {
        let state = &self.network.phones[phone];
        let (station, hungup) = (state.station, state.hungup.clone());
        let first = state.parent.is_none();
        let fact = match station {
            Station::Queued => return,
            Station::Initiated => Fact::Progress(Progress::Initiated),
            Station::Ringing => Fact::Progress(Progress::Ringing),
            Station::Talking => Fact::Answered,
            Station::Over => match hungup {
                Some(hungup) => Fact::Ended(hungup),
                None => return,
            },
        };
        match (state.conduct, station) {
            (Conduct::Agent, Station::Talking) if first => self.agent_begins(phone),
            (Conduct::Agent, Station::Over) if first => self.agent_ends(phone, fact),
            (Conduct::Agent, _) if first => {}
            (Conduct::Commanded, Station::Talking) if first => {
                let call = state.call.or(state.answers);
                self.message(phone, fact, false);
                self.detect(phone);
                call.into_iter().for_each(|call| self.listen(phone, call));
            }
            (Conduct::Asked, Station::Talking) if state.script.is_some() => self.follow(phone, fact),
            (Conduct::Asked, Station::Talking) if first && state.call.is_some() => {
                self.message(phone, fact.clone(), true);
                if self.dice.percent(50) {
                    self.message(phone, fact, false);
                }
            }
            _ => self.message(phone, fact, false),
        }
    }

    /// What is to be done was told with the dial: no question brings news of the leg before the legs that it makes.
    fn follow(&mut self, phone: usize, fact: Fact) {
        self.message(phone, fact, false);
        let roll = self.dice.roll();
        let state = &self.network.phones[phone];
        if let (Some(script), Some(call), Some(server)) = (state.script.clone(), state.call, self.servers.any_up(roll))
        {
            self.instruct(phone, Instruction::Follow { call, script, server });
        }
    }
}
