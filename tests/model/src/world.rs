//! The world: servers, their store, the provider, the users and the clock; and what becomes of it.

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use call_core::port::{Settle, Settlement};
use call_core::{CallId, EffectId, Timestamp};

use crate::action::{Action, How, postponed};
use crate::ask::{Reply, Request, Said, Unit, print};
use crate::bounds::{Bounds, Flaw, STEP, Trouble};
use crate::network::{Line, Message, Phone, number};
use crate::shelf::Shelf;
use crate::stage::{Heard, Stand, play};
use crate::task::{Outcome, Task};

/// One state of the world.
#[derive(Debug, Clone, PartialEq, Hash)]
pub struct World {
    /// The time.
    pub now: Timestamp,
    /// The store.
    pub shelf: Shelf,
    /// The tasks in hand. Servers are alike, so their order means nothing: they are sorted.
    pub hands: Vec<Hand>,
    /// The provider's lines.
    pub lines: Vec<Line>,
    /// What users wish for.
    pub users: Vec<User>,
    /// Settlements that will reach the store once more.
    pub echoes: Vec<(EffectId, u32, Timestamp)>,
    /// How often trouble may still strike.
    pub left: Trouble,
}

/// A user, who asks until there is an answer.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct User {
    /// The answer to the wish for a call.
    pub placed: Option<Outcome>,
    /// The answer to the wish to hang up; `Done` if there is none.
    pub hungup: Option<Outcome>,
}

/// A task in hand.
#[derive(Debug, Clone)]
pub struct Hand {
    /// Which.
    pub task: Task,
    /// Since when.
    pub begun: Timestamp,
    /// What it has heard: its whole memory.
    pub heard: Vec<Heard>,
    /// Where that has brought it.
    pub stand: Arc<Stand>,
    print: u64,
}

impl Hand {
    fn new(task: Task, begun: Timestamp, heard: Vec<Heard>) -> Self {
        let stand = play(&task, begun, &heard);
        let print = print(&(&task, begun, &heard));
        Self { task, begun, heard, stand, print }
    }
}

impl PartialEq for Hand {
    fn eq(&self, other: &Self) -> bool {
        self.print == other.print
    }
}

impl Hash for Hand {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.print.hash(state);
    }
}

impl World {
    /// The beginning.
    #[must_use]
    pub fn new(bounds: &Bounds) -> Self {
        let lines = bounds.wishes.max(1);
        let user =
            |wish| User { placed: None, hungup: if bounds.hangup && wish == 0 { None } else { Some(Outcome::Done) } };
        let mut world = Self {
            now: Timestamp::EPOCH,
            shelf: Shelf::default(),
            hands: Vec::new(),
            lines: (0..lines).map(|_| Line::idle()).collect(),
            users: (0..bounds.wishes).map(user).collect(),
            echoes: Vec::new(),
            left: bounds.trouble,
        };
        if bounds.wishes == 0 {
            world.lines[0].become_so(Phone::Ringing, bounds);
        }
        world
    }

    /// What happens makes another world; and what a store was asked and answered, for a comparison with a real one.
    #[must_use]
    pub fn after(&self, action: &Action, bounds: &Bounds) -> (Self, Vec<(Request, Reply)>) {
        let (mut world, mut said) = (self.clone(), Vec::new());
        match action {
            Action::Begin(task, how) => {
                let first = play(task, self.now, &[]);
                let Stand::Asks(first) = &*first else { return (world, said) };
                world.count_doubles(task);
                if let Some((request_number, request)) = first.first() {
                    let reply = world.answer(request, *how, bounds, &mut said);
                    let heard = vec![Heard { at: self.now, number: *request_number, reply }];
                    world.take(Hand::new(task.clone(), self.now, heard));
                }
            }
            Action::Answer(place, request_number, how) => {
                let Hand { task, begun, mut heard, stand, .. } = world.hands.remove(*place);
                let Stand::Asks(open) = &*stand else { return (world, said) };
                if let Some((_, request)) = open.iter().find(|(number, _)| number == request_number) {
                    let reply = world.answer(request, *how, bounds, &mut said);
                    heard.push(Heard { at: self.now, number: *request_number, reply });
                }
                world.take(Hand::new(task, begun, heard));
            }
            Action::Return(place) => {
                let hand = world.hands.remove(*place);
                world.hear(&hand);
            }
            Action::Crash(place) => {
                world.left.crashes -= 1;
                world.hands.remove(*place);
            }
            Action::Phone(line, phone) => world.lines[usize::from(*line)].become_so(*phone, bounds),
            Action::Echo(place) => {
                let (id, attempt, at) = world.echoes.remove(*place);
                let settle = Settle { id, attempt, how: Settlement::Later(at) };
                let request = Request::Settle(vec![settle]);
                let _ = world.ask_store(&request, bounds, &mut said);
            }
            Action::Time => {
                world.now = self.now + STEP;
                world.left.delays -= u8::from(!self.is_idle(&self.tasks(bounds)));
            }
        }
        if bounds.flaw == Some(Flaw::AckBeforeCommit)
            && let Action::Begin(Task::Deliver(message), _) = action
        {
            world.acknowledge(message);
        }
        (world, said)
    }

