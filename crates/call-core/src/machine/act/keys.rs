//! Keys that the caller is asked for: one wish at a time, and an answer to each.

use super::super::{Effect, Event, Gather, Gathered, Reason, Timer};
use super::Act;

impl Act<'_> {
    pub(in super::super) fn gather(&mut self, gather: &Gather) -> Result<(), Reason> {
        if self.state.gathering.is_some() {
            return Err(Reason::AlreadyRunning);
        }
        self.break_silence();
        self.state.gathering = Some(gather.clone());
        if !planted!(GathersForEver) {
            self.set(Timer::Gather, gather.longest().saturating_add(self.policy().gather_limit));
        }
        self.ask_for(Effect::Gather(gather.clone()));
        Ok(())
    }

    pub(in super::super) fn gathered(&mut self, gathered: &Gathered) -> Result<(), Reason> {
        let wish = self.state.gathering.as_ref();
        if wish.is_none_or(|wish| wish.operation != gathered.operation) && !planted!(GatheredTwice) {
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
        if let Some(wish) = self.state.gathering.take() {
            self.publish(Event::Gathered(Gathered::nothing(wish.operation)));
        }
    }
}
