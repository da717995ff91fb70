//! What people and metrics look at.

use super::FreshStore;
use super::stage::*;
use crate::port::{Counts, Filter, Page, Store};
use crate::{Call, CallId, Disposition, PhaseName, Subject};

/// Asking for what was never stored is an ordinary question.
pub async fn what_does_not_exist_is_not_found<F: FreshStore>() {
    let (_fresh, store) = fresh::<F>().await;
    let ghost = id(at(0), 1);
    assert_eq!(store.load(ghost).await.expect("a store answers"), None);
    assert_eq!(store.find(&leg("CA1")).await.expect("a store answers"), None);
    assert_eq!(store.find_key("order-7").await.expect("a store answers"), None);
    assert_eq!(store.journal(ghost).await.expect("a store answers"), []);
    assert_eq!(store.parked(&leg("CA1")).await.expect("a store answers"), []);
    assert_eq!(store.list(&Filter::default(), &Page::default()).await.expect("a store answers"), []);
    assert_eq!(claim(&*store, at(0), ms(1)).await, []);
    let mut counts = store.counts(at(0)).await.expect("a store answers");
    counts.phases.retain(|(_, count)| *count > 0);
    assert_eq!(counts, Counts::default());
}

async fn listed(store: &impl Store, filter: &Filter, page: &Page) -> Vec<CallId> {
    let calls = store.list(filter, page).await.expect("a store answers");
    assert!(calls.iter().all(|call| filter.admits(call)), "{calls:?}");
    calls.iter().map(Call::id).collect()
}

/// Pages join without gap or overlap, and each filter lets exactly its calls through.
pub async fn list_pages_newest_first_and_filters<F: FreshStore>() {
    let (_fresh, store) = fresh::<F>().await;
    let mut calls = Vec::new();
    for n in 0..11_u32 {
        let now = at(i64::from(n) * 1000);
        let subject = format!("subject-{}", n % 4);
        let leg = leg(&format!("CA{n}"));
        let call = if n % 4 < 2 { dial(n, now) } else { dial_subject(n, &subject, now) };
        let call = keep(&*store, call).await;
        let call = match n % 4 {
            0 => call,
            1 => keep(&*store, step(&call, accepted(&leg), now)).await,
            _ => {
                let how = if n % 4 == 2 { Disposition::Busy } else { Disposition::NoAnswer };
                let call = keep(&*store, step(&call, accepted(&leg), now)).await;
                keep(&*store, step(&call, ended(how), now)).await
            }
        };
        calls.insert(0, call);
    }
    let ids: Vec<_> = calls.iter().map(Call::id).collect();
    assert_eq!(listed(&*store, &Filter::default(), &Page::default()).await, ids);

    let (mut before, mut paged) = (None, Vec::new());
    loop {
        let page = listed(&*store, &Filter::default(), &Page { before, limit: 3 }).await;
        let Some(last) = page.last() else { break };
        before = Some(*last);
        paged.extend(page);
    }
    assert_eq!(paged, ids);

    let filters = [
        Filter { phases: vec![PhaseName::Dialing], ..Filter::default() },
        Filter { phases: vec![PhaseName::Dialing, PhaseName::Ringing], ..Filter::default() },
        Filter { phases: vec![PhaseName::Live], ..Filter::default() },
        Filter { disposition: Some(Disposition::Busy), ..Filter::default() },
        Filter { subject: Some(Subject("subject-3".to_owned())), ..Filter::default() },
        Filter { open_before: Some(at(5000)), ..Filter::default() },
        Filter { phases: vec![PhaseName::Ringing], open_before: Some(at(5000)), ..Filter::default() },
        Filter { subject: Some(Subject("nobody".to_owned())), ..Filter::default() },
    ];
    for filter in filters {
        let expected: Vec<_> = calls.iter().filter(|call| filter.admits(call)).map(Call::id).collect();
        assert_eq!(listed(&*store, &filter, &Page::default()).await, expected, "{filter:?}");
        let first = listed(&*store, &filter, &Page { before: None, limit: 1 }).await;
        assert_eq!(first, expected[..expected.len().min(1)], "{filter:?}");
        if let Some(&before) = expected.first() {
            let rest = listed(&*store, &filter, &Page { before: Some(before), limit: 50 }).await;
            assert_eq!(rest, expected[1..], "{filter:?}");
        }
    }
}

/// What the health check shows is what is there.
pub async fn counts_tell_the_truth<F: FreshStore>() {
    let (_fresh, store) = fresh::<F>().await;
    let mut calls = Vec::new();
    for n in (0..13_u32).rev() {
        calls.insert(0, keep(&*store, dial(n, at(i64::from(n) * 1000))).await);
    }
    let call = keep(&*store, step(&calls[0], accepted(&leg("CA0")), at(20_000))).await;
    keep(&*store, step(&call, ended(Disposition::Busy), at(20_001))).await;
    let call = keep(&*store, step(&calls[1], accepted(&leg("CA1")), at(20_002))).await;
    keep(&*store, step(&call, answered(), at(20_003))).await;
    store.park(&leg("CA9"), &[answered(), answered()], at(20_004), at(90_000)).await.expect("a store answers");

    let due = calls[2].next_deadline().expect("an open call has a deadline");
    let counts = store.counts(due).await.expect("a store answers");
    let of = |phase| counts.phases.iter().find(|(name, _)| *name == phase).map_or(0, |(_, count)| *count);
    assert_eq!((of(PhaseName::Dialing), of(PhaseName::Ringing), of(PhaseName::Live)), (11, 0, 1));
    assert!([0, 1].contains(&of(PhaseName::Ended)), "ended calls may be left out, not miscounted");
    assert_eq!(counts.oldest_due, Some(due));
    assert_eq!(counts.parked, 2);
    assert_eq!(counts.oldest_effect, Some(at(0)), "effects of an ended call wait like others");
    let births: Vec<_> = calls[1..11].iter().map(|call| (call.id(), call.birth().at)).collect();
    assert_eq!(counts.oldest_open, births);
    assert_eq!(store.counts(due - ms(1)).await.expect("a store answers").oldest_due, None);

    let mut jobs = claim(&*store, at(30_000), ms(1000)).await;
    let counts = store.counts(due).await.expect("a store answers");
    assert_eq!(counts.outbox, jobs.len() as u64, "claimed effects count");
    jobs.sort_by_key(|job| job.since);
    let rest = jobs.split_off(3);
    for job in &jobs {
        settle(&*store, job, crate::port::Settlement::Done).await;
    }
    let counts = store.counts(due).await.expect("a store answers");
    assert_eq!((counts.outbox, counts.oldest_effect), (rest.len() as u64, Some(rest[0].since)));
}

/// A healthy store says so.
pub async fn a_store_answers<F: FreshStore>() {
    let (_fresh, store) = fresh::<F>().await;
    store.ping().await.expect("a store answers");
}
