//! The MongoDB store for call-core: one document write is the transaction.
