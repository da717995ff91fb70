//! The laws that every provider adapter keeps, as one suite.
