//! Waiting: the leaves of every future in a run. Each is a place where another task may run first.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
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
        sleep(&self.sim, micros(duration)).await;
    }
}

/// Returns after `wait` microseconds; other tasks run first even if that is none.
pub(crate) fn sleep(sim: &Sim, wait: u64) -> Sleep {
    Sleep { sim: Arc::clone(sim), wait, until: None }
}

/// See [`sleep`].
pub(crate) struct Sleep {
    sim: Sim,
    wait: u64,
    until: Option<u64>,
}

impl Future for Sleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let mut world = self.sim.world();
        match self.until {
            Some(until) if world.now >= until => Poll::Ready(()),
            Some(_) => Poll::Pending,
            None => {
                let until = world.now + self.wait;
                if self.wait == 0 {
                    context.waker().wake_by_ref();
                } else {
                    let wait = self.wait;
                    world.after(wait, Event::Wake(context.waker().clone()));
                }
                drop(world);
                self.until = Some(until);
                Poll::Pending
            }
        }
    }
}
