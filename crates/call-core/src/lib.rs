#![doc = include_str!("../README.md")]

#[macro_use]
pub mod planted;

mod machine;
pub mod port;
#[cfg(feature = "testkit")]
pub mod testkit;

pub use machine::journal;
pub use machine::*;
