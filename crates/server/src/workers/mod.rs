//! The loops that run beside the HTTP server.

mod bell;
mod outbox;
mod prune;
mod pulse;
mod sweep;

pub(crate) use bell::Bell;
pub(crate) use outbox::OutboxWorker;
pub(crate) use outbox::chain;
pub(crate) use prune::PruneWorker;
pub(crate) use pulse::Pulse;
pub(crate) use sweep::SweepWorker;
