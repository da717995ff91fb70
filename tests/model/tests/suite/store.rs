//! The shelf answers as the production memory store does, which the store laws bind to SQLite, PostgreSQL and MongoDB:
//! long random lives are lived on both at once.

use std::pin::pin;
use std::task::{Context, Poll, Waker};

use call_core::port::{Commit, Job, Parked, Store, StoreError};
use call_core::testkit::MemoryStore;
use call_core::{Timestamp, journal::fold};
use model::{Action, Bounds, Event, Refusal, Reply, Request, Trouble, World};

/// A memory store never waits.
fn now<T>(asked: impl Future<Output = T>) -> T {
    match pin!(asked).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(answer) => answer,
        Poll::Pending => panic!("the memory store waits"),
    }
}

fn commit(store: &MemoryStore, commit: &Commit) -> Result<(), Refusal> {
    now(store.commit(commit.clone())).map_err(|error| match error {
        StoreError::Conflict => Refusal::Conflict,
        StoreError::SubjectBusy(open) => Refusal::SubjectBusy(open),
        StoreError::LegTaken(by) => Refusal::LegTaken(by),
        StoreError::KeyTaken(by) => Refusal::KeyTaken(by),
        broken @ (StoreError::Unavailable(_) | StoreError::Broken(_) | StoreError::Unreadable(_) | _) => {
            panic!("{broken}")
        }
    })
}

fn ask(store: &MemoryStore, request: &Request, at: Timestamp) -> Reply {
    match request {
        Request::Load(id) => Reply::Call(now(store.load(*id)).unwrap().map(Into::into)),
        Request::Find(leg) => Reply::Found(now(store.find(leg)).unwrap()),
        Request::FindKey(key) => Reply::Found(now(store.find_key(key)).unwrap().map(|(call, _)| call)),
        Request::Commit(unit) => Reply::Committed(commit(store, &unit.0)),
        Request::Due(at) => Reply::Due(now(store.due(*at, 1)).unwrap()),
        Request::Park(leg, signals, until) => Reply::Parked(match now(store.park(leg, signals, at, *until)).unwrap() {
            Parked::Kept => None,
            Parked::Bound(call) => Some(call),
        }),
        Request::Parked(leg) => {
            let mail = now(store.parked(leg)).unwrap();
            Reply::Mail(mail.into_iter().map(|parked| (parked.id, parked.signal.into())).collect())
        }
        Request::Stranded => Reply::Stranded(now(store.stranded(1)).unwrap()),
        Request::Expire(at) => {
            now(store.expire(*at)).unwrap();
            Reply::Expired
        }
        Request::Claim(lane, at, lease) => {
            let mut jobs: Vec<Job> = now(store.claim(*lane, *at, *lease - *at, 1)).unwrap();
            Reply::Claimed(jobs.pop().map(Into::into))
        }
        Request::Settle(settlements) => {
            now(store.settle(settlements)).unwrap();
            Reply::Settled
        }
        Request::Act(..) | Request::Tell(_) | Request::Sleep(_) => unreachable!("not for a store"),
    }
}

/// Which of the things that can happen does, drawn from a seed (the generator of Numerical Recipes).
struct Dice(u64);

impl Dice {
    fn pick(&mut self, among: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from((self.0 >> 33) % among as u64).unwrap()
    }
}

/// One life. Says how many requests were compared.
fn live(seed: u64, bounds: &Bounds) -> usize {
    let (mut world, store, mut dice) = (World::new(bounds), MemoryStore::new(), Dice(seed));
    let mut compared = 0;
    loop {
        let mut actions: Vec<Action> = Vec::new();
        world.actions(bounds, &mut actions);
        if actions.is_empty() {
            break;
        }
        let (next, said) = world.after(&actions[dice.pick(actions.len())], bounds);
        for (request, reply) in said {
            assert_eq!(ask(&store, &request, world.now), reply, "seed {seed}: {request:#?}");
            compared += 1;
        }
        world = next;
    }
    for (id, call) in &world.shelf.calls {
        let kept = now(store.load(*id)).unwrap().unwrap();
        let lived = fold(kept.birth(), &now(store.journal(*id)).unwrap()).unwrap();
        assert_eq!((&kept, &kept), (&**call, &lived), "seed {seed}: the journal tells the call's life");
    }
    let left = now(store.counts(world.now)).unwrap();
    assert_eq!((left.outbox, left.parked), (0, world.shelf.mail.len() as u64), "seed {seed}");
    compared
}

#[test]
fn the_shelf_answers_as_the_memory_store_does() {
    const ALL: &[Event] = &[Event::Ringing, Event::Answered, Event::Ended];
    let trouble =
        Trouble { crashes: 2, cuts: 2, silences: 2, deferrals: 2, delays: 3, renewals: 2, doubles: 3, echoes: 2 };
    // The memory store keeps news too, so they must be told.
    let ours = Bounds {
        hands: 4,
        wishes: 3,
        one_subject: true,
        hangup: true,
        webhooks: ALL,
        news: true,
        trouble,
        ..Bounds::default()
    };
    let nameless = Bounds { nameless: &[Event::Ringing, Event::Answered], sweep: true, ..ours };
    let theirs = Bounds { wishes: 0, ..nameless };
    for bounds in [ours, nameless, theirs] {
        let compared: usize = (0..1_000).map(|seed| live(seed, &bounds)).sum();
        println!("1000 lives, {compared} answers alike");
    }
}
