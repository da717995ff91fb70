//! The JSON API, version 1.

pub(super) mod command;
pub(super) mod engine;
mod full;
pub(super) mod list;
pub(super) mod place;
pub(super) mod schema;
pub(super) mod show;
pub(super) mod view;
pub(super) mod wish;
