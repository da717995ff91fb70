//! Several servers on one store: nothing that they do at once is done twice, and what dies with one of them goes on
//! with another, even if their clocks are a minute apart.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use futures::future::{join, join_all};

use crate::port::{
    Answer, Answering, Clock, Inadmissible, Inbound, Job, Lane, Observation, Observer, Outbox, Parked, Provider,
    Settlement, Store, StoreError, Subscriber, Sweep, Switchboard,
};
use crate::{
    Call, CallId, Conduct, Effect, EffectId, Event, Input, Lookup, Plan, Policy, ProviderName, Signal, Timestamp,
};

use super::FreshStore;
use super::stage::{
    PROVIDER, accepted, answered, at, claim, dial, dial_subject, is_conflict, keep, leg, live, load, ms, settle, speak,
    step,
};

/// Two hands on one store, as two servers have them.
async fn two<F: FreshStore>() -> (F, [Arc<F::Store>; 2]) {
    let fresh = F::fresh().await;
    let stores = [fresh.store(), fresh.beside().await];
    (fresh, stores)
}

/// What one server has stored, the other one reads.
pub async fn what_one_server_stores_the_other_one_reads<F: FreshStore>() {
    let (_fresh, [one, two]) = two::<F>().await;
    for n in 0..10 {
        let name = leg(&format!("CA{n}"));
        let call = live(&*one, n, &name, at(0)).await;
        assert_eq!(load(&*two, call.id()).await, call);
        assert_eq!(two.find(&name).await.expect("a store answers"), Some(call.id()));
        let stepped = keep(&*two, step(&call, speak("hello"), at(1))).await;
        assert_eq!(load(&*one, call.id()).await, stepped);
        let stale = step(&call, speak("good day"), at(2));
        assert!(is_conflict(&one.commit(stale).await), "what was known before is not believed");
    }
}

/// Of steps that race on both servers, exactly one wins each round.
pub async fn of_steps_racing_on_two_servers_one_wins<F: FreshStore>() {
    let (_fresh, stores) = two::<F>().await;
    let mut call = live(&*stores[0], 1, &leg("CA1"), at(0)).await;
    for round in 0..12 {
        let steps: Vec<_> = (0..8).map(|n| step(&call, speak(format!("{round}-{n}")), at(round + 1))).collect();
        let racing = steps.into_iter().enumerate().map(|(n, commit)| stores[n % 2].commit(commit));
        let answers = join_all(racing).await;
        let lost = answers.iter().filter(|answer| is_conflict(answer)).count();
        assert_eq!((answers.iter().filter(|answer| answer.is_ok()).count(), lost), (1, 7), "{answers:?}");
        call = load(&*stores[1], call.id()).await;
    }
    let journal = stores[0].journal(call.id()).await.expect("a store answers");
    assert_eq!(journal.len(), 2 + 12, "losers leave nothing in the journal");
}

/// Births for one subject race on both servers: one call is open, and the others are told which.
pub async fn one_call_a_subject_however_many_servers<F: FreshStore>() {
    let (_fresh, stores) = two::<F>().await;
    for round in 0..8_u32 {
        let subject = format!("subject-{round}");
        let births: Vec<_> = (0..8).map(|n| dial_subject(round * 10 + n, &subject, at(0))).collect();
        let ids: Vec<CallId> = births.iter().map(|birth| birth.call.id()).collect();
        let answers = join_all(births.into_iter().enumerate().map(|(n, birth)| stores[n % 2].commit(birth))).await;
        let winners: Vec<CallId> = ids.iter().zip(&answers).filter(|(_, a)| a.is_ok()).map(|(id, _)| *id).collect();
        assert_eq!(winners.len(), 1, "{answers:?}");
        for answer in answers.iter().filter(|answer| answer.is_err()) {
            assert!(matches!(answer, Err(StoreError::SubjectBusy(open)) if *open == winners[0]), "{answer:?}");
        }
    }
}

/// A leg is bound on one server while its signals are parked on the other: none is lost, none is had twice.
pub async fn parking_on_one_server_and_binding_on_another_loses_nothing<F: FreshStore>() {
    let (_fresh, stores) = two::<F>().await;
    for round in 0..12_u32 {
        let name = leg(&format!("CA{round}"));
        let call = keep(&*stores[0], dial(round, at(0))).await;
        let bind = async {
            keep(&*stores[0], step(&call, accepted(&name), at(1))).await;
            stores[0].parked(&name).await.expect("a store answers")
        };
        let signals = [answered().on(name.clone())];
        let parks = (0..4).map(|_| stores[1].park(&name, &signals, at(1), at(900)));
        let (found, answers) = join(bind, join_all(parks)).await;
        let kept = answers.into_iter().filter(|a| matches!(a, Ok(Parked::Kept))).count();
        assert_eq!(found.len(), kept, "after the commit, what is kept is found");
    }
}

