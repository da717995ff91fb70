//! Exhaustive model check of the commit and lease protocol.
