//! The provider's messages: reordered always, and on bad days lost, late or doubled. Sent again, if it is that kind of
//! provider, while nobody acknowledges them.

use std::sync::Arc;
use std::time::Duration;

use call_core::port::{Delivered, Found, Inbound, Question, Received, Store as _, ToolOutcome, ToolRequest};
use call_core::{
    Address, Analysis, AnsweredBy, Call, CallId, Conduct, Cost, Fact, Leg, Operation, Reason, Recording, Script,
    Signal, ToolCall,
};

use super::{News, PROVIDER, Station};
use crate::invariants::{Seen, traces};
use crate::rare::Rare;
use crate::run::at_once;
use crate::server::{App, NAMES};
use crate::time::{MS, SEC, shown};
use crate::world::{Event, Sim, World};

/// How long a question waits for its call (post-mortem 4.1).
const SCHEDULE: u64 = 500 * MS;

/// One message and what has become of it.
pub(crate) struct Message {
    phone: usize,
    received: Arc<Received>,
    tries: u32,
    late: bool,
    done: bool,
}

/// What we told the provider to do.
pub(crate) enum Instruction {
    Follow {
        call: CallId,
        script: Script,
        server: usize,
    },
    Hangup,
    Fallback,
    /// Its own agent knows what to do.
    Agent,
    /// What a function returned.
    Returned {
        call: CallId,
        request: ToolRequest,
        outcome: ToolOutcome,
    },
}

impl World {
    /// Tells of a phone.
    pub(super) fn message(&mut self, phone: usize, fact: Fact, asks: bool) {
        self.tell(phone, vec![fact], asks.then_some(Question::WhatNow));
    }

    /// Tells several things of a phone in one message.
    pub(super) fn tell(&mut self, phone: usize, facts: Vec<Fact>, question: Option<Question>) {
        let nameless = self.dice.one_in(self.weather.nameless);
        let (now, parent) = (self.now, self.network.phones[phone].parent);
        let parent = parent.map(|parent| self.network.phones[parent].leg.clone());
        let state = &mut self.network.phones[phone];
        state.told = true;
        let sent = &mut state.sent;
        let leg = &state.leg;
        let signal = |fact| {
            *sent += 1;
            let key = format!("{}-{sent}", leg.id);
            let signal = Signal::new(fact).on(leg.clone()).keyed(key).ordered(*sent).happened(shown(now, 0));
            match &parent {
                Some(parent) => signal.under(parent.clone()),
                None => signal,
            }
        };
        let signals = facts.into_iter().map(signal).collect();
        let begins = state.call.is_none() && state.parent.is_none();
        let address = Address { call: state.call.filter(|_| !nameless), leg: state.leg.clone(), begins };
        let conduct = state.conduct;
        let inbound = begins.then(|| Inbound { from: "+15550177".to_owned(), to: "+15550100".to_owned(), conduct });
        self.post(phone, Received { address, signals, question, inbound });
    }

    /// The agent's first tool call: it needs its call, and may come before anybody has told of it (post-mortem 4.1).
    pub(crate) fn tool_call(&mut self, phone: usize) {
        let tool = ToolCall {
            id: "1".to_owned(),
            name: "initialize_call".to_owned(),
            arguments: "{}".to_owned(),
            result: Ok("{}".to_owned()),
            took: Duration::from_millis(5),
            looks: 1,
        };
        let leg = self.network.phones[phone].leg.clone();
        let signal = Signal::new(Fact::ToolCall(tool)).on(leg.clone()).keyed(format!("{}-tool", leg.id));
        let question = Some(Question::WhatNext { action: "initialize_call".to_owned() });
        let address = Address { call: None, leg, begins: false };
        self.post(phone, Received { address, signals: vec![signal], question, inbound: None });
    }

    fn post(&mut self, phone: usize, received: Received) {
        let message = self.network.messages.len();
        let tries = 1 + self.weather.retries.max(u32::from(received.question.is_some()));
        let received = Arc::new(received);
        self.network.messages.push(Message { phone, received, tries, late: false, done: false });
        let wait = match self.dice.below(8) {
            0 => self.dice.within(MS, 2 * SEC),
            1 => 0,
            _ => self.dice.within(MS, 120 * MS),
        };
        self.after(wait, Event::Network(News::Send { message }));
    }

