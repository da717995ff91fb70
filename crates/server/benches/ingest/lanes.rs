//! Work in lanes: side by side between lanes, one after the other within one.

use std::time::{Duration, Instant};

use tokio::task::JoinSet;

/// Deals work out to lanes in turn. If the calls are a multiple of the lanes, all work about one call is in one lane.
pub(crate) fn split<T>(work: Vec<T>, lanes: usize) -> Vec<Vec<T>> {
    let mut split: Vec<Vec<T>> = (0..lanes).map(|_| Vec::with_capacity(work.len() / lanes + 1)).collect();
    for (n, item) in work.into_iter().enumerate() {
        split[n % lanes].push(item);
    }
    split
}

/// Does everything, and says how long each item took.
pub(crate) async fn run<T, F>(
    runtime: &tokio::runtime::Handle,
    lanes: Vec<Vec<T>>,
    act: impl Fn(T) -> F + Clone + Send + 'static,
) -> Vec<Duration>
where
    T: Send + 'static,
    F: Future<Output = ()> + Send,
{
    let mut running = JoinSet::new();
    for lane in lanes {
        let act = act.clone();
        let work = async move {
            let mut took = Vec::with_capacity(lane.len());
            for item in lane {
                let start = Instant::now();
                act(item).await;
                took.push(start.elapsed());
            }
            took
        };
        running.spawn_on(work, runtime);
    }
    running.join_all().await.concat()
}
