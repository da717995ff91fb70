//! The reference store is the oracle.
