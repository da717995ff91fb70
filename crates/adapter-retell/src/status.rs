//! Retell's words for how a call ended (retell.md §3).

use std::time::Duration;

use call_core::{Disposition, Hungup};

/// What a reason tells of the time before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Connected {
    /// Only connected calls end so.
    Yes,
    /// Only calls that were never connected do.
    No,
    /// Both may.
    Either,
}

/// What a call object says of its end.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Words<'a> {
    /// The `disconnection_reason`.
    pub(crate) reason: Option<&'a str>,
    /// The `call_status`, which webhooks may bring late: the reason decides wherever it is known.
    pub(crate) status: Option<&'a str>,
    /// The `duration_ms`.
    pub(crate) duration: Option<Duration>,
}

impl Words<'_> {
    /// Whether somebody or something had answered.
    pub(crate) fn connected(&self) -> bool {
        match self.reason.and_then(of_reason).map(|(_, connected)| connected) {
            Some(Connected::Yes) => true,
            Some(Connected::No) => false,
            Some(Connected::Either) | None => {
                self.status != Some("not_connected") && self.duration.is_some_and(|long| !long.is_zero())
            }
        }
    }

    /// Whether a machine answered. Retell calls that an end like any other; by its status it would be a success.
    pub(crate) fn is_machine(&self) -> bool {
        matches!(self.reason, Some("voicemail_reached" | "ivr_reached"))
    }

    pub(crate) fn hungup(&self) -> Hungup {
        let connected = self.connected();
        let disposition = match self.reason.and_then(of_reason) {
            // Our own stop has one word before the answer and after it.
            Some((Disposition::Canceled, _)) if connected => Disposition::Completed,
            Some((disposition, _)) => disposition,
            // Retell adds reasons over time.
            None => of_status(self.status, connected),
        };
        let duration = self.duration.filter(|_| connected);
        Hungup { disposition, cause: self.reason.map(str::to_owned), sip_code: None, duration }
    }
}

/// `None` for a reason that this version does not know.
fn of_reason(reason: &str) -> Option<(Disposition, Connected)> {
    Some(match reason {
        "user_hangup" | "agent_hangup" => (Disposition::Completed, Connected::Yes),
        "user_requested_dnc" | "user_requested_callback" => (Disposition::Completed, Connected::Yes),
        // Handed over.
        "call_transfer" | "transfer_bridged" | "transfer_cancelled" | "call_take_over" => {
            (Disposition::Completed, Connected::Yes)
        }
        // A limit of the agent's.
        "inactivity" | "max_duration_reached" => (Disposition::Completed, Connected::Yes),
        // Nobody heard the message: contacts that were only recorded on a tape were not contacted.
        "voicemail_reached" | "ivr_reached" => (Disposition::NoAnswer, Connected::Yes),
        // Rung on elsewhere.
        "no_concurrency_fallback" => (Disposition::Completed, Connected::No),
        "dial_busy" => (Disposition::Busy, Connected::No),
        "dial_no_answer" | "user_declined" => (Disposition::NoAnswer, Connected::No),
        "dial_failed"
        | "invalid_destination"
        | "telephony_provider_permission_denied"
        | "telephony_provider_unavailable"
        | "sip_routing_error"
        | "marked_as_spam"
        | "network_blocked"
        | "concurrency_limit_reached"
        | "registered_call_timeout"
        | "error_user_not_joined" => (Disposition::Failed, Connected::No),
        "manual_stopped" => (Disposition::Canceled, Connected::Either),
        "no_valid_payment"
        | "credit_exhausted"
        | "budget_reached"
        | "scam_detected"
        | "error_llm_websocket_open"
        | "error_llm_websocket_lost_connection"
        | "error_llm_websocket_runtime"
        | "error_llm_websocket_corrupt_payload"
        | "error_no_audio_received"
        | "error_asr"
        | "error_retell"
        | "error_unknown" => (Disposition::Failed, Connected::Either),
        _ => return None,
    })
}

fn of_status(status: Option<&str>, connected: bool) -> Disposition {
    match status {
        Some("error") => Disposition::Failed,
        Some("not_connected") => Disposition::NoAnswer,
        Some("ended") => Disposition::Completed,
        _ if connected => Disposition::Completed,
        _ => Disposition::Failed,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words<'a>(reason: Option<&'a str>, status: &'a str, seconds: u64) -> Words<'a> {
        Words { reason, status: Some(status), duration: Some(Duration::from_secs(seconds)) }
    }

    fn of(reason: Option<&str>, status: &str, seconds: u64) -> Disposition {
        words(reason, status, seconds).hungup().disposition
    }

    #[test]
    fn a_stop_of_ours_cancels_only_what_was_not_connected() {
        assert_eq!(of(Some("manual_stopped"), "ended", 0), Disposition::Canceled);
        assert_eq!(of(Some("manual_stopped"), "ended", 9), Disposition::Completed);
    }

    #[test]
    fn the_status_decides_only_where_the_reason_is_unknown() {
        assert_eq!(of(Some("voicemail_reached"), "ended", 9), Disposition::NoAnswer);
        assert_eq!(of(Some("user_hangup"), "registered", 0), Disposition::Completed);
        for reason in [Some("brand_new"), None] {
            assert_eq!(of(reason, "ended", 0), Disposition::Completed);
            assert_eq!(of(reason, "not_connected", 9), Disposition::NoAnswer);
            assert_eq!(of(reason, "error", 9), Disposition::Failed);
            assert_eq!(of(reason, "registered", 9), Disposition::Completed);
            assert_eq!(of(reason, "registered", 0), Disposition::Failed);
        }
        assert_eq!(Words::default().hungup().disposition, Disposition::Failed);
    }

    #[test]
    fn a_call_that_was_never_connected_has_no_duration() {
        assert_eq!(words(Some("dial_no_answer"), "registered", 31).hungup().duration, None);
        assert_eq!(words(Some("brand_new"), "not_connected", 31).hungup().duration, None);
        assert_eq!(words(Some("error_asr"), "error", 31).hungup().duration, Some(Duration::from_secs(31)));
    }
}
