//! Scripted calls: a life in one line, and what the call answered in another.
//!
//! ```
//! call_core::testkit::script::check(
//!     "1s dialed accepted; 2s ringing; 4s answered; 64s ended completed; 64s hangup",
//!     "queued; ringing +call.ringing; live +call.answered; ended completed +call.ended; (already-ended)",
//! );
//! ```
//!
//! A step is a time and an input. The time counts from the call's birth (`90s`, `1m30s`), or is `due`: the call's next
//! deadline. Inputs:
//!
//! | words | input |
//! |---|---|
//! | `dialed accepted`, `dialed refused`, `dialed unknown`, `dialed withdrawn` | the answer to our dial |
//! | `queued`, `initiated`, `ringing`, `answered`, `ended DISPOSITION` | the provider's messages |
//! | `report queued`, `report in-progress`, `report gone`, `report unreachable`, `report ended DISPOSITION` | its answer when asked |
//! | `hangup-answer accepted`, `… already-ended`, `… refused` | its answer to our hang-up |
//! | `stream opened`, `… flowing`, `… closed`, `… failed`; `spoken NAME`; `turn agent`, `turn caller` | our media session |
//! | `detected`, `digits`, `recording ID`, `billed`, `analyzed`, `tool`, `unknown` | what becomes known |
//! | `hangup`, `hangup after-speech`, `speak NAME`, `hush`, `open-stream`, `close-stream`, `transfer`, `reconcile` | commands |
//! | `tick` | a deadline |
//!
//! `ringing@3s` happened at 3 s by the provider's clock; `ringing#e1` is the provider's event `e1`; `child answered`
//! is about a leg made from the first one.
//!
//! The answer to a step is the phase after it and, each behind a `+`, what the call asked for; or, in brackets, why the
//! input was ignored. A phase that only we believe in (`ended abandoned?`) has a question mark.

use std::num::NonZeroU8;
use std::sync::Arc;
use std::time::Duration;

use crate::{
    Analysis, AnsweredBy, Birth, Call, CallId, Command, Cost, DialAnswer, Direction, Disposition, Effect, Fact, Gather,
    Gathered, HangupAnswer, Hungup, Input, Key, Latency, Leg, Phase, Plan, Policy, Progress, Proposer, ProviderName,
    Recording, Refused, Report, Signal, Source, Speaker, SpeechFact, Stage, Step, StreamFact, Timestamp, ToolCall,
    Turn,
};

/// Plays `script` on an outbound call with the default policy.
///
/// # Panics
/// If the answers are others than expected.
#[track_caller]
pub fn check(script: &str, expected: &str) {
    Scene::outbound().check(script, expected);
}

/// A stage for scripts: how the call comes to be.
#[derive(Debug, Clone)]
pub struct Scene(Birth);

impl Scene {
    /// We ring somebody, by the default policy.
    #[must_use]
    pub fn outbound() -> Self {
        let at = Timestamp::from_millis(1_800_000_000_000);
        let plan = Plan::new(leg("CA1").provider, "+15550100", "+15550199");
        let policy = Policy::default();
        Self(Birth { id: CallId::new(at, [7; 10]), at, direction: Direction::Outbound, leg: None, plan, policy })
    }

    /// Somebody rings us.
    #[must_use]
    pub fn inbound() -> Self {
        let Self(birth) = Self::outbound();
        Self(Birth { direction: Direction::Inbound, leg: Some(leg("CA1")), ..birth })
    }

    /// The same, with another plan.
    #[must_use]
    pub fn plan(mut self, change: impl FnOnce(&mut Plan)) -> Self {
        change(&mut self.0.plan);
        self
    }

    /// The same, with another policy.
    #[must_use]
    pub fn policy(mut self, change: impl FnOnce(&mut Policy)) -> Self {
        change(&mut self.0.policy);
        self
    }

