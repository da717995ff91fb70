//! Under construction.

/// Under construction.
#[derive(Debug)]
pub struct MemoryStore;
