//! A queue before a few hands. A lone request goes straight through; what queued while all hands were busy is taken by
//! the next free one at once. A hand never waits for new requests while it has any.

use std::collections::VecDeque;
use std::fmt;
use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::runtime::Handle;
use tokio::sync::Notify;

use crate::error::Refused;

/// How many requests may wait. More would only wait in vain; refused at once, a webhook is sent again.
const CROWD: usize = 16_384;

/// Who serves.
pub(crate) trait Hand: Send + 'static {
    /// What is asked.
    type Request: fmt::Debug + Send + 'static;

    /// How many requests may be served at once. More would make the first one wait for the last one.
    const MOST: usize;

    /// Serves, and gives back the requests that had better wait for the next turn. At least one must be served.
    fn serve(&mut self, requests: Vec<Self::Request>) -> impl Future<Output = Vec<Self::Request>> + Send;

    /// Lays down the work for good.
    fn leave(self) -> impl Future<Output = ()> + Send;
}

/// Where requests are put.
#[derive(Debug)]
pub(crate) struct Desk<H: Hand> {
    room: Arc<Room<H>>,
    runtime: Handle,
}

#[derive(Debug)]
struct Room<H: Hand> {
    state: Mutex<State<H>>,
    /// Told whenever a hand is free again.
    rested: Notify,
}

#[derive(Debug)]
struct State<H: Hand> {
    free: Vec<H>,
    busy: usize,
    /// Empty while a hand is free.
    queue: VecDeque<H::Request>,
    closed: bool,
}

impl<H: Hand> Desk<H> {
    /// Must be called within a Tokio runtime, which then runs the hands.
    pub(crate) fn new(hands: Vec<H>) -> Self {
        let state = State { free: hands, busy: 0, queue: VecDeque::new(), closed: false };
        Self { room: Arc::new(Room { state: Mutex::new(state), rested: Notify::new() }), runtime: Handle::current() }
    }

    /// Puts a request. Its answer comes by the way that it brought along; if that is dropped, there will be none.
    pub(crate) fn put(&self, request: H::Request) -> Result<(), Refused> {
        let mut state = self.room.lock();
        if state.closed {
            return Err(Refused::Closed);
        }
        if let Some(hand) = state.free.pop() {
            state.busy += 1;
            drop(state);
            let turn = Turn { room: Arc::clone(&self.room), hand: Some(hand) };
            // A task of its own, so that nobody who stops waiting stops the hand. It begins on this very thread as soon
            // as the one who asks waits.
            self.runtime.spawn(turn.work(request));
        } else if state.queue.len() < CROWD {
            state.queue.push_back(request);
        } else {
            return Err(Refused::Crowded);
        }
        Ok(())
    }

    /// Takes no more requests, and returns when those accepted are served and the hands have left.
    pub(crate) async fn close(&self) {
        loop {
            let rested = self.room.rested.notified();
            let hands = {
                let mut state = self.room.lock();
                state.closed = true;
                (state.busy == 0).then(|| std::mem::take(&mut state.free))
            };
            match hands {
                Some(hands) => {
                    for hand in hands {
                        hand.leave().await;
                    }
                    return;
                }
                None => rested.await,
            }
        }
    }
}

