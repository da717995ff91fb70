//! What can go wrong, on demand and by chance.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::provider::Provider;

/// One way in which a provider or a network misbehaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Fault {
    /// A callback is held back for 1 to 30 phone seconds; later ones overtake it.
    CallbackLate,
    /// A callback is never sent.
    CallbackLost,
    /// A callback is sent twice.
    CallbackDoubled,
    /// A callback waits until its successor has been delivered.
    CallbackReordered,
    /// A forged callback that claims the call has completed, with a signature of the wrong key, precedes the true one.
    CallbackForged,
    /// Bytes that are no callback at all are posted to the callback URL, unsigned; the true one follows.
    CallbackGarbage,
    /// The first callback of a call arrives before the REST answer that names the call.
    CallbackFirst,
    /// A REST request is not carried out and never answered.
    TimeoutBefore,
    /// A REST request is carried out (the call *is* placed) and never answered.
    TimeoutAfter,
    /// A REST request is not carried out; the connection drops.
    DroppedBefore,
    /// A REST request is carried out; the connection drops instead of the answer.
    DroppedAfter,
    /// A REST request is not carried out; the answer is a 500 or 503.
    ErrorBefore,
    /// A REST request is carried out; the answer is a 500 or 503 all the same.
    ErrorAfter,
    /// 429 with code 20429: not carried out, safe to repeat.
    RateLimited,
    /// A fetch or list shows the call as it was before its last change.
    StaleRead,
    /// The far end drops the call while the phone rings; for a call inside `<Dial>`, the caller leaves.
    HangupDuringDial,
    /// A media stream fails (`stream-error`, `streaming.failed`) instead of starting.
    StreamFails,
    /// The person hangs up half a phone second to two after answering, whoever they are.
    QuickHangup,
    /// The message that tells of the call's end (`completed`, `call.hangup`, `call_ended`) is never sent.
    EndNeverSent,
    /// Telnyx: the person hangs up as a command arrives, which is answered 422 / 90018. With a rule for the occasion
    /// `streaming_start`: a stream is started after the hang-up.
    HangupBeforeCommand,
    /// Telnyx: a message carries the `client_state` that was set before the latest one, at first none at all.
    ClientStateLate,
    /// Retell: the agent's first function call arrives before `call_started`.
    ToolFirst,
    /// Retell: the agent's first function call and `call_started` are sent in the same millisecond.
    ToolTogether,
    /// The provider is down for five phone seconds: REST answers 503, callbacks wait.
    Outage,
}

impl Fault {
    /// Every fault, in the order of the declaration.
    pub const ALL: [Self; 24] = [
        Self::CallbackLate,
        Self::CallbackLost,
        Self::CallbackDoubled,
        Self::CallbackReordered,
        Self::CallbackForged,
        Self::CallbackGarbage,
        Self::CallbackFirst,
        Self::TimeoutBefore,
        Self::TimeoutAfter,
        Self::DroppedBefore,
        Self::DroppedAfter,
        Self::ErrorBefore,
        Self::ErrorAfter,
        Self::RateLimited,
        Self::StaleRead,
        Self::HangupDuringDial,
        Self::StreamFails,
        Self::QuickHangup,
        Self::EndNeverSent,
        Self::HangupBeforeCommand,
        Self::ClientStateLate,
        Self::ToolFirst,
        Self::ToolTogether,
        Self::Outage,
    ];

    /// Whether this provider can suffer it.
    #[must_use]
    pub fn can_strike(self, provider: Provider) -> bool {
        match self {
            Self::CallbackLate
            | Self::CallbackLost
            | Self::CallbackDoubled
            | Self::CallbackReordered
            | Self::CallbackForged
            | Self::CallbackGarbage
            | Self::CallbackFirst
            | Self::TimeoutBefore
            | Self::TimeoutAfter
            | Self::DroppedBefore
            | Self::DroppedAfter
            | Self::ErrorBefore
            | Self::ErrorAfter
            | Self::RateLimited
            | Self::StaleRead
            | Self::HangupDuringDial
            | Self::QuickHangup
            | Self::EndNeverSent
            | Self::Outage => true,
            Self::StreamFails => provider != Provider::Retell,
            Self::HangupBeforeCommand | Self::ClientStateLate => provider == Provider::Telnyx,
            Self::ToolFirst | Self::ToolTogether => provider == Provider::Retell,
        }
    }

