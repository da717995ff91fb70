#![doc = include_str!("../README.md")]

mod account;
pub mod act;
mod callback;
mod client;
mod config;
pub mod error;
mod extra;
mod find;
mod hook;
mod message;
mod resource;
pub mod sign;
mod state;
mod status;

use call_core::ProviderName;

pub use account::TelnyxAccount;
pub use callback::{Callback, media_url};
pub use client::Telnyx;
pub use config::{ConfigError, MachineDetection, TelnyxConfig};
pub use error::{ApiError, TelnyxError};
pub use hook::TelnyxHook;
pub use resource::{Application, CallResource};
pub use state::ClientState;

/// The provider's name: in legs, in plans, and in the path of its webhooks.
pub const NAME: ProviderName = ProviderName::new("telnyx");
