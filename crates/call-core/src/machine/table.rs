//! The transition table: phase by input, one arm a row, no catch-all. What an arm does is in `act`.
//!
//! Every arm decides before it changes anything: an `Err` leaves the call as it was.

use PhaseName::{Dialing, Ended, Ending, Live, Ringing};

use super::act::Act;
use super::{
    Call, Command, DialAnswer, Disposition, Effect, Fact, HangupAnswer, Input, PhaseName, Proposal, Proposer, Reason,
    Report, Signal, Source, StreamFact, Timer, Timestamp,
};

pub(super) fn apply(call: &mut Call, input: &Input, now: Timestamp, effects: &mut Vec<Effect>) -> Result<(), Reason> {
    match input {
        Input::Signal(signal) => {
            call.check_seen(signal.key.as_ref())?;
            Act::on(call, now, effects).signal(signal)?;
            call.remember(signal.key.as_ref());
            Ok(())
        }
        Input::Command(command) => Act::on(call, now, effects).command(command),
        Input::Tick => Act::on(call, now, effects).tick(),
    }
}

impl Act<'_> {
    fn signal(&mut self, signal: &Signal) -> Result<(), Reason> {
        self.at = self.happened(signal);
        let other = self.other_leg(signal);
        let bound = self.bind_first(signal);
        let (answer, over) = match other {
            Some(leg) => (self.on_other_leg(leg, &signal.fact), None),
            None => (self.on_first_leg(&signal.fact), signal.fact.ending()),
        };
        match answer {
            // To learn the first leg's name is news, whatever else the signal says.
            Ok(()) | Err(_) if bound => self.found(over),
            answer => answer?,
        }
        self.weigh(&signal.fact);
        Ok(())
    }

    fn on_first_leg(&mut self, fact: &Fact) -> Result<(), Reason> {
        match (self.phase(), fact) {
            // The answer to our dial. A callback may beat it, and the call may have been given up meanwhile.
            (Dialing, Fact::Dialed(DialAnswer::Accepted)) => self.progress(super::Progress::Queued),
            (Ringing | Live, Fact::Dialed(DialAnswer::Accepted)) => Err(Reason::NothingNew),
            (Ending, Fact::Dialed(DialAnswer::Accepted)) => self.dial_found(),
            (Ended, Fact::Dialed(DialAnswer::Accepted)) => self.rings_after_the_end(),
            (Dialing, Fact::Dialed(DialAnswer::Refused { why })) => self.never_dialed(Disposition::Failed, why),
            (Dialing, Fact::Dialed(DialAnswer::Withdrawn)) => self.never_dialed(Disposition::Failed, "dial-withdrawn"),
            (Ringing | Live, Fact::Dialed(DialAnswer::Refused { .. } | DialAnswer::Withdrawn)) => {
                Err(Reason::OutOfOrder)
            }
            (Ending, Fact::Dialed(DialAnswer::Refused { .. } | DialAnswer::Withdrawn)) => self.given_up_undialed(),
            (Dialing, Fact::Dialed(DialAnswer::Unknown { .. })) => self.doubt_the_dial(),
            (Ringing | Live, Fact::Dialed(DialAnswer::Unknown { .. })) => Err(Reason::NothingNew),
            (Ending, Fact::Dialed(DialAnswer::Unknown { .. })) => self.doubt_the_withdrawn_dial(),
            (Ended, Fact::Dialed(DialAnswer::Refused { .. } | DialAnswer::Unknown { .. } | DialAnswer::Withdrawn)) => {
                Err(Reason::AlreadyEnded)
            }

            // The provider's progress. An older station fills in its time and moves nothing.
            (Dialing | Ringing, Fact::Progress(progress)) => self.progress(*progress),
            (Live, Fact::Progress(progress)) => self.fill(*progress),
            (Ending, Fact::Progress(progress)) => either(self.fill(*progress), self.dial_found()),
            (Ended, Fact::Progress(progress)) if planted!(LateRingingOverwritesCompleted) => self.progress(*progress),
            (Ended, Fact::Progress(progress)) => either(self.fill(*progress), self.rings_after_the_end()),
            (Dialing | Ringing, Fact::Answered) => self.answered(),
            (Live, Fact::Answered) => self.fill_answered(),
            (Ending, Fact::Answered) if planted!(LateAnswerRevivesTheCall) => self.answered(),
            (Ending, Fact::Answered) => either(self.fill_answered(), self.dial_found()),
            (Ended, Fact::Answered) => either(self.fill_answered(), self.rings_after_the_end()),

            // The end. Truth outranks inference; among the provider's own endings the first wins.
            (Dialing | Ringing | Live | Ending, Fact::Ended(hungup)) => self.hungup(hungup, Source::Provider),
            (Ended, Fact::Ended(hungup)) => self.correct(hungup, Source::Provider),

            // The answer when asked. Reads may lag behind messages, so only an ending is believed at once.
            (phase, Fact::Report(report)) => self.report(phase, report),

            // The answer to our hang-up.
            (Dialing | Ringing | Live, Fact::HangupAnswer(_)) => Err(Reason::NotAsked),
            (Ending, Fact::HangupAnswer(_)) if planted!(AlreadyEndedIsAnError) => Err(Reason::NothingNew),
            (Ending, Fact::HangupAnswer(HangupAnswer::AlreadyEnded)) => self.ended_before_hangup(),
            (Ending, Fact::HangupAnswer(HangupAnswer::Accepted | HangupAnswer::Refused { .. })) => {
                Err(Reason::NothingNew)
            }
            (Ended, Fact::HangupAnswer(_)) => Err(Reason::AlreadyEnded),

            // The audio stream. That it opens proves that the call was answered.
            (Dialing | Ringing, Fact::Stream(StreamFact::Opened)) => {
                self.answered()?;
                self.stream_opened()
            }
            (Live, Fact::Stream(StreamFact::Opened)) => self.stream_opened(),
            (Ending, Fact::Stream(StreamFact::Opened)) => Err(Reason::AlreadyEnding),
            (Dialing | Ringing, Fact::Stream(StreamFact::Failed { why })) => {
                self.answered()?;
                self.hang_up(self.proposal(Proposer::StreamLoss, Some(why.clone())))
            }
            (Live, Fact::Stream(StreamFact::Failed { why })) => {
                self.stream_gone();
                self.hang_up(self.proposal(Proposer::StreamLoss, Some(why.clone())))
            }
            (Live, Fact::Stream(StreamFact::Closed)) => self.stream_closed(),
            (Ending, Fact::Stream(StreamFact::Closed | StreamFact::Failed { .. })) => self.finish_operation(None),
            (Live, Fact::Stream(StreamFact::Flowing)) => Ok(()),
            (Ending, Fact::Stream(StreamFact::Flowing)) => Err(Reason::NothingNew),
            (Dialing | Ringing, Fact::Stream(StreamFact::Closed | StreamFact::Flowing)) => Err(Reason::NotRunning),
            (Ended, Fact::Stream(_)) => Err(Reason::AlreadyEnded),

            // Speech and words.
            (Dialing | Ringing, Fact::Speech(_)) => Err(Reason::NotRunning),
            (Live, Fact::Speech(speech)) => self.spoken(speech),
            (Ending, Fact::Speech(speech)) => self.finish_operation(Some(&speech.operation)),
            (Ended, Fact::Speech(_)) => Err(Reason::AlreadyEnded),
            (Ending, Fact::Turn(_)) if planted!(DrainSkipsATurn) => Err(Reason::AlreadyEnding),
            (Dialing | Ringing, Fact::Gathered(_)) => Err(Reason::NotRunning),
            (Live, Fact::Gathered(gathered)) => self.gathered(gathered),
            (Ending, Fact::Gathered(_)) => Err(Reason::AlreadyEnding),
            (Ended, Fact::Gathered(_)) => Err(Reason::AlreadyEnded),
            (Dialing | Ringing | Live | Ending | Ended, Fact::Turn(turn)) => self.turn(turn),
            (Dialing | Ringing | Live | Ending | Ended, Fact::Transcript(turns)) => self.transcript(turns),
            (Dialing | Ringing | Live | Ending | Ended, Fact::Refused(refused)) => self.refused(refused),

            // What becomes known beside the movement, in any phase.
            (
                Dialing | Ringing | Live | Ending | Ended,
                Fact::Detected(_)
                | Fact::Digits(_)
                | Fact::Recording(_)
                | Fact::Billed(_)
                | Fact::Analyzed(_)
                | Fact::Measured(_)
                | Fact::ToolCall(_)
                | Fact::Unknown(_),
            ) => self.note(fact),
        }
    }

    fn report(&mut self, phase: PhaseName, report: &Report) -> Result<(), Reason> {
        match (phase, report) {
            (Dialing | Ringing | Live | Ending, Report::Ended(hungup)) => self.hungup(hungup, Source::Reconciliation),
            (Ended, Report::Ended(hungup)) => self.correct(hungup, Source::Reconciliation),
            (Dialing | Ringing, Report::InProgress) => self.answered(),
            (Dialing, Report::Unanswered { progress }) => self.progress(*progress),
            (Ringing, Report::Unanswered { progress }) => self.still_ringing(*progress),
            (Live, Report::InProgress) if planted!(EachReportAnswersAnew) => self.answered(),
            (Live, Report::Unanswered { .. } | Report::InProgress) => Ok(()),
            (Ending, Report::Unanswered { .. } | Report::InProgress) => either(self.dial_found(), Ok(())),
            (Ended, Report::Unanswered { .. } | Report::InProgress) => self.rings_after_the_end(),
            // A new call may not be readable yet: the dial's own limit decides.
            (Dialing, Report::Gone | Report::Unreachable { .. }) => Ok(()),
            (Ringing, Report::Gone) => self.vanished_while_ringing(),
            (Ringing | Ending, Report::Unreachable { .. }) => Ok(()),
            (Live, Report::Gone) => self.judge(super::ProviderSays::Gone),
            (Live, Report::Unreachable { .. }) => self.judge(super::ProviderSays::Unreachable),
            (Ending, Report::Gone) => self.vanished_while_ending(),
            (Ended, Report::Gone | Report::Unreachable { .. }) => Err(Reason::AlreadyEnded),
        }
    }

    fn on_other_leg(&mut self, leg: super::Leg, fact: &Fact) -> Result<(), Reason> {
        match fact {
            Fact::Progress(_) => self.leg_joins(leg),
            Fact::Answered => self.leg_answers(leg),
            Fact::Ended(hungup) if planted!(ChildEndsTheCall) => self.hungup(hungup, Source::Provider),
            Fact::Ended(hungup) => self.leg_ends(leg, hungup),
            Fact::Dialed(_) | Fact::Report(_) | Fact::HangupAnswer(_) => Err(Reason::NothingNew),
            Fact::Stream(_)
            | Fact::Speech(_)
            | Fact::Gathered(_)
            | Fact::Turn(_)
            | Fact::Transcript(_)
            | Fact::Refused(_)
            | Fact::Detected(_)
            | Fact::Digits(_)
            | Fact::Recording(_)
            | Fact::Billed(_)
            | Fact::Analyzed(_)
            | Fact::Measured(_)
            | Fact::ToolCall(_)
            | Fact::Unknown(_) => self.on_first_leg(fact),
        }
    }

    fn command(&mut self, command: &Command) -> Result<(), Reason> {
        match (self.phase(), command) {
            (Dialing | Ringing, Command::Hangup { proposer, reason, .. }) => {
                self.hang_up(self.proposal(proposer.clone(), reason.clone()))
            }
            (Live, Command::Hangup { proposer, reason, after_speech }) => {
                let proposal: Proposal = self.proposal(proposer.clone(), reason.clone());
                if *after_speech { self.farewell(proposal) } else { self.hang_up(proposal) }
            }
            (Ending, Command::Hangup { proposer, .. }) if planted!(HangupNotSingleFlight) => {
                self.hang_up(self.proposal(proposer.clone(), None))
            }
            (Ending, Command::Hangup { .. }) => Err(Reason::AlreadyEnding),

            (Live, Command::Speak { operation, text }) => self.speak(operation, text),
            (Live, Command::Play { operation, url }) => self.play(operation, url),
            (Live, Command::Hush) => self.hush(),
            (Live, Command::Gather(gather)) => self.gather(gather),
            (Live, Command::OpenStream) => self.open_stream(),
            (Live, Command::CloseStream) => self.close_stream(),
            (Live, Command::Transfer { to }) => self.hand_on(Effect::Transfer { to: to.clone() }),
            (Live, Command::Bridge { leg }) => self.hand_on(Effect::Bridge { leg: leg.clone() }),
            (Live, Command::StartRecording) => self.hand_on(Effect::StartRecording),
            (Live, Command::StopRecording) => self.hand_on(Effect::StopRecording),
            (
                Dialing | Ringing,
                Command::Speak { .. }
                | Command::Play { .. }
                | Command::Hush
                | Command::Gather(_)
                | Command::OpenStream
                | Command::CloseStream
                | Command::Transfer { .. }
                | Command::Bridge { .. }
                | Command::StartRecording
                | Command::StopRecording,
            ) => Err(Reason::NotLive),
            (
                Ending,
                Command::Speak { .. }
                | Command::Play { .. }
                | Command::Hush
                | Command::Gather(_)
                | Command::OpenStream
                | Command::CloseStream
                | Command::Transfer { .. }
                | Command::Bridge { .. }
                | Command::StartRecording
                | Command::StopRecording,
            ) => Err(Reason::AlreadyEnding),

            (Dialing | Ringing | Live, Command::Reconcile) => self.ask(),
            (Ending, Command::Reconcile) => self.ask_while_ending(),
            (
                Ended,
                Command::Hangup { .. }
                | Command::Speak { .. }
                | Command::Play { .. }
                | Command::Hush
                | Command::Gather(_)
                | Command::OpenStream
                | Command::CloseStream
                | Command::Transfer { .. }
                | Command::Bridge { .. }
                | Command::StartRecording
                | Command::StopRecording
                | Command::Reconcile,
            ) => Err(Reason::AlreadyEnded),
        }
    }

    /// Acts on every deadline that has come due, the earliest first. An act may cancel those behind it; what it sets
    /// anew waits for the next tick, so that no policy and no moment can make this spin.
    fn tick(&mut self) -> Result<(), Reason> {
        let due = self.state.timers.due(self.now);
        if due.is_empty() {
            return Err(Reason::NotDue);
        }
        for (timer, at) in due {
            if self.state.timers.get(timer) == Some(at) {
                self.state.timers.cancel(timer);
                self.at = self.now;
                self.due(timer);
            }
        }
        Ok(())
    }

    fn due(&mut self, timer: Timer) {
        match timer {
            Timer::DialAnswer => self.dial_unanswered(),
            Timer::DialLimit => self.dial_limit(),
            Timer::RingLimit => self.ring_limit(),
            Timer::LiveLimit | Timer::Prompt => self.hang_up_by_deadline(timer),
            Timer::Quiet => self.quiet(),
            Timer::Response => self.prompt(),
            Timer::StreamLimit => self.stream_limit(),
            Timer::Gather => self.gathered_nothing(),
            Timer::Farewell => self.cut_farewell(),
            Timer::Confirm => self.unconfirmed(),
            Timer::Drain => self.drained(),
        }
    }
}

/// Both are done; it is news if either was.
fn either(first: Result<(), Reason>, second: Result<(), Reason>) -> Result<(), Reason> {
    first.or(second)
}
