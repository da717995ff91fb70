//! What is true of a call, asked at Telnyx.
//!
//! Telnyx keeps whether a call is alive, for ten minutes after its end, but neither whether it was answered nor how it
//! ended: that is in the record of its events, which is read where it matters. A call whose dial was never answered is
//! found among those that are alive, by what we wrote on it.

use call_core::port::Answer;
use call_core::{Call, Disposition, Fact, Hungup, Leg, Phase, Progress, Report, Signal};

use crate::client::Telnyx;
use crate::error::{Class, TelnyxError};
use crate::resource::{ActivePage, CallResource, EventPage};
use crate::status::in_context;

/// How many pages of live calls are read: 250 a page.
const MOST_PAGES: usize = 8;

/// What the record of a leg's events adds.
#[derive(Default)]
struct History {
    answered: bool,
    hungup: Option<Hungup>,
}

impl Telnyx {
    /// What is true of a leg. `Gone` proves little: ten minutes after its end, Telnyx has forgotten every call.
    pub(crate) async fn ask(&self, call: &Call, leg: &Leg) -> Answer {
        let truth = match self.call(leg).await {
            Ok(resource) => self.truth(call, leg, &resource).await,
            Err(error) if error.class() == Class::Missing => Ok(report(Report::Gone).on(leg.clone())),
            Err(error) => Err(error),
        };
        told(truth)
    }

    /// Looks for a call by our name among those that are alive. `Gone` is only said when all of them are others.
    pub(crate) async fn find(&self, call: &Call) -> Answer {
        told(self.search(call).await)
    }

    async fn search(&self, call: &Call) -> Result<Signal, TelnyxError> {
        let mut after = None;
        for _ in 0..MOST_PAGES {
            let page: ActivePage = self.read(&self.connection.active_calls(after)).await?;
            let ours = |found: &&CallResource| {
                found.state().is_some_and(|state| state.call == call.id() && state.parent.is_none())
            };
            if let Some(found) = page.data.iter().find(ours)
                && let Some(leg) = found.leg()
            {
                return self.truth(call, &leg, &CallResource { is_alive: Some(true), ..found.clone() }).await;
            }
            after = page.next();
            if after.is_none() {
                return Ok(report(Report::Gone));
            }
        }
        Ok(report(Report::Unreachable { why: "too many live calls to search".to_owned() }))
    }

    async fn truth(&self, call: &Call, leg: &Leg, resource: &CallResource) -> Result<Signal, TelnyxError> {
        let alive = resource.is_alive == Some(true);
        let known_answered = call.state().timeline.answered.is_some();
        let history = if alive && known_answered { History::default() } else { self.history(resource).await? };
        let answered = known_answered || history.answered;
        let ended = resource.ended();
        let told = match (alive, answered, history.hungup) {
            (true, true, _) => Report::InProgress,
            (true, false, _) => Report::Unanswered { progress: Progress::Initiated },
            (false, _, Some(hungup)) => Report::Ended(in_context(hungup, answered, is_ending(call))),
            (false, _, None) if ended.is_some() => Report::Ended(Hungup::new(inferred(call, answered))),
            // As the answer to a dial does, before the call lives.
            (false, _, None) => {
                Report::Unreachable { why: "telnyx says neither that it lives nor that it ended".to_owned() }
            }
        };
        let at = if matches!(told, Report::Ended(_)) { ended } else { None };
        Ok(Signal { at, ..report(told).on(leg.clone()) })
    }

    async fn history(&self, resource: &CallResource) -> Result<History, TelnyxError> {
        let Some(id) = &resource.call_leg_id else { return Ok(History::default()) };
        match self.read::<EventPage>(&self.connection.events(id)).await {
            Ok(page) => Ok(History { answered: page.answered(), hungup: page.hungup() }),
            // Never to be had: what is known of the call must not wait for it.
            Err(error) if matches!(error.class(), Class::Permanent | Class::Missing | Class::Benign) => {
                Ok(History::default())
            }
            Err(error) => Err(error),
        }
    }
}

fn told(truth: Result<Signal, TelnyxError>) -> Answer {
    match truth {
        Ok(signal) => Answer::Done(vec![signal]),
        Err(error) => error.answer(),
    }
}

const fn report(report: Report) -> Signal {
    Signal::new(Fact::Report(report))
}

/// How a call ended of which Telnyx only says that it did.
fn inferred(call: &Call, answered: bool) -> Disposition {
    match (answered, is_ending(call)) {
        (true, _) => Disposition::Completed,
        (false, true) => Disposition::Canceled,
        (false, false) => Disposition::NoAnswer,
    }
}

fn is_ending(call: &Call) -> bool {
    matches!(call.phase(), Phase::Ending { .. })
}