    /// The name used in JSON, in rules and in counts, e.g. `callback-lost`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::CallbackLate => "callback-late",
            Self::CallbackLost => "callback-lost",
            Self::CallbackDoubled => "callback-doubled",
            Self::CallbackReordered => "callback-reordered",
            Self::CallbackForged => "callback-forged",
            Self::CallbackGarbage => "callback-garbage",
            Self::CallbackFirst => "callback-first",
            Self::TimeoutBefore => "timeout-before",
            Self::TimeoutAfter => "timeout-after",
            Self::DroppedBefore => "dropped-before",
            Self::DroppedAfter => "dropped-after",
            Self::ErrorBefore => "error-before",
            Self::ErrorAfter => "error-after",
            Self::RateLimited => "rate-limited",
            Self::StaleRead => "stale-read",
            Self::HangupDuringDial => "hangup-during-dial",
            Self::StreamFails => "stream-fails",
            Self::QuickHangup => "quick-hangup",
            Self::EndNeverSent => "end-never-sent",
            Self::HangupBeforeCommand => "hangup-before-command",
            Self::ClientStateLate => "client-state-late",
            Self::ToolFirst => "tool-first",
            Self::ToolTogether => "tool-together",
            Self::Outage => "outage",
        }
    }
}

/// How probable each fault is, per occasion (a callback, a REST request, a call). The seed decides which ones it hits.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Faults(BTreeMap<Fault, f64>);

impl Faults {
    /// A network on its best day.
    #[must_use]
    pub fn none() -> Self {
        Self::default()
    }

    /// A bit of everything.
    #[must_use]
    pub fn demo() -> Self {
        Fault::ALL.into_iter().fold(Self::none(), |faults, fault| {
            let probability = match fault {
                Fault::CallbackLate | Fault::CallbackDoubled | Fault::CallbackReordered => 0.06,
                Fault::CallbackLost | Fault::CallbackFirst | Fault::StaleRead => 0.05,
                Fault::ClientStateLate | Fault::ToolFirst | Fault::ToolTogether => 0.1,
                Fault::RateLimited | Fault::ErrorAfter | Fault::DroppedAfter => 0.03,
                Fault::CallbackForged
                | Fault::CallbackGarbage
                | Fault::ErrorBefore
                | Fault::HangupDuringDial
                | Fault::QuickHangup
                | Fault::EndNeverSent
                | Fault::HangupBeforeCommand
                | Fault::StreamFails => 0.02,
                Fault::DroppedBefore | Fault::TimeoutBefore | Fault::TimeoutAfter => 0.01,
                Fault::Outage => 0.01,
            };
            faults.with(fault, probability)
        })
    }

    /// The same, with this probability (0 to 1) for one fault.
    #[must_use]
    pub fn with(mut self, fault: Fault, probability: f64) -> Self {
        self.0.insert(fault, probability);
        self
    }

    pub(crate) fn chance(&self, fault: Fault) -> f64 {
        self.0.get(&fault).copied().unwrap_or(0.0)
    }
}

/// A fault on demand. Every filter that is set must match; without `times` and `calls` it lasts until healed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Rule {
    /// What goes wrong.
    pub fault: Fault,
    /// Only for calls to this number (or prefix ending in `*`).
    #[serde(default)]
    pub number: Option<String>,
    /// Only for this call.
    #[serde(default)]
    pub call: Option<String>,
    /// Only on this occasion: a message (Twilio: its `CallStatus`, or `recording`, `amd`, `stream`; others: its event, e.g.
    /// `call.hangup`, `call_ended`), a REST operation (`create`, `fetch`, `update`, `list`, `other`, at Telnyx the name of
    /// the action, e.g. `speak`), or a moment of the call (`ringing`, `answered`, `dial`, `stream`, `function`).
    #[serde(default)]
    pub on: Option<String>,
    /// At most this many occasions.
    #[serde(default)]
    pub times: Option<u32>,
    /// At most this many different calls, each of them on every occasion.
    #[serde(default)]
    pub calls: Option<usize>,
}

impl Rule {
    /// `fault` on every occasion, until healed.
    #[must_use]
    pub fn new(fault: Fault) -> Self {
        Self { fault, number: None, call: None, on: None, times: None, calls: None }
    }

    /// Only for calls to this number (or prefix ending in `*`).
    #[must_use]
    pub fn number(mut self, number: impl Into<String>) -> Self {
        self.number = Some(number.into());
        self
    }

    /// Only for this call.
    #[must_use]
    pub fn call(mut self, sid: impl Into<String>) -> Self {
        self.call = Some(sid.into());
        self
    }

    /// Only on this occasion (see [`Rule::on`]).
    #[must_use]
    pub fn on(mut self, occasion: impl Into<String>) -> Self {
        self.on = Some(occasion.into());
        self
    }

    /// At most this many occasions.
    #[must_use]
    pub fn times(mut self, times: u32) -> Self {
        self.times = Some(times);
        self
    }

    /// At most this many different calls.
    #[must_use]
    pub fn calls(mut self, calls: usize) -> Self {
        self.calls = Some(calls);
        self
    }
}

/// What is being done when a fault may strike.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Occasion<'a> {
    /// The number called; empty when the request names none.
    pub(crate) number: &'a str,
    pub(crate) call: Option<&'a str>,
    pub(crate) on: &'a str,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_the_json_names() {
        for fault in Fault::ALL {
            assert_eq!(serde_json::to_value(fault).unwrap(), fault.name());
        }
    }
}
