//! The harness of the end-to-end tests: real processes over real sockets and stores.
//!
//! A test builds a [`Town`]: a `call-server` process or several, a `simulator` process and a store between them: an
//! SQLite file, or a database on a PostgreSQL or MongoDB server. It makes calls over HTTP, lets the network misbehave,
//! and closes the town, which checks the [laws](laws::check) on everything that happened: what the servers believe
//! against what really went over the lines.

pub mod api;
pub mod balancer;
pub mod gate;
pub mod laws;
pub mod ledger;
pub mod network;
pub mod office;
pub mod patience;
pub mod port;
pub mod process;
pub mod server;
pub mod sign;
pub mod steps;
pub mod store;
pub mod town;

pub use api::{Api, Wish};
pub use balancer::Balancer;
pub use ledger::{Ledger, Life};
pub use network::Network;
pub use office::Office;
pub use patience::{eventually, until};
pub use process::Process;
pub use server::Server;
pub use store::{On, Store, stage_on};
pub use town::{Town, TownBuilder};
