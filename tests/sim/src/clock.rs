//! Waiting: the leaves of every future in a run. Each is a place where another task may run first.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use async_trait::async_trait;
use call_core::Timestamp;
use call_core::port::Clock;

use crate::time::{micros, shown};
use crate::world::{Event, Sim};

/// One server's clock: wrong by its skew, and it may jump.
pub(crate) struct ServerClock {
    pub(crate) sim: Sim,
    pub(crate) server: usize,
}

#[async_trait]
impl Clock for ServerClock {
    fn now(&self) -> Timestamp {
        let world = self.sim.world();
        shown(world.now, world.servers.all[self.server].skew)
    }

    fn random(&self) -> [u8; 10] {
        self.sim.world().dice.bytes()
    }

    async fn sleep(&self, duration: Duration) {
        pause(&self.sim, micros(duration)).await;
    }
}

/// Returns after `wait` microseconds; other tasks run first even if that is none.
pub(crate) fn sleep(sim: &Sim, wait: u64) -> Sleep<'_> {
    Sleep { sim, wait, until: None, alone: false }
}

/// As [`sleep`]; but if nothing would run or happen meanwhile, the task goes on at once, and time with it. Not for what is
/// raced with something else of the same task, which may not have begun to wait.
pub(crate) fn pause(sim: &Sim, wait: u64) -> Sleep<'_> {
    Sleep { alone: true, ..sleep(sim, wait) }
}

/// See [`sleep`].
pub(crate) struct Sleep<'a> {
    sim: &'a Sim,
    wait: u64,
    until: Option<u64>,
    alone: bool,
}

impl Future for Sleep<'_> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let mut world = self.sim.world();
        match self.until {
            Some(until) if world.now >= until => Poll::Ready(()),
            Some(_) => Poll::Pending,
            None if self.alone && world.passes(context.waker(), self.wait) => Poll::Ready(()),
            None => {
                let (wait, until) = (self.wait, world.now + self.wait);
                if wait == 0 {
                    context.waker().wake_by_ref();
                } else {
                    world.after(wait, Event::Wake(context.waker().clone()));
                }
                drop(world);
                self.until = Some(until);
                Poll::Pending
            }
        }
    }
}