/// Two servers take the same messages from the mailbox to their call: each message gets there once, though it carries no
/// key by which its repetition would be known.
pub async fn two_servers_adopt_a_parked_signal_once<F: FreshStore>() {
    let (_fresh, stores) = two::<F>().await;
    let [one, two] = stores.clone().map(|store| Server::new(store, at(3)).switchboard);
    for round in 0..12_u32 {
        let name = leg(&format!("CA{round}"));
        let call = keep(&*stores[0], dial(round, at(0))).await;
        let digits: Vec<_> = (0..3).map(|n| Signal::new(crate::Fact::Digits(n.to_string()))).collect();
        stores[1].park(&name, &digits, at(1), at(900)).await.expect("a store answers");
        keep(&*stores[0], step(&call, accepted(&name), at(2))).await;
        let adopting = [&one, &two, &one, &two].map(|server| server.adopt(call.id(), &name));
        for adopted in join_all(adopting).await {
            adopted.expect("a store answers");
        }
        assert_eq!(stores[0].parked(&name).await.expect("a store answers"), []);
        let journal = stores[0].journal(call.id()).await.expect("a store answers");
        let is_key = |input: &Input| matches!(input, Input::Signal(Signal { fact: crate::Fact::Digits(_), .. }));
        assert_eq!(journal.iter().filter(|entry| is_key(&entry.input)).count(), digits.len(), "{journal:?}");
    }
}

/// Workers of two servers share what there is to do, each job once.
pub async fn two_servers_share_the_outbox_without_overlap<F: FreshStore>() {
    let (_fresh, stores) = two::<F>().await;
    for n in 0..40 {
        keep(&*stores[0], dial(n, at(0))).await;
    }
    let claims = (0..8).map(|n| stores[n % 2].claim(Lane::ALL[n / 2 % 2], at(1), ms(1000), 15));
    let mut jobs: Vec<Job> = join_all(claims).await.into_iter().flat_map(|a| a.expect("a store answers")).collect();
    jobs.extend(claim(&*stores[1], at(1), ms(1000)).await);
    let ids: BTreeSet<EffectId> = jobs.iter().map(|job| job.id).collect();
    assert_eq!((jobs.len(), ids.len()), (80, 80));
}

/// A server dies with its claims: another one has them when the leases end, knows that they may be done, and the dead
/// one's late word changes nothing.
pub async fn another_server_takes_over_when_the_lease_ends<F: FreshStore>() {
    let (_fresh, [dead, alive]) = two::<F>().await;
    keep(&*dead, dial(1, at(0))).await;
    let lost = claim(&*dead, at(1), ms(8000)).await;
    assert_eq!(lost.len(), 2);
    assert_eq!(claim(&*alive, at(8000), ms(8000)).await, []);
    let taken = claim(&*alive, at(8001), ms(8000)).await;
    assert!(taken.len() == 2 && taken.iter().all(Job::may_be_done), "{taken:?}");
    for job in &lost {
        settle(&*dead, job, Settlement::Done).await;
        settle(&*dead, job, Settlement::Held(at(100_000))).await;
    }
    assert_eq!(alive.counts(at(8001)).await.expect("a store answers").outbox, 2);
    for job in &taken {
        settle(&*alive, job, Settlement::Done).await;
    }
    assert_eq!(dead.counts(at(8001)).await.expect("a store answers").outbox, 0);
}

/// Two sweepers find the same deadlines at the same moment; each deadline is acted on once.
pub async fn two_sweepers_act_once_on_each_deadline<F: FreshStore>() {
    let (_fresh, stores) = two::<F>().await;
    let mut calls = Vec::new();
    for n in 0..20 {
        calls.push(keep(&*stores[0], dial(n, at(0))).await.id());
    }
    let now = at(0) + Policy::default().dial_answer;
    let reader = stores[0].clone();
    let [one, other] = stores.map(|store| Server::new(store, now));
    let (one, other) = join(one.sweep.sweep(100, false), other.sweep.sweep(100, false)).await;
    let (one, other) = (one.expect("a store answers"), other.expect("a store answers"));
    assert_eq!(one.calls.len() + other.calls.len(), 20, "{one:?} {other:?}");
    for id in calls {
        let journal = reader.journal(id).await.expect("a store answers");
        let acted = journal.iter().filter(|entry| matches!(entry.input, Input::Tick) && entry.ignored.is_none());
        assert_eq!(acted.count(), 1, "{journal:?}");
    }
}

