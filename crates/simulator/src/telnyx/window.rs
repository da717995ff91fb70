//! The time in which a `command_id` that was used already makes a command a repetition: 60 seconds.

use std::{collections::HashMap, time::Duration};

use tokio::{sync::Mutex, time::Instant};

use crate::gate::Answer;

/// Phone seconds.
pub(super) const SECONDS: f64 = 60.0;

/// What was commanded lately, and what was answered.
#[derive(Debug, Default)]
pub(super) struct Window(Mutex<HashMap<String, (Instant, Answer)>>);

impl Window {
    /// Carries a command out, unless it is a repetition: then it gets the first one's answer. Two at the same time are
    /// one and a repetition. A refused command may be sent again.
    pub(super) async fn once<E>(
        &self,
        command_id: Option<&str>,
        lasts: Duration,
        perform: impl Future<Output = Result<Answer, E>>,
    ) -> Result<Answer, E> {
        let Some(id) = command_id else { return perform.await };
        let mut known = self.0.lock().await;
        known.retain(|_, (at, _)| at.elapsed() < lasts);
        if let Some((_, answer)) = known.get(id) {
            return Ok(answer.clone());
        }
        let answer = perform.await?;
        known.insert(id.to_owned(), (Instant::now(), answer.clone()));
        Ok(answer)
    }
}
