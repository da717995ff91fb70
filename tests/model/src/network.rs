//! The provider: phones, and the webhooks that it sends about them until they are acknowledged.

use call_core::{CallId, Disposition, Effect, Fact, Hungup, Leg, Progress, Signal};

use crate::ask::Said;
use crate::bounds::{Bounds, LINE};

/// The number of the phone that a wish is about; also the provider's name for the line to it.
#[must_use]
pub fn number(line: u8) -> String {
    format!("line{line}")
}

/// A phone, and the line to it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Line {
    /// Our name for the call, as it travelled with the dial.
    pub call: Option<CallId>,
    /// How it stands.
    pub phone: Phone,
    /// How often it was dialled.
    pub dials: u8,
    /// How often a hang-up was asked for.
    pub hangups: u8,
    /// What happened to it, in order, and whether that was acknowledged.
    pub events: Vec<(Event, bool)>,
}

/// How a phone stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Phone {
    /// Nobody has dialled.
    Idle,
    /// It rings.
    Ringing,
    /// Somebody talks.
    Talking,
    /// The call is over.
    Over,
}

/// What the provider tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Event {
    /// It rings.
    Ringing,
    /// Somebody answered.
    Answered,
    /// It is over.
    Ended,
}

/// A webhook.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Message {
    /// About which line.
    pub line: u8,
    /// What happened.
    pub event: Event,
    /// Our name for the call, if it carries it.
    pub call: Option<CallId>,
    /// Whether it may begin a call.
    pub begins: bool,
    /// How often it was received before, by whomever.
    pub before: u8,
}

impl Message {
    /// The line's name.
    #[must_use]
    pub fn leg(&self) -> Leg {
        Leg::new(LINE, number(self.line))
    }

    /// The provider's identity of the event.
    #[must_use]
    pub fn key(&self) -> String {
        key(self.line, self.event)
    }

    /// What it says.
    #[must_use]
    pub fn signal(&self) -> Signal {
        let fact = match self.event {
            Event::Ringing => Fact::Progress(Progress::Ringing),
            Event::Answered => Fact::Answered,
            Event::Ended => Fact::Ended(Hungup::new(Disposition::Completed)),
        };
        Signal::new(fact).on(self.leg()).keyed(self.key())
    }
}

/// The provider's identity of an event.
#[must_use]
pub fn key(line: u8, event: Event) -> String {
    format!("{line}.{event:?}")
}

impl Line {
    /// A line that nobody has dialled.
    #[must_use]
    pub const fn idle() -> Self {
        Self { call: None, phone: Phone::Idle, dials: 0, hangups: 0, events: Vec::new() }
    }

    /// What may happen to the phone next, at its own end.
    #[must_use]
    pub const fn may_become(&self, bounds: &Bounds) -> &'static [Phone] {
        match self.phone {
            Phone::Idle | Phone::Over => &[],
            Phone::Ringing => &[Phone::Talking, Phone::Over],
            Phone::Talking if bounds.patient => &[],
            Phone::Talking => &[Phone::Over],
        }
    }

    /// It becomes so, and the provider tells of it.
    pub fn become_so(&mut self, phone: Phone, bounds: &Bounds) {
        self.phone = phone;
        let event = match phone {
            Phone::Idle => return,
            Phone::Ringing => Event::Ringing,
            Phone::Talking => Event::Answered,
            Phone::Over => Event::Ended,
        };
        if bounds.webhooks.contains(&event) {
            self.events.push((event, false));
        }
    }

    /// Performs an effect, as a provider does that knows no idempotency keys.
    pub fn act(&mut self, line: u8, call: CallId, effect: &Effect, bounds: &Bounds) -> Said {
        let leg = Leg::new(LINE, number(line));
        match (effect, self.phone) {
            (Effect::Dial, _) => {
                self.dials += 1;
                self.call = Some(call);
                self.become_so(Phone::Ringing, bounds);
                Said::Dialed(leg)
            }
            (Effect::Hangup { .. }, Phone::Ringing | Phone::Talking) => {
                self.hangups += 1;
                self.become_so(Phone::Over, bounds);
                Said::HangingUp
            }
            (Effect::Hangup { .. }, Phone::Idle | Phone::Over) => {
                self.hangups += 1;
                Said::AlreadyEnded
            }
            (Effect::Reconcile, Phone::Idle) => Said::Gone,
            (Effect::Reconcile, Phone::Ringing) => Said::Ringing(leg),
            (Effect::Reconcile, Phone::Talking) => Said::Talking(leg),
            (Effect::Reconcile, Phone::Over) => Said::Over(leg),
            (_, Phone::Idle | Phone::Ringing | Phone::Talking | Phone::Over) => Said::Nothing,
        }
    }
}
