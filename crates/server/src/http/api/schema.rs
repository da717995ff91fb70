//! The shapes of core types, for the document: the core knows nothing of OpenAPI. A test shows that they agree.
#![allow(dead_code, reason = "they are only described, never made")]

use serde::Deserialize;
use utoipa::ToSchema;

/// Where a call is in its life.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = Phase)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum PhaseSchema {
    /// The record is saved and the dial is on its way.
    Dialing,
    /// The provider has the call; nobody has answered.
    Ringing,
    /// Somebody or something answered.
    Live,
    /// A hang-up is wished, or the end was seen while operations run.
    Ending,
    /// Over.
    Ended,
}

/// How a call ended.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = Disposition)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum DispositionSchema {
    /// Answered, and ended normally.
    Completed,
    /// The line was busy.
    Busy,
    /// Nobody answered, or the call was rejected.
    NoAnswer,
    /// It could not be made or broke.
    Failed,
    /// We gave it up before it was answered.
    Canceled,
    /// It was no longer believed and nobody could say how it ended.
    Abandoned,
}

/// What happens when the call is answered.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = Script)]
#[serde(tag = "do", rename_all = "kebab-case")]
pub(crate) enum ScriptSchema {
    /// Say these words, then hang up.
    Say {
        /// The words.
        text: String,
    },
    /// Say these words (if any), then listen to the caller.
    Converse {
        /// The first words; empty to listen at once.
        #[serde(default)]
        greeting: String,
    },
    /// Connect the caller to somebody else.
    Connect {
        /// Number (E.164), `client:name` or `sip:address`.
        to: String,
        /// The number to show.
        caller_id: Option<String>,
    },
    /// Open a two-way audio stream.
    Stream,
    /// Let the provider's own agent talk.
    Agent {
        /// The provider's name for the agent; the number's or the configured one if absent.
        id: Option<String>,
    },
}

/// When a call passed each station; absent if it is not known to have.
#[derive(Debug, ToSchema)]
#[schema(as = Timeline)]
pub(crate) struct TimelineSchema {
    /// The provider accepted it.
    #[schema(value_type = Option<String>, format = DateTime)]
    queued: Option<String>,
    /// It left the provider's queue.
    #[schema(value_type = Option<String>, format = DateTime)]
    initiated: Option<String>,
    /// The phone rang.
    #[schema(value_type = Option<String>, format = DateTime)]
    ringing: Option<String>,
    /// Somebody answered.
    #[schema(value_type = Option<String>, format = DateTime)]
    answered: Option<String>,
}

/// A provider's name for a part of a call.
#[derive(Debug, ToSchema)]
#[schema(as = LegName)]
pub(crate) struct LegNameSchema {
    /// Whose name it is.
    provider: String,
    /// The name, such as a Twilio `CallSid`.
    id: String,
}

#[cfg(test)]
mod tests {
    use call_core::{Disposition, PhaseName, Script};

    use super::*;

    #[test]
    fn the_described_words_are_the_cores_words() {
        for phase in PhaseName::ALL {
            let _: PhaseSchema = serde_json::from_value(serde_json::json!(phase)).unwrap();
        }
        for disposition in Disposition::ALL {
            let _: DispositionSchema = serde_json::from_value(serde_json::json!(disposition)).unwrap();
        }
        let scripts = [
            Script::Say { text: "words".into() },
            Script::Converse { greeting: "words".into() },
            Script::Connect { to: "client:desk".into(), caller_id: Some("+15550100123".into()) },
            Script::Stream,
            Script::Agent { id: Some("agent_1".into()) },
        ];
        for script in scripts {
            let _: ScriptSchema = serde_json::from_value(serde_json::json!(script)).unwrap();
        }
    }
}
