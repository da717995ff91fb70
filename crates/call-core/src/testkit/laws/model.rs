//! One random history on the store under test and on the reference store: both must tell the same, always.

use std::collections::BTreeMap;
use std::time::Duration;

use super::FreshStore;
use super::dice::Dice;
use super::stage::*;
use crate::port::{
    Commit, Counts, Filter, IdempotencyKey, Job, Lane, Page, Parked, ParkedSignal, Settlement, Store, StoreError,
};
use crate::testkit::MemoryStore;
use crate::{Call, CallId, Command, Disposition, Effect, EffectId, Input, Leg, PhaseName, Subject, Timestamp};

/// Thousands of random operations, refused ones and stale ones among them; every answer and every read is compared.
pub async fn any_history_reads_as_in_the_reference_store<F: FreshStore>() {
    for seed in 1..=3 {
        let (_fresh, store) = fresh::<F>().await;
        let mut history = History::new(seed, &*store);
        for _ in 0..250 {
            history.step().await;
        }
        history.compare_all().await;
        history.was_worth_it();
    }
}

struct History<'s, S> {
    store: &'s S,
    oracle: MemoryStore,
    dice: Dice,
    now: Timestamp,
    calls: Vec<CallId>,
    legs: Vec<Leg>,
    jobs: Vec<Job>,
    /// The oracle's names of parked signals, with the store's.
    parked: BTreeMap<i64, i64>,
    /// How often each kind of answer came.
    answers: BTreeMap<&'static str, u32>,
}

impl<'s, S: Store> History<'s, S> {
    fn new(seed: u64, store: &'s S) -> Self {
        Self {
            store,
            oracle: MemoryStore::new(),
            dice: Dice::new(seed),
            now: at(0),
            calls: Vec::new(),
            legs: (0..4).map(|n| leg(&format!("stray-{n}"))).collect(),
            jobs: Vec::new(),
            parked: BTreeMap::new(),
            answers: BTreeMap::new(),
        }
    }

    async fn step(&mut self) {
        // Strictly later, so that orders by time have no ties that stores may break as they like.
        self.now = self.now + ms(1 + self.dice.below(4000));
        match self.dice.below(20) {
            0..=3 => self.birth().await,
            4..=10 => self.inputs().await,
            11 | 12 => self.park().await,
            13 | 14 => self.claim().await,
            15..=17 => self.settle().await,
            18 => self.expire().await,
            _ => self.compare_reads().await,
        }
    }

    async fn birth(&mut self) {
        let subject = self.dice.chance(60).then(|| Subject(format!("subject-{}", self.dice.below(5))));
        let plan = crate::Plan { subject, ..plan() };
        // Sometimes a name that is taken.
        let n = if self.dice.chance(95) { self.calls.len() as u32 } else { self.dice.below(5) as u32 };
        let id = id(at(0), n);
        let birth = if self.dice.chance(60) {
            Call::dial(id, plan, crate::Policy::default(), self.now)
        } else {
            let leg = if self.dice.chance(50) { self.dice.pick(&self.legs).clone() } else { leg(&format!("{id}/0")) };
            Call::ring(id, leg, plan, crate::Policy::default(), self.now)
        };
        let mut commit = Commit::birth(birth);
        if self.dice.chance(30) {
            let key = format!("key-{}", self.dice.below(12));
            commit.key = Some(IdempotencyKey { key, digest: self.dice.below(3).to_string() });
        }
        if self.commit(commit).await.is_ok() {
            self.calls.push(id);
            self.legs.extend((0..2).map(|part| leg(&format!("{id}/{part}"))));
        }
    }

    /// One to three inputs on a call as it is, or (seldom) as it was.
    async fn inputs(&mut self) {
        if self.calls.is_empty() {
            return;
        }
        let id = *self.dice.pick(&self.calls);
        let Some(call) = self.oracle.load(id).await.expect("memory answers") else { return };
        let stale = self.dice.chance(15);
        let mut commit = Commit::on(call.clone());
        for _ in 0..=self.dice.below(3) {
            let due = commit.call.next_deadline().filter(|_| self.dice.chance(10));
            self.now = self.now.max(due.unwrap_or(self.now));
            let input = if due.is_some() { Input::Tick } else { self.dice.input(&commit.call, self.now) };
            commit.handle(input, self.now);
        }
        if self.dice.chance(30) && !self.jobs.is_empty() {
            commit.settles = Some(settlement(self.dice.pick(&self.jobs), Settlement::Done));
        }
        for leg in commit.legs().cloned().collect::<Vec<_>>() {
            let parked = self.oracle.parked(&leg).await.expect("memory answers");
            commit.adopts.extend(parked.iter().map(|parked| parked.id));
        }
        if stale {
            let mut rival = Commit::on(call);
            rival.handle(Command::Reconcile.into(), self.now);
            self.now = self.now + ms(1);
            let _ = self.commit(rival).await;
        }
        let _ = self.commit(commit).await;
    }

