//! Real databases for tests, and a TCP proxy that fails on demand.
