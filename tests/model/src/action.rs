//! What can happen next, in a given state of the world.

use call_core::port::{Lane, Settlement};
use call_core::{Effect, EffectId, Timestamp};

use crate::ask::Request;
use crate::bounds::{Bounds, Flaw, STEP, Trouble};
use crate::network::{Event, Message, Phone, number};
use crate::stage::{Stand, play};
use crate::task::Task;
use crate::world::{World, count};

/// One thing that happens.
#[derive(Debug, Clone, PartialEq)]
pub enum Action {
    /// A server takes a task in hand, and its first request is answered.
    Begin(Task, How),
    /// A request (by its number) of a task (by its place) is answered.
    Answer(usize, usize, How),
    /// The outcome of a task reaches whoever waits for it.
    Return(usize),
    /// The server that has this task in hand dies.
    Crash(usize),
    /// The phone of a line is answered or hung up, at its own end.
    Phone(u8, Phone),
    /// A settlement reaches the store once more.
    Echo(usize),
    /// Time goes on to the next step.
    Time,
}

/// How a request is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum How {
    /// As it should be.
    Well,
    /// It was not done, and nothing is heard.
    CutBefore,
    /// It was done, and nothing is heard.
    CutAfter,
    /// It was done, nothing was heard, and the driver repeated it: the second answer is heard.
    Repeated,
    /// It was done, and will be done again later.
    Echoed,
    /// "Not now."
    Deferred,
}

impl World {
    /// Everything that can happen now.
    pub fn actions(&self, bounds: &Bounds, actions: &mut Vec<Action>) {
        let tasks = self.tasks(bounds);
        for task in tasks.iter().filter(|_| self.hands.len() < bounds.hands) {
            let first = play(task, self.now, &[]);
            let Stand::Asks(first) = &*first else { continue };
            for how in first.iter().flat_map(|(_, request)| self.hows(request)) {
                actions.push(Action::Begin(task.clone(), how));
            }
        }
        for (place, hand) in self.hands.iter().enumerate() {
            match &*hand.stand {
                Stand::Through(_) => actions.push(Action::Return(place)),
                Stand::Asks(open) => {
                    for (request_number, request) in open {
                        let hows = self.hows(request);
                        actions.extend(hows.into_iter().map(|how| Action::Answer(place, *request_number, how)));
                    }
                }
            }
            if self.left.crashes > 0 {
                actions.push(Action::Crash(place));
            }
        }
        for (number, line) in (0..).zip(&self.lines) {
            actions.extend(line.may_become(bounds).iter().map(|phone| Action::Phone(number, *phone)));
        }
        actions.extend((0..self.echoes.len()).map(Action::Echo));
        if self.waits() && (self.left.delays > 0 || self.is_idle(&tasks)) {
            actions.push(Action::Time);
        }
    }

    /// The tasks that a server may take in hand.
    pub(crate) fn tasks(&self, bounds: &Bounds) -> Vec<Task> {
        let mut tasks = Vec::new();
        let doubles = usize::from(self.left.doubles);
        let in_hand = |is: &dyn Fn(&Task) -> bool| self.hands.iter().filter(|hand| is(&hand.task)).count();
        for (wish, user) in (0..).zip(&self.users) {
            let placing = in_hand(&|task| matches!(task, Task::Place { wish: other, .. } if *other == wish));
            if user.placed.is_none() && placing <= doubles {
                tasks.push(Task::Place {
                    wish,
                    before: count(placing),
                    subject: bounds.one_subject,
                    dial_limit: bounds.dial_limit,
                });
            }
            if let Some(call) = self.shelf.keys.get(&number(wish))
                && user.hungup.is_none()
                && in_hand(&|task| *task == Task::Hangup(*call)) <= doubles
            {
                tasks.push(Task::Hangup(*call));
            }
        }
        for (number, line) in (0..).zip(&self.lines) {
            for &(event, acknowledged) in &line.events {
                let same = in_hand(&|task| matches!(task, Task::Deliver(m) if m.line == number && m.event == event));
                if same + usize::from(acknowledged) <= doubles {
                    let call = line.call.filter(|_| !bounds.nameless.contains(&event));
                    let begins = bounds.wishes == 0;
                    let before = count(same);
                    tasks.push(Task::Deliver(Message { line: number, event, call, begins, before }));
                }
            }
        }
        let any = bounds.flaw == Some(Flaw::ClaimsLeased);
        let claims_at = if any { self.now + STEP } else { self.now };
        if !self.shelf.claimable(Lane::Acts, claims_at).is_empty() {
            tasks.push(Task::Act);
        }
        if !self.shelf.claimable(Lane::News, claims_at).is_empty() {
            tasks.push(Task::Publish);
        }
        let due = if bounds.flaw == Some(Flaw::BlindSweep) { Vec::new() } else { self.shelf.due(self.now) };
        let left_behind = bounds.flaw != Some(Flaw::NoStranded) && !self.shelf.stranded().is_empty();
        let ticks = if bounds.sweep {
            Vec::from_iter((left_behind || !due.is_empty()).then_some(Task::Sweep))
        } else {
            due.into_iter().map(Task::Tick).collect()
        };
        tasks.extend(ticks.into_iter().filter(|tick| in_hand(&|task| task == tick) <= doubles));
        tasks
    }

    /// The ways in which a request may be answered.
    fn hows(&self, request: &Request) -> Vec<How> {
        let Trouble { silences, deferrals, cuts, echoes, renewals, .. } = self.left;
        let mut hows = vec![How::Well];
        if let Request::Sleep(until) = request {
            hows.retain(|_| *until <= self.now && renewals > 0);
        } else if let Request::Act(_, effect, _) = request {
            hows.extend([How::CutBefore, How::CutAfter].iter().filter(|_| silences > 0));
            hows.extend((deferrals > 0 && *effect == Effect::Dial).then_some(How::Deferred));
        } else if request.writes() {
            hows.extend([How::CutBefore, How::CutAfter].iter().filter(|_| cuts > 0));
            hows.extend((cuts > 0 && matches!(request, Request::Commit(_))).then_some(How::Repeated));
            hows.extend((echoes > 0 && postponed(request).is_some()).then_some(How::Echoed));
        }
        hows
    }

    /// Whether something waits for time to go on.
    fn waits(&self) -> bool {
        self.shelf.outbox.values().any(|row| row.visible > self.now)
            || self.shelf.calls.values().any(|call| call.next_deadline().is_some_and(|at| at > self.now))
    }

    /// Whether nobody has anything to do but who is free not to: people, and trouble. Then time goes on by itself.
    pub(crate) fn is_idle(&self, tasks: &[Task]) -> bool {
        let is_free = |task: &Task| match task {
            Task::Hangup(_) => true,
            Task::Deliver(message) => self.acknowledged(message.line, message.event),
            Task::Place { .. } | Task::Act | Task::Publish | Task::Tick(_) | Task::Sweep => false,
        };
        self.hands.is_empty() && tasks.iter().all(is_free)
    }

    fn acknowledged(&self, line: u8, event: Event) -> bool {
        self.lines[usize::from(line)].events.contains(&(event, true))
    }
}

/// The claim that a request puts off, if it does.
pub(crate) fn postponed(request: &Request) -> Option<(EffectId, u32, Timestamp)> {
    let Request::Settle(settlements) = request else { return None };
    settlements.iter().find_map(|settle| match settle.how {
        Settlement::Later(at) => Some((settle.id, settle.attempt, at)),
        Settlement::Done | Settlement::Held(_) => None,
    })
}