    /// The same commit on both, but for the names of parked signals, which each store chooses itself.
    async fn commit(&mut self, commit: Commit) -> Result<(), StoreError> {
        let adopts = commit.adopts.iter().filter_map(|id| self.parked.get(id).copied()).collect();
        let answer = self.oracle.commit(commit.clone()).await;
        let other = self.store.commit(Commit { adopts, ..commit }).await;
        assert_eq!(told(&other), told(&answer));
        *self.answers.entry(told(&answer).0).or_default() += 1;
        answer
    }

    async fn park(&mut self) {
        let leg = self.dice.pick(&self.legs).clone();
        let signals: Vec<_> = (0..=self.dice.below(2)).map(|n| answered().on(leg.clone()).ordered(n)).collect();
        let until = self.now + ms(self.dice.below(200_000));
        let expected = self.oracle.park(&leg, &signals, self.now, until).await.expect("memory answers");
        let parked = self.store.park(&leg, &signals, self.now, until).await.expect("a store answers");
        assert_eq!(parked, expected);
        let kind = if parked == Parked::Kept { "kept" } else { "bound" };
        *self.answers.entry(kind).or_default() += 1;
        self.learn_names(&leg).await;
    }

    async fn learn_names(&mut self, leg: &Leg) {
        let expected = self.oracle.parked(leg).await.expect("memory answers");
        let parked = self.store.parked(leg).await.expect("a store answers");
        self.parked.extend(expected.iter().zip(&parked).map(|(ours, theirs)| (ours.id, theirs.id)));
        assert_eq!(anonymous(parked), anonymous(expected));
    }

    async fn claim(&mut self) {
        let lease = Duration::from_millis(self.dice.below(60_000));
        let by_name = |mut jobs: Vec<Job>| {
            jobs.sort_by_key(|job| job.id);
            jobs
        };
        for lane in Lane::ALL {
            let expected = by_name(self.oracle.claim(lane, self.now, lease, 10_000).await.expect("memory answers"));
            let jobs = by_name(self.store.claim(lane, self.now, lease, 10_000).await.expect("a store answers"));
            assert_eq!(jobs, expected);
            *self.answers.entry("claimed").or_default() += jobs.len() as u32;
            self.jobs.extend(jobs);
        }
    }

    /// Settles some of the claims ever made: lapsed, repeated and settled ones among them.
    async fn settle(&mut self) {
        if self.jobs.is_empty() {
            return;
        }
        let mut settlements = Vec::new();
        for _ in 0..=self.dice.below(6) {
            let how = match self.dice.below(4) {
                0 => Settlement::Later(self.now + ms(self.dice.below(60_000))),
                1 => Settlement::Held(self.now + ms(self.dice.below(60_000))),
                _ => Settlement::Done,
            };
            settlements.push(settlement(self.dice.pick(&self.jobs), how));
        }
        self.oracle.settle(&settlements).await.expect("memory answers");
        self.store.settle(&settlements).await.expect("a store answers");
    }

    async fn expire(&mut self) {
        let expected = self.oracle.expire(self.now).await.expect("memory answers");
        let expired = self.store.expire(self.now).await.expect("a store answers");
        assert_eq!(expired, expected);
        *self.answers.entry("expired").or_default() += expired as u32;
    }

