//! Spans of days: what retention and looking back are measured in.

use std::str::FromStr;
use std::time::Duration;

use call_core::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Span, SpanRelativeTo};

/// A span as people write it, days and weeks included: `90d`, `2w`, `12h 30m`. A day is 24 hours.
///
/// # Errors
/// One sentence.
pub(crate) fn span(text: &str) -> Result<Duration, String> {
    let wrong = || format!("`{text}` is no span of time: write it like 90d, 2w or 12h");
    let span: Span = text.trim().parse().map_err(|_| wrong())?;
    let span = span.to_duration(SpanRelativeTo::days_are_24_hours()).map_err(|_| wrong())?;
    Duration::try_from(span).map_err(|_| wrong())
}

/// A moment to look back to: a date (in UTC), a moment, or how long ago.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Since {
    /// Then.
    At(Timestamp),
    /// So long ago.
    Ago(Duration),
}

impl Since {
    /// Which moment that is.
    pub(crate) fn before(self, now: Timestamp) -> Timestamp {
        match self {
            Self::At(at) => at,
            Self::Ago(ago) => now - ago,
        }
    }
}

impl FromStr for Since {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Ok(at) = text.parse::<Timestamp>() {
            return Ok(Self::At(at));
        }
        if let Some(midnight) = text.parse::<Date>().ok().and_then(|date| date.to_zoned(TimeZone::UTC).ok()) {
            return Ok(Self::At(Timestamp::from_millis(midnight.timestamp().as_millisecond())));
        }
        span(text).map(Self::Ago).map_err(|_| {
            format!(
                "`{text}` is no moment: write a date (2026-11-01), a moment (2026-11-01T08:00:00Z) or how long ago (7d)"
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_to_look_back_to_is_written_in_three_ways() {
        let at = |text: &str| Since::At(text.parse().unwrap());
        assert_eq!("2026-11-01".parse(), Ok(at("2026-11-01T00:00:00Z")));
        assert_eq!("2026-11-01T08:00:00+01:00".parse(), Ok(at("2026-11-01T07:00:00Z")));
        assert_eq!("7d".parse(), Ok(Since::Ago(Duration::from_secs(7 * 86_400))));
        let noon: Timestamp = "2026-11-08T12:00:00Z".parse().unwrap();
        assert_eq!("7d".parse::<Since>().unwrap().before(noon).to_string(), "2026-11-01T12:00:00.000Z");
        assert!("lately".parse::<Since>().is_err_and(|told| told.contains("7d") && told.contains("2026-11-01")));
    }

    #[test]
    fn days_and_weeks_are_understood_and_the_rest_is_refused() {
        assert_eq!(span("90d"), Ok(Duration::from_secs(90 * 86_400)));
        assert_eq!(span("2w"), Ok(Duration::from_secs(14 * 86_400)));
        assert_eq!(span("12h 30m"), Ok(Duration::from_secs(45_000)));
        for wrong in ["", "90", "-1d", "1 month", "soon"] {
            assert!(span(wrong).is_err_and(|told| told.contains("90d")), "{wrong}");
        }
    }
}
