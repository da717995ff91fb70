//! What is true of a call, asked at Retell: the fallback for messages that never come (post-mortem 4.3).
//!
//! Retell keeps calls, so a call that has ended is told with all that is known of it, as its own message would have done.
//! A call whose dial was never answered is found by the name that we wrote into its `metadata`.

use call_core::port::Answer;
use call_core::{Call, Fact, Leg, Progress, Report, Signal};

use crate::act;
use crate::client::Retell;
use crate::error::Class;
use crate::resource::CallObject;
use crate::told::Teller;

impl Retell {
    /// What is true of a leg.
    pub(crate) async fn ask(&self, leg: &Leg) -> Answer {
        match self.call(leg).await {
            Ok(body) => match CallObject::read(&body) {
                Some(call) => Answer::Done(truth(&call)),
                None => unreachable("retell answered with no call"),
            },
            Err(error) if error.class() == Class::Missing => Answer::Done(vec![report(Report::Gone).on(leg.clone())]),
            Err(error) => error.answer(),
        }
    }

    /// Looks for a call by our name. Lists carry no transcripts, so what is found is read once more.
    pub(crate) async fn find(&self, call: &Call) -> Answer {
        let page = match self.read(&act::named(call.id())).await {
            Ok(page) => page,
            Err(error) => return error.answer(),
        };
        // An answer in another shape must not pass for "no such call".
        let Some(items) = page.get("items").and_then(|items| items.as_array()) else {
            return unreachable("retell's list cannot be read");
        };
        // It may not know the filter, and list all calls.
        let ours = items.iter().filter_map(CallObject::read).find(|found| found.ours() == Some(call.id()));
        match ours {
            Some(found) => self.ask(&found.leg()).await,
            None if items.is_empty() => Answer::Done(vec![report(Report::Gone)]),
            None => unreachable("retell lists other calls than it was asked for"),
        }
    }
}

fn truth(call: &CallObject<'_>) -> Vec<Signal> {
    let told = |fact| vec![report(fact).on(call.leg())];
    let teller = Teller::new(*call, format!("asked {}", call.get("disconnection_reason").unwrap_or_default()));
    match call.get("call_status") {
        _ if !call.is_open() => teller.reported(),
        // It may ring already; Retell has no word for that.
        Some("registered") => told(Report::Unanswered { progress: Progress::Initiated }),
        Some("ongoing") => {
            let answered = teller.started();
            answered.at.is_some().then_some(answered).into_iter().chain(told(Report::InProgress)).collect()
        }
        _ => told(Report::Unreachable { why: "retell does not say whether it lives".to_owned() }),
    }
}

const fn report(report: Report) -> Signal {
    Signal::new(Fact::Report(report))
}

fn unreachable(why: &str) -> Answer {
    Answer::Unknown { why: why.to_owned() }
}
