//! Spans of days: what retention and looking back are measured in.

use std::time::Duration;

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

#[cfg(test)]
mod tests {
    use super::*;

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