impl<H: Hand> Room<H> {
    fn lock(&self) -> MutexGuard<'_, State<H>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A hand at work. However the work ends, the hand is free afterwards.
struct Turn<H: Hand> {
    room: Arc<Room<H>>,
    hand: Option<H>,
}

impl<H: Hand> Turn<H> {
    async fn work(mut self, first: H::Request) {
        let mut requests = vec![first];
        while let Some(hand) = &mut self.hand {
            requests = hand.serve(requests).await;
            let mut state = self.room.lock();
            let more = H::MOST.saturating_sub(requests.len()).min(state.queue.len());
            requests.extend(state.queue.drain(..more));
            if requests.is_empty() {
                // In one breath with the look at the queue: no request is left between two turns.
                state.free.extend(self.hand.take());
                state.busy -= 1;
            }
        }
        self.room.rested.notify_waiters();
    }
}

impl<H: Hand> Drop for Turn<H> {
    /// Something panicked, or the runtime ends: who waits learns that there will be no answer.
    fn drop(&mut self) {
        if let Some(hand) = self.hand.take() {
            let mut state = self.room.lock();
            state.free.push(hand);
            state.busy -= 1;
            state.queue.clear();
            drop(state);
            self.room.rested.notify_waiters();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::sync::{mpsc, oneshot};
    use tokio::time::timeout;

    use super::*;

    /// Serves when it is told to, odd numbers first: even ones wait for the next turn.
    struct Slow {
        turns: mpsc::UnboundedReceiver<()>,
        served: mpsc::UnboundedSender<Vec<u32>>,
    }

    type Asked = (u32, oneshot::Sender<u32>);

    impl Hand for Slow {
        type Request = Asked;

        const MOST: usize = 4;

        async fn serve(&mut self, requests: Vec<Asked>) -> Vec<Asked> {
            let _ = self.turns.recv().await;
            let (now, later): (Vec<_>, Vec<_>) = requests.into_iter().partition(|(n, _)| n % 2 == 1);
            let (now, later) = if now.is_empty() { (later, now) } else { (now, later) };
            assert!(now.iter().all(|(n, _)| *n != 13), "thirteen is bad luck");
            self.served.send(now.iter().map(|(n, _)| *n).collect()).unwrap();
            for (n, answer) in now {
                let _ = answer.send(n);
            }
            later
        }

        async fn leave(self) {}
    }

    fn desk() -> (Desk<Slow>, mpsc::UnboundedSender<()>, mpsc::UnboundedReceiver<Vec<u32>>) {
        let ((turn, turns), (served, seen)) = (mpsc::unbounded_channel(), mpsc::unbounded_channel());
        (Desk::new(vec![Slow { turns, served }]), turn, seen)
    }

    fn ask(desk: &Desk<Slow>, n: u32) -> oneshot::Receiver<u32> {
        let (answer, heard) = oneshot::channel();
        desk.put((n, answer)).unwrap();
        heard
    }

    async fn soon<T>(what: impl Future<Output = T>) -> T {
        timeout(Duration::from_secs(10), what).await.expect("nobody waits for ever")
    }

    #[tokio::test]
    async fn what_queued_is_taken_at_once_and_what_waits_is_never_forgotten() {
        let (desk, turn, mut seen) = desk();
        let asked: Vec<_> = [1, 2, 3, 4, 5, 6].into_iter().map(|n| ask(&desk, n)).collect();
        for _ in 0..4 {
            turn.send(()).unwrap();
        }
        for (n, answer) in (1..).zip(asked) {
            assert_eq!(soon(answer).await, Ok(n), "also without new requests");
        }
        let mut turns = Vec::new();
        while let Ok(served) = seen.try_recv() {
            turns.push(served);
        }
        assert_eq!(turns, [vec![1], vec![3, 5], vec![2, 4, 6]]);
    }

    #[tokio::test]
    async fn closing_serves_what_was_accepted_and_nothing_else() {
        let (desk, turn, _seen) = desk();
        let asked: Vec<_> = [1, 3].into_iter().map(|n| ask(&desk, n)).collect();
        let (answer, _) = oneshot::channel();
        let ((), ()) = soon(futures::future::join(desk.close(), async {
            tokio::task::yield_now().await;
            assert!(matches!(desk.put((5, answer)), Err(Refused::Closed)));
            turn.send(()).unwrap();
            turn.send(()).unwrap();
        }))
        .await;
        for answer in asked {
            assert!(soon(answer).await.is_ok());
        }
        soon(desk.close()).await;
    }

    #[tokio::test]
    async fn a_hand_that_fails_leaves_nobody_waiting() {
        let (desk, turn, _seen) = desk();
        let asked: Vec<_> = [13, 1].into_iter().map(|n| ask(&desk, n)).collect();
        turn.send(()).unwrap();
        for answer in asked {
            assert!(soon(answer).await.is_err(), "an answer that never comes is known to be none");
        }
        let next = ask(&desk, 3);
        turn.send(()).unwrap();
        assert_eq!(soon(next).await, Ok(3), "and the next one is served");
    }
}
