//! Keys that the caller is asked for: one wish at a time, and an answer to each.

use super::super::{Effect, Event, Gathered, Keys, Reason, Timer};
use super::Act;

impl Act<'_> {
    pub(in super::super) fn gather(&mut self, operation: &str, keys: &Keys) -> Result<(), Reason> {
        if self.state.gathering.is_some() {
            return Err(Reason::AlreadyRunning);
        }
        self.break_silence();
        self.state.gathering = Some(operation.to_owned());
        if !planted!(GathersForEver) {
            self.set(Timer::Gather, keys.longest().saturating_add(self.policy().gather_limit));
        }
        self.ask_for(Effect::Gather { operation: operation.to_owned(), keys: *keys });
        Ok(())
    }

    pub(in super::super) fn gathered(&mut self, gathered: &Gathered) -> Result<(), Reason> {
        let is_wished = self.state.gathering.as_ref() == Some(&gathered.operation) || planted!(GatheredTwice);
        if !is_wished {
            return Err(Reason::NotRunning);
        }
        self.state.timers.cancel(Timer::Gather);
        self.state.gathering = None;
        self.break_silence();
        self.publish(Event::Gathered(gathered.clone()));
        Ok(())
    }

    /// Nobody tells: whoever asked must not wait for ever.
    pub(in super::super) fn gathered_nothing(&mut self) {
        if let Some(operation) = self.state.gathering.take() {
            self.publish(Event::Gathered(Gathered::nothing(operation)));
        }
    }
}
