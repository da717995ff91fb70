//! What reaches a call: a provider's fact, a user's wish, a deadline come due.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{
    Analysis, AnsweredBy, Cost, Gather, Gathered, Hungup, Latency, Leg, Proposer, Recording, Timestamp, ToolCall,
};

/// Everything that can reach a call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "input", rename_all = "kebab-case")]
#[expect(
    clippy::large_enum_variant,
    reason = "nearly all inputs are signals; a box would cost each of them an allocation"
)]
pub enum Input {
    /// A fact from a provider, the outbox or a media session.
    Signal(Signal),
    /// A wish of a user or of the embedder's code.
    Command(Command),
    /// A deadline has come due.
    Tick,
}

impl From<Signal> for Input {
    fn from(signal: Signal) -> Self {
        Self::Signal(signal)
    }
}

impl From<Command> for Input {
    fn from(command: Command) -> Self {
        Self::Command(command)
    }
}

/// A fact, and what the provider says of its place among the others.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Signal {
    /// Which leg it is about; the call's first leg if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub leg: Option<Leg>,
    /// The leg that this leg was made from (a `<Dial>`ed child's parent); absent on first legs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<Leg>,
    /// The provider's identity of this event (an event id; call + sequence number; call + status where it has none).
    /// Two signals with one key are one event, delivered twice.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// The provider's sequence number within the leg. Kept for the journal: phases and times put signals in order, for
    /// not every provider counts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub order: Option<u64>,
    /// When the provider says that it happened.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<Timestamp>,
    /// What happened.
    #[serde(flatten)]
    pub fact: Fact,
    /// Fields of the message that we do not interpret, kept for the journal.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub extra: BTreeMap<String, String>,
}

impl Signal {
    /// A fact about the call's first leg.
    #[must_use]
    pub const fn new(fact: Fact) -> Self {
        Self { leg: None, parent: None, key: None, order: None, at: None, fact, extra: BTreeMap::new() }
    }

    /// The same fact, about `leg`.
    #[must_use]
    pub fn on(mut self, leg: Leg) -> Self {
        self.leg = Some(leg);
        self
    }

    /// The same fact, about a leg made from `parent`.
    #[must_use]
    pub fn under(mut self, parent: Leg) -> Self {
        self.parent = Some(parent);
        self
    }

    /// The same fact, with the provider's identity of the event.
    #[must_use]
    pub fn keyed(mut self, key: impl Into<String>) -> Self {
        self.key = Some(key.into());
        self
    }

    /// The same fact, with the provider's sequence number.
    #[must_use]
    pub const fn ordered(mut self, order: u64) -> Self {
        self.order = Some(order);
        self
    }

    /// The same fact, at the provider's own time.
    #[must_use]
    pub const fn happened(mut self, at: Timestamp) -> Self {
        self.at = Some(at);
        self
    }
}

/// What happened. The first group moves the call; the second adds to what is known of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "fact", content = "of", rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Fact {
    /// The answer to our dial.
    Dialed(DialAnswer),
    /// The provider is getting the phone to ring.
    Progress(Progress),
    /// Somebody or something answered.
    Answered,
    /// The leg is over.
    Ended(Hungup),
    /// The provider's answer when asked what is true.
    Report(Report),
    /// The answer to our hang-up.
    HangupAnswer(HangupAnswer),
    /// The audio stream: opened, closed, failed, flowing.
    Stream(StreamFact),
    /// Speech to the caller: finished, or given up.
    Speech(SpeechFact),
    /// The keys that were wished for, or none.
    Gathered(Gathered),
    /// An utterance.
    Turn(Turn),
    /// The whole transcript, by a provider that keeps one (Retell): it takes the place of what was told turn by turn.
    Transcript(Vec<Turn>),
    /// An act that is certainly not done, and never will be.
    Refused(Refused),

    /// Person or machine.
    Detected(AnsweredBy),
    /// Keys pressed.
    Digits(String),
    /// A recording, or news of one.
    Recording(Recording),
    /// What the call cost.
    Billed(Cost),
    /// A verdict on the conversation.
    Analyzed(Analysis),
    /// How fast the agent responded.
    Measured(Latency),
    /// A function that the agent invoked.
    ToolCall(ToolCall),
    /// An event that this version does not know, by the provider's name for it. Kept, harmless.
    Unknown(String),
}

impl Fact {
    /// The provider's word that the leg is over, told or asked for.
    #[must_use]
    pub const fn ending(&self) -> Option<&Hungup> {
        match self {
            Self::Ended(hungup) | Self::Report(Report::Ended(hungup)) => Some(hungup),
            Self::Dialed(_)
            | Self::Progress(_)
            | Self::Answered
            | Self::Report(_)
            | Self::HangupAnswer(_)
            | Self::Stream(_)
            | Self::Speech(_)
            | Self::Gathered(_)
            | Self::Turn(_)
            | Self::Transcript(_)
            | Self::Refused(_)
            | Self::Detected(_)
            | Self::Digits(_)
            | Self::Recording(_)
            | Self::Billed(_)
            | Self::Analyzed(_)
            | Self::Measured(_)
            | Self::ToolCall(_)
            | Self::Unknown(_) => None,
        }
    }
}

