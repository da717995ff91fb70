#![doc = include_str!("../README.md")]

mod config;
mod control;
mod dice;
mod fault;
mod line;
mod lock;
mod network;
mod outage;
mod person;
mod scale;
mod truth;
mod twilio;
mod world;

pub use config::{Config, Number, Secret};
pub use fault::{Fault, FaultReport, Faults, Rule};
pub use network::{Inbound, InboundError, Network, StartError};
pub use outage::{Backlog, Down, Mode};
pub use person::{Manner, Person};
pub use truth::{
    Attempt, CallRecord, Change, Direction, HangupRequest, Notice, Purpose, RestRequest, Sent, Status, Summary,
};
