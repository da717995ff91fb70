#![doc = include_str!("../README.md")]

mod machine;
pub mod port;
#[cfg(feature = "testkit")]
pub mod testkit;

pub use machine::journal;
pub use machine::*;
