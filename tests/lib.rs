//! The harness of the end-to-end tests: real processes over real sockets and files.
//!
//! A test builds a [`Town`]: a `call-server` process, a `simulator` process and an SQLite file between them. It makes
//! calls over HTTP, lets the network misbehave, and closes the town, which checks the [laws](laws::check) on everything
//! that happened: what the server believes against what really went over the lines.

pub mod api;
pub mod gate;
pub mod laws;
pub mod ledger;
pub mod network;
pub mod patience;
pub mod port;
pub mod process;
pub mod sign;
pub mod steps;
pub mod town;

pub use api::{Api, Wish};
pub use ledger::{Ledger, Life};
pub use network::Network;
pub use patience::{eventually, until};
pub use process::Process;
pub use town::{Town, TownBuilder};
