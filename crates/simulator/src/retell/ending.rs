//! Why a call ended, in Retell's words.

use crate::truth::Status;

/// `disconnection_reason`, as far as this network knows endings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ending {
    UserHangup,
    AgentHangup,
    VoicemailReached,
    MaxDurationReached,
    ManualStopped,
    DialBusy,
    DialNoAnswer,
    DialFailed,
    UserDeclined,
    InvalidDestination,
}

impl Ending {
    /// Retell's word.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::UserHangup => "user_hangup",
            Self::AgentHangup => "agent_hangup",
            Self::VoicemailReached => "voicemail_reached",
            Self::MaxDurationReached => "max_duration_reached",
            Self::ManualStopped => "manual_stopped",
            Self::DialBusy => "dial_busy",
            Self::DialNoAnswer => "dial_no_answer",
            Self::DialFailed => "dial_failed",
            Self::UserDeclined => "user_declined",
            Self::InvalidDestination => "invalid_destination",
        }
    }

    /// What it comes to in the network's terms.
    pub(crate) fn status(self) -> Status {
        match self {
            Self::UserHangup
            | Self::AgentHangup
            | Self::VoicemailReached
            | Self::MaxDurationReached
            | Self::ManualStopped => Status::Completed,
            Self::DialBusy => Status::Busy,
            Self::DialNoAnswer | Self::UserDeclined => Status::NoAnswer,
            Self::DialFailed | Self::InvalidDestination => Status::Failed,
        }
    }
}

/// `call_status`: voicemail is `ended`, only dials that came to nothing are `not_connected`.
pub(crate) fn call_status(status: Status) -> &'static str {
    match status {
        Status::Queued | Status::Initiated | Status::Ringing => "registered",
        Status::InProgress => "ongoing",
        Status::Completed => "ended",
        Status::Busy | Status::NoAnswer | Status::Failed | Status::Canceled => "not_connected",
    }
}