    /// Plays a script.
    ///
    /// # Panics
    /// If a step cannot be read.
    #[must_use]
    pub fn play(&self, script: &str) -> Played {
        let (call, asked) = Call::born(Arc::new(self.0.clone()));
        let mut played = Played { call, answers: Vec::new(), effects: asked };
        for step in script.split([';', '\n']).map(str::trim).filter(|step| !step.is_empty()) {
            played.step(step);
        }
        played
    }

    /// Plays a script and compares its answers.
    ///
    /// # Panics
    /// If they are others than expected.
    #[track_caller]
    pub fn check(&self, script: &str, expected: &str) {
        let expected: Vec<_> = expected.split([';', '\n']).map(str::trim).filter(|s| !s.is_empty()).collect();
        assert_eq!(self.play(script).answers, expected, "\nscript: {script}");
    }
}

/// A script that was played.
#[derive(Debug, Clone)]
pub struct Played {
    /// The call at its end.
    pub call: Call,
    /// The answer to each step.
    pub answers: Vec<String>,
    /// All that was asked for, from the birth on.
    pub effects: Vec<Effect>,
}

impl Played {
    fn step(&mut self, step: &str) {
        let (time, words) = step.split_once(' ').unwrap_or_else(|| panic!("a step is a time and an input: {step}"));
        let now = match (time, self.call.next_deadline()) {
            ("due", Some(deadline)) => deadline,
            ("due", None) => self.call.state().now,
            _ => self.call.birth().at + duration(time),
        };
        let answer = match self.call.handle(&input(words, self.call.birth().at), now) {
            Step::Applied(effects) => {
                let asked: String = effects.iter().map(|effect| format!(" +{}", name(effect))).collect();
                self.effects.extend(effects);
                format!("{}{asked}", describe(self.call.phase()))
            }
            Step::Ignored(reason) => format!("({})", reason.as_str()),
        };
        self.answers.push(answer);
    }
}

/// A phase in the words of the answers.
#[must_use]
pub fn describe(phase: &Phase) -> String {
    match phase {
        Phase::Dialing => "dialing".to_owned(),
        Phase::Ringing { progress, overdue } => {
            format!("{}{}", progress_word(*progress), if *overdue { " overdue" } else { "" })
        }
        Phase::Live => "live".to_owned(),
        Phase::Ending { stage, .. } => match stage {
            Stage::Farewell => "farewell".to_owned(),
            Stage::AwaitingDial => "awaiting-dial".to_owned(),
            Stage::HangingUp { tries } => format!("hanging-up {tries}"),
            Stage::Asking { .. } => "asking".to_owned(),
            Stage::Draining { .. } => "draining".to_owned(),
        },
        Phase::Ended(outcome) => {
            let doubt = if outcome.source == Source::Inference { "?" } else { "" };
            format!("ended {}{doubt}", outcome.disposition.as_str())
        }
    }
}

/// An effect in the words of the answers.
#[must_use]
pub const fn name(effect: &Effect) -> &'static str {
    match effect {
        Effect::Publish(event) => event.name(),
        Effect::Dial
        | Effect::Answer
        | Effect::Hangup { .. }
        | Effect::Reconcile
        | Effect::Speak { .. }
        | Effect::Play { .. }
        | Effect::Hush
        | Effect::Gather(_)
        | Effect::OpenStream
        | Effect::CloseStream
        | Effect::Transfer { .. }
        | Effect::Bridge { .. }
        | Effect::StartRecording
        | Effect::StopRecording => effect.as_str(),
    }
}

/// The input that some words stand for, in a call born at `birth`.
///
/// # Panics
/// If the words stand for nothing.
#[must_use]
pub fn input(words: &str, birth: Timestamp) -> Input {
    let (words, key) = words.split_once('#').map_or((words, None), |(words, key)| (words, Some(key.to_owned())));
    let (words, at) = words.split_once('@').map_or((words, None), |(words, at)| (words, Some(birth + duration(at))));
    let words: Vec<&str> = words.split_whitespace().collect();
    if let Some(command) = command(&words) {
        return Input::Command(command);
    }
    match words.as_slice() {
        ["tick"] => Input::Tick,
        ["child", rest @ ..] => {
            Input::Signal(Signal { key, at, ..Signal::new(fact(rest)).on(leg("CA2")).under(leg("CA1")) })
        }
        words => {
            let fact = fact(words);
            let leg = is_from_provider(&fact).then(|| leg("CA1"));
            Input::Signal(Signal { leg, key, at, ..Signal::new(fact) })
        }
    }
}

