//! The conversation: the media session on one of our servers, which tells the call only facts, in order.

use std::collections::VecDeque;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use call_core::port::SwitchboardError;
use call_core::{CallId, Command, Conduct, Fact, Script, Signal, Speaker, SpeechFact, StreamFact, ToolCall, Turn};

use super::message::Instruction;
use super::{News, Station};
use crate::client::Wish;
use crate::clock::pause;
use crate::invariants::Seen;
use crate::rare::Rare;
use crate::server::App;
use crate::time::{MS, SEC};
use crate::world::{Event, Sim, World};

/// How often a conversation goes on before both fall silent.
const EXCHANGES: u32 = 3;

/// The media session of one phone. It dies with its server.
pub(crate) struct Session {
    pub(crate) call: CallId,
    pub(crate) alive: bool,
    /// Whether audio flows.
    pub(crate) stream: bool,
    said: Vec<Words>,
    queue: VecDeque<Signal>,
    waker: Option<Waker>,
    closing: bool,
    told: u32,
    exchanges: u32,
    /// Whether the provider tells what is said and heard, by messages; there is no session of ours then.
    by_message: bool,
}

/// One speech operation at the provider.
struct Words {
    operation: String,
    over: bool,
}

impl Session {
    const fn new(call: CallId) -> Self {
        Self {
            call,
            alive: true,
            stream: false,
            said: Vec::new(),
            queue: VecDeque::new(),
            waker: None,
            closing: false,
            told: 0,
            exchanges: 0,
            by_message: false,
        }
    }

    /// One that a provider has which is commanded.
    pub(super) fn of_the_provider(call: CallId) -> Self {
        Self { by_message: true, ..Self::new(call) }
    }

    /// What the provider has to tell by message.
    pub(super) fn next_to_send(&mut self) -> Option<Fact> {
        if self.by_message { self.queue.pop_front().map(|signal| signal.fact) } else { None }
    }

    fn tell(&mut self, phone: usize, fact: Fact) {
        self.told += 1;
        self.queue.push_back(Signal::new(fact).keyed(format!("M{phone}-{}", self.told)));
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
    }

    fn turn(&mut self, phone: usize, speaker: Speaker) {
        let text = format!("turn {}", self.told + 1);
        self.tell(phone, Fact::Turn(Turn { speaker, text }));
    }

    /// Ends what is being said.
    fn end_words(&mut self, phone: usize, speech: usize, played: bool) {
        let Some(words) = self.said.get_mut(speech).filter(|words| !words.over) else { return };
        words.over = true;
        let operation = words.operation.clone();
        self.turn(phone, Speaker::Agent);
        self.tell(phone, Fact::Speech(SpeechFact { operation, played }));
    }

    fn cut_words(&mut self, phone: usize) {
        for speech in 0..self.said.len() {
            self.end_words(phone, speech, false);
        }
    }

    fn close_stream(&mut self, phone: usize) {
        if std::mem::take(&mut self.stream) {
            self.tell(phone, Fact::Stream(StreamFact::Closed));
        }
    }
}

impl World {
    /// The provider does as it was told.
    pub(crate) fn instruct(&mut self, phone: usize, instruction: Instruction) {
        let is_agents = self.network.phones[phone].conduct == Conduct::Agent;
        if self.network.phones[phone].station == Station::Over || is_agents {
            return;
        }
        if self.network.phones[phone].station == Station::Ringing {
            // An inbound call is answered by what we say.
            self.move_to(phone, Station::Talking, None);
        }
        let epoch = self.network.phones[phone].epoch;
        let (call, script, server) = match instruction {
            Instruction::Follow { call, script, server } => (call, script, server),
            Instruction::Hangup | Instruction::Fallback => {
                return self.after(SEC, Event::Network(News::Script { phone, epoch }));
            }
            Instruction::Agent | Instruction::Returned { .. } => return,
        };
        self.detect(phone);
        match script {
            Script::Say { .. } => {
                let wait = self.dice.within(SEC, 6 * SEC);
                self.after(wait, Event::Network(News::Script { phone, epoch }));
            }
            Script::Connect { .. } => {
                self.transfer(phone, call);
            }
            Script::Stream => {
                self.begin(phone, call, server);
                self.ask_for_stream(phone);
            }
            _ => self.begin(phone, call, server),
        }
    }

    fn begin(&mut self, phone: usize, call: CallId, server: usize) {
        let Some(app) = self.servers.all[server].app.clone().filter(|_| self.servers.all[server].up) else { return };
        self.network.phones[phone].session = Some(Session::new(call));
        let sim = self.sim();
        self.spawned.push((server, Box::pin(session(Line { sim, phone }, app))));
        self.talk_soon(phone);
    }

    pub(super) fn talk_soon(&mut self, phone: usize) {
        let wait = self.dice.within(100 * MS, 4 * SEC);
        self.after(wait, Event::Network(News::Talk { phone }));
    }

    fn ask_for_stream(&mut self, phone: usize) {
        if self.dice.one_in(self.weather.no_stream) {
            if self.dice.percent(50)
                && let Some(session) = &mut self.network.phones[phone].session
            {
                session.tell(phone, Fact::Stream(StreamFact::Failed { why: "stream-error".to_owned() }));
                self.flush(phone);
            }
            return;
        }
        let wait = self.dice.within(50 * MS, 2 * SEC);
        self.after(wait, Event::Network(News::Open { phone }));
    }

    /// The session of a phone on which people talk.
    fn talking(&mut self, phone: usize) -> Option<&mut Session> {
        let state = &mut self.network.phones[phone];
        let talks = state.station == Station::Talking;
        state.session.as_mut().filter(|session| session.alive && talks)
    }

