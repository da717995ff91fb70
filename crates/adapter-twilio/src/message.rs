//! What one verified message says.

use call_core::port::{HookError, Question};
use call_core::{Disposition, Fact, Gathered, Leg, Progress, Recording, Signal, Speaker, SpeechFact, StreamFact, Turn};

use crate::callback::Callback;
use crate::form::Form;
use crate::script::{DIALED, HEARD, KEYS, SAID};
use crate::status::{Status, answered_by, duration, hungup, moment};
use crate::{NAME, sid};

/// A message about one leg.
pub(crate) struct Message<'a> {
    pub(crate) leg: Leg,
    pub(crate) parent: Option<Leg>,
    form: &'a Form<'a>,
    /// The query of our own URL: what we wrote into it when we handed it out.
    query: &'a Form<'a>,
}

/// What it tells and asks.
pub(crate) struct Told {
    pub(crate) signals: Vec<Signal>,
    pub(crate) question: Option<Question>,
}

impl<'a> Message<'a> {
    pub(crate) fn read(form: &'a Form<'a>, query: &'a Form) -> Result<Self, HookError> {
        let leg = call_leg(form, "CallSid")?.ok_or_else(|| missing("CallSid"))?;
        let parent = call_leg(form, "ParentCallSid")?;
        Ok(Self { leg, parent, form, query })
    }

    pub(crate) fn told(&self, callback: Callback) -> Result<Told, HookError> {
        let (mut signals, question) = match callback {
            Callback::Status(_) | Callback::InboundStatus => (self.progress()?, None),
            Callback::Voice(_) => (self.answered(), Some(Question::WhatNow)),
            Callback::InboundVoice => (self.rings(), Some(Question::WhatNow)),
            Callback::Action(_) => self.action(),
            Callback::Recording(_) => (vec![self.recording()?], None),
            Callback::Amd(_) => (vec![self.detected().ok_or_else(|| missing("AnsweredBy"))?], None),
            Callback::Stream(_) => (vec![self.stream()?], None),
        };
        if let Some(first) = signals.first_mut() {
            first.extra = self.form.extra();
        }
        Ok(Told { signals, question })
    }

    /// A status callback: of a first leg, or of a `<Dial>`ed one.
    fn progress(&self) -> Result<Vec<Signal>, HookError> {
        let word = self.form.get("CallStatus").ok_or_else(|| missing("CallStatus"))?;
        let order: Option<u64> = self.form.get("SequenceNumber").and_then(|number| number.parse().ok());
        let key = match order {
            Some(order) => format!("{}:{order}", self.leg.id),
            None => format!("{}:status:{word}", self.leg.id),
        };
        let status = Signal { order, at: self.at(), ..self.signal(self.status(word), key.clone()) };
        let mut signals = vec![status];
        signals.extend(self.detected());
        // Only its name: whether it can be fetched is said by its own callback.
        signals.extend(self.form.get("RecordingSid").map(|id| {
            let seconds = self.form.get("RecordingDuration").and_then(duration);
            let recording =
                Recording { id: id.to_owned(), url: None, status: "processing".to_owned(), duration: seconds };
            self.signal(Fact::Recording(recording), format!("{key}:recording"))
        }));
        Ok(signals)
    }

    fn status(&self, word: &str) -> Fact {
        match Status::parse(word) {
            Status::Before(progress) => Fact::Progress(progress),
            Status::InProgress => Fact::Answered,
            Status::Over(disposition) => Fact::Ended(hungup(
                disposition,
                word,
                self.form.get("SipResponseCode"),
                // Seconds. `Duration` is in minutes.
                self.form.get("CallDuration"),
            )),
            Status::Unknown => Fact::Unknown(word.to_owned()),
        }
    }

    /// The voice URL of a call that we placed is only asked once somebody has answered.
    fn answered(&self) -> Vec<Signal> {
        let fact = self.ended().unwrap_or(Fact::Answered);
        let mut signals = vec![self.signal(fact, format!("{}:voice:answered", self.leg.id))];
        signals.extend(self.detected());
        signals
    }

    /// The voice URL of a number: somebody rings, and our TwiML answers.
    fn rings(&self) -> Vec<Signal> {
        let rings = self.signal(Fact::Progress(Progress::Ringing), format!("{}:voice:ringing", self.leg.id));
        let mut signals = vec![rings];
        signals.extend(self.answered());
        signals
    }

    /// The caller's input, the end of our words, or the end of a `<Dial>`.
    fn action(&self) -> (Vec<Signal>, Option<Question>) {
        let (mut signals, action) = if let Some(word) = self.form.get("DialCallStatus") {
            (self.dialed(word).into_iter().collect(), DIALED)
        } else if let Some(operation) = self.query.get(SAID) {
            let speech = SpeechFact { operation: operation.to_owned(), played: true };
            (vec![self.signal(Fact::Speech(speech), format!("{}:said:{operation}", self.leg.id))], SAID)
        } else {
            let mut signals = self.heard();
            signals.extend(self.gathered());
            (signals, HEARD)
        };
        // A caller who hung up meanwhile; the status callback of an inbound call may not be configured.
        let ended = self.ended().map(|fact| self.signal(fact, format!("{}:action:ended", self.leg.id)));
        signals.extend(ended);
        (signals, Some(Question::WhatNext { action: action.to_owned() }))
    }

