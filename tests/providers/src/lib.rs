//! The laws that every provider adapter keeps, as one suite.
//!
//! An adapter describes itself once, as an [`Adapter`], and one line makes each law a test of its own:
//!
//! ```text
//! provider_laws::provider_laws!(Twilio);
//! ```
//!
//! The description is what a provider's documentation says of it: how it signs, what its messages look like and what they
//! say ([`Recordings`], a file of JSON), which requests it takes ([`OpenApi`], its own file) and which errors it answers
//! with. The laws sign, alter, repeat, shuffle and garble these messages, perform every effect against a far side on a
//! real socket ([`Far`]), and look at what comes of it. `examples/skeleton` is the smallest adapter that keeps them all;
//! `docs/providers.md` tells how to write one.
//!
//! The adapters' own tests use the same parts for what is theirs alone.

#![expect(clippy::missing_panics_doc, reason = "a law is a test: it panics where it is broken")]

mod acts;
mod adapter;
mod far;
pub mod laws;
mod logs;
mod message;
mod openapi;
mod recordings;
mod stage;

pub use acts::{Act, acts, scripts, stage};
pub use adapter::{Adapter, Key, Signing};
pub use far::{Far, Said, Seen, nowhere, raw};
pub use message::{Message, PUBLIC};
pub use openapi::OpenApi;
pub use recordings::{Life, Proof, Recorded, Recordings, Refusal};
pub use stage::{Stage, born, effect_id, id, tell};

#[doc(hidden)]
pub use bolero;
