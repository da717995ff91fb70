//! What a call asks of the world: acts to perform and facts to tell.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::{CallId, Disposition, Gather, Gathered, Leg};

/// An act that the engine must perform. Stored with the state that asked for it, then performed (design law 3).
///
/// Every effect is safe to repeat except [`Effect::Dial`], which is performed at most once. What an act needs to know
/// beyond its own fields (numbers, script) is in the call that it belongs to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "effect", rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Effect {
    /// Place the call: a real person's phone rings. At most once.
    Dial,
    /// Pick up: somebody rings us, at a provider that must be [commanded](super::Conduct::Commanded).
    Answer,
    /// End a leg.
    Hangup {
        /// Which one.
        leg: Leg,
    },
    /// Ask the provider what is true, by the leg's name or by ours.
    Reconcile,
    /// Say these words.
    Speak {
        /// The operation's name.
        operation: String,
        /// The words.
        text: String,
    },
    /// Play this sound.
    Play {
        /// The operation's name.
        operation: String,
        /// Where the provider finds it.
        url: String,
    },
    /// Stop what is being said or played.
    Hush,
    /// Listen for keys.
    Gather(Gather),
    /// Open the audio stream.
    OpenStream,
    /// Close the audio stream.
    CloseStream,
    /// Hand the caller over.
    Transfer {
        /// To whom.
        to: String,
    },
    /// Join the caller with another call's.
    Bridge {
        /// That call's leg.
        leg: Leg,
    },
    /// Begin to record.
    StartRecording,
    /// Record no longer.
    StopRecording,
    /// Tell subscribers.
    Publish(Event),
}

impl Effect {
    /// The word used in logs, metrics and columns.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Dial => "dial",
            Self::Answer => "answer",
            Self::Hangup { .. } => "hangup",
            Self::Reconcile => "reconcile",
            Self::Speak { .. } => "speak",
            Self::Play { .. } => "play",
            Self::Hush => "hush",
            Self::Gather(_) => "gather",
            Self::OpenStream => "open-stream",
            Self::CloseStream => "close-stream",
            Self::Transfer { .. } => "transfer",
            Self::Bridge { .. } => "bridge",
            Self::StartRecording => "start-recording",
            Self::StopRecording => "stop-recording",
            Self::Publish(_) => "publish",
        }
    }
}

/// A fact told to subscribers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Event {
    /// `call.placed`: the record exists and the dial is in the outbox; or somebody rings us.
    Placed,
    /// `call.ringing`: the phone rings.
    Ringing,
    /// `call.answered`: the call is live.
    Answered,
    /// `call.ending`: a hang-up is wished, or the end was seen while operations run.
    Ending,
    /// `call.ended`: it is over, and its transcript is final.
    Ended {
        /// How.
        disposition: Disposition,
    },
    /// `call.corrected`: the provider corrected an inferred ending.
    Corrected {
        /// What it was taken for.
        from: Disposition,
        /// What it was.
        to: Disposition,
    },
    /// `call.leg-added`: a transfer or `<Dial>`ed leg joined.
    LegAdded {
        /// Its name.
        leg: Leg,
    },
    /// `call.gathered`: the caller has pressed the keys that were wished for, or has not.
    Gathered(Gathered),
    /// `call.updated`: a recording, cost, analysis or detection became known.
    Updated,
}

impl Event {
    /// The event's name as subscribers see it.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Placed => "call.placed",
            Self::Ringing => "call.ringing",
            Self::Answered => "call.answered",
            Self::Ending => "call.ending",
            Self::Ended { .. } => "call.ended",
            Self::Corrected { .. } => "call.corrected",
            Self::LegAdded { .. } => "call.leg-added",
            Self::Gathered(_) => "call.gathered",
            Self::Updated => "call.updated",
        }
    }
}

/// The name of an effect: derived from the step that asked for it, so it is both the outbox key and the idempotency
/// key, and repeating a commit can never make a second effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EffectId {
    /// Whose effect.
    pub call: CallId,
    /// The call's version after the step that asked for it.
    pub version: u64,
    /// Its place among the effects of that step.
    pub index: u16,
}

/// The text is not an effect id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not an effect id: expected CALL.VERSION.INDEX")]
pub struct EffectIdError;

impl fmt::Display for EffectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.call, self.version, self.index)
    }
}

impl FromStr for EffectId {
    type Err = EffectIdError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut parts = text.splitn(3, '.');
        let mut next = || parts.next().ok_or(EffectIdError);
        let call = next()?.parse().map_err(|_| EffectIdError)?;
        let version = next()?.parse().map_err(|_| EffectIdError)?;
        let index = next()?.parse().map_err(|_| EffectIdError)?;
        Ok(Self { call, version, index })
    }
}

impl Serialize for EffectId {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for EffectId {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}
