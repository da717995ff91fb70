//! The sweep: finds every call whose deadline has come due, and everything else that time has left behind.

use std::sync::Arc;

use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use serde::Serialize;

use crate::{CallId, Disposition, Effect, Input, PhaseName, Reason, Step, Timestamp};

use super::{Clock, Store, StoreError, Switchboard, SwitchboardError};

/// How many due calls are acted on side by side: a store commits them together.
const ABREAST: usize = 64;

/// The sweeper's hands. Any number may sweep one store at once: a deadline acted on twice is `Ignored(NotDue)`.
#[derive(Clone)]
pub struct Sweep {
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    switchboard: Switchboard,
}

/// What a sweep looked at, asked and closed, with ids (post-mortem 2.3).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SweepReport {
    /// When.
    pub at: Timestamp,
    /// Whether it only told what it would do.
    pub dry_run: bool,
    /// The calls whose deadline had come due.
    pub calls: Vec<Swept>,
    /// How many parked signals found their call.
    pub adopted: usize,
    /// How many parked signals were given up.
    pub expired: u64,
}

/// One call that was swept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Swept {
    /// Which call.
    pub call: CallId,
    /// Its phase before.
    pub before: PhaseName,
    /// Its phase after.
    pub after: PhaseName,
    /// Whether the provider is asked.
    pub asked: bool,
    /// Whether a hang-up is asked for.
    pub hung_up: bool,
    /// How it was closed, if it was.
    pub closed: Option<Disposition>,
}

impl Sweep {
    /// A sweeper over a store.
    pub fn new(store: Arc<dyn Store>, clock: Arc<dyn Clock>, switchboard: Switchboard) -> Self {
        Self { store, clock, switchboard }
    }

    /// Acts on up to `limit` due calls, or (`dry_run`) only tells what it would do.
    ///
    /// # Errors
    /// The store failed. What was done stays done.
    pub async fn sweep(&self, limit: usize, dry_run: bool) -> Result<SweepReport, StoreError> {
        let at = self.clock.now();
        let due = self.store.due(at, limit).await?;
        let swept = stream::iter(due).map(|id| self.act(id, at, dry_run)).buffered(ABREAST);
        let calls = swept.try_filter_map(async |swept| Ok(swept)).try_collect().await?;
        let mut report = SweepReport { at, dry_run, calls, adopted: 0, expired: 0 };
        if !dry_run {
            let limit = if planted!(StrandedAreNotSwept) { 0 } else { limit };
            for (id, leg) in self.store.stranded(limit).await? {
                match self.switchboard.adopt(id, &leg).await {
                    Ok(()) => report.adopted += 1,
                    Err(SwitchboardError::Store(error)) => return Err(error),
                    Err(SwitchboardError::NoSuchCall(_) | SwitchboardError::Contended(_)) => {}
                }
            }
            report.expired = self.store.expire(at).await?;
        }
        Ok(report)
    }

    /// Acts on one deadline; `None` if somebody else did.
    async fn act(&self, id: CallId, at: Timestamp, dry_run: bool) -> Result<Option<Swept>, StoreError> {
        let Some(call) = self.store.load(id).await? else { return Ok(None) };
        let (before, mut would) = (call.phase_name(), call.clone());
        let Step::Applied(effects) = would.handle(&Input::Tick, at) else { return Ok(None) };
        if !dry_run || planted!(DryRunActs) {
            match self.switchboard.tick_on(call).await {
                Ok(handled) if handled.ignored == Some(Reason::NotDue) => return Ok(None),
                Ok(_) => {}
                Err(SwitchboardError::Store(error)) => return Err(error),
                Err(SwitchboardError::NoSuchCall(_) | SwitchboardError::Contended(_)) => return Ok(None),
            }
        }
        Ok(Some(Swept {
            call: id,
            before,
            after: would.phase_name(),
            asked: effects.contains(&Effect::Reconcile),
            hung_up: effects.iter().any(|e| matches!(e, Effect::Hangup { .. })),
            closed: would.outcome().map(|o| o.disposition),
        }))
    }
}
