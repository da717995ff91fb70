//! When an open call is no longer believed: a pure function over plain facts, usable on rows that are not ours.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::time::friendly;
use super::{Disposition, Timestamp};

/// What is known of an open call. Fill in what your table has; leave the rest empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Facts {
    /// When the call was created or began.
    pub started: Timestamp,
    /// Its duration, if it is known although the call is still open (post-mortem 3.3).
    pub duration: Option<Duration>,
    /// The provider's last message about it.
    pub last_signal: Option<Timestamp>,
    /// The last audio frame or mark.
    pub last_media: Option<Timestamp>,
    /// The last time that the provider was asked, and its answer.
    pub asked: Option<Asked>,
    /// Whether the provider can be asked at all (it is known by an id or can be searched).
    pub askable: bool,
}

/// A question to the provider and its answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Asked {
    /// When it answered, or failed to.
    pub at: Timestamp,
    /// What it said.
    pub answer: ProviderSays,
}

/// What the provider says of an open call when asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ProviderSays {
    /// The call is under way.
    Alive,
    /// It knows no such call.
    Gone,
    /// It could not be reached. No proof of death.
    Unreachable,
}

/// When a call is doubted and how it is closed when it proves dead.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct StalePolicy {
    /// How long any sign of life is believed, the call's beginning being the first. Default 5 min.
    #[serde(with = "friendly::required")]
    pub quiet: Duration,
    /// How long an unreachable provider keeps a doubted call open. Default 30 min.
    #[serde(with = "friendly::required")]
    pub outer: Duration,
    /// How a dead call is closed.
    pub close: Closing,
}

/// How a stale call is closed: the three presets reproduce the post-mortems.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "as", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Closing {
    /// Close as abandoned as soon as it is not believed, so that the user is free (post-mortem 1.4).
    Abandoned,
    /// Close as failed once it is this old (post-mortem 2.3: 30 min).
    Failed {
        /// Age from which an open call may be closed.
        #[serde(with = "friendly::required")]
        after: Duration,
    },
    /// Close as completed (post-mortem 3.3).
    Completed {
        /// Age from which a call with a known duration is closed, at start + duration (10 min).
        #[serde(with = "friendly::required")]
        known_after: Duration,
        /// Age from which a call without one is closed (60 min) ...
        #[serde(with = "friendly::required")]
        unknown_after: Duration,
        /// ... at start + this (5 min).
        #[serde(with = "friendly::required")]
        assumed: Duration,
    },
}

impl Default for StalePolicy {
    fn default() -> Self {
        Self::abandon()
    }
}

impl StalePolicy {
    const fn closing(close: Closing) -> Self {
        Self { quiet: Duration::from_secs(300), outer: Duration::from_secs(1800), close }
    }

    /// Close as abandoned so that the user is free (post-mortem 1.4).
    #[must_use]
    pub const fn abandon() -> Self {
        Self::closing(Closing::Abandoned)
    }

    /// Close as failed when older than `after` (post-mortem 2.3: 30 minutes).
    #[must_use]
    pub const fn fail_after(after: Duration) -> Self {
        Self::closing(Closing::Failed { after })
    }

    /// 10 minutes old with a known duration: completed at start + duration; older than 60 minutes: completed at
    /// start + 5 minutes (post-mortem 3.3).
    #[must_use]
    pub const fn complete_by_duration() -> Self {
        Self::closing(Closing::Completed {
            known_after: Duration::from_secs(600),
            unknown_after: Duration::from_secs(3600),
            assumed: Duration::from_secs(300),
        })
    }
}

/// What to do about an open call now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(tag = "verdict", rename_all = "kebab-case")]
pub enum Verdict {
    /// Believed. Nothing to do before `look_again`, which lies in the future.
    Fresh {
        /// When to judge again.
        look_again: Timestamp,
    },
    /// Doubted: ask the provider.
    Reconcile,
    /// Dead: close it so.
    Close {
        /// As what.
        disposition: Disposition,
        /// When it is taken to have ended; never in the future.
        ended_at: Timestamp,
        /// Why.
        reason: StaleReason,
    },
}

/// Why a stale call may be closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum StaleReason {
    /// The provider knows no such call.
    Gone,
    /// The provider could not be reached up to the outer bound.
    Unreachable,
    /// There is nobody to ask, and it is too old.
    Unaskable,
}

/// Judges an open call. Total and pure: the same facts give the same verdict.
///
/// A call with a sign of life younger than `policy.quiet` is never closed, whatever its age; a provider that cannot
/// be reached keeps it open up to `policy.outer`.
///
/// ```
/// use call_core::{Facts, StalePolicy, Timestamp, Verdict, judge};
/// use std::time::Duration;
///
/// let started = Timestamp::EPOCH;
/// let row = Facts {
///     started,
///     duration: Some(Duration::from_secs(90)),
///     last_signal: None,
///     last_media: None,
///     asked: None,
///     askable: false,
/// };
/// let now = started + Duration::from_secs(601);
/// let Verdict::Close { ended_at, .. } = judge(&row, now, &StalePolicy::complete_by_duration()) else { panic!() };
/// assert_eq!(ended_at, started + Duration::from_secs(90));
/// ```
#[must_use]
pub fn judge(facts: &Facts, now: Timestamp, policy: &StalePolicy) -> Verdict {
    let doubted = facts.sign_of_life().map_or(facts.started, |at| at.max(facts.started)) + policy.quiet;
    let ripe = doubted.max(facts.ripe(&policy.close));
    if now < ripe {
        return Verdict::Fresh { look_again: ripe };
    }
    let close = |reason| facts.close(now, &policy.close, reason);
    if !facts.askable {
        return close(StaleReason::Unaskable);
    }
    match facts.asked {
        // An answer from before the doubt began settles nothing.
        Some(asked) if asked.at >= doubted => match asked.answer {
            ProviderSays::Gone => close(StaleReason::Gone),
            ProviderSays::Unreachable if now >= ripe + policy.outer || planted!(UnreachableIsDead) => {
                close(StaleReason::Unreachable)
            }
            ProviderSays::Alive | ProviderSays::Unreachable => Verdict::Reconcile,
        },
        Some(_) | None => Verdict::Reconcile,
    }
}

impl Facts {
    /// The newest evidence that the call lives.
    #[must_use]
    pub fn sign_of_life(&self) -> Option<Timestamp> {
        let said_alive = self.asked.filter(|a| a.answer == ProviderSays::Alive).map(|a| a.at);
        [self.last_signal, self.last_media, said_alive].into_iter().flatten().max()
    }

    fn ripe(&self, close: &Closing) -> Timestamp {
        self.started
            + match close {
                Closing::Abandoned => Duration::ZERO,
                Closing::Failed { after } => *after,
                Closing::Completed { known_after, unknown_after, .. } => {
                    if self.duration.is_some() {
                        *known_after
                    } else {
                        *unknown_after
                    }
                }
            }
    }

    fn close(&self, now: Timestamp, close: &Closing, reason: StaleReason) -> Verdict {
        let (disposition, ended_at) = match close {
            Closing::Abandoned => (Disposition::Abandoned, now),
            Closing::Failed { .. } => (Disposition::Failed, now),
            Closing::Completed { assumed, .. } => {
                (Disposition::Completed, self.started + self.duration.unwrap_or(*assumed))
            }
        };
        let ended_at = if planted!(ClosedWhenSwept) { now } else { ended_at.min(now) };
        Verdict::Close { disposition, ended_at, reason }
    }
}