/// One server's clock is a minute ahead, so that it believes all leases of the other one to be over. Nobody is dialled
/// twice for it, and no wish is lost: whoever finds a dial that may be done asks about it.
pub async fn servers_a_minute_apart_dial_nobody_twice<F: FreshStore>() {
    let (_fresh, stores) = two::<F>().await;
    let phones = Arc::new(Phones::default());
    let [first, second] = stores;
    let reader = first.clone();
    let behind = Server::with(first, at(1000), &phones);
    let ahead = Server::with(second, at(61_000), &phones);
    let mut calls = Vec::new();
    for n in 0..24 {
        let server = if n % 2 == 0 { &behind } else { &ahead };
        let plan = Plan::new(PROVIDER, "+15550100", "+15550199").about(format!("subject-{n}"));
        let placed = server.switchboard.place(plan, Policy::default(), None).await.expect("nothing stands against it");
        calls.push(placed.call.id());
    }
    for _ in 0..30 {
        let (one, other) = join(behind.outbox.round(5), ahead.outbox.round(5)).await;
        one.expect("a store answers");
        other.expect("a store answers");
    }
    let rung = phones.rung();
    for id in calls {
        assert!(rung.get(&id).is_none_or(|times| *times == 1), "{id} was dialled {:?} times", rung.get(&id));
        let journal = reader.journal(id).await.expect("a store answers");
        let heard = journal.iter().any(|entry| matches!(&entry.input, Input::Signal(signal) if is_dial_answer(signal)));
        assert!(heard, "{id} never learnt what became of its dial: {journal:?}");
    }
}

const fn is_dial_answer(signal: &Signal) -> bool {
    matches!(signal.fact, crate::Fact::Dialed(_))
}

/// The loops of one server.
struct Server {
    switchboard: Switchboard,
    outbox: Outbox,
    sweep: Sweep,
}

impl Server {
    fn new(store: Arc<impl Store>, now: Timestamp) -> Self {
        Self::with(store, now, &Arc::default())
    }

    fn with(store: Arc<impl Store>, now: Timestamp, phones: &Arc<Phones>) -> Self {
        let store: Arc<dyn Store> = store;
        let clock: Arc<dyn Clock> = Arc::new(Stopped { now, drawn: Mutex::default() });
        let world = Arc::new(World);
        let (lookup, keep) = (Lookup::default(), ms(60_000));
        let switchboard = Switchboard::new(store.clone(), clock.clone(), world.clone(), world.clone(), lookup, keep);
        let providers = BTreeMap::from([(PROVIDER, phones.clone() as Arc<dyn Provider>)]);
        let lease = ms(8000);
        let outbox =
            Outbox::new(store.clone(), clock.clone(), world.clone(), switchboard.clone(), providers, world, lease);
        let sweep = Sweep::new(store, clock, switchboard.clone());
        Self { switchboard, outbox, sweep }
    }
}

/// A clock that stands still: whoever sleeps by it sleeps for ever.
struct Stopped {
    now: Timestamp,
    drawn: Mutex<u64>,
}

#[async_trait]
impl Clock for Stopped {
    fn now(&self) -> Timestamp {
        self.now
    }

    fn random(&self) -> [u8; 10] {
        let mut drawn = self.drawn.lock().unwrap_or_else(PoisonError::into_inner);
        *drawn += 1;
        let mut random = [0; 10];
        random[2..].copy_from_slice(&drawn.to_be_bytes());
        random
    }

    async fn sleep(&self, _: Duration) {
        std::future::pending().await
    }
}

/// Everybody else: watches nothing, tells nobody.
struct World;

impl Observer for World {
    fn observe(&self, _: Observation<'_>) {}
}

impl Answering for World {
    fn answer(&self, provider: &ProviderName, inbound: &Inbound) -> (Plan, Policy) {
        (inbound.plan(provider.clone()), Policy::default())
    }
}

#[async_trait]
impl Subscriber for World {
    async fn tell(&self, _: &EffectId, _: &Event) {}
}

/// A provider that counts how often each call made a phone ring.
#[derive(Default)]
struct Phones(Mutex<BTreeMap<CallId, u32>>);

impl Phones {
    fn rung(&self) -> BTreeMap<CallId, u32> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

#[async_trait]
impl Provider for Phones {
    fn name(&self) -> ProviderName {
        PROVIDER
    }

    fn admit(&self, plan: &Plan) -> Result<Conduct, Inadmissible> {
        Ok(plan.conduct)
    }

    async fn perform(&self, call: &Call, _: &EffectId, effect: &Effect) -> Answer {
        if !matches!(effect, Effect::Dial) {
            return Answer::Done(Vec::new());
        }
        *self.0.lock().unwrap_or_else(PoisonError::into_inner).entry(call.id()).or_default() += 1;
        Answer::Done(vec![accepted(&leg(&format!("leg-{}", call.id())))])
    }
}
