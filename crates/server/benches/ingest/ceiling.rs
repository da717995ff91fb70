//! The same work without HTTP: what the server can at best come near to.

use std::sync::Arc;
use std::time::Duration;

use call_core::port::{Lane, Settle, Settlement, Store};
use tokio::runtime::Handle;
use tokio_util::sync::CancellationToken;

use crate::database::{Server, open};
use crate::lanes::{run, split};
use crate::production::{Production, bear, hook, now};
use crate::report::Measured;
use crate::workload::Workload;

/// The commits that the messages lead to, without anything around them; if `drained`, with the outbox's claims and
/// settlements beside them, which the server makes too.
pub(crate) async fn store(
    server: &Server,
    runtime: &Handle,
    concurrency: usize,
    calls: usize,
    drained: bool,
) -> Measured {
    let place = server.place(&format!("alone-{}.db", rand::random::<u32>())).await;
    // Opened where it works: what it spawns counts as the server's.
    let store = runtime.spawn(open(server.kind(), place.url.clone())).await.unwrap();
    let workload = Workload::new(calls);
    bear(&*store, &workload).await;
    let steps = split(workload.steps(&hook()), concurrency);

    let stop = CancellationToken::new();
    let draining = drained.then(|| runtime.spawn(drain(store.clone(), stop.clone())));
    let committing = store.clone();
    let work = run(runtime, steps, move |step| {
        let store = committing.clone();
        async move { store.commit(step).await.unwrap() }
    });
    let name = if drained { "store + outbox" } else { "store" };
    let measured = if drained {
        Measured::of(name, concurrency, store.clone(), work).await
    } else {
        Measured::without_outbox(name, concurrency, work).await
    };
    stop.cancel();
    if let Some(draining) = draining {
        draining.await.unwrap();
    }
    store.close().await;
    measured
}

/// The loads and commits that the messages lead to, one after the other, without anything around them.
pub(crate) async fn alone(server: &Server, runtime: &Handle, calls: usize) -> Measured {
    let place = server.place(&format!("alone-{}.db", rand::random::<u32>())).await;
    let store = runtime.spawn(open(server.kind(), place.url.clone())).await.unwrap();
    let workload = Workload::new(calls);
    bear(&*store, &workload).await;
    let working = store.clone();
    let work = run(runtime, vec![workload.steps(&hook())], move |step| {
        let store = working.clone();
        async move {
            let call = store.load(step.call.id()).await.unwrap().unwrap();
            assert_eq!(call.version(), step.base);
            store.commit(step).await.unwrap();
        }
    });
    let measured = Measured::without_outbox("store, load + commit", 1, work).await;
    store.close().await;
    measured
}

/// What the outbox worker writes, without the worker.
async fn drain(store: Arc<dyn Store>, stop: CancellationToken) {
    while !stop.is_cancelled() {
        let jobs = store.claim(Lane::News, now(), Duration::from_secs(60), 500).await.unwrap();
        if jobs.is_empty() {
            tokio::time::sleep(Duration::from_millis(1)).await;
            continue;
        }
        let settlements: Vec<Settle> =
            jobs.into_iter().map(|job| Settle { id: job.id, attempt: job.attempt, how: Settlement::Done }).collect();
        store.settle(&settlements).await.unwrap();
    }
}

/// The server without its front: load, handle, commit, metrics, log, outbox.
pub(crate) async fn switchboard(production: &Production, concurrency: usize, calls: usize) -> Measured {
    let workload = Workload::new(calls);
    production.bear(&workload).await;
    let received = split(workload.received(&hook()), concurrency);
    let switchboard = production.switchboard();
    let work = run(production.runtime(), received, move |received| {
        let switchboard = switchboard.clone();
        async move { drop(switchboard.deliver(&received).await.unwrap()) }
    });
    let measured = Measured::of("switchboard", concurrency, production.store(), work).await;
    production.expect_ended(&workload).await;
    measured
}
