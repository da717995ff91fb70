//! What happened, as a hash of every step and, if asked for, as lines for people.

use std::fmt;

use call_core::CallId;

use crate::time::MS;

/// The record of a run.
#[derive(Debug)]
pub(crate) struct Trace {
    hash: u64,
    lines: Option<Vec<String>>,
}

impl Trace {
    pub(crate) fn new(kept: bool) -> Self {
        Self { hash: 0xCBF2_9CE4_8422_2325, lines: kept.then(Vec::new) }
    }

    /// Takes a step into the hash.
    pub(crate) const fn mix(&mut self, step: u64) {
        self.hash = (self.hash ^ step).wrapping_mul(0x0000_0100_0000_01B3).rotate_left(23);
    }

    /// Writes a line, if anybody reads it.
    pub(crate) fn line(&mut self, now: u64, who: &str, what: impl FnOnce() -> String) {
        if let Some(lines) = &mut self.lines {
            lines.push(format!("{:>12.3}s {who:<4} {}", (now / MS) as f64 / 1e3, what()));
        }
    }

    pub(crate) const fn hash(&self) -> u64 {
        self.hash
    }

    pub(crate) fn take(&mut self) -> Vec<String> {
        self.lines.as_mut().map(std::mem::take).unwrap_or_default()
    }
}

/// The end of a call's id: enough to tell the calls of one run apart. Written only when somebody reads it.
pub(crate) const fn short(id: CallId) -> Short {
    Short(id)
}

/// See [`short`].
#[derive(Debug, Clone, Copy)]
pub(crate) struct Short(CallId);

impl fmt::Display for Short {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:05x}", self.0.as_uuid().as_u128() & 0xF_FFFF)
    }
}
