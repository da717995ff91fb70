//! Finding at Twilio what we do not know by Twilio's name: a call whose dial was never answered, the leg that a script
//! connects to.
//!
//! Twilio cannot be asked for our name. But it keeps the HTTP exchanges of each call, and our name is in every URL that we
//! handed out. So: list the calls between the two numbers, and look into those that began after ours was wished for.

use std::time::Duration;

use call_core::port::Answer;
use call_core::{Call, Direction, Fact, Leg, Report, Script, Signal};

use crate::act::{Request, names};
use crate::client::{Twilio, next_page};
use crate::error::{Class, TwilioError};
use crate::resource::{CallPage, CallResource, EventPage};
use crate::status::Status;

/// How far Twilio's clock may be behind ours.
const SKEW: Duration = Duration::from_secs(120);
/// How many pages of calls are read; the newest come first.
const MOST_PAGES: usize = 5;
/// How many calls are looked into.
const MOST_CANDIDATES: usize = 20;

/// What a look at a candidate shows.
enum Look {
    Ours,
    NotOurs,
    /// It has no exchanges yet that could name a call.
    Undecided,
}

impl Twilio {
    /// Looks for a call by our name. `Gone` is only said when every candidate is certainly another call.
    pub(crate) async fn find(&self, call: &Call, request: Request) -> Answer {
        match self.search(call, request).await {
            Ok(signals) => Answer::Done(signals),
            Err(error) => error.answer(),
        }
    }

    async fn search(&self, call: &Call, mut request: Request) -> Result<Vec<Signal>, TwilioError> {
        let mut looked = 0;
        let mut doubt = None;
        for _ in 0..MOST_PAGES {
            let page: CallPage = self.read(&request).await?;
            let is_last = page.calls.last().is_some_and(|last| !began_after(last, call));
            for resource in page.calls.iter().filter(|resource| may_be(resource, call)) {
                let Some(leg) = resource.leg() else { continue };
                if looked == MOST_CANDIDATES {
                    return Ok(vec![undecided("too many calls between these numbers")]);
                }
                looked += 1;
                match self.look(resource, &leg, call).await? {
                    Look::Ours => return Ok(resource.signals(&leg)),
                    Look::NotOurs => {}
                    Look::Undecided => doubt = Some("a call between these numbers has no history yet"),
                }
            }
            match next_page(page.next_page_uri).filter(|_| !is_last) {
                Some(next) => request = next,
                None => return Ok(vec![doubt.map_or_else(|| Signal::new(Fact::Report(Report::Gone)), undecided)]),
            }
        }
        Ok(vec![undecided("too many calls between these numbers")])
    }

    async fn look(&self, resource: &CallResource, leg: &Leg, call: &Call) -> Result<Look, TwilioError> {
        let request = self.account.events(leg).ok_or_else(|| TwilioError::NotASid(leg.id.clone()))?;
        let page: EventPage = self.read(&request).await?;
        if page.events.iter().any(|event| names(event, call.id())) {
            return Ok(Look::Ours);
        }
        let is_over = matches!(resource.state(), Status::Over(_));
        Ok(if page.events.is_empty() && !is_over { Look::Undecided } else { Look::NotOurs })
    }

    /// How the leg that the script connects to has ended, if it has and the call does not know.
    pub(crate) async fn target_end(&self, call: &Call, parent: &Leg) -> Result<Vec<Signal>, TwilioError> {
        let connects = matches!(call.plan().script, Script::Connect { .. });
        if !connects || call.legs().target().is_some_and(|target| target.ended.is_some()) {
            return Ok(Vec::new());
        }
        let request = self.account.children(parent).ok_or_else(|| TwilioError::NotASid(parent.id.clone()))?;
        let page: CallPage = match self.read(&request).await {
            Ok(page) => page,
            // Never to be had: the call's own truth must not wait for it.
            Err(error) if matches!(error.class(), Class::Permanent | Class::Missing | Class::Benign) => {
                return Ok(Vec::new());
            }
            Err(error) => return Err(error),
        };
        let ends = page.calls.iter().filter_map(|child| child.end(&child.leg()?));
        Ok(ends.map(|signal| signal.under(parent.clone())).collect())
    }
}

/// Whether a call at Twilio may be this one, by what the list tells.
fn may_be(resource: &CallResource, call: &Call) -> bool {
    let outbound = call.birth().direction == Direction::Outbound;
    let direction = resource.direction.as_deref();
    began_after(resource, call) && (!outbound || direction.is_none_or(|direction| direction == "outbound-api"))
}

fn began_after(resource: &CallResource, call: &Call) -> bool {
    resource.created().is_none_or(|created| created + SKEW >= call.birth().at)
}

/// No proof of anything: to be asked again.
fn undecided(why: &str) -> Signal {
    Signal::new(Fact::Report(Report::Unreachable { why: why.to_owned() }))
}
