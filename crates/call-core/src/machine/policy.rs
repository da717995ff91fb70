//! Every duration and limit that a call lives by.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::StalePolicy;
use super::time::friendly;

/// The durations and limits of design §3. Copied into each call at birth.
///
/// ```
/// let policy = call_core::Policy::default();
/// assert_eq!(policy.ring_limit.as_secs(), 120);
/// assert!(policy.check().is_ok());
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Policy {
    /// Dialing: how long the provider's answer to the dial may take before it is asked. Default 30 s.
    #[serde(with = "friendly::required")]
    pub dial_answer: Duration,
    /// Dialing: how long an unconfirmed dial may stay unknown to the provider before the call has failed. Default 2 min.
    #[serde(with = "friendly::required")]
    pub dial_limit: Duration,
    /// Ringing: how long the provider may keep the call queued. Default 10 min.
    #[serde(with = "friendly::required")]
    pub queue_limit: Duration,
    /// Ringing: how long the phone may ring. Default 2 min.
    #[serde(with = "friendly::required")]
    pub ring_limit: Duration,
    /// Live: how long the whole conversation may last. Default 60 min.
    #[serde(with = "friendly::required")]
    pub live_limit: Duration,
    /// Live: how long without any sign of life before the provider is asked. Default 5 min.
    #[serde(with = "friendly::required")]
    pub quiet_limit: Duration,
    /// Live: how long the caller may be silent after the agent's words before the prompt. Default 10 s.
    #[serde(with = "friendly::required")]
    pub response_limit: Duration,
    /// Live: how long the caller may be silent after the prompt before the hang-up. Default 5 s.
    #[serde(with = "friendly::required")]
    pub prompt_limit: Duration,
    /// Live: what to say to a silent caller.
    pub prompt: String,
    /// Live: how long the audio stream may take to open (post-mortem 2.1). Default 10 s.
    #[serde(with = "friendly::required")]
    pub stream_limit: Duration,
    /// Live: how long the provider may take to tell which keys were pressed, after all the time that the caller had for
    /// them. Default 15 s.
    #[serde(with = "friendly::required")]
    pub gather_limit: Duration,
    /// Ending: how long the provider may take to confirm a hang-up. Default 10 s.
    #[serde(with = "friendly::required")]
    pub confirm_limit: Duration,
    /// Ending: how many hang-ups are tried before the provider is asked. Default 3.
    pub hangup_tries: u8,
    /// Ending: how long running speech and streams may take to finish (post-mortem 5.3). Default 5 s.
    #[serde(with = "friendly::required")]
    pub drain_limit: Duration,
    /// Ending: how long a farewell may be spoken before it is cut. Default 15 s.
    #[serde(with = "friendly::required")]
    pub farewell_limit: Duration,
    /// How long to wait before asking a silent or unreachable provider again. Default 15 s.
    #[serde(with = "friendly::required")]
    pub ask_again: Duration,
    /// When an open call is no longer believed, and how it is closed then.
    pub stale: StalePolicy,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            dial_answer: Duration::from_secs(30),
            dial_limit: Duration::from_secs(120),
            queue_limit: Duration::from_secs(600),
            ring_limit: Duration::from_secs(120),
            live_limit: Duration::from_secs(3600),
            quiet_limit: Duration::from_secs(300),
            response_limit: Duration::from_secs(10),
            prompt_limit: Duration::from_secs(5),
            prompt: "Are you still there?".to_owned(),
            stream_limit: Duration::from_secs(10),
            gather_limit: Duration::from_secs(15),
            confirm_limit: Duration::from_secs(10),
            hangup_tries: 3,
            drain_limit: Duration::from_secs(5),
            farewell_limit: Duration::from_secs(15),
            ask_again: Duration::from_secs(15),
            stale: StalePolicy::default(),
        }
    }
}

/// A policy that cannot work.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("policy.{key}: {problem}")]
pub struct PolicyError {
    /// The key to change.
    pub key: &'static str,
    /// What is wrong with its value.
    pub problem: &'static str,
}

impl Policy {
    /// Whether a call can live by this policy.
    ///
    /// # Errors
    /// Names the first key that cannot work: a zero duration would make a deadline that is due for ever.
    pub fn check(&self) -> Result<(), PolicyError> {
        let durations = [
            ("dial_answer", self.dial_answer),
            ("dial_limit", self.dial_limit),
            ("queue_limit", self.queue_limit),
            ("ring_limit", self.ring_limit),
            ("live_limit", self.live_limit),
            ("quiet_limit", self.quiet_limit),
            ("response_limit", self.response_limit),
            ("prompt_limit", self.prompt_limit),
            ("stream_limit", self.stream_limit),
            ("gather_limit", self.gather_limit),
            ("confirm_limit", self.confirm_limit),
            ("drain_limit", self.drain_limit),
            ("farewell_limit", self.farewell_limit),
            ("ask_again", self.ask_again),
            ("stale.quiet", self.stale.quiet),
            ("stale.outer", self.stale.outer),
        ];
        if let Some((key, _)) = durations.into_iter().find(|(_, d)| d.as_millis() == 0) {
            return Err(PolicyError { key, problem: "must be at least 1 ms" });
        }
        if self.dial_limit < self.dial_answer {
            return Err(PolicyError { key: "dial_limit", problem: "must not be shorter than dial_answer" });
        }
        if self.hangup_tries == 0 {
            return Err(PolicyError { key: "hangup_tries", problem: "must be at least 1" });
        }
        Ok(())
    }
}
