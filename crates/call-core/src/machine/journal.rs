//! The journal: every input with its time and its answer. Folding it gives the stored call again, exactly.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{Birth, Call, Effect, Input, Reason, Speaker, Step, Timestamp, Turn};
use super::{Fact, Signal};

/// One input and its answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// The call's version before the input. Applied entries have each their own; ignored ones share it with the next.
    pub version: u64,
    /// When it reached the call.
    pub at: Timestamp,
    /// What reached it.
    pub input: Input,
    /// What it did: `None` if it was applied, else why not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ignored: Option<Reason>,
}

/// Handles an input and writes down what it did.
pub fn record(call: &mut Call, input: Input, now: Timestamp) -> (Entry, Vec<Effect>) {
    let version = call.version() + u64::from(planted!(JournalMiscounts));
    let (ignored, effects) = match call.handle(&input, now) {
        Step::Applied(effects) => (None, effects),
        Step::Ignored(reason) => (Some(reason), Vec::new()),
    };
    let at = if planted!(JournalCountsInSeconds) { Timestamp::from_millis(now.as_millis() / 1000 * 1000) } else { now };
    (Entry { version, at, input, ignored }, effects)
}

/// The journal does not tell this call's life.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FoldError {
    /// An applied input is missing, or two claim one version.
    #[error("journal has an entry for version {found} where {expected} was expected")]
    Gap {
        /// The version that the fold had reached.
        expected: u64,
        /// The version that the entry claims.
        found: u64,
    },
    /// The input did something else than the journal says.
    #[error("journal says {written:?} at version {version}, but the rules say {lived:?}")]
    Differs {
        /// Where.
        version: u64,
        /// What the journal says.
        written: Option<Reason>,
        /// What the rules say.
        lived: Option<Reason>,
    },
}

/// Lives a call again from its birth and its journal, in the order of versions.
///
/// # Errors
/// Where the journal and the rules part ways.
pub fn fold<'e>(birth: &Arc<Birth>, entries: impl IntoIterator<Item = &'e Entry>) -> Result<Call, FoldError> {
    let (mut call, _) = Call::born(Arc::clone(birth));
    for entry in entries {
        if entry.version != call.version() {
            return Err(FoldError::Gap { expected: call.version(), found: entry.version });
        }
        let lived = match call.handle(&entry.input, entry.at) {
            Step::Applied(_) => None,
            Step::Ignored(reason) => Some(reason),
        };
        if lived != entry.ignored {
            return Err(FoldError::Differs { version: entry.version, written: entry.ignored, lived });
        }
    }
    Ok(call)
}

/// What was said, in order, with when: the transcript is a view of the journal. A whole transcript takes the place of
/// the turns told before it, and its turns bear the time at which it came.
pub fn transcript<'e>(entries: impl IntoIterator<Item = &'e Entry>) -> Vec<(Timestamp, Speaker, &'e str)> {
    let mut said = Vec::new();
    for entry in entries.into_iter().filter(|entry| entry.ignored.is_none()) {
        let Input::Signal(Signal { fact, at, .. }) = &entry.input else { continue };
        let at = at.unwrap_or(entry.at);
        if let Fact::Turn(turn) = fact {
            said.push(line(at, turn));
        } else if let Fact::Transcript(turns) = fact {
            if !planted!(TranscriptIsAppended) {
                said.clear();
            }
            said.extend(turns.iter().map(|turn| line(at, turn)));
        }
    }
    said
}

fn line(at: Timestamp, Turn { speaker, text }: &Turn) -> (Timestamp, Speaker, &str) {
    (at, *speaker, text)
}