fn command(words: &[&str]) -> Option<Command> {
    let hangup = |after_speech| Command::Hangup { proposer: Proposer::Operator, reason: None, after_speech };
    Some(match words {
        ["hangup"] => hangup(false),
        ["hangup", "after-speech"] => hangup(true),
        ["speak", name] => Command::Speak { operation: (*name).to_owned(), text: "Hello".to_owned() },
        ["play", name] => {
            Command::Play { operation: (*name).to_owned(), url: "https://example.com/music.mp3".to_owned() }
        }
        ["hush"] => Command::Hush,
        ["gather", name] => Command::Gather(gather(name)),
        ["open-stream"] => Command::OpenStream,
        ["close-stream"] => Command::CloseStream,
        ["transfer"] => Command::Transfer { to: "+15550123".to_owned() },
        ["bridge"] => Command::Bridge { leg: leg("CA9") },
        ["start-recording"] => Command::StartRecording,
        ["stop-recording"] => Command::StopRecording,
        ["reconcile"] => Command::Reconcile,
        _ => return None,
    })
}

fn fact(words: &[&str]) -> Fact {
    let why = || "scripted".to_owned();
    match words {
        ["dialed", "accepted"] => Fact::Dialed(DialAnswer::Accepted),
        ["dialed", "refused"] => Fact::Dialed(DialAnswer::Refused { why: why() }),
        ["dialed", "unknown"] => Fact::Dialed(DialAnswer::Unknown { why: why() }),
        ["dialed", "withdrawn"] => Fact::Dialed(DialAnswer::Withdrawn),
        ["answered"] => Fact::Answered,
        ["ended", how @ ..] => Fact::Ended(hungup(how)),
        ["report", "in-progress"] => Fact::Report(Report::InProgress),
        ["report", "gone"] => Fact::Report(Report::Gone),
        ["report", "unreachable"] => Fact::Report(Report::Unreachable { why: why() }),
        ["report", "ended", how @ ..] => Fact::Report(Report::Ended(hungup(how))),
        ["report", word] => Fact::Report(Report::Unanswered { progress: progress(word) }),
        ["hangup-answer", "accepted"] => Fact::HangupAnswer(HangupAnswer::Accepted),
        ["hangup-answer", "already-ended"] => Fact::HangupAnswer(HangupAnswer::AlreadyEnded),
        ["hangup-answer", "refused"] => Fact::HangupAnswer(HangupAnswer::Refused { why: why() }),
        ["stream", "opened"] => Fact::Stream(StreamFact::Opened),
        ["stream", "flowing"] => Fact::Stream(StreamFact::Flowing),
        ["stream", "closed"] => Fact::Stream(StreamFact::Closed),
        ["stream", "failed"] => Fact::Stream(StreamFact::Failed { why: why() }),
        ["spoken", name] => Fact::Speech(SpeechFact { operation: (*name).to_owned(), played: true }),
        ["gathered", name] => {
            Fact::Gathered(Gathered { operation: (*name).to_owned(), digits: "42".to_owned(), complete: true })
        }
        ["turn", "agent"] => Fact::Turn(Turn { speaker: Speaker::Agent, text: "Hello".to_owned() }),
        ["turn", "caller"] => Fact::Turn(Turn { speaker: Speaker::Caller, text: "Hello".to_owned() }),
        ["detected"] => Fact::Detected(AnsweredBy::Machine),
        ["digits"] => Fact::Digits("1".to_owned()),
        ["recording", id] => {
            let status = "completed".to_owned();
            Fact::Recording(Recording { id: (*id).to_owned(), url: None, status, duration: None })
        }
        ["billed"] => Fact::Billed(Cost { amount: "0.013".to_owned(), currency: "USD".to_owned() }),
        ["analyzed"] => Fact::Analyzed(Analysis { successful: Some(true), ..Analysis::default() }),
        ["measured"] => Fact::Measured(Latency { p50: Some(Duration::from_millis(900)), ..Latency::default() }),
        ["transcript"] => {
            Fact::Transcript(vec![Turn { speaker: Speaker::Agent, text: "Hello. Who is there?".to_owned() }])
        }
        ["refused", "answer"] => Fact::Refused(Refused::Answer { why: why() }),
        ["refused", "transfer"] => Fact::Refused(Refused::Transfer { why: why() }),
        ["refused", "bridge"] => Fact::Refused(Refused::Bridge { why: why() }),
        ["refused", "recording"] => Fact::Refused(Refused::Recording { why: why() }),
        ["tool"] => Fact::ToolCall(ToolCall {
            id: "t1".to_owned(),
            name: "check_availability".to_owned(),
            arguments: "{}".to_owned(),
            result: Ok("{}".to_owned()),
            took: Duration::from_millis(20),
            looks: 1,
        }),
        ["unknown"] => Fact::Unknown("novelty".to_owned()),
        [word] => Fact::Progress(progress(word)),
        _ => panic!("no such input: {words:?}"),
    }
}

