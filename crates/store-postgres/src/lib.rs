//! The PostgreSQL store for call-core: one statement commits any number of steps.
