#![doc = include_str!("../README.md")]

mod account;
pub mod act;
mod callback;
mod client;
mod config;
pub mod error;
mod extra;
mod find;
mod function;
mod hook;
pub mod llm;
mod message;
mod resource;
mod rings;
pub mod sign;
mod status;
mod told;

use call_core::ProviderName;

pub use account::RetellAccount;
pub use callback::Callback;
pub use client::Retell;
pub use config::{ConfigError, RetellConfig};
pub use error::{ApiError, RetellError};
pub use function::MOST_RESULT;
pub use hook::RetellHook;

/// The provider's name: in legs, in plans, and in the path of its webhooks.
pub const NAME: ProviderName = ProviderName::new("retell");
