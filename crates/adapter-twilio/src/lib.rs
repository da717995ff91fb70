#![doc = include_str!("../README.md")]

mod account;
pub mod act;
mod callback;
mod client;
mod config;
pub mod error;
mod find;
mod form;
mod hook;
mod message;
mod resource;
mod script;
mod sid;
pub mod sign;
mod status;
pub mod twiml;
mod xml;

use call_core::ProviderName;

pub use account::TwilioAccount;
pub use callback::{Callback, media_url};
pub use client::Twilio;
pub use config::{ApiKey, ConfigError, TwilioConfig};
pub use error::{ApiError, TwilioError};
pub use hook::TwilioHook;
pub use resource::{CallResource, RecordingResource};

/// The provider's name: in legs, in plans, and in the path of its webhooks.
pub const NAME: ProviderName = ProviderName::new("twilio");
