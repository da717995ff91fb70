//! A provider whose own agent talks: it tells of its calls late or never, in any order, and calls us back for what it
//! cannot do itself.

use std::collections::BTreeMap;
use std::time::Duration;

use call_core::port::{Question, ToolRequest};
use call_core::{Analysis, Cost, Fact, Latency, Speaker, Turn};

use super::{News, Station};
use crate::rare::Rare;
use crate::time::{MS, SEC};
use crate::world::{Event, World};

/// How many functions an agent invokes at most in one call.
const INVOCATIONS: u32 = 4;

impl World {
    /// Somebody has answered: the agent talks. Whether its provider says so before the agent's first invocation, with it,
    /// after it, or not at all, is chance (post-mortem 4.1).
    pub(super) fn agent_begins(&mut self, phone: usize) {
        let (started, first) = match self.dice.below(20) {
            0..4 => (Some(self.dice.within(50 * MS, 1500 * MS)), Some(0)),
            4..7 => (Some(0), Some(0)),
            7..9 => (None, Some(0)),
            9..16 => (Some(0), Some(self.dice.within(300 * MS, 10 * SEC))),
            _ => (Some(0), None),
        };
        match started {
            Some(0) => self.message(phone, Fact::Answered, false),
            Some(wait) => self.after(wait, Event::Network(News::Started { phone })),
            None => self.rarely(Rare::StartUntold),
        }
        if let Some(wait) = first {
            self.after(wait, Event::Network(News::Invoke { phone }));
        }
    }

    /// The agent invokes a function, and goes on talking.
    pub(super) fn invoke(&mut self, phone: usize) {
        let state = &mut self.network.phones[phone];
        if state.station != Station::Talking || state.invoked >= INVOCATIONS {
            return;
        }
        state.invoked += 1;
        let request = ToolRequest {
            id: format!("f{}", state.invoked),
            name: "check_availability".to_owned(),
            arguments: "{}".to_owned(),
        };
        if state.invoked == 1 && !state.told {
            self.rarely(Rare::ToolCallFirst);
        }
        self.tell(phone, vec![Fact::Answered], Some(Question::Tool(request)));
        if self.dice.percent(60) {
            let wait = self.dice.within(100 * MS, 20 * SEC);
            self.after(wait, Event::Network(News::Invoke { phone }));
        }
    }

    /// The agent's call is over. That is not always told; what was found out about it comes later.
    pub(super) fn agent_ends(&mut self, phone: usize, ended: Fact) {
        let talked = self.network.phones[phone].answered.is_some();
        if self.dice.percent(12) {
            self.rarely(Rare::EndUntold);
        } else {
            let words = talked.then(|| self.transcript(phone, 1));
            self.tell(phone, words.into_iter().chain([ended]).collect(), None);
        }
        if talked && self.dice.percent(80) {
            let wait = self.dice.within(500 * MS, 60 * SEC);
            self.after(wait, Event::Network(News::Afterword { phone, nth: 3 }));
        }
    }

    /// What the agent's provider found out about the conversation.
    pub(super) fn analysis(&mut self, phone: usize) {
        let custom = BTreeMap::from([("slot".to_owned(), "\"12:30\"".to_owned())]);
        let p50 = Some(Duration::from_millis(900));
        let facts = vec![
            self.transcript(phone, 0),
            Fact::Billed(Cost { amount: "0.0720".to_owned(), currency: "USD".to_owned() }),
            Fact::Measured(Latency { p50, ..Latency::default() }),
            Fact::Analyzed(Analysis { successful: Some(true), custom, ..Analysis::default() }),
        ];
        self.tell(phone, facts, None);
    }

    /// All that was said; the last word may still be missing when the end is told.
    fn transcript(&mut self, phone: usize, may_miss: u32) -> Fact {
        let exchanges = 2 + self.network.phones[phone].invoked;
        let turns = exchanges - if self.dice.percent(30) { may_miss } else { 0 };
        let turn = |n: u32| Turn {
            speaker: if n.is_multiple_of(2) { Speaker::Agent } else { Speaker::Caller },
            text: format!("word {n}"),
        };
        Fact::Transcript((0..turns).map(turn).collect())
    }
}