    /// A message about somebody else's call: another installation shares the account.
    pub(crate) fn foreign(&mut self, phone: usize) {
        let call = Some(CallId::new(shown(self.now, 0), self.dice.bytes()));
        let leg = Leg::new(PROVIDER, format!("X{}", self.network.messages.len()));
        let signal = Signal::new(Fact::Answered).on(leg.clone()).keyed(leg.id.clone());
        let address = Address { call, leg, begins: false };
        self.post(phone, Received { address, signals: vec![signal], question: None, inbound: None });
    }

    /// Recording, cost, analysis: told when all is over.
    pub(super) fn afterword(&mut self, phone: usize, nth: u8) {
        let fact = match nth {
            0 => Fact::Billed(Cost { amount: "0.0130".to_owned(), currency: "USD".to_owned() }),
            1 => Fact::Recording(Recording {
                id: format!("RE{phone}"),
                url: None,
                status: "completed".to_owned(),
                duration: None,
            }),
            3 => return self.analysis(phone),
            _ => Fact::Analyzed(Analysis { successful: Some(true), ..Analysis::default() }),
        };
        self.message(phone, fact, false);
    }

    /// The provider got no 2xx.
    fn unanswered(&mut self, message: usize) {
        let Message { phone, received, tries, .. } = &mut self.network.messages[message];
        *tries = tries.saturating_sub(1);
        let (phone, tries, asks) = (*phone, *tries, received.question == Some(Question::WhatNow));
        if tries > 0 {
            let wait = self.dice.pick(&[500 * MS, 2 * SEC, 15 * SEC]);
            self.after(wait, Event::Network(News::Send { message }));
        } else if asks {
            // "An application error has occurred. Goodbye."
            let epoch = self.network.phones[phone].epoch;
            self.after(SEC, Event::Network(News::Script { phone, epoch }));
        }
    }

    fn answered(&mut self, sim: &Sim, message: usize, answer: Result<Option<Instruction>, ()>) {
        if answer.is_ok() {
            let received = Arc::clone(&self.network.messages[message].received);
            self.show(&sim.store, &Seen::Acknowledged { received: &received });
        }
        match answer {
            Ok(_) if self.dice.one_in(self.weather.lose_answer) => self.unanswered(message),
            Err(()) => self.unanswered(message),
            Ok(instruction) => {
                let state = &mut self.network.messages[message];
                let first = !std::mem::replace(&mut state.done, true);
                let phone = state.phone;
                match instruction.filter(|_| first) {
                    Some(Instruction::Returned { call, request, outcome }) => {
                        self.show(&sim.store, &Seen::Returned { call, request: &request, outcome: &outcome });
                    }
                    Some(instruction) => self.instruct(phone, instruction),
                    None => {}
                }
            }
        }
    }
}

/// A message goes out, to whichever server the balancer picks.
pub(super) fn send(sim: &Sim, message: usize) {
    let mut guard = sim.world();
    let world = &mut *guard;
    let asks = world.network.messages[message].received.question.is_some();
    if !asks && world.dice.one_in(world.weather.lost) {
        world.trace.line(world.now, "net", || format!("message {message} is lost"));
        return;
    }
    if !world.network.messages[message].late && world.dice.one_in(world.weather.late) {
        world.network.messages[message].late = true;
        let wait = world.dice.within(SEC, 60 * SEC);
        return world.after(wait, Event::Network(News::Send { message }));
    }
    if world.dice.one_in(world.weather.doubled) {
        let wait = world.dice.pick(&[0, 100 * MS, 30 * SEC]);
        world.after(wait, Event::Network(News::Send { message }));
    }
    let roll = world.dice.roll();
    let Some(server) = world.servers.any_up(roll) else { return world.unanswered(message) };
    let Some(app) = world.servers.all[server].app.clone() else { return world.unanswered(message) };
    let received = Arc::clone(&world.network.messages[message].received);
    world.trace.line(world.now, "net", || {
        let fact = received.signals.first().map(|signal| &signal.fact);
        format!("message {message} about {} to {}: {fact:?}", received.address.leg, NAMES[server])
    });
    drop(guard);
    let ticket = Ticket { sim: Arc::clone(sim), message, answered: false };
    sim.spawn(server, Box::pin(receive(ticket, server, app, received)));
}