    async fn compare_reads(&mut self) {
        for now in [self.now, at(1_000_000_000_000)] {
            let (due, expected) = (self.store.due(now, 1000).await, self.oracle.due(now, 1000).await);
            let (due, expected) = (due.expect("a store answers"), expected.expect("memory answers"));
            assert_eq!(self.by_deadline(&due).await, self.by_deadline(&expected).await);
            let counts = counted(self.store.counts(now).await.expect("a store answers"));
            assert_eq!(counts, counted(self.oracle.counts(now).await.expect("memory answers")));
        }
        let (stranded, expected) = (self.store.stranded(1000).await, self.oracle.stranded(1000).await);
        assert_eq!(stranded.expect("a store answers"), expected.expect("memory answers"));
        let (mailbox, expected) = (self.store.mailbox(1000).await, self.oracle.mailbox(1000).await);
        assert_eq!(anonymous(mailbox.expect("a store answers")), anonymous(expected.expect("memory answers")));

        let filter = Filter {
            phases: PhaseName::ALL.into_iter().filter(|_| self.dice.chance(30)).collect(),
            disposition: self.dice.chance(20).then(|| *self.dice.pick(&Disposition::ALL)),
            subject: self.dice.chance(20).then(|| Subject(format!("subject-{}", self.dice.below(5)))),
            open_before: self.dice.chance(20).then(|| at(self.dice.below(500_000) as i64)),
        };
        let before = (self.dice.chance(30) && !self.calls.is_empty()).then(|| *self.dice.pick(&self.calls));
        let page = Page { before, limit: self.dice.below(20) as usize };
        let (calls, expected) = (self.store.list(&filter, &page).await, self.oracle.list(&filter, &page).await);
        assert_eq!(calls.expect("a store answers"), expected.expect("memory answers"), "{filter:?} {page:?}");
    }

    async fn compare_all(&mut self) {
        self.compare_reads().await;
        for id in &self.calls {
            let (call, expected) = (self.store.load(*id).await, self.oracle.load(*id).await);
            assert_eq!(call.expect("a store answers"), expected.expect("memory answers"));
            let (journal, expected) = (self.store.journal(*id).await, self.oracle.journal(*id).await);
            assert_eq!(journal.expect("a store answers"), expected.expect("memory answers"));
        }
        for leg in &self.legs {
            let (found, expected) = (self.store.find(leg).await, self.oracle.find(leg).await);
            assert_eq!(found.expect("a store answers"), expected.expect("memory answers"));
        }
        for n in 0..12 {
            let key = format!("key-{n}");
            let (found, expected) = (self.store.find_key(&key).await, self.oracle.find_key(&key).await);
            assert_eq!(found.expect("a store answers"), expected.expect("memory answers"));
        }
        // Whatever the claims were: in the end the same effects are left.
        self.now = at(1_000_000_000_000);
        self.claim().await;
        let left: Vec<(EffectId, Effect)> = self.jobs.iter().map(|job| (job.id, job.effect.clone())).collect();
        assert!(!left.is_empty());
    }

    /// Deadlines beside ids: calls that are due at one moment may come in any order.
    async fn by_deadline(&self, ids: &[CallId]) -> Vec<(Option<Timestamp>, CallId)> {
        let mut due = Vec::new();
        for id in ids {
            let call = self.oracle.load(*id).await.expect("memory answers").expect("what is due is stored");
            due.push((call.next_deadline(), *id));
        }
        assert!(due.is_sorted_by_key(|(at, _)| *at), "earliest first");
        due.sort_unstable();
        due
    }

    fn was_worth_it(&self) {
        let kinds = ["stored", "conflict", "subject", "leg", "kept", "bound", "claimed"];
        for kind in kinds {
            assert!(self.answers.contains_key(kind), "the history never saw `{kind}`: {:?}", self.answers);
        }
    }
}

/// An answer in words that can be compared.
fn told(answer: &Result<(), StoreError>) -> (&'static str, Option<CallId>) {
    match answer {
        Ok(()) => ("stored", None),
        Err(StoreError::Conflict) => ("conflict", None),
        Err(StoreError::SubjectBusy(call)) => ("subject", Some(*call)),
        Err(StoreError::LegTaken(call)) => ("leg", Some(*call)),
        Err(StoreError::KeyTaken(call)) => ("key", Some(*call)),
        Err(error @ (StoreError::Unavailable(_) | StoreError::Broken(_) | StoreError::Unreadable(_))) => {
            panic!("a store answers: {error:?}")
        }
    }
}

fn anonymous(mut parked: Vec<ParkedSignal>) -> Vec<ParkedSignal> {
    for signal in &mut parked {
        signal.id = 0;
    }
    parked
}

/// Stores may leave out ended calls and phases without calls.
fn counted(mut counts: Counts) -> Counts {
    counts.phases.retain(|(phase, count)| *phase != PhaseName::Ended && *count > 0);
    counts.phases.sort_unstable();
    counts
}
