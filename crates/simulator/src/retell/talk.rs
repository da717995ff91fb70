//! The conversation: agent and person take turns, functions in between.

use std::sync::Arc;

use rand::Rng;
use tokio::time::Instant;
use tokio_util::sync::{CancellationToken, DropGuard};

use super::{
    Face,
    call::Call,
    ending::Ending,
    event::{Event, Hold},
    transcript::Entry,
};
use crate::{fault::Fault, person::Manner};

/// Phone seconds that a word takes, and the shortest line.
const WORD_SECONDS: f64 = 0.4;
const LINE_SECONDS: f64 = 1.0;
/// Phone seconds from the answer to the agent's first deed.
const BEGIN_SECONDS: f64 = 0.5;
/// Phone seconds in which an agent knows a machine.
const VOICEMAIL_SECONDS: f64 = 3.0;
/// How far ahead a common moment for two messages is set, so that both are ready for it.
const TOGETHER: std::time::Duration = std::time::Duration::from_millis(20);

/// How the conversation begins: what its first function and `call_started` have to do with each other.
pub(crate) struct Opening {
    /// Before the agent's first deed.
    begin: Begin,
    /// Lets `call_started` go when the first function has been answered, or can no longer be.
    started: Option<DropGuard>,
}

enum Begin {
    InAMoment,
    At(Instant),
    AtOnce,
}

impl Face {
    /// Tells that the call has started, and decides how its first function stands to that.
    pub(crate) fn open(self: &Arc<Self>, call: &Arc<Call>) -> Opening {
        let agent = call.agent();
        let listens = call.person().manner != Manner::Voicemail || !agent.shuns_voicemail;
        let early = listens && agent.functions.iter().any(|function| function.after == 0);
        let strikes = |fault| {
            let struck = early && self.world.faults.strikes(fault, call.occasion(Event::Started.name()));
            if struck {
                call.suffered(fault);
            }
            struck
        };
        let (begin, hold, started) = if strikes(Fault::ToolFirst) {
            let started = CancellationToken::new();
            (Begin::AtOnce, Hold::After(started.clone()), Some(started.drop_guard()))
        } else if strikes(Fault::ToolTogether) {
            let moment = Instant::now() + TOGETHER;
            (Begin::At(moment), Hold::Until(moment), None)
        } else {
            (Begin::InAMoment, Hold::No, None)
        };
        self.announce(call, Event::Started, hold);
        Opening { begin, started }
    }

    /// Talks until the agent has nothing more to say.
    pub(crate) async fn talk(self: &Arc<Self>, call: &Arc<Call>, mut opening: Opening) -> Ending {
        let (scale, agent, person) = (self.world.scale, call.agent(), call.person());
        match opening.begin {
            Begin::InAMoment => scale.sleep(BEGIN_SECONDS).await,
            Begin::At(moment) => tokio::time::sleep_until(moment).await,
            Begin::AtOnce => {}
        }
        if person.manner == Manner::Voicemail {
            scale.sleep(VOICEMAIL_SECONDS).await;
            call.note(|record| record.answered_by = Some("voicemail".into()));
            if agent.shuns_voicemail {
                return Ending::VoicemailReached;
            }
        }
        for nth in 0..=agent.lines.len() {
            for function in agent.functions.iter().filter(|it| it.after.min(agent.lines.len()) == nth) {
                self.invoke(call, function).await;
                opening.started = None;
            }
            let Some(line) = agent.lines.get(nth) else { break };
            let by_agent = nth % 2 == 0;
            let own = person.speech.as_deref().filter(|_| !by_agent);
            self.say(call, by_agent, own.unwrap_or(line)).await;
        }
        call.tell(|story| story.successful = person.manner != Manner::Voicemail);
        if agent.stays {
            std::future::pending::<()>().await;
        }
        Ending::AgentHangup
    }

    /// One line, which counts once it has been said to its end.
    async fn say(self: &Arc<Self>, call: &Arc<Call>, agent: bool, line: &str) {
        let since = || {
            let answered = call.look(|record| record.answered_at.unwrap_or(record.created_at));
            self.world.scale.phone(answered.duration_until(jiff::Timestamp::now()).unsigned_abs())
        };
        let start = since();
        let words = line.split_whitespace().count() as f64;
        self.world.scale.sleep((words * WORD_SECONDS).max(LINE_SECONDS)).await;
        let end = since();
        call.tell(|story| {
            if agent {
                let nth = story.latencies.len().to_string();
                let mut draw = self.world.dice.about(&["latency", &call.person_at, &nth]);
                story.latencies.push(f64::from(draw.random_range(600..1800)));
            }
            story.transcript.push(Entry::Said { agent, text: line.to_owned(), start, end });
        });
        self.announce(call, Event::TranscriptUpdated, Hold::No);
    }
}
