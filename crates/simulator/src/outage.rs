//! The provider being down for a while.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::{sync::watch, time::Instant};

/// How an outage looks to those who send REST requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Mode {
    /// Every request is answered 503.
    Unavailable,
    /// The port is closed: connections are refused, open ones are cut. The control API on the same port is gone too
    /// until the outage is over; the library and the separate control port still work.
    Refused,
    /// Requests are read and their connection is dropped.
    Dropped,
}

/// What becomes of callbacks that fall into an outage.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Backlog {
    /// They are sent when the provider is back.
    Late,
    /// They are never sent.
    Lost,
}

/// A planned outage, as `POST /control/down` takes it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Down {
    /// Phone seconds until the provider is back by itself; healing ends it earlier.
    pub seconds: f64,
    /// What REST clients see.
    #[serde(default = "unavailable")]
    pub mode: Mode,
    /// What happens to callbacks.
    #[serde(default = "late")]
    pub callbacks: Backlog,
}

impl Down {
    /// Answers 503 for `seconds` of phone time; callbacks come late.
    #[must_use]
    pub fn unavailable(seconds: f64) -> Self {
        Self { seconds, mode: Mode::Unavailable, callbacks: Backlog::Late }
    }

    /// Refuses connections for `seconds` of phone time; callbacks come late.
    #[must_use]
    pub fn refused(seconds: f64) -> Self {
        Self { mode: Mode::Refused, ..Self::unavailable(seconds) }
    }

    /// Drops connections for `seconds` of phone time; callbacks come late.
    #[must_use]
    pub fn dropped(seconds: f64) -> Self {
        Self { mode: Mode::Dropped, ..Self::unavailable(seconds) }
    }

    /// The same, with callbacks lost instead of late.
    #[must_use]
    pub fn losing_callbacks(mut self) -> Self {
        self.callbacks = Backlog::Lost;
        self
    }
}

fn unavailable() -> Mode {
    Mode::Unavailable
}

fn late() -> Backlog {
    Backlog::Late
}

/// The outage in force, if any.
#[derive(Debug)]
pub(crate) struct Outage {
    current: watch::Sender<Option<Current>>,
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Current {
    pub(crate) mode: Mode,
    pub(crate) callbacks: Backlog,
    until: Instant,
}

impl Outage {
    pub(crate) fn new() -> Self {
        Self { current: watch::Sender::new(None) }
    }

    pub(crate) fn begin(&self, mode: Mode, callbacks: Backlog, lasts: Duration) {
        let until = Instant::now() + lasts;
        self.current.send_replace(Some(Current { mode, callbacks, until }));
    }

    pub(crate) fn end(&self) {
        self.current.send_replace(None);
    }

    pub(crate) fn now(&self) -> Option<Current> {
        self.current.borrow().filter(|current| Instant::now() < current.until)
    }

    pub(crate) fn refuses(&self) -> bool {
        self.now().is_some_and(|current| current.mode == Mode::Refused)
    }

    /// Returns when the provider is up.
    pub(crate) async fn over(&self) {
        let mut changes = self.current.subscribe();
        while let Some(current) = self.now() {
            tokio::select! {
                () = tokio::time::sleep_until(current.until) => {}
                _ = changes.changed() => {}
            }
        }
    }

    /// Returns when connections are to be refused.
    pub(crate) async fn refusing(&self) {
        let mut changes = self.current.subscribe();
        while !self.refuses() {
            if changes.changed().await.is_err() {
                std::future::pending::<()>().await;
            }
        }
    }
}
