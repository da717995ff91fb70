//! Deterministic simulation: the production machine and loops, one seed decides everything.
