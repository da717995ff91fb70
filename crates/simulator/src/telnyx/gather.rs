//! Asking a person for keys.

use std::{collections::VecDeque, time::Duration};

use serde_json::Value;
use tokio::time::Instant;

use super::{call::Call, talk::spoken};
use crate::scale::Scale;

/// Phone seconds before a person reacts to a prompt, and from key to key.
const REACTION_SECONDS: f64 = 1.5;
const KEY_SECONDS: f64 = 0.5;

/// What `gather`, `gather_using_speak` and `gather_using_audio` have in common. Times are phone seconds.
#[derive(Debug)]
pub(super) struct Gather {
    least: usize,
    most: usize,
    /// Until the first key, all prompts included.
    first: f64,
    /// From key to key.
    next: f64,
    /// Before the person can answer.
    prompt: f64,
    ends_with: String,
    valid: String,
}

impl Gather {
    /// As the body of the action says it; `prompt` seconds are heard first.
    pub(super) fn read(body: &Value, prompt: f64) -> Self {
        let count = |name: &str, default| body[name].as_u64().unwrap_or(default) as usize;
        let seconds = |name: &str, default: f64| body[name].as_f64().map_or(default, |millis| millis / 1000.0);
        let text = |name: &str, default: &str| body[name].as_str().unwrap_or(default).to_owned();
        let total = seconds("timeout_millis", 60.0);
        // Only `gather` has a limit of its own for the first key; the others ask again.
        let tries = if prompt > 0.0 { count("maximum_tries", 3) as f64 } else { 1.0 };
        let first = if prompt > 0.0 { total } else { total.min(seconds("initial_timeout_millis", 5.0)) };
        Self {
            least: count("minimum_digits", 1),
            most: count("maximum_digits", 128),
            first: (prompt + first) * tries,
            next: seconds("inter_digit_timeout_millis", 5.0),
            prompt,
            ends_with: text("terminating_digit", "#"),
            valid: text("valid_digits", "0123456789#*"),
        }
    }

    /// Phone seconds of the prompt that `gather_using_speak` says.
    pub(super) fn words(body: &Value) -> f64 {
        spoken(body["payload"].as_str().unwrap_or_default())
    }
}

/// A gather under way.
#[derive(Debug)]
pub(super) struct Gathering {
    gather: Gather,
    /// What the person is still going to press.
    keys: VecDeque<char>,
    pressed: String,
    terminated: bool,
    next: Instant,
    scale: Scale,
}

impl Gathering {
    pub(super) fn new(gather: Gather, call: &Call, scale: Scale) -> Self {
        let keys: VecDeque<char> = call.person().digits.unwrap_or_default().chars().collect();
        let wait = if keys.is_empty() { gather.first } else { gather.prompt + REACTION_SECONDS };
        let next = Instant::now() + scale.real(wait);
        Self { gather, keys, pressed: String::new(), terminated: false, next, scale }
    }

    /// When something happens next.
    pub(super) fn next(&self) -> Instant {
        self.next
    }

    pub(super) fn digits(&self) -> &str {
        &self.pressed
    }

    /// The key that is pressed now, if one is.
    pub(super) fn press(&mut self) -> Option<char> {
        let key = self.keys.pop_front();
        match key {
            Some(key) if self.gather.ends_with.contains(key) => self.terminated = true,
            Some(key) => self.pressed.push(key),
            None => self.terminated = true,
        }
        let wait: Duration = self.scale.real(if self.keys.is_empty() { self.gather.next } else { KEY_SECONDS });
        self.next = Instant::now() + wait;
        key
    }

    /// How it ended, if it did.
    pub(super) fn is_over(&self) -> Option<&'static str> {
        let count = self.pressed.chars().count();
        if count < self.gather.most && !self.terminated {
            return None;
        }
        Some(match () {
            () if !self.pressed.chars().all(|key| self.gather.valid.contains(key)) => "invalid",
            () if count >= self.gather.least => "valid",
            () => "timeout",
        })
    }
}
