#![doc = include_str!("../README.md")]

mod attempt;
mod book;
mod config;
mod control;
mod dice;
mod fault;
mod gate;
mod ledger;
mod line;
mod lock;
mod misconfiguration;
mod network;
mod outage;
mod person;
mod post;
mod provider;
mod record;
mod retell;
mod scale;
mod sid;
mod silence;
mod telnyx;
mod truth;
mod twilio;
mod world;

pub use book::FaultReport;
pub use config::{Config, Number, Secret};
pub use fault::{Fault, Faults, Rule};
pub use misconfiguration::Misconfiguration;
pub use network::{Inbound, InboundError, Network, StartError};
pub use outage::{Backlog, Down, Mode};
pub use person::{Manner, Person};
pub use provider::Provider;
pub use retell::{Agent, Function, RetellConfig, RetellMistake};
pub use telnyx::{TelnyxConfig, TelnyxMistake};
pub use truth::{
    Attempt, CallRecord, Change, Direction, HangupRequest, Invocation, Notice, Purpose, RestRequest, Sent, Status,
    Summary,
};
pub use twilio::TwilioMistake;
