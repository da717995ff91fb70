//! Traits that the world implements, and the async loops over them. Runtime-free: time and waiting come from [`Clock`].

mod account;
mod clock;
mod observer;
mod outbox;
mod provider;
mod store;
mod sweep;
mod switchboard;
mod tools;

pub use account::{Account, AccountError, Finding, FindingState, Numbers, Remedy};
pub use clock::Clock;
pub use observer::{Observation, Observer};
pub use outbox::{Outbox, OutboxReport, Subscriber};
pub use provider::{
    Answer, Hook, HookError, HookRequest, Inadmissible, Inbound, Provider, Question, Received, Reply, ToolRequest,
};
pub use store::{
    Commit, Counts, Filter, IdempotencyKey, Job, Lane, Page, Parked, ParkedSignal, Settle, Settlement, Store,
    StoreError, restore,
};
pub use sweep::{Sweep, SweepReport, Swept};
pub use switchboard::{Answering, Delivered, Found, Handled, PlaceError, Placed, Switchboard, SwitchboardError};
pub use tools::{Functions, ToolOutcome, Tools};
