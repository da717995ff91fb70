//! The time in which a `command_id` that was used already makes a command a repetition: 60 seconds.

use std::{collections::HashMap, sync::Mutex, time::Duration};

use tokio::time::Instant;

use crate::{gate::Answer, lock::locked};

/// Phone seconds.
pub(super) const SECONDS: f64 = 60.0;

/// What was commanded lately, and what was answered.
#[derive(Debug, Default)]
pub(super) struct Window(Mutex<HashMap<String, (Instant, Answer)>>);

impl Window {
    /// The answer to the same command, if it was carried out less than `lasts` ago.
    pub(super) fn repeated(&self, command_id: &str, lasts: Duration) -> Option<Answer> {
        let mut known = locked(&self.0);
        known.retain(|_, (at, _)| at.elapsed() < lasts);
        known.get(command_id).map(|(_, answer)| answer.clone())
    }

    /// Remembers a command that was carried out. A refused one may be repeated.
    pub(super) fn remember(&self, command_id: &str, answer: &Answer) {
        if answer.status < 300 {
            locked(&self.0).insert(command_id.to_owned(), (Instant::now(), answer.clone()));
        }
    }
}