    pub(super) fn open(&mut self, phone: usize) {
        if let Some(session) = self.talking(phone).filter(|session| !session.stream) {
            session.stream = true;
            session.tell(phone, Fact::Stream(StreamFact::Opened));
            self.flush(phone);
            let wait = self.dice.within(20 * SEC, 40 * SEC);
            self.after(wait, Event::Network(News::Flow { phone }));
        }
    }

    pub(super) fn flow(&mut self, phone: usize) {
        if let Some(session) = self.talking(phone).filter(|session| session.stream) {
            session.tell(phone, Fact::Stream(StreamFact::Flowing));
            self.flush(phone);
            let wait = self.clients.quiet() / 3;
            self.after(wait, Event::Network(News::Flow { phone }));
        }
    }

    pub(super) fn spoken(&mut self, phone: usize, speech: usize, played: bool) {
        if let Some(session) = self.talking(phone) {
            session.end_words(phone, speech, played);
            self.flush(phone);
        }
    }

    /// The phone is over, and its session notices: what was said is told, then that it is over.
    pub(super) fn notice(&mut self, phone: usize) {
        if let Some(session) = &mut self.network.phones[phone].session {
            session.cut_words(phone);
            session.close_stream(phone);
            session.closing = true;
            if let Some(waker) = session.waker.take() {
                waker.wake();
            }
        }
        self.flush(phone);
    }

    /// The provider begins to speak; `false` if there is nobody to hear it.
    pub(crate) fn speak(&mut self, phone: usize, operation: &str) -> bool {
        let Some(session) = self.talking(phone) else { return false };
        session.said.push(Words { operation: operation.to_owned(), over: false });
        let speech = session.said.len() - 1;
        let wait = self.dice.within(500 * MS, 6 * SEC);
        self.after(wait, Event::Network(News::Spoken { phone, speech }));
        true
    }

    pub(crate) fn hush(&mut self, phone: usize) {
        if let Some(session) = self.talking(phone) {
            session.cut_words(phone);
            self.flush(phone);
        }
    }

    pub(crate) fn open_stream(&mut self, phone: usize) -> bool {
        if self.talking(phone).is_none_or(|session| session.stream) {
            return false;
        }
        self.ask_for_stream(phone);
        true
    }

    pub(crate) fn close_stream(&mut self, phone: usize) {
        if let Some(session) = self.talking(phone) {
            session.close_stream(phone);
            self.flush(phone);
        }
    }
}

/// The conversation goes on.
pub(super) fn talk(sim: &Sim, phone: usize) {
    let mut guard = sim.world();
    let world = &mut *guard;
    let silent = world.network.phones[phone].is_silent();
    let roll = world.dice.below(100);
    let wait = world.dice.within(300 * MS, 8 * SEC);
    let Some(session) = world.talking(phone) else { return };
    session.exchanges += 1;
    let (call, exchanges) = (session.call, session.exchanges);
    match roll {
        0..35 if !silent => session.turn(phone, Speaker::Caller),
        35..41 if !silent => session.tell(phone, Fact::Digits("1".to_owned())),
        41..48 => session.tell(
            phone,
            Fact::ToolCall(ToolCall {
                id: exchanges.to_string(),
                name: "check_availability".to_owned(),
                arguments: "{}".to_owned(),
                result: Ok("{}".to_owned()),
                took: Duration::from_millis(80),
                looks: 1,
            }),
        ),
        _ => {
            let command = Command::Speak { operation: format!("o{exchanges}"), text: "well".to_owned() };
            world.after(0, Event::Client(Box::new(Wish::Command { call, command, tries: 1 })));
        }
    }
    world.flush(phone);
    if exchanges < EXCHANGES {
        world.after(wait, Event::Network(News::Talk { phone }));
    }
}

/// The server's side of the session: facts go to the call one after the other.
async fn session(line: Line, app: Arc<App>) {
    while let Some((call, signal)) = (Next { line: &line }).await {
        loop {
            match app.switchboard.report(call, vec![signal.clone()], None).await {
                Ok(_) => {
                    line.sim.world().show(&line.sim.store, &Seen::Reported { call, signal: &signal });
                    break;
                }
                Err(SwitchboardError::NoSuchCall(_)) => {
                    let mut world = line.sim.world();
                    if !world.pruned.contains(&call) {
                        world.breaks("acknowledged", format!("call {call} is gone"));
                    }
                    break;
                }
                Err(_) => pause(&line.sim, 200 * MS).await,
            }
        }
    }
}

/// A media connection. If its server dies, it breaks.
struct Line {
    sim: Sim,
    phone: usize,
}

impl Drop for Line {
    fn drop(&mut self) {
        let mut world = self.sim.world();
        let Some(session) = world.network.phones.get_mut(self.phone).and_then(|phone| phone.session.as_mut()) else {
            return;
        };
        session.alive = false;
        if session.stream && !session.closing {
            // Some providers end a call whose socket broke, others leave the caller in silence.
            let epoch = world.network.phones[self.phone].epoch;
            if world.dice.percent(70) {
                world.after(SEC, Event::Network(News::Script { phone: self.phone, epoch }));
            }
            world.rarely(Rare::SessionLost);
        }
    }
}

/// The next fact of a session; `None` when it is over.
struct Next<'a> {
    line: &'a Line,
}

impl Future for Next<'_> {
    type Output = Option<(CallId, Signal)>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let mut world = self.line.sim.world();
        let Some(session) = world.network.phones[self.line.phone].session.as_mut() else { return Poll::Ready(None) };
        if let Some(signal) = session.queue.pop_front() {
            return Poll::Ready(Some((session.call, signal)));
        }
        if session.closing {
            return Poll::Ready(None);
        }
        session.waker = Some(context.waker().clone());
        Poll::Pending
    }
}
