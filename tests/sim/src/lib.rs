//! Deterministic simulation: the production machine, routing, switchboard, outbox and sweep, over the memory store and a
//! simulated telephone network. One thread, one seed that decides everything, virtual time.
//!
//! A run has two parts. First faults strike without bound, and what must always hold is checked at every commit
//! (safety). Then the faults stop, and within bounded time everything must converge (liveness): every call ends, every
//! outbox drains, the mailbox empties. What is checked is in `invariants`, one file each; what must sometimes happen,
//! or a long run has proved nothing, is in [`Rare`].
//!
//! ```
//! let report = sim::run(7, &sim::Options::default()).expect("seed 7 breaks nothing");
//! assert_eq!(report.hash, sim::run(7, &sim::Options::default()).expect("nor does it again").hash);
//! ```

#![allow(
    clippy::wildcard_enum_match_arm,
    reason = "an invariant looks at what concerns it; nothing here must decide about every variant, as the core does"
)]

mod carrier;
mod client;
mod clock;
pub mod command;
mod coverage;
mod dice;
mod executor;
mod invariants;
mod names;
mod network;
#[cfg(feature = "planted")]
mod planted;
mod rare;
mod rows;
mod run;
mod seeds;
mod server;
mod shaky;
mod time;
mod trace;
mod weather;
mod world;

pub use rare::{Rare, Tally};
pub use run::{Failure, Options, Report, run};
pub use seeds::kept;