/// What became of our dial.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "dial", rename_all = "kebab-case")]
pub enum DialAnswer {
    /// The provider has the call; the signal's leg is its name.
    Accepted,
    /// The provider's proof that nothing was dialled and never will be.
    Refused {
        /// The provider's error, for people.
        why: String,
    },
    /// Nobody knows whether the phone rings. It is never dialled again.
    Unknown {
        /// What happened to the request.
        why: String,
    },
    /// The outbox found that the call no longer wants to be dialled, and did nothing.
    Withdrawn,
}

/// How far an unanswered call has come, in rising order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Progress {
    /// Accepted, waiting to be dialled.
    Queued,
    /// Left the queue, being dialled.
    Initiated,
    /// The phone rings.
    Ringing,
}

/// What the provider says when asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "report", rename_all = "kebab-case")]
pub enum Report {
    /// Not answered yet.
    Unanswered {
        /// How far it has come.
        progress: Progress,
    },
    /// Answered and under way.
    InProgress,
    /// Over.
    Ended(Hungup),
    /// It knows no such call. Its reads may lag behind its messages.
    Gone,
    /// It could not be reached, or could not say. No proof of anything.
    Unreachable {
        /// What happened to the question.
        why: String,
    },
}

/// What the provider says to our hang-up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "hangup", rename_all = "kebab-case")]
pub enum HangupAnswer {
    /// It will be done; the end follows as a signal of its own.
    Accepted,
    /// It had ended before: success (Twilio 21220, Telnyx 90018).
    AlreadyEnded,
    /// It will not be done.
    Refused {
        /// The provider's error, for people.
        why: String,
    },
}

/// An act that the provider will not do, and that nothing else tells of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "act", rename_all = "kebab-case")]
pub enum Refused {
    /// To pick up.
    Answer {
        /// The provider's error, for people.
        why: String,
    },
    /// To hand the caller over.
    Transfer {
        /// The provider's error, for people.
        why: String,
    },
    /// To join the caller with another call's.
    Bridge {
        /// The provider's error, for people.
        why: String,
    },
    /// To begin a recording, or to end it.
    Recording {
        /// The provider's error, for people.
        why: String,
    },
}

/// News of the audio stream.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "stream", rename_all = "kebab-case")]
pub enum StreamFact {
    /// The media socket is open.
    Opened,
    /// Frames or marks are still coming; sent now and then, not for each frame.
    Flowing,
    /// The media socket closed.
    Closed,
    /// It could not be opened, or broke.
    Failed {
        /// What went wrong.
        why: String,
    },
}

/// News of one speech operation: words, or a sound.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SpeechFact {
    /// Which operation, as named by the command that began it.
    pub operation: String,
    /// Whether its last word was played (`false`: it was cut or failed).
    pub played: bool,
}

/// One utterance in the transcript.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Turn {
    /// Who spoke.
    pub speaker: Speaker,
    /// The words.
    pub text: String,
}

/// Who spoke.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Speaker {
    /// The AI agent.
    Agent,
    /// The person on the phone.
    Caller,
}

/// A wish.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "command", rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Command {
    /// End the call: cancel it before it is answered, hang it up after.
    Hangup {
        /// Who wishes it.
        #[serde(flatten)]
        proposer: Proposer,
        /// Why, in their words.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
        /// Whether words that are being spoken may end first.
        #[serde(default)]
        after_speech: bool,
    },
    /// Say something to the caller.
    Speak {
        /// A name for the operation, unique within the call; its end is reported under it. After `prompt`, the engine's
        /// own question to a silent caller, silence ends the call.
        operation: String,
        /// The words.
        text: String,
    },
    /// Play a sound to the caller. In all else it is as if it were spoken.
    Play {
        /// A name for the operation, as for [`Command::Speak`].
        operation: String,
        /// Where the provider finds it: an `https` URL of an MP3 or WAV file.
        url: String,
    },
    /// Stop what is being said or played.
    Hush,
    /// Ask the caller for keys, once at a time. What became of it is told as [`Gathered`](super::Event::Gathered), once, if
    /// the call does not end before.
    Gather(Gather),
    /// Open the audio stream.
    OpenStream,
    /// Close the audio stream.
    CloseStream,
    /// Hand the caller to another number, client or SIP address.
    Transfer {
        /// Number (E.164), `client:name` or `sip:address`.
        to: String,
    },
    /// Join the caller with that of another call of ours, at the same provider.
    Bridge {
        /// The other call's first leg.
        leg: Leg,
    },
    /// Record from now on; the recording is told as any other.
    StartRecording,
    /// Record no longer.
    StopRecording,
    /// Ask the provider what is true.
    Reconcile,
}

impl Command {
    /// An operator's hang-up.
    #[must_use]
    pub const fn hangup() -> Self {
        Self::Hangup { proposer: Proposer::Operator, reason: None, after_speech: false }
    }
}
