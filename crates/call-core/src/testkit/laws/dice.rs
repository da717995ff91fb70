//! Random inputs from a seed, for laws that live whole histories.

use std::time::Duration;

use super::stage::{answered, ended, leg, speak};
use crate::{
    AnsweredBy, Call, Command, Cost, DialAnswer, Disposition, Fact, HangupAnswer, Input, Leg, Progress, Recording,
    Report, Signal, Speaker, SpeechFact, StreamFact, Timestamp, ToolCall, Turn,
};

/// A die with a seed (splitmix64).
pub(super) struct Dice(u64);

impl Dice {
    pub(super) const fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(super) const fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// A number below `sides`.
    pub(super) const fn below(&mut self, sides: u64) -> u64 {
        self.roll() % sides
    }

    pub(super) fn pick<'t, T>(&mut self, of: &'t [T]) -> &'t T {
        &of[self.below(of.len() as u64) as usize]
    }

    pub(super) const fn chance(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }

    /// Something that may reach this call. Endings are rare, so that histories grow long.
    pub(super) fn input(&mut self, call: &Call, now: Timestamp) -> Input {
        match self.below(10) {
            0 => Input::Tick,
            1 | 2 => self.command().into(),
            _ => self.signal(call, now).into(),
        }
    }

    fn command(&mut self) -> Command {
        let operation = self.below(4).to_string();
        match self.below(12) {
            0 => Command::hangup(),
            1 => Command::OpenStream,
            2 => Command::CloseStream,
            3 => Command::Hush,
            4 => Command::Transfer { to: "+15550123".to_owned() },
            5 | 6 => Command::Reconcile,
            _ => speak(operation),
        }
    }

    fn signal(&mut self, call: &Call, now: Timestamp) -> Signal {
        let mut signal = Signal::new(self.fact());
        if self.chance(80) {
            signal = signal.on(self.leg_of(call));
        }
        if self.chance(50) {
            signal = signal.keyed(format!("event-{}", self.below(60)));
        }
        if self.chance(30) {
            signal = signal.happened(now - Duration::from_millis(self.below(5000)));
        }
        if self.chance(20) {
            signal.extra.insert("CallerCity".to_owned(), "Zürich \"8001\"\n".to_owned());
        }
        signal
    }

    /// Mostly the leg named after the call; sometimes a transfer of it.
    fn leg_of(&mut self, call: &Call) -> Leg {
        let part = if self.chance(85) { 0 } else { self.below(3) };
        leg(&format!("{}/{part}", call.id()))
    }

    fn fact(&mut self) -> Fact {
        let word = || "mañana".to_owned();
        match self.below(24) {
            0 if self.chance(40) => ended(*self.pick(&Disposition::ALL)).fact,
            1 if self.chance(40) => Fact::Report(Report::Gone),
            0..=2 => Fact::Dialed(DialAnswer::Accepted),
            3 => Fact::Dialed(DialAnswer::Unknown { why: word() }),
            4..=6 => Fact::Progress(*self.pick(&[Progress::Queued, Progress::Initiated, Progress::Ringing])),
            7..=9 => answered().fact,
            10 => Fact::Report(Report::InProgress),
            11 => Fact::Report(Report::Unreachable { why: word() }),
            12 => Fact::HangupAnswer(HangupAnswer::Accepted),
            13 => Fact::Stream(StreamFact::Opened),
            14 => Fact::Stream(StreamFact::Closed),
            15 => Fact::Speech(SpeechFact { operation: self.below(4).to_string(), played: true }),
            16 => Fact::Detected(AnsweredBy::Human),
            17 => Fact::Digits(self.below(1000).to_string()),
            18 => Fact::Recording(Recording { id: word(), url: None, status: "completed".to_owned(), duration: None }),
            19 => Fact::Billed(Cost { amount: "-0.0130".to_owned(), currency: "USD".to_owned() }),
            20 => Fact::ToolCall(ToolCall {
                id: self.below(9).to_string(),
                name: "lookup".to_owned(),
                arguments: "{\"q\":\"\\\"\"}".to_owned(),
                result: Err(word()),
                took: Duration::from_millis(self.below(900)),
                looks: 1,
            }),
            21 => Fact::Unknown(word()),
            _ => Fact::Turn(Turn { speaker: *self.pick(&[Speaker::Agent, Speaker::Caller]), text: word() }),
        }
    }
}
