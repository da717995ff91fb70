//! Telnyx's words for how a leg ended and who answered it (telnyx.md §6.5, §6.6).

use call_core::{AnsweredBy, Disposition, Hungup};

/// An ending, as far as its own words tell it. A message does not say whether the leg had been answered; see
/// [`in_context`].
pub(crate) fn hungup(cause: Option<&str>, sip: Option<&str>) -> Hungup {
    let sip_code = sip.and_then(sip_code);
    let disposition = disposition(cause.unwrap_or_default(), sip_code);
    Hungup { disposition, cause: cause.map(str::to_owned), sip_code, duration: None }
}

/// The same ending, where it is known whether the leg had been answered and whether we had asked for the hang-up.
pub(crate) fn in_context(mut hungup: Hungup, answered: bool, wished: bool) -> Hungup {
    hungup.disposition = match (hungup.disposition, answered) {
        (Disposition::Completed, false) if wished => Disposition::Canceled,
        (Disposition::Completed, false) => Disposition::Failed,
        // Whatever ended it: somebody was there. Only a number that does not exist was never answered.
        (Disposition::Busy | Disposition::NoAnswer | Disposition::Canceled, true) => Disposition::Completed,
        (Disposition::Failed, true) if hungup.cause.as_deref() != Some("not_found") => Disposition::Completed,
        (disposition, _) => disposition,
    };
    hungup
}

/// By the cause; where it says little, by the SIP status. Telnyx adds causes over time: an unknown one is no success.
fn disposition(cause: &str, sip: Option<u16>) -> Disposition {
    match cause {
        "normal_clearing" => sip.map_or(Disposition::Completed, of_sip),
        "time_limit" => Disposition::Completed,
        "originator_cancel" => Disposition::Canceled,
        "timeout" | "no_answer" => Disposition::NoAnswer,
        "user_busy" => Disposition::Busy,
        "call_rejected" if matches!(sip, Some(486 | 600)) => Disposition::Busy,
        "call_rejected" => Disposition::NoAnswer,
        "not_found" => Disposition::Failed,
        _ => sip.map_or(Disposition::Failed, of_sip),
    }
}

const fn of_sip(code: u16) -> Disposition {
    match code {
        100..=299 => Disposition::Completed,
        486 | 600 => Disposition::Busy,
        408 | 480 | 603 => Disposition::NoAnswer,
        487 => Disposition::Canceled,
        _ => Disposition::Failed,
    }
}

/// A SIP status in text. `unspecified` is none, and neither is a Q.850 number, which one official sample shows.
fn sip_code(text: &str) -> Option<u16> {
    text.parse().ok().filter(|code| (100..700).contains(code))
}

/// The result of a detection, plain or premium.
pub(crate) fn detected(result: &str) -> Option<AnsweredBy> {
    match result {
        "human" | "human_residence" | "human_business" => Some(AnsweredBy::Human),
        "machine" => Some(AnsweredBy::Machine),
        "fax_detected" => Some(AnsweredBy::Fax),
        "not_sure" | "silence" => Some(AnsweredBy::Unknown),
        _ => None,
    }
}

/// The result of waiting for a greeting's end: only machines have one. The premium detection may send nothing else
/// when the beep comes first.
pub(crate) fn greeted(result: &str) -> Option<AnsweredBy> {
    match result {
        "beep_detected" | "no_beep_detected" | "ended" | "prompt_ended" => Some(AnsweredBy::Machine),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sip_status_decides_where_the_cause_says_little() {
        let table = [
            ("normal_clearing", Some("200"), Disposition::Completed),
            ("normal_clearing", Some("16"), Disposition::Completed),
            ("normal_clearing", Some("unspecified"), Disposition::Completed),
            ("normal_clearing", Some("487"), Disposition::Canceled),
            ("normal_clearing", Some("486"), Disposition::Busy),
            ("call_rejected", Some("603"), Disposition::NoAnswer),
            ("call_rejected", Some("486"), Disposition::Busy),
            ("unspecified", Some("480"), Disposition::NoAnswer),
            ("unspecified", Some("404"), Disposition::Failed),
            ("unspecified", None, Disposition::Failed),
            ("brand_new", None, Disposition::Failed),
            ("timeout", Some("487"), Disposition::NoAnswer),
        ];
        for (cause, sip, expected) in table {
            assert_eq!(hungup(Some(cause), sip).disposition, expected, "{cause} {sip:?}");
        }
        assert_eq!(hungup(None, None).disposition, Disposition::Failed);
    }

    #[test]
    fn the_context_decides_before_the_words() {
        let said = |cause: &str, answered, wished| in_context(hungup(Some(cause), None), answered, wished).disposition;
        assert_eq!(said("normal_clearing", true, false), Disposition::Completed);
        assert_eq!(said("normal_clearing", false, true), Disposition::Canceled);
        assert_eq!(said("normal_clearing", false, false), Disposition::Failed);
        assert_eq!(said("user_busy", true, false), Disposition::Completed);
        assert_eq!(said("user_busy", false, false), Disposition::Busy);
        assert_eq!(said("unspecified", true, false), Disposition::Completed);
        assert_eq!(said("not_found", true, false), Disposition::Failed);
        assert_eq!(said("timeout", false, true), Disposition::NoAnswer);
    }
}
