//! What happens while the call is live: speech, streams, words, findings.

use super::super::{Effect, Event, Fact, Reason, Recording, Running, Speaker, SpeechFact, Timer, Turn};
use super::Act;

/// The name of the speech operation that asks a silent caller whether they are there.
const PROMPT: &str = "prompt";

/// How many recordings are kept of one call; the journal has all.
const RECORDINGS: usize = 64;

impl Act<'_> {
    pub(in super::super) fn speak(&mut self, operation: &str, text: &str) -> Result<(), Reason> {
        if self.is_running(Some(operation)) {
            return Err(Reason::AlreadyRunning);
        }
        self.break_silence();
        self.begin(Some(operation.to_owned()));
        self.ask_for(Effect::Speak { operation: operation.to_owned(), text: text.to_owned() });
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

    /// Somebody does something: the deadlines of silence are off.
    fn break_silence(&mut self) {
        if planted!(SpeechDoesNotBreakSilence) {
            return;
        }
        self.state.timers.cancel(Timer::Response);
        self.state.timers.cancel(Timer::Prompt);
    }

    pub(in super::super) fn transfer(&mut self, to: &str) -> Result<(), Reason> {
        self.ask_for(Effect::Transfer { to: to.to_owned() });
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
            Fact::Recording(new) => record(&mut findings.recordings, new),
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
            | Fact::Turn(_) => false,
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

fn replace<T: Clone + PartialEq>(known: &mut Option<T>, new: &T) -> bool {
    let news = known.as_ref() != Some(new);
    if news {
        *known = Some(new.clone());
    }
    news
}

/// A recording that is complete does not become unfinished again.
fn record(known: &mut Vec<Recording>, new: &Recording) -> bool {
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
