//! A provider that must be commanded: it does nothing by itself, takes each command once, and refuses those that come
//! too early or too late.

use call_core::port::Answer;
use call_core::{Call, CallId, Conduct, Effect, EffectId};

use super::{Session, Station};
use crate::invariants::Seen;
use crate::rare::Rare;
use crate::time::{MS, SEC};
use crate::world::World;

/// How long the provider knows a command again by its name.
pub(crate) const REMEMBERED: u64 = 60 * SEC;

/// How long after an answer the provider's own servers may not know of it.
const UNREADY: u64 = 400 * MS;

impl World {
    /// What the provider says to a command before it carries it out; `None`: it does.
    pub(crate) fn objects(&mut self, phone: usize, id: &EffectId, effect: &Effect) -> Option<Answer> {
        let now = self.now;
        let state = &self.network.phones[phone];
        if state.conduct != Conduct::Commanded || matches!(effect, Effect::Hangup { .. }) {
            return None;
        }
        if state.commands.iter().any(|(known, at)| known == id && now < at + REMEMBERED) {
            self.rarely(Rare::CommandRepeated);
            return Some(Answer::Done(Vec::new()));
        }
        if state.station == Station::Over {
            self.rarely(Rare::CommandTooLate);
            return Some(Answer::Refused { why: "90018".to_owned() });
        }
        let fresh = state.answered.is_some_and(|at| now < at + UNREADY);
        if fresh && *effect != Effect::Answer && self.dice.one_in(self.weather.unready) {
            self.rarely(Rare::NotAnsweredYet);
            return Some(Answer::Later { after: None, why: "90034".to_owned() });
        }
        self.network.phones[phone].commands.push((*id, now));
        None
    }

    /// A call that rings us is picked up.
    pub(crate) fn pick_up(&mut self, phone: usize, call: &Call) -> Answer {
        let state = &mut self.network.phones[phone];
        match state.station {
            Station::Queued | Station::Initiated | Station::Ringing => {
                state.answers = Some(call.id());
                self.done(call, &Effect::Answer);
                self.rarely(Rare::PickedUp);
                self.move_to(phone, Station::Talking, None);
            }
            // "This call was already answered": as well.
            Station::Talking | Station::Over => {}
        }
        Answer::Done(Vec::new())
    }

    /// What is said and heard on a call of such a provider, it tells by messages.
    pub(super) fn listen(&mut self, phone: usize, call: CallId) {
        self.network.phones[phone].session = Some(Session::of_the_provider(call));
        self.talk_soon(phone);
    }

    /// Sends what became true in the conversation.
    pub(super) fn flush(&mut self, phone: usize) {
        while let Some(fact) = self.network.phones[phone].session.as_mut().and_then(Session::next_to_send) {
            self.message(phone, fact, false);
        }
    }

    /// A command is done: shown to who watches.
    pub(crate) fn done(&mut self, call: &Call, effect: &Effect) {
        let sim = self.sim();
        self.show(&sim.store, &Seen::Done { call, effect });
    }
}
