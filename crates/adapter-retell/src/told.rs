//! What a call object tells, as signals.
//!
//! The same news comes with several messages, for any of them may be lost. Each message's own name is in the key, so that
//! only its repetition is a duplicate; that the same news is none any more, the core sees by itself.

use call_core::{AnsweredBy, Fact, Report, Signal};
use sha2::{Digest as _, Sha256};

use crate::resource::CallObject;

/// One message, and the call in it.
pub(crate) struct Teller<'a> {
    call: CallObject<'a>,
    event: String,
}

impl<'a> Teller<'a> {
    /// `event` names the message among all that Retell sends about the call: it has no ids for them.
    pub(crate) fn new(call: CallObject<'a>, event: impl Into<String>) -> Self {
        Self { call, event: event.into() }
    }

    /// Somebody has answered. `call_started`, a function call and an end that only connected calls have prove it alike:
    /// whichever comes first (post-mortem 4.1).
    pub(crate) fn started(&self) -> Signal {
        Signal { at: self.call.started(), ..self.signal(Fact::Answered, "started") }
    }

    /// All that is known of the call by its end, then the end: what waits for it (an analysis of the transcript, say)
    /// finds everything in place.
    pub(crate) fn ended(&self) -> Vec<Signal> {
        self.all(self.signal(Fact::Ended(self.call.words().hungup()), "ended"))
    }

    /// The same, as the answer to a question of ours.
    pub(crate) fn reported(&self) -> Vec<Signal> {
        self.all(Signal::new(Fact::Report(Report::Ended(self.call.words().hungup()))).on(self.call.leg()))
    }

    fn all(&self, end: Signal) -> Vec<Signal> {
        let words = self.call.words();
        let mut signals = Vec::new();
        if words.connected() {
            signals.push(self.started());
        }
        if words.is_machine() {
            signals.push(self.signal(Fact::Detected(AnsweredBy::Machine), "machine"));
        }
        signals.extend(self.findings());
        signals.push(Signal { at: self.call.ended(), ..end });
        signals
    }

    /// What became known beside the call's movement.
    pub(crate) fn findings(&self) -> Vec<Signal> {
        let call = &self.call;
        let mut signals = Vec::new();
        let turns = call.turns();
        if !turns.is_empty() {
            signals.push(self.signal(Fact::Transcript(turns), "transcript"));
        }
        for recording in call.recordings() {
            let name = recording.id.clone();
            signals.push(self.signal(Fact::Recording(recording), &name));
        }
        signals.extend(call.cost().map(|cost| self.signal(Fact::Billed(cost), "cost")));
        signals.extend(call.latency().map(|latency| self.signal(Fact::Measured(latency), "latency")));
        signals.extend(call.analysis().map(|analysis| {
            // A call can be analysed again, which is told by the same event.
            let said = serde_json::to_vec(&analysis).unwrap_or_default();
            let name: String = Sha256::digest(said).iter().take(4).map(|byte| format!("{byte:02x}")).collect();
            self.signal(Fact::Analyzed(analysis), &format!("analysis {name}"))
        }));
        signals
    }

    /// The last words so far. Those before came with earlier messages, and all come at the end.
    pub(crate) fn spoken(&self) -> Option<Signal> {
        let turns = self.call.turns();
        let place = turns.len();
        let turn = turns.into_iter().next_back()?;
        Some(self.signal(Fact::Turn(turn), &format!("turn {place}")))
    }

    pub(crate) fn signal(&self, fact: Fact, name: &str) -> Signal {
        Signal::new(fact).on(self.call.leg()).keyed(format!("{}:{}:{name}", self.call.id(), self.event))
    }
}