/// Two keys, or fewer and a hash.
fn gather(name: &str) -> Gather {
    let (most, pause) = (NonZeroU8::MIN.saturating_add(1), Duration::from_secs(5));
    Gather { operation: name.to_owned(), prompt: String::new(), most, until: Some(Key::HASH), pause }
}

fn hungup(words: &[&str]) -> Hungup {
    let (word, duration) = match words {
        [word] => (word, None),
        [word, lasted] => (word, Some(duration(lasted))),
        _ => panic!("an ending is a disposition and perhaps a duration: {words:?}"),
    };
    let disposition = Disposition::ALL.into_iter().find(|d| d.as_str() == *word);
    let disposition = disposition.unwrap_or_else(|| panic!("no such disposition: {word}"));
    Hungup { duration, ..Hungup::new(disposition) }
}

fn progress(word: &str) -> Progress {
    let all = [Progress::Queued, Progress::Initiated, Progress::Ringing];
    all.into_iter().find(|p| progress_word(*p) == word).unwrap_or_else(|| panic!("no such input: {word}"))
}

const fn progress_word(progress: Progress) -> &'static str {
    match progress {
        Progress::Queued => "queued",
        Progress::Initiated => "initiated",
        Progress::Ringing => "ringing",
    }
}

fn duration(text: &str) -> Duration {
    let parsed = text.parse::<jiff::SignedDuration>().ok().and_then(|d| Duration::try_from(d).ok());
    parsed.unwrap_or_else(|| panic!("not a time such as 90s or 1m30s: {text}"))
}

/// Whether a fact comes with the provider's name for the leg.
const fn is_from_provider(fact: &Fact) -> bool {
    match fact {
        Fact::Dialed(DialAnswer::Accepted)
        | Fact::Progress(_)
        | Fact::Answered
        | Fact::Ended(_)
        | Fact::Detected(_)
        | Fact::Gathered(_)
        | Fact::Digits(_)
        | Fact::Recording(_)
        | Fact::Billed(_)
        | Fact::Analyzed(_)
        | Fact::Measured(_)
        | Fact::Transcript(_)
        | Fact::ToolCall(_)
        | Fact::Unknown(_) => true,
        Fact::Report(report) => !matches!(report, Report::Gone | Report::Unreachable { .. }),
        Fact::Dialed(_)
        | Fact::HangupAnswer(_)
        | Fact::Stream(_)
        | Fact::Speech(_)
        | Fact::Turn(_)
        | Fact::Refused(_) => false,
    }
}

fn leg(id: &str) -> Leg {
    Leg::new(ProviderName::new("scripted"), id)
}
