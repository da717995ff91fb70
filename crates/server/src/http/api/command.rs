//! What to do in a live call.

use std::num::NonZeroU8;
use std::time::Duration;

use axum::extract::State;
use axum::http::StatusCode;
use call_core::{CallId, Command, Gather, Key, Leg};
use jiff::fmt::serde::unsigned_duration::friendly::compact::required as friendly;
use serde::Deserialize;
use url::Url;
use utoipa::ToSchema;

use super::view::CallView;
use super::wish::wish;
use crate::config::is_dialable;
use crate::http::Shared;
use crate::http::body::{Json, Named};
use crate::http::problem::{Document, Kind, Problem};

/// The longest name of an operation.
const MOST_NAME: usize = 100;
/// What the engine itself calls the first words of a script, and its question to a silent caller.
const RESERVED: [&str; 2] = ["greeting", "prompt"];

/// What to do. An `operation` is a name of your own, unique within the call: its end is told under it.
// Braces without fields, so that a field too much is refused there too.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(tag = "command", rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) enum Wish {
    /// Say something.
    Speak {
        /// Its name.
        operation: String,
        /// The words.
        text: String,
    },
    /// Play a sound.
    Play {
        /// Its name.
        operation: String,
        /// An MP3 or WAV file, where the provider can fetch it.
        #[schema(example = "https://example.com/hold.mp3")]
        url: String,
    },
    /// Stop what is being said or played.
    Hush {},
    /// Ask the caller for keys; what they press is told as `call.gathered`.
    Gather {
        /// Its name.
        operation: String,
        /// Words that ask for them.
        #[serde(default)]
        prompt: String,
        /// How many are enough.
        #[schema(value_type = u8, minimum = 1)]
        most: NonZeroU8,
        /// The key that says "that was all": `0` to `9`, `*` or `#`.
        #[schema(value_type = Option<String>, example = "#")]
        until: Option<Key>,
        /// How long the caller may hesitate, before the first key and after each.
        #[serde(default = "five_seconds", with = "friendly")]
        #[schema(value_type = Option<String>, example = "5s")]
        pause: Duration,
    },
    /// Open the audio stream.
    OpenStream {},
    /// Close the audio stream.
    CloseStream {},
    /// Hand the caller over.
    Transfer {
        /// A number (E.164), `client:name` or `sip:address`.
        to: String,
    },
    /// Join the caller with the one of another call.
    Bridge {
        /// The other call, live and at the same provider.
        #[schema(value_type = String, format = Uuid)]
        call: CallId,
    },
    /// Record from now on.
    StartRecording {},
    /// Record no longer.
    StopRecording {},
}

const fn five_seconds() -> Duration {
    Duration::from_secs(5)
}

/// Tell a live call what to do
///
/// The wish is stored, then performed. What its provider cannot do is in the call's journal, in words: see the table in
/// `docs/providers.md`.
#[utoipa::path(
    post, path = "/v1/calls/{id}/commands", operation_id = "command", tag = "calls",
    params(("id" = String, Path, description = "The call")),
    request_body = Wish,
    responses(
        (status = 202, description = "The wish is stored; the call as it is now", body = CallView),
        (status = 400, description = "Not a call id, or the body is not JSON", body = Document, content_type = "application/problem+json"),
        (status = 401, description = "No valid token", body = Document, content_type = "application/problem+json"),
        (status = 404, description = "No such call", body = Document, content_type = "application/problem+json"),
        (status = 409, description = "The call refused, for the `reason` given", body = Document, content_type = "application/problem+json"),
        (status = 422, description = "A field is invalid", body = Document, content_type = "application/problem+json"),
        (status = 503, description = "Busy, too slow, or the store does not answer", body = Document, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn command(
    State(shared): State<Shared>,
    Named(id): Named,
    Json(what): Json<Wish>,
) -> Result<(StatusCode, axum::Json<CallView>), Problem> {
    let command = match what {
        Wish::Speak { operation, text } => Command::Speak { operation: named(operation)?, text },
        Wish::Play { operation, url } => Command::Play { operation: named(operation)?, url: sound(&url)? },
        Wish::Hush {} => Command::Hush,
        Wish::Gather { operation, prompt, most, until, pause } => {
            if !(1..=60).contains(&pause.as_secs()) {
                return Err(invalid("pause: must be between 1s and 1m"));
            }
            Command::Gather(Gather { operation: named(operation)?, prompt, most, until, pause })
        }
        Wish::OpenStream {} => Command::OpenStream,
        Wish::CloseStream {} => Command::CloseStream,
        Wish::Transfer { to } if is_dialable(&to) => Command::Transfer { to },
        Wish::Transfer { .. } => {
            return Err(invalid("to: must be a number such as +15550100123, or a client: or sip: address"));
        }
        Wish::Bridge { call } => Command::Bridge { leg: leg(&shared, call).await? },
        Wish::StartRecording {} => Command::StartRecording,
        Wish::StopRecording {} => Command::StopRecording,
    };
    wish(&shared, id, command).await
}

/// The leg to bridge with.
async fn leg(shared: &Shared, other: CallId) -> Result<Leg, Problem> {
    let call = shared.store.load(other).await?.ok_or_else(|| invalid(format!("call: there is no call {other}")))?;
    let first = call.legs().first().filter(|_| !call.has_ended());
    first.map(|first| first.leg.clone()).ok_or_else(|| {
        let detail = format!("call: {other} is {}, and cannot be bridged with", call.phase_name().as_str());
        invalid(detail)
    })
}

fn named(operation: String) -> Result<String, Problem> {
    if operation.trim().is_empty() || operation.len() > MOST_NAME {
        return Err(invalid(format!("operation: must be 1 to {MOST_NAME} bytes")));
    }
    if RESERVED.contains(&operation.as_str()) {
        return Err(invalid(format!("operation: {operation:?} is the engine's own; choose another name")));
    }
    Ok(operation)
}

fn sound(url: &str) -> Result<String, Problem> {
    let url = Url::parse(url).ok().filter(|url| matches!(url.scheme(), "https" | "http"));
    url.map(String::from)
        .ok_or_else(|| invalid("url: must be the whole URL of a sound, such as https://example.com/hold.mp3"))
}

fn invalid(detail: impl Into<String>) -> Problem {
    Problem::new(Kind::Invalid, detail)
}
