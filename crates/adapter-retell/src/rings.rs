//! The inbound webhook: a number rings, and its caller hears it ring until we have answered (retell.md §4).

use std::collections::BTreeMap;

use call_core::port::{HookError, Inbound};
use call_core::{Conduct, Fact, Leg, Progress, Signal, Timestamp};
use serde_json::Value;

use crate::NAME;
use crate::act::is_call_id;
use crate::extra::{extra, short};
use crate::message::{malformed, missing};
use crate::resource::{moment, text};

/// Somebody rings, and Retell asks what to do.
pub(crate) struct Rings {
    /// Retell's name for the call; older versions of the webhook have none.
    pub(crate) id: Option<String>,
    pub(crate) inbound: Inbound,
    at: Option<Timestamp>,
    /// Names the question where the call has no name.
    asked: String,
    extra: BTreeMap<String, String>,
}

impl Rings {
    pub(crate) fn read(body: &Value) -> Result<Self, HookError> {
        let body = body.as_object().ok_or_else(|| malformed("it is not an object"))?;
        let fields = body.get("call_inbound").and_then(Value::as_object).ok_or_else(|| missing("call_inbound"))?;
        let number = |name| text(fields, name).ok_or_else(|| missing(name));
        let (from, to) = (number("from_number")?.to_owned(), number("to_number")?.to_owned());
        let at = moment(body, "event_timestamp");
        let asked = format!("{from} {to} {}", at.map(Timestamp::as_millis).unwrap_or_default());
        Ok(Self {
            id: text(fields, "call_id").filter(|id| is_call_id(id)).map(str::to_owned),
            inbound: Inbound { from, to, conduct: Conduct::Agent },
            at,
            asked: short(&asked),
            extra: extra([body, fields]),
        })
    }

    pub(crate) fn leg(&self) -> Leg {
        Leg::new(NAME, self.id.as_deref().unwrap_or(&self.asked))
    }

    /// Nothing without a name: what is parked under a name that nobody will ever use again is only lost.
    pub(crate) fn signals(&self) -> Vec<Signal> {
        let ringing = |id: &String| Signal {
            at: self.at,
            extra: self.extra.clone(),
            ..Signal::new(Fact::Progress(Progress::Ringing)).on(self.leg()).keyed(format!("{id}:inbound"))
        };
        self.id.iter().map(ringing).collect()
    }
}
