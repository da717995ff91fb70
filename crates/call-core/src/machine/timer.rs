//! One table of deadlines per call. Whatever may act later on a call is an entry here, so two timers cannot act on one
//! call unaware of each other (post-mortem 5.4).

use serde::de::{MapAccess, Visitor};
use serde::ser::SerializeMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::Timestamp;

/// Every deadline that a call can have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Timer {
    /// Dialing: ask the provider about the dial.
    DialAnswer,
    /// Dialing: the dial was never confirmed.
    DialLimit,
    /// Ringing: queued or rung for too long.
    RingLimit,
    /// Live: long enough.
    LiveLimit,
    /// Live: no news for too long, or an answer is awaited.
    Quiet,
    /// Live: the caller does not answer the agent.
    Response,
    /// Live: the caller does not answer the prompt either.
    Prompt,
    /// Live: the audio stream does not open.
    StreamLimit,
    /// Live: nobody tells which keys the caller has pressed.
    Gather,
    /// Ending: the farewell takes too long. Live: the words of a `say` script do, which are nothing but a farewell.
    Farewell,
    /// Ending: the provider does not confirm the hang-up.
    Confirm,
    /// Ending: operations take too long to finish.
    Drain,
}

impl Timer {
    /// All of them, in the order in which they act when they come due at one moment: what may end a phase goes before
    /// what asks about it.
    pub const ALL: [Self; 12] = [
        Self::DialLimit,
        Self::DialAnswer,
        Self::RingLimit,
        Self::LiveLimit,
        Self::Quiet,
        Self::Response,
        Self::Prompt,
        Self::StreamLimit,
        Self::Gather,
        Self::Farewell,
        Self::Confirm,
        Self::Drain,
    ];

    /// The word used in JSON and logs.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::DialAnswer => "dial-answer",
            Self::DialLimit => "dial-limit",
            Self::RingLimit => "ring-limit",
            Self::LiveLimit => "live-limit",
            Self::Quiet => "quiet",
            Self::Response => "response",
            Self::Prompt => "prompt",
            Self::StreamLimit => "stream-limit",
            Self::Gather => "gather",
            Self::Farewell => "farewell",
            Self::Confirm => "confirm",
            Self::Drain => "drain",
        }
    }
}

/// The deadlines that are set, one at most of each kind.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub struct Timers([Option<Timestamp>; Timer::ALL.len()]);

impl Timers {
    /// The deadline of this kind, if it is set.
    #[must_use]
    pub const fn get(&self, timer: Timer) -> Option<Timestamp> {
        self.0[timer as usize]
    }

    /// The deadlines that are set.
    pub fn iter(&self) -> impl Iterator<Item = (Timer, Timestamp)> + '_ {
        Timer::ALL.iter().filter_map(|timer| Some((*timer, self.get(*timer)?)))
    }

    /// The first one to come due.
    #[must_use]
    pub fn next(&self) -> Option<(Timer, Timestamp)> {
        let mut next = None;
        for timer in Timer::ALL {
            if let Some(at) = self.get(timer)
                && next.is_none_or(|(_, first)| at < first)
            {
                next = Some((timer, at));
            }
        }
        next
    }

    pub(super) const fn set(&mut self, timer: Timer, at: Timestamp) {
        self.0[timer as usize] = Some(at);
    }

    pub(super) const fn cancel(&mut self, timer: Timer) {
        self.0[timer as usize] = None;
    }

    pub(super) const fn cancel_all(&mut self) {
        self.0 = [None; Timer::ALL.len()];
    }

    /// The deadlines that have come due, the earliest first.
    pub(super) fn due(&self, now: Timestamp) -> Vec<(Timer, Timestamp)> {
        let mut due: Vec<_> = self.iter().filter(|&(_, at)| at <= now || planted!(OneDeadlineFiresAll)).collect();
        due.sort_by_key(|&(_, at)| at);
        due
    }
}

impl std::fmt::Debug for Timers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}

impl Serialize for Timers {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        for (timer, at) in self.iter() {
            map.serialize_entry(&timer, &at)?;
        }
        map.end()
    }
}

impl<'de> Deserialize<'de> for Timers {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Entries;
        impl<'de> Visitor<'de> for Entries {
            type Value = Timers;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a map of timers to timestamps")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Timers, A::Error> {
                let mut timers = Timers::default();
                while let Some((timer, at)) = map.next_entry()? {
                    timers.set(timer, at);
                }
                Ok(timers)
            }
        }
        deserializer.deserialize_map(Entries)
    }
}
