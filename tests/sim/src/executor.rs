//! A tiny executor: tasks are boxed futures, the next ready one is chosen by the dice, and time moves when none is ready.

use std::cell::{Cell, RefCell};
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use fragile::Fragile;

use crate::dice::Dice;
use crate::run::STEPS;
use crate::world::{Event, Sim};

pub(crate) type Job = Pin<Box<dyn Future<Output = ()> + Send>>;

/// All tasks of all servers.
pub(crate) struct Executor {
    sim: Sim,
    tasks: Vec<Option<Task>>,
    free: Vec<usize>,
    /// How many there were.
    count: u64,
    ready: Arc<Ready>,
    /// Room for what begins, and for what happens, at one moment.
    born: Vec<(usize, Job)>,
    happening: Vec<Event>,
}

struct Task {
    server: usize,
    job: Job,
    alarm: Arc<Alarm>,
    waker: Waker,
}

/// Wakes one task. The number tells a task from an earlier one in the same place.
struct Alarm {
    place: usize,
    number: u64,
    rung: AtomicBool,
    ready: Arc<Ready>,
}

impl Wake for Alarm {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        // One thread: nobody comes between.
        if !self.rung.load(Ordering::Relaxed) {
            self.rung.store(true, Ordering::Relaxed);
            self.ready.0.get().next.borrow_mut().push((self.place, self.number));
        }
    }
}

/// The tasks that can go on.
#[derive(Default)]
pub(crate) struct Ready(Fragile<Going>);

#[derive(Default)]
struct Going {
    /// By place and number.
    next: RefCell<Vec<(usize, u64)>>,
    /// Where the waker of the task lies that is polled.
    polled: Cell<usize>,
}

impl Ready {
    /// Whether only the task that is polled can go on, and whoever asks is all of it: not one of several futures that it
    /// polls side by side, each with a waker of its own.
    pub(crate) fn none_but(&self, asks: &Waker) -> bool {
        let Going { next, polled } = self.0.get();
        polled.get() == asks.data().addr() && next.borrow().is_empty()
    }
}

impl Executor {
    pub(crate) fn new(sim: Sim) -> Self {
        let ready = Arc::clone(&sim.world().ready);
        Self { sim, tasks: Vec::new(), free: Vec::new(), count: 0, ready, born: Vec::new(), happening: Vec::new() }
    }

    /// Runs until nothing can happen any more, something broke, or the limits are reached.
    pub(crate) fn run(&mut self) {
        loop {
            let mut world = self.sim.world();
            if world.steps >= STEPS {
                return;
            }
            if world.has_news() {
                let (crashed, broken) = world.news(&mut self.born);
                drop(world);
                self.take_up();
                if let Some(server) = crashed {
                    self.kill(server);
                }
                if broken {
                    return;
                }
                continue;
            }
            if let Some(place) = self.choose(&mut world.dice) {
                world.steps += 1;
                drop(world);
                self.poll(place);
            } else if world.advance(&mut self.happening) {
                drop(world);
                self.happening.drain(..).for_each(|event| self.sim.happen(event));
            } else {
                return;
            }
        }
    }

    fn choose(&self, dice: &mut Dice) -> Option<usize> {
        let mut ready = self.ready.0.get().next.borrow_mut();
        loop {
            let which = match ready.len() {
                0 => return None,
                1 => 0,
                n => usize::try_from(dice.below(n as u64)).unwrap_or(0),
            };
            let (place, number) = ready.swap_remove(which);
            let task = self.tasks.get(place).and_then(Option::as_ref);
            if task.is_some_and(|task| task.alarm.number == number) {
                return Some(place);
            }
        }
    }

    fn poll(&mut self, place: usize) {
        let Some(task) = self.tasks.get_mut(place).and_then(Option::as_mut) else { return };
        task.alarm.rung.store(false, Ordering::Relaxed);
        self.ready.0.get().polled.set(task.waker.data().addr());
        let polled = catch_unwind(AssertUnwindSafe(|| task.job.as_mut().poll(&mut Context::from_waker(&task.waker))));
        match polled {
            Ok(Poll::Pending) => return,
            Ok(Poll::Ready(())) => {}
            Err(panic) => {
                let text = panic.downcast_ref::<String>().map(String::as_str);
                let text = text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("(no words)");
                self.sim.world().breaks("panics", format!("a task panicked: {text}"));
            }
        }
        self.tasks[place] = None;
        self.free.push(place);
    }

    /// A process dies: whatever it was doing is gone, at whatever await it was.
    fn kill(&mut self, server: usize) {
        for (place, slot) in self.tasks.iter_mut().enumerate() {
            if slot.as_ref().is_some_and(|task| task.server == server) {
                // Dropped one by one: what hangs on a connection hears that it broke.
                drop(slot.take());
                self.free.push(place);
            }
        }
    }

    /// Makes tasks of what was spawned meanwhile.
    fn take_up(&mut self) {
        for (server, job) in self.born.drain(..) {
            let place = self.free.pop().unwrap_or_else(|| {
                self.tasks.push(None);
                self.tasks.len() - 1
            });
            self.count += 1;
            let ready = Arc::clone(&self.ready);
            let alarm = Arc::new(Alarm { place, number: self.count, rung: AtomicBool::new(false), ready });
            alarm.wake_by_ref();
            let waker = Waker::from(Arc::clone(&alarm));
            self.tasks[place] = Some(Task { server, job, alarm, waker });
        }
    }

    /// Drops every task, so that nothing holds on to the world.
    pub(crate) fn clear(&mut self) {
        for slot in &mut self.tasks {
            drop(slot.take());
        }
    }
}
