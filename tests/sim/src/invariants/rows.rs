use std::time::Duration;

use call_core::{Disposition, Verdict};

use super::{Invariant, Seen, Truth};

/// Post-mortem 3.3, by its own words: open and older than 10 minutes with a duration, or older than an hour without one,
/// is completed; it ended at its start plus its duration, or plus 5 minutes.
#[derive(Default)]
pub(super) struct Rows;

impl Invariant for Rows {
    fn name(&self) -> &'static str {
        "rows"
    }

    fn see(&mut self, seen: &Seen<'_>, _: &Truth<'_>) -> Result<(), String> {
        let Seen::Judged { facts, at, verdict } = seen else { return Ok(()) };
        let minutes = |minutes: u64| Duration::from_secs(60 * minutes);
        let age = *at - facts.started;
        let stale = age >= minutes(if facts.duration.is_some() { 10 } else { 60 });
        let end = (facts.started + facts.duration.unwrap_or(minutes(5))).min(*at);
        let right = match verdict {
            Verdict::Close { disposition, ended_at, .. } => {
                stale && *disposition == Disposition::Completed && *ended_at == end
            }
            Verdict::Fresh { .. } | Verdict::Reconcile => !stale,
        };
        if right { Ok(()) } else { Err(format!("a row of {} s is judged {verdict:?}: {facts:?}", age.as_secs())) }
    }
}
