//! For tests: a store in memory, the laws of stores, random inputs, scripted calls. Behind the feature `testkit`.

pub mod any;
pub mod laws;
mod memory;
pub mod script;

pub use memory::MemoryStore;