    fn count_doubles(&mut self, task: &Task) {
        let (user_waits, same) = match task {
            Task::Deliver(message) => {
                let is_open = self.lines[usize::from(message.line)].events.contains(&(message.event, false));
                (is_open, message.before > 0)
            }
            Task::Place { before, .. } => (true, *before > 0),
            Task::Hangup(_) | Task::Tick(_) | Task::Sweep => (true, self.hands.iter().any(|hand| hand.task == *task)),
            Task::Act | Task::Publish => (true, false),
        };
        self.left.doubles -= u8::from(!user_waits || same);
    }

    /// Keeps a task in hand. One that is through is dropped, and its outcome heard: at once, unless the server could
    /// die in between.
    fn take(&mut self, hand: Hand) {
        match &*hand.stand {
            Stand::Through(outcome) if !hand.task.is_awaited() || *outcome == Outcome::Failed => {}
            Stand::Through(_) if self.left.crashes == 0 => self.hear(&hand),
            Stand::Through(_) | Stand::Asks(_) => {
                self.hands.push(hand);
                self.hands.sort_unstable_by_key(|hand| hand.print);
            }
        }
    }

    /// Whoever waited hears the outcome.
    fn hear(&mut self, hand: &Hand) {
        let Stand::Through(outcome) = &*hand.stand else { return };
        match &hand.task {
            Task::Place { wish, .. } => self.users[usize::from(*wish)].placed = Some(*outcome),
            Task::Hangup(call) => {
                let whose = |id: &CallId, wish: usize| self.shelf.keys.get(&number(count(wish))) == Some(id);
                let wish = (0..self.users.len()).find(|wish| whose(call, *wish));
                if let Some(user) = wish.and_then(|wish| self.users.get_mut(wish)) {
                    user.hungup = Some(*outcome);
                }
            }
            Task::Deliver(message) => self.acknowledge(message),
            Task::Act | Task::Publish | Task::Tick(_) | Task::Sweep => {}
        }
    }

    fn acknowledge(&mut self, message: &Message) {
        let events = &mut self.lines[usize::from(message.line)].events;
        for (_, acknowledged) in events.iter_mut().filter(|(event, _)| *event == message.event) {
            *acknowledged = true;
        }
    }

    fn answer(&mut self, request: &Request, how: How, bounds: &Bounds, said: &mut Vec<(Request, Reply)>) -> Reply {
        let provider = matches!(request, Request::Act(..));
        let nothing = if provider { Reply::Said(Said::Silence) } else { Reply::Unavailable };
        let spent = match how {
            How::Well if matches!(request, Request::Sleep(_)) => &mut self.left.renewals,
            How::Well => return self.perform(request, bounds, said),
            How::CutBefore | How::CutAfter if provider => &mut self.left.silences,
            How::CutBefore | How::CutAfter | How::Repeated => &mut self.left.cuts,
            How::Echoed => &mut self.left.echoes,
            How::Deferred => &mut self.left.deferrals,
        };
        *spent -= 1;
        match how {
            How::Well => Reply::Woken,
            How::CutBefore => nothing,
            How::CutAfter => {
                if let (Some(Flaw::EffectsApart), Request::Commit(unit)) = (bounds.flaw, request) {
                    let _ = self.perform(&without_effects(unit), bounds, said);
                    self.shelf.past.asked.extend(unit.0.effects.iter().map(|(id, _)| *id));
                } else {
                    let _ = self.perform(request, bounds, said);
                }
                nothing
            }
            How::Repeated => {
                let _ = self.perform(request, bounds, said);
                self.perform(request, bounds, said)
            }
            How::Echoed => {
                self.echoes.extend(postponed(request));
                self.perform(request, bounds, said)
            }
            How::Deferred => Reply::Said(Said::Later),
        }
    }

    fn perform(&mut self, request: &Request, bounds: &Bounds, said: &mut Vec<(Request, Reply)>) -> Reply {
        if let Request::Act(id, effect, to) = request {
            let line = (0..).zip(&mut self.lines).find(|(line, _)| number(*line) == *to);
            return Reply::Said(line.map_or(Said::Gone, |(number, line)| line.act(number, id.call, effect, bounds)));
        }
        self.ask_store(request, bounds, said)
    }

    fn ask_store(&mut self, request: &Request, bounds: &Bounds, said: &mut Vec<(Request, Reply)>) -> Reply {
        let Some(reply) = self.shelf.answer(request, bounds) else { return Reply::Told };
        said.push((request.clone(), reply.clone()));
        reply
    }

    /// Whether nothing more is to be done, for anybody.
    #[must_use]
    pub fn is_at_rest(&self) -> bool {
        self.shelf.calls.values().all(|call| call.has_ended())
            && self.shelf.outbox.is_empty()
            && self.shelf.stranded().is_empty()
            && self.lines.iter().all(|line| matches!(line.phone, Phone::Idle | Phone::Over))
            && self.lines.iter().all(|line| line.events.iter().all(|(_, acknowledged)| *acknowledged))
            && self.users.iter().all(|user| user.placed.is_some())
            && self.hands.is_empty()
    }
}

pub(crate) fn count(n: usize) -> u8 {
    u8::try_from(n).unwrap_or(u8::MAX)
}

fn without_effects(unit: &Unit) -> Request {
    let mut commit = unit.0.clone();
    commit.effects = Arc::default();
    Request::Commit(Arc::new(Unit(commit)))
}
