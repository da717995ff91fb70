//! The caller presses keys, or does not; the provider tells what it heard.

use call_core::{Conduct, Fact, Gather, Gathered};

use super::{News, Station};
use crate::rare::Rare;
use crate::time::{MS, SEC, micros};
use crate::world::{Event, World};

impl World {
    /// The provider listens for keys; `false` if there is nobody to press any. Asked again, it listens again.
    pub(crate) fn listen_for_keys(&mut self, phone: usize, gather: &Gather) -> bool {
        let state = &mut self.network.phones[phone];
        // A provider's own agent listens to nobody but itself.
        if state.station != Station::Talking || state.conduct == Conduct::Agent {
            return false;
        }
        state.gathers = Some(gather.clone());
        let silence = micros(gather.longest());
        let wait = if self.dice.percent(30) { silence } else { self.dice.within(500 * MS, silence.max(SEC)) };
        self.after(wait, Event::Network(News::Keys { phone }));
        true
    }

    /// The caller has pressed the keys, or was silent for too long.
    pub(super) fn keys(&mut self, phone: usize) {
        let state = &mut self.network.phones[phone];
        let Some(gather) = state.gathers.take().filter(|_| state.station == Station::Talking) else { return };
        let operation = gather.operation;
        let gathered = match self.dice.below(4) {
            0 => Gathered::nothing(operation),
            1 => Gathered { operation, digits: "4".to_owned(), complete: false },
            _ => Gathered { operation, digits: "42".to_owned(), complete: true },
        };
        self.rarely(Rare::KeysPressed);
        self.message(phone, Fact::Gathered(gathered), false);
    }
}
