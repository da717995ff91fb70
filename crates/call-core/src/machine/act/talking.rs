//! What happens while the call is live: speech, streams, words, findings.

use super::super::time::said_in;
use super::super::{
    Conduct, Effect, Event, Fact, Phase, Proposer, Reason, Recording, Refused, Running, Script, Speaker, SpeechFact,
    Timer, Turn,
};
use super::Act;

/// The name of the speech operation that asks a silent caller whether they are there.
const PROMPT: &str = "prompt";

/// The name of the speech operation that a script begins with.
const GREETING: &str = "greeting";

/// How many recordings are kept of one call; the journal has all.
const RECORDINGS: usize = 64;

impl Act<'_> {
    /// The first words of the script.
    pub(super) fn greet(&mut self, greeting: &str) {
        let _ = self.speak(GREETING, greeting);
    }

    /// The only words of the script: it hangs up after them, even if nobody tells that they were said.
    pub(super) fn say(&mut self, text: &str) {
        self.greet(text);
        if planted!(SaysWithoutDeadline) {
            return;
        }
        self.set(Timer::Farewell, self.policy().farewell_limit.saturating_add(said_in(text)));
    }

    fn has_said_all(&self, operation: &str) -> bool {
        let plan = &self.birth.plan;
        let all = operation == GREETING && !planted!(SaysAndHoldsTheLine);
        all && plan.conduct == Conduct::Commanded && matches!(plan.script, Script::Say { .. })
    }

    pub(in super::super) fn speak(&mut self, operation: &str, text: &str) -> Result<(), Reason> {
        self.sound(operation, Effect::Speak { operation: operation.to_owned(), text: text.to_owned() })
    }

    pub(in super::super) fn play(&mut self, operation: &str, url: &str) -> Result<(), Reason> {
        self.sound(operation, Effect::Play { operation: operation.to_owned(), url: url.to_owned() })
    }

    fn sound(&mut self, operation: &str, effect: Effect) -> Result<(), Reason> {
        if self.is_running(Some(operation)) {
            return Err(Reason::AlreadyRunning);
        }
        self.break_silence();
        self.begin(Some(operation.to_owned()));
        self.ask_for(effect);
        Ok(())
    }

    pub(in super::super) fn hush(&mut self) -> Result<(), Reason> {
        if !self.is_speaking() {
            return Err(Reason::NotRunning);
        }
        self.ask_for(Effect::Hush);
        Ok(())
    }

    /// A speech operation has ended: now it is the caller's turn.
    pub(in super::super) fn spoken(&mut self, speech: &SpeechFact) -> Result<(), Reason> {
        self.finish_operation(Some(&speech.operation))?;
        if self.has_said_all(&speech.operation) {
            return self.hang_up(self.proposal(Proposer::Farewell, None));
        }
        if !self.is_speaking() && !self.policy().prompt.is_empty() {
            if speech.operation == PROMPT {
                self.set(Timer::Prompt, self.policy().prompt_limit);
            } else {
                self.set(Timer::Response, self.policy().response_limit);
            }
        }
        Ok(())
    }

    /// The caller does not respond.
    pub(in super::super) fn prompt(&mut self) {
        let text = self.policy().prompt.clone();
        let _ = self.speak(PROMPT, &text);
    }

    pub(in super::super) fn turn(&mut self, turn: &Turn) -> Result<(), Reason> {
        self.state.findings.turns = self.state.findings.turns.saturating_add(1);
        match turn.speaker {
            Speaker::Caller => self.break_silence(),
            Speaker::Agent => {}
        }
        Ok(())
    }

    /// The provider's whole transcript. It may come with several messages, and an older one after a newer: only one that
    /// says more is news.
    pub(in super::super) fn transcript(&mut self, turns: &[Turn]) -> Result<(), Reason> {
        let findings = &mut self.state.findings;
        let words = turns.iter().map(words).fold(0, u32::saturating_add);
        if words <= findings.words && !planted!(LastTranscriptWins) {
            return Err(Reason::NothingNew);
        }
        findings.turns = u32::try_from(turns.len()).unwrap_or(u32::MAX);
        findings.words = words;
        self.break_silence();
        self.publish(Event::Updated);
        Ok(())
    }

    /// The provider will not do what was asked. A call that nobody picks up and a caller who is connected to nobody must
    /// not wait for a deadline.
    pub(in super::super) fn refused(&mut self, refused: &Refused) -> Result<(), Reason> {
        let plan = &self.birth.plan;
        let connects = plan.conduct == Conduct::Commanded && matches!(plan.script, Script::Connect { .. });
        match (refused, &self.state.phase) {
            (Refused::Answer { .. }, Phase::Ringing { .. }) => self.ask(),
            (Refused::Transfer { .. }, Phase::Live) if planted!(RefusedTransferIsSilent) => Ok(()),
            (Refused::Transfer { why }, Phase::Live) if connects && self.state.legs.target().is_none() => {
                self.hang_up(self.proposal(Proposer::FarEnd, Some(why.clone())))
            }
            (
                Refused::Answer { .. } | Refused::Transfer { .. } | Refused::Bridge { .. } | Refused::Recording { .. },
                Phase::Live | Phase::Ringing { .. },
            ) => Ok(()),
            (
                Refused::Answer { .. } | Refused::Transfer { .. } | Refused::Bridge { .. } | Refused::Recording { .. },
                Phase::Dialing | Phase::Ending { .. } | Phase::Ended(_),
            ) => Err(Reason::NothingNew),
        }
    }

    /// Somebody does something: the deadlines of silence are off.
    pub(super) fn break_silence(&mut self) {
        if planted!(SpeechDoesNotBreakSilence) {
            return;
        }
        self.state.timers.cancel(Timer::Response);
        self.state.timers.cancel(Timer::Prompt);
    }

    /// A wish that changes nothing here: the provider does it, or says why not.
    pub(in super::super) fn hand_on(&mut self, wish: Effect) -> Result<(), Reason> {
        self.ask_for(wish);
        Ok(())
    }

    pub(in super::super) fn open_stream(&mut self) -> Result<(), Reason> {
        let opening = self.state.timers.get(Timer::StreamLimit).is_some();
        if opening || self.is_running(None) {
            return Err(Reason::AlreadyRunning);
        }
        self.set(Timer::StreamLimit, self.policy().stream_limit);
        self.ask_for(Effect::OpenStream);
        Ok(())
    }

    pub(in super::super) fn close_stream(&mut self) -> Result<(), Reason> {
        if !self.is_running(None) {
            return Err(Reason::NotRunning);
        }
        self.ask_for(Effect::CloseStream);
        Ok(())
    }

    pub(in super::super) fn stream_opened(&mut self) -> Result<(), Reason> {
        if self.is_running(None) {
            return Err(Reason::AlreadyRunning);
        }
        self.state.timers.cancel(Timer::StreamLimit);
        self.begin(None);
        Ok(())
    }

    /// The media socket closed and no end was told: ask at once.
    pub(in super::super) fn stream_closed(&mut self) -> Result<(), Reason> {
        self.finish_operation(None)?;
        if planted!(ClosedStreamAsksNobody) {
            return Ok(());
        }
        self.set(Timer::Quiet, self.policy().ask_again);
        self.ask()
    }

    pub(in super::super) fn stream_gone(&mut self) {
        self.state.operations.retain(|o| o.speech.is_some());
    }

    /// Takes up what became known, if it is new.
    pub(in super::super) fn note(&mut self, fact: &Fact) -> Result<(), Reason> {
        let findings = &mut self.state.findings;
        let news = match fact {
            Fact::Detected(by) => replace(&mut findings.answered_by, by),
            Fact::Billed(cost) => replace(&mut findings.cost, cost),
            Fact::Analyzed(analysis) => replace(&mut findings.analysis, analysis),
            Fact::Measured(latency) => replace(&mut findings.latency, latency),
            Fact::Recording(new) => keep(&mut findings.recordings, new),
            Fact::ToolCall(_) => {
                findings.tool_calls = findings.tool_calls.saturating_add(1);
                true
            }
            Fact::Digits(_) => {
                self.break_silence();
                return Ok(());
            }
            Fact::Unknown(_)
            | Fact::Dialed(_)
            | Fact::Progress(_)
            | Fact::Answered
            | Fact::Ended(_)
            | Fact::Report(_)
            | Fact::HangupAnswer(_)
            | Fact::Stream(_)
            | Fact::Speech(_)
            | Fact::Gathered(_)
            | Fact::Turn(_)
            | Fact::Transcript(_)
            | Fact::Refused(_) => false,
        };
        if !news {
            return Err(Reason::NothingNew);
        }
        self.publish(Event::Updated);
        Ok(())
    }

    pub(super) fn is_speaking(&self) -> bool {
        self.state.operations.iter().any(|o| o.speech.is_some())
    }

    /// Whether a speech operation (or, by `None`, the audio stream) is running.
    pub(super) fn is_running(&self, speech: Option<&str>) -> bool {
        self.state.operations.iter().any(|o| o.speech.as_deref() == speech)
    }

    fn begin(&mut self, speech: Option<String>) {
        self.state.operations.push(Running { speech, since: self.now });
    }
}

fn words(turn: &Turn) -> u32 {
    turn.text.split_whitespace().count().try_into().unwrap_or(u32::MAX)
}

fn replace<T: Clone + PartialEq>(known: &mut Option<T>, new: &T) -> bool {
    let news = known.as_ref() != Some(new);
    if news {
        *known = Some(new.clone());
    }
    news
}

/// A recording that is complete does not become unfinished again.
fn keep(known: &mut Vec<Recording>, new: &Recording) -> bool {
    // No provider makes so many of one call; a broken one must not fill the store.
    let full = known.len() >= RECORDINGS;
    match known.iter_mut().find(|r| r.id == new.id) {
        Some(known) if known == new || (known.url.is_some() && new.url.is_none()) => false,
        Some(known) => {
            *known = new.clone();
            true
        }
        None if full => false,
        None => {
            known.push(new.clone());
            true
        }
    }
}
