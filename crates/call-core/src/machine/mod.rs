//! The rules: pure, synchronous, and importing nothing from `port`.

mod act;
mod call;
mod effect;
mod ending;
mod finding;
mod id;
mod input;
pub mod journal;
mod keys;
mod legs;
mod lookup;
mod permit;
mod phase;
mod plan;
mod policy;
mod route;
mod stale;
mod step;
mod table;
mod time;
mod timer;
mod whatif;

pub use call::{Call, Findings, Running, State, Timeline};
pub use effect::{Effect, EffectId, EffectIdError, Event};
pub use ending::{Disposition, Evidence, Hungup, Outcome, Proposal, Proposer, Source};
pub use finding::{Analysis, AnsweredBy, Cost, Latency, Recording, ToolCall};
pub use id::{CallId, CallIdError, Leg, ProviderName, Subject};
pub use input::{
    Command, DialAnswer, Fact, HangupAnswer, Input, Progress, Refused, Report, Signal, Speaker, SpeechFact, StreamFact,
    Turn,
};
pub use keys::{Gather, Gathered, Key, KeyError};
pub use legs::{LegState, Legs, Role};
pub use lookup::Lookup;
pub use permit::{Operation, Permit, Refusal};
pub use phase::{Phase, PhaseName, Stage};
pub use plan::{Birth, Conduct, Direction, Plan, Script};
pub use policy::{Policy, PolicyError};
pub use route::{Address, Route, route};
pub use stale::{Asked, Closing, Facts, ProviderSays, StalePolicy, StaleReason, Verdict, judge};
pub use step::{Reason, Step};
pub use time::{Timestamp, TimestampError};
pub use timer::{Timer, Timers};
pub use whatif::{Ending, Parting, WhatIf, what_if};