/// The server's side: as `POST /hooks/{provider}` does it.
async fn receive(mut ticket: Ticket, server: usize, app: Arc<App>, received: Arc<Received>) {
    let answer = webhook(&ticket.sim, server, &app, &received).await;
    ticket.answered = true;
    let sim = Arc::clone(&ticket.sim);
    sim.world().answered(&sim, ticket.message, answer);
}

async fn webhook(sim: &Sim, server: usize, app: &App, received: &Received) -> Result<Option<Instruction>, ()> {
    let delivered = app.switchboard.deliver(received).await.map_err(drop)?;
    if let Delivered::To(handled) = &delivered {
        let mut world = sim.world();
        match handled.ignored {
            Some(Reason::Duplicate) if handled.call.has_ended() => world.rarely(Rare::DuplicateAfterTheEnd),
            _ if handled.call.has_ended() => world.rarely(Rare::SignalAfterTheEnd),
            _ => {}
        }
    }
    if received.question.is_none() {
        return Ok(None);
    }
    let found = match delivered {
        Delivered::To(handled) => Some(Found { call: handled.call, look: 1 }),
        Delivered::Parked => {
            let began = sim.world().now;
            let found = app.switchboard.find_for_question(&received.address).await;
            if let Ok(None) = found {
                let mut world = sim.world();
                world.rarely(Rare::Fallback);
                // A caller who hears an excuse instead of the agent.
                if world.now < began + SCHEDULE {
                    world.breaks("patience", format!("{} got the fallback at the first look", received.address.leg));
                }
            }
            found.unwrap_or_default()
        }
    };
    match (&received.question, found) {
        (Some(Question::WhatNow), found) => {
            Ok(Some(found.map_or(Instruction::Fallback, |found| reply(&found.call, server))))
        }
        (Some(Question::Tool(_)), None) => Err(()),
        (Some(Question::Tool(request)), Some(found)) => {
            let traced = found.call.state().findings.tool_calls > 0
                && traces(&at_once(sim.store.journal(found.call.id())).unwrap_or_default())
                    .any(|trace| trace.id == request.id);
            if traced {
                sim.world().rarely(Rare::ToolCallRepeated);
            }
            let outcome = app.tools.run(&found.call, request, found.look).await.map_err(drop)?;
            Ok(Some(Instruction::Returned { call: found.call.id(), request: request.clone(), outcome }))
        }
        // A tool call hears of its call, or that there is none yet; the conversation goes on either way.
        (Some(_) | None, _) => Ok(None),
    }
}

fn reply(call: &Call, server: usize) -> Instruction {
    // The provider's agent is told whom to be, and picks up by itself.
    if call.plan().conduct == Conduct::Agent {
        return Instruction::Agent;
    }
    match call.may(Operation::Stream) {
        Ok(_) => Instruction::Follow { call: call.id(), script: call.plan().script.clone(), server },
        Err(_) => Instruction::Hangup,
    }
}

/// The provider's side of a request: if the connection breaks, it knows.
struct Ticket {
    sim: Sim,
    message: usize,
    answered: bool,
}

impl Drop for Ticket {
    fn drop(&mut self) {
        if !self.answered {
            self.sim.world().unanswered(self.message);
        }
    }
}

impl World {
    /// A provider that does not ask was told with the dial, and tells a machine from a person.
    pub(crate) fn detect(&mut self, phone: usize) {
        if self.network.phones[phone].station == Station::Talking && self.dice.percent(30) {
            self.message(phone, Fact::Detected(AnsweredBy::Human), false);
        }
    }
}
