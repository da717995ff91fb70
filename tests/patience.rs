//! Waiting for something to become true, with a deadline: never a sleep for luck.

use std::fmt::Debug;
use std::future::Future;
use std::time::{Duration, Instant};

/// How often to look.
const PAUSE: Duration = Duration::from_millis(10);

/// Looks until `look` gives something.
///
/// # Panics
/// When `patience` is over; the message says what was waited for.
pub async fn eventually<T, F>(what: &str, patience: Duration, mut look: impl FnMut() -> F) -> T
where
    F: Future<Output = Option<T>>,
{
    let deadline = Instant::now() + patience;
    loop {
        if let Some(found) = look().await {
            return found;
        }
        assert!(Instant::now() < deadline, "waited {patience:?} in vain for: {what}");
        tokio::time::sleep(PAUSE).await;
    }
}

/// Looks until `look` gives something that `is_right`; in vain, it shows what was there instead.
///
/// # Panics
/// When `patience` is over.
pub async fn until<T: Debug, F>(
    what: &str,
    patience: Duration,
    mut look: impl FnMut() -> F,
    is_right: impl Fn(&T) -> bool,
) -> T
where
    F: Future<Output = T>,
{
    let deadline = Instant::now() + patience;
    loop {
        let found = look().await;
        if is_right(&found) {
            return found;
        }
        assert!(Instant::now() < deadline, "waited {patience:?} in vain for: {what}; found {found:#?}");
        tokio::time::sleep(PAUSE).await;
    }
}
