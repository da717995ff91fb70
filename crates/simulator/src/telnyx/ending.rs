//! How a leg ends, in the carrier's words.

use jiff::Timestamp;

use super::{
    call::Call,
    event::{Event, micros},
};
use crate::truth::{Direction, Status};

/// Which side ended it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    /// Whoever commands the leg.
    Ours,
    /// The person.
    Theirs,
}

#[derive(Debug, Clone, Copy)]
pub(super) struct End {
    pub(super) status: Status,
    pub(super) cause: &'static str,
    pub(super) sip: u16,
    side: Side,
}

impl End {
    pub(super) const LEFT: Self = Self::of(Status::Completed, "normal_clearing", 200, Side::Theirs);
    pub(super) const HUNG_UP: Self = Self::of(Status::Completed, "normal_clearing", 200, Side::Ours);
    pub(super) const TIME_LIMIT: Self = Self::of(Status::Completed, "time_limit", 200, Side::Ours);
    pub(super) const CANCELED: Self = Self::of(Status::Canceled, "originator_cancel", 487, Side::Ours);
    /// The caller gives up before we pick up.
    pub(super) const GAVE_UP: Self = Self::of(Status::Canceled, "originator_cancel", 487, Side::Theirs);
    pub(super) const DECLINED: Self = Self::of(Status::NoAnswer, "call_rejected", 603, Side::Theirs);
    pub(super) const BUSY: Self = Self::of(Status::Busy, "user_busy", 486, Side::Theirs);
    pub(super) const DROPPED: Self = Self::of(Status::NoAnswer, "unspecified", 480, Side::Theirs);
    pub(super) const UNKNOWN_NUMBER: Self = Self::of(Status::Failed, "not_found", 404, Side::Theirs);

    const fn of(status: Status, cause: &'static str, sip: u16, side: Side) -> Self {
        Self { status, cause, sip, side }
    }

    /// Nobody answered: `timeout`, or `no_answer` where no other route was tried.
    pub(super) const fn unanswered(cause: &'static str) -> Self {
        Self::of(Status::NoAnswer, cause, 487, Side::Ours)
    }

    /// We turn the caller away.
    pub(super) const fn rejected(busy: bool) -> Self {
        let end = if busy { Self::BUSY } else { Self::DECLINED };
        Self { side: Side::Ours, ..end }
    }

    /// `call.hangup`.
    pub(super) fn event(self, call: &Call) -> Event {
        // On a leg that came in, the person is the caller.
        let source = match (self.side, call.plan.direction) {
            (Side::Ours, Direction::Inbound) => "callee",
            (Side::Ours, Direction::OutboundApi | Direction::OutboundDial) => "caller",
            (Side::Theirs, Direction::Inbound) => "caller",
            (Side::Theirs, Direction::OutboundApi | Direction::OutboundDial) => "callee",
        };
        let (started, ended) = call.look(|record| (record.created_at, record.ended_at));
        Event::new("call.hangup")
            .with("hangup_cause", self.cause)
            .with("hangup_source", source)
            .with("sip_hangup_cause", self.sip.to_string())
            .with("state", "hangup")
            .with("start_time", micros(started))
            .with("end_time", micros(ended.unwrap_or_else(Timestamp::now)))
    }
}