    /// How the leg that was dialled has ended.
    fn dialed(&self, word: &str) -> Option<Signal> {
        let Status::Over(disposition) = Status::parse(word) else { return None };
        let child = match self.form.get("DialCallSid").filter(|sid| sid::is(sid::CALL, sid)) {
            Some(sid) => sid.to_owned(),
            // An impossible number: Twilio made no leg at all, and yet the call has failed to connect.
            None if disposition != Disposition::Completed => format!("{}/dial", self.leg.id),
            None => return None,
        };
        let hungup = hungup(disposition, word, None, self.form.get("DialCallDuration"));
        let key = format!("{child}:dial:{word}");
        Some(Signal::new(Fact::Ended(hungup)).on(Leg::new(NAME, child)).under(self.leg.clone()).keyed(key))
    }

    /// Keys and words. Twilio numbers no answers, so our URL does: see `script::listen`.
    fn heard(&self) -> Vec<Signal> {
        let step = self.query.get("step").and_then(|step| step.parse::<u64>().ok());
        let told = |kind: &str, fact| {
            let signal = Signal::new(fact).on(self.leg.clone());
            match step {
                Some(step) => signal.keyed(format!("{}:step:{step}:{kind}", self.leg.id)),
                None => signal,
            }
        };
        let digits = self.form.get("Digits").map(|digits| told("digits", Fact::Digits(digits.to_owned())));
        let words = self
            .form
            .get("SpeechResult")
            .map(|text| told("speech", Fact::Turn(Turn { speaker: Speaker::Caller, text: text.to_owned() })));
        digits.into_iter().chain(words).collect()
    }

    /// The keys that we asked for, whether there are any or not.
    fn gathered(&self) -> Option<Signal> {
        let operation = self.query.get(KEYS.0)?.to_owned();
        let last = self.form.get("FinishedOnKey").filter(|key| !key.is_empty());
        let digits = self.form.get("Digits").unwrap_or_default();
        let digits = last.and_then(|key| digits.strip_suffix(key)).unwrap_or(digits).to_owned();
        let enough = self.query.get(KEYS.1).and_then(|most| most.parse().ok()).is_some_and(|most| digits.len() >= most);
        let complete = enough || last.is_some();
        let step = self.query.get("step").unwrap_or_default();
        let key = format!("{}:step:{step}:gathered:{operation}", self.leg.id);
        Some(self.signal(Fact::Gathered(Gathered { operation, digits, complete }), key))
    }

    fn recording(&self) -> Result<Signal, HookError> {
        let id = self.form.get("RecordingSid").ok_or_else(|| missing("RecordingSid"))?;
        let status = self.form.get("RecordingStatus").ok_or_else(|| missing("RecordingStatus"))?;
        let recording = Recording {
            id: id.to_owned(),
            // Earlier there is nothing to fetch.
            url: self.form.get("RecordingUrl").filter(|_| status == "completed").map(str::to_owned),
            status: status.to_owned(),
            duration: self.form.get("RecordingDuration").and_then(duration),
        };
        Ok(self.signal(Fact::Recording(recording), format!("{id}:{status}")))
    }

    fn detected(&self) -> Option<Signal> {
        let word = self.form.get("AnsweredBy")?;
        let fact = answered_by(word).map_or_else(|| Fact::Unknown(format!("AnsweredBy={word}")), Fact::Detected);
        Some(self.signal(fact, format!("{}:amd:{word}", self.leg.id)))
    }

    fn stream(&self) -> Result<Signal, HookError> {
        let event = self.form.get("StreamEvent").ok_or_else(|| missing("StreamEvent"))?;
        let stream = self.form.get("StreamSid").ok_or_else(|| missing("StreamSid"))?;
        let fact = match event {
            "stream-started" => Fact::Stream(StreamFact::Opened),
            "stream-stopped" => Fact::Stream(StreamFact::Closed),
            "stream-error" => {
                let why = self.form.get("StreamError").unwrap_or("no explanation").to_owned();
                Fact::Stream(StreamFact::Failed { why })
            }
            _ => Fact::Unknown(event.to_owned()),
        };
        Ok(Signal { at: self.at(), ..self.signal(fact, format!("{stream}:{event}")) })
    }

    /// The leg's end, if this message of another kind tells it.
    fn ended(&self) -> Option<Fact> {
        let word = self.form.get("CallStatus")?;
        matches!(Status::parse(word), Status::Over(_)).then(|| self.status(word))
    }

    fn signal(&self, fact: Fact, key: String) -> Signal {
        let signal = Signal::new(fact).on(self.leg.clone()).keyed(key);
        Signal { parent: self.parent.clone(), ..signal }
    }

    fn at(&self) -> Option<call_core::Timestamp> {
        self.form.get("Timestamp").and_then(moment)
    }
}

fn call_leg(form: &Form<'_>, name: &str) -> Result<Option<Leg>, HookError> {
    match form.get(name) {
        Some(sid) if sid::is(sid::CALL, sid) => Ok(Some(Leg::new(NAME, sid))),
        Some(_) => Err(HookError::Malformed(format!("{name} is not the name of a call"))),
        None => Ok(None),
    }
}

fn missing(name: &str) -> HookError {
    HookError::Malformed(format!("{name} is missing"))
}
