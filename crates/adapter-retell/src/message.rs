//! What one verified webhook says (retell.md §4).

use call_core::port::{HookError, Inbound};
use call_core::{Conduct, Fact, Signal, Timestamp};
use serde_json::{Map, Value};

use crate::extra::{extra, short};
use crate::resource::{CallObject, moment, text};
use crate::told::Teller;

/// One event about one call.
pub(crate) struct Event<'a> {
    kind: &'a str,
    body: &'a Map<String, Value>,
    pub(crate) call: CallObject<'a>,
}

impl<'a> Event<'a> {
    pub(crate) fn read(body: &'a Value) -> Result<Self, HookError> {
        let body = body.as_object().ok_or_else(|| malformed("it is not an object"))?;
        let kind = text(body, "event").ok_or_else(|| missing("event"))?;
        Ok(Self { kind, body, call: call_of(body)? })
    }

    pub(crate) fn signals(&self) -> Vec<Signal> {
        let teller = Teller::new(self.call, self.name());
        let mut signals = match self.kind {
            "call_started" => vec![teller.started()],
            "call_ended" => teller.ended(),
            // It comes after the end, whose own message may have been lost.
            "call_analyzed" if self.is_over() => teller.ended(),
            "call_analyzed" => teller.findings(),
            "transcript_updated" => teller.spoken().into_iter().collect(),
            // The leg of a transfer has no name, so the core has no word for it; its cost is known at its end.
            "transfer_ended" => teller.findings().into_iter().chain([self.unknown(&teller)]).collect(),
            _ => Vec::new(),
        };
        if signals.is_empty() {
            signals.push(self.unknown(&teller));
        }
        if let Some(first) = signals.first_mut() {
            first.extra = extra([self.body, self.call.fields]);
        }
        signals
    }

    fn is_over(&self) -> bool {
        self.call.get("disconnection_reason").is_some() || self.call.ended().is_some()
    }

    /// Retell has no names for its events: what it advises to compare is joined to one.
    fn name(&self) -> String {
        let kind = short(self.kind);
        match self.kind {
            "call_started" | "transcript_updated" => kind,
            "call_ended" | "call_analyzed" => {
                format!("{kind} {}", short(self.call.get("disconnection_reason").unwrap_or_default()))
            }
            _ => {
                let places = [self.body.get("transfer_destination"), self.call.fields.get("transfer_destination")];
                let destination = places.into_iter().flatten().next().map(Value::to_string).unwrap_or_default();
                let millis = self.at().or_else(|| self.call.started()).map(Timestamp::as_millis).unwrap_or_default();
                format!("{kind} {millis} {}", short(&destination))
            }
        }
    }

    /// Kept, harmless.
    fn unknown(&self, teller: &Teller<'_>) -> Signal {
        Signal { at: self.at(), ..teller.signal(Fact::Unknown(short(self.kind)), "event") }
    }

    fn at(&self) -> Option<Timestamp> {
        moment(self.body, "event_timestamp")
    }
}

/// Who rings whom. It must be told with every message that may begin a call: who carries the script out is settled then.
pub(crate) fn inbound(call: &CallObject<'_>) -> Inbound {
    let number = |name| call.get(name).unwrap_or_default().to_owned();
    Inbound { from: number("from_number"), to: number("to_number"), conduct: Conduct::Agent }
}

pub(crate) fn call_of(body: &Map<String, Value>) -> Result<CallObject<'_>, HookError> {
    let call = body.get("call").ok_or_else(|| missing("call"))?;
    CallObject::read(call).ok_or_else(|| malformed("call.call_id is missing, or not the name of a call"))
}

pub(crate) fn malformed(what: &str) -> HookError {
    HookError::Malformed(what.to_owned())
}

pub(crate) fn missing(name: &str) -> HookError {
    HookError::Malformed(format!("{name} is missing"))
}
