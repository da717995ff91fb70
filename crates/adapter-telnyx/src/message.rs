//! What one verified event says (telnyx.md §6.2, §6.5).

use std::time::Duration;

use call_core::port::{HookError, Inbound};
use call_core::{
    CallId, Conduct, Cost, Fact, Gathered, Leg, Progress, Recording, Signal, Speaker, SpeechFact, StreamFact,
    Timestamp, Turn,
};
use serde_json::{Map, Value};

use crate::extra::{extra, short};
use crate::state::ClientState;
use crate::status::{detected, greeted, hungup};
use crate::{NAME, act};

/// One event about one leg.
pub(crate) struct Event<'a> {
    kind: &'a str,
    /// Telnyx's identity of the event: the same in each delivery of it.
    id: &'a str,
    at: Option<Timestamp>,
    payload: &'a Map<String, Value>,
    state: Option<ClientState>,
    /// `None` where Telnyx leaves it out: a saved recording.
    control: Option<Leg>,
}

impl<'a> Event<'a> {
    pub(crate) fn read(body: &'a Value) -> Result<Self, HookError> {
        let Some(data) = body.get("data").and_then(Value::as_object) else {
            let is_old = body.get("event_type").is_some();
            return Err(HookError::Malformed(if is_old { OLD.to_owned() } else { "data is missing".to_owned() }));
        };
        let kind = text(data, "event_type").ok_or_else(|| missing("event_type"))?;
        let id = text(data, "id").ok_or_else(|| missing("id"))?;
        let payload = data.get("payload").and_then(Value::as_object).ok_or_else(|| missing("payload"))?;
        let moment = |fields: &Map<String, Value>, name| text(fields, name).and_then(|text| text.parse().ok());
        let at = moment(data, "occurred_at").or_else(|| moment(data, "created_at"));
        let at = at.or_else(|| moment(payload, "occurred_at"));
        let state = text(payload, "client_state").and_then(ClientState::decode);
        let control = match text(payload, "call_control_id") {
            Some(id) if act::is_control_id(id) => Some(Leg::new(NAME, id)),
            Some(_) => return Err(HookError::Malformed("call_control_id is not the name of a call".to_owned())),
            None => None,
        };
        Ok(Self { kind, id, at, payload, state, control })
    }

    /// Our name for the call, as we wrote it on the leg: signed by Telnyx with the rest.
    pub(crate) fn call(&self) -> Option<CallId> {
        self.state.as_ref().map(|state| state.call)
    }

    /// The leg, by the best name that the event has for it.
    pub(crate) fn leg(&self) -> Result<Leg, HookError> {
        let other = || ["call_leg_id", "call_session_id"].iter().find_map(|name| self.get(name));
        self.control
            .clone()
            .or_else(|| other().map(|id| Leg::new(NAME, short(id))))
            .ok_or_else(|| missing("call_control_id"))
    }

    pub(crate) fn connection(&self) -> Option<&str> {
        self.get("connection_id")
    }

    /// Whether a call that nobody knows may begin with it: by whichever event comes first, but not by a leg that
    /// somebody else dials.
    pub(crate) fn begins(&self) -> bool {
        self.control.is_some() && self.get("direction") != Some("outgoing")
    }

    /// Who rings whom, if the event tells.
    pub(crate) fn inbound(&self) -> Option<Inbound> {
        Some(Inbound {
            from: self.get("from")?.to_owned(),
            to: self.get("to")?.to_owned(),
            conduct: Conduct::Commanded,
        })
    }

    pub(crate) fn signal(&self) -> Signal {
        let fact = self.fact().unwrap_or_else(|| Fact::Unknown(short(self.kind)));
        let parent = self.state.as_ref().and_then(|state| state.parent.as_deref()).map(|id| Leg::new(NAME, id));
        Signal {
            leg: self.control.clone(),
            parent: parent.filter(|parent| self.control.as_ref().is_some_and(|leg| leg != parent)),
            at: self.at,
            extra: extra(self.kind, self.payload),
            ..Signal::new(fact).keyed(self.id)
        }
    }

    /// `None` for an event that moves nothing and adds nothing that the core has a word for.
    fn fact(&self) -> Option<Fact> {
        match self.kind {
            "call.initiated" if self.get("direction") == Some("incoming") => Some(Fact::Progress(Progress::Ringing)),
            // Telnyx does not tell when the phone begins to ring.
            "call.initiated" => Some(Fact::Progress(Progress::Initiated)),
            // Only answered legs are bridged.
            "call.answered" | "call.bridged" => Some(Fact::Answered),
            "call.hangup" => Some(Fact::Ended(hungup(self.get("hangup_cause"), self.get("sip_hangup_cause")))),
            "call.speak.ended" | "call.playback.ended" => self.spoken(),
            "call.gather.ended" => self.gathered(),
            "call.dtmf.received" => Some(Fact::Digits(self.get("digit")?.to_owned())),
            "call.machine.detection.ended" | "call.machine.premium.detection.ended" => {
                self.get("result").and_then(detected).map(Fact::Detected)
            }
            "call.machine.greeting.ended" | "call.machine.premium.greeting.ended" => {
                self.get("result").and_then(greeted).map(Fact::Detected)
            }
            "call.recording.saved" => self.recording("completed"),
            "call.recording.error" => self.recording("error"),
            "streaming.started" => Some(Fact::Stream(StreamFact::Opened)),
            "streaming.stopped" => Some(Fact::Stream(StreamFact::Closed)),
            "streaming.failed" => {
                let why = self.get("failure_reason").unwrap_or("no explanation").to_owned();
                Some(Fact::Stream(StreamFact::Failed { why }))
            }
            "call.transcription" => self.turn(),
            "call.cost" => self.cost(),
            _ => None,
        }
    }

    /// The end of an operation of ours. A word that Telnyx does not document is no end: what we stop ourselves is told
    /// by the answer to our command, and its late echo must not end the operation that came after it.
    fn spoken(&self) -> Option<Fact> {
        let operation = self.state.as_ref()?.speech.clone()?;
        let played = match self.get("status")? {
            "completed" => true,
            "call_hangup" | "cancelled_amd" | "failed" | "file_not_found" => false,
            _ => return None,
        };
        Some(Fact::Speech(SpeechFact { operation, played }))
    }

    /// The keys that we asked for. Each was told by itself before, as it was pressed.
    fn gathered(&self) -> Option<Fact> {
        let state = self.state.as_ref()?;
        let operation = state.gather.clone()?;
        let complete = match self.get("status")? {
            "valid" => true,
            "invalid" | "timeout" | "cancelled" | "cancelled_amd" | "call_hangup" => false,
            _ => return None,
        };
        let digits = self.get("digits").unwrap_or_default();
        let digits = state.until.and_then(|key| digits.strip_suffix(char::from(key))).unwrap_or(digits);
        Some(Fact::Gathered(Gathered { operation, digits: digits.to_owned(), complete }))
    }

    fn recording(&self, status: &str) -> Option<Fact> {
        let url = |field: &str| {
            let urls = self.payload.get(field)?.as_object()?;
            text(urls, "mp3").or_else(|| text(urls, "wav"))
        };
        let moment = |name| self.get(name).and_then(|text| text.parse::<Timestamp>().ok());
        let duration =
            || -> Option<Duration> { Some(moment("recording_ended_at")?.since(moment("recording_started_at")?)) };
        // The documented event has no name for the recording: a leg and a beginning name it as well.
        let id = match self.get("recording_id") {
            Some(id) => id.to_owned(),
            None => format!("{}/{}", self.leg().ok()?.id, self.get("recording_started_at").unwrap_or(status)),
        };
        Some(Fact::Recording(Recording {
            id,
            // The public one stays; the other one is good for ten minutes.
            url: url("public_recording_urls").or_else(|| url("recording_urls")).map(str::to_owned),
            status: status.to_owned(),
            duration: duration(),
        }))
    }

    fn turn(&self) -> Option<Fact> {
        let data = self.payload.get("transcription_data")?.as_object()?;
        if data.get("is_final") == Some(&Value::Bool(false)) {
            return None;
        }
        let speaker = match text(data, "transcription_track") {
            Some("outbound") => Speaker::Agent,
            Some(_) | None => Speaker::Caller,
        };
        Some(Fact::Turn(Turn { speaker, text: text(data, "transcript")?.to_owned() }))
    }

    fn cost(&self) -> Option<Fact> {
        let amount = self.get("total_cost").filter(|cost| cost.parse::<f64>().is_ok_and(f64::is_finite))?;
        let parts = self.payload.get("cost_parts").and_then(Value::as_array);
        let currency = parts.and_then(|parts| parts.iter().find_map(|part| part.get("currency")?.as_str()));
        Some(Fact::Billed(Cost { amount: amount.to_owned(), currency: currency.unwrap_or("USD").to_owned() }))
    }

    fn get(&self, name: &str) -> Option<&'a str> {
        text(self.payload, name)
    }
}

const OLD: &str = "this is webhook API version 1: set the application's webhook_api_version to 2";

fn text<'a>(fields: &'a Map<String, Value>, name: &str) -> Option<&'a str> {
    fields.get(name)?.as_str().filter(|text| !text.is_empty())
}

fn missing(name: &str) -> HookError {
    HookError::Malformed(format!("{name} is missing"))
}
