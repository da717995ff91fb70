//! `POST /Calls.json`

use std::sync::Arc;

use super::{
    Answer,
    error::Refusal,
    request::Request,
    shape::{self, View},
};
use crate::{
    truth::Direction,
    twilio::{
        Face,
        call::{Detection, Milestone, Plan, RecordPlan},
        hook::{Hook, is_callable},
        obey::Source,
    },
};

/// Twilio's longest `Twiml` parameter.
const MOST_TWIML: usize = 4000;
/// Twilio's longest ring, in seconds.
const MOST_TIMEOUT: f64 = 600.0;
/// The account's longest call, in seconds.
const MOST_LENGTH: f64 = 14_400.0;

pub(super) fn create(face: &Arc<Face>, request: &Request) -> Result<Answer, Refusal> {
    let to = request.field("To").ok_or_else(|| Refusal::bad(21201, "No 'To' number is specified"))?;
    let from = request.field("From").ok_or_else(|| Refusal::bad(21213, "No 'From' number is specified"))?;
    check_numbers(face, to, from)?;
    let voice = voice(request)?;
    for name in ["FallbackUrl", "StatusCallback", "RecordingStatusCallback", "AsyncAmdStatusCallback"] {
        if let Some(url) = request.field(name).filter(|url| !is_callable(url)) {
            return Err(Refusal::bad(21205, format!("{name} is not a valid URL: {url}")));
        }
    }
    let (events, unknown) = events(request);
    let plan = Plan {
        to: to.to_owned(),
        from: from.to_owned(),
        direction: Direction::OutboundApi,
        parent: None,
        form: request.form.clone(),
        person: None,
        voice: Some(voice),
        fallback: hook(request, "FallbackUrl", "FallbackMethod"),
        status: hook(request, "StatusCallback", "StatusCallbackMethod"),
        events,
        timeout: seconds(request, "Timeout")?.unwrap_or(60.0).min(MOST_TIMEOUT),
        time_limit: seconds(request, "TimeLimit")?.unwrap_or(MOST_LENGTH).min(MOST_LENGTH),
        record: record(request),
        detection: detection(request),
    };
    let blind = plan.detection.is_some()
        && request.field("AsyncAmd") == Some("true")
        && request.field("AsyncAmdStatusCallback").is_none();
    let call = face.place(plan);
    if let Some(value) = unknown {
        call.warn(21626, format!("invalid StatusCallbackEvent {value:?}"), "");
    }
    if blind {
        call.warn(21262, "AMD is enabled without a callback URL", "");
    }
    // As it was accepted: a fast network may have moved on already.
    let view = call.look(|record| View::at(record, record.created_at));
    Ok(Answer::created(shape::call(face, &view)).about(&call.sid))
}

fn check_numbers(face: &Face, to: &str, from: &str) -> Result<(), Refusal> {
    if !is_address(to) || to == from {
        return Err(Refusal::bad(21211, format!("The phone number you are attempting to call, {to}, is not valid.")));
    }
    // A call to a phone must come from a phone number.
    if !is_address(from) || (to.starts_with('+') && !from.starts_with('+')) {
        return Err(Refusal::bad(21212, format!("The 'From' number {from} is not valid.")));
    }
    let verified = &face.world.config.verified;
    if !verified.is_empty() && !verified.iter().any(|number| number == from) {
        return Err(Refusal::bad(
            21210,
            format!("The source phone number provided, {from}, is not yet verified for your account."),
        ));
    }
    Ok(())
}

/// E.164, `sip:…` or `client:…`.
fn is_address(address: &str) -> bool {
    match address.strip_prefix('+') {
        Some(digits) => {
            (7..=15).contains(&digits.len())
                && !digits.starts_with('0')
                && digits.bytes().all(|byte| byte.is_ascii_digit())
        }
        None => ["sip:", "client:"].iter().any(|scheme| address.len() > scheme.len() && address.starts_with(scheme)),
    }
}

/// ApplicationSid before Url before Twiml.
fn voice(request: &Request) -> Result<Source, Refusal> {
    if request.field("ApplicationSid").is_some() {
        return Err(Refusal::bad(21218, "Invalid ApplicationSid: the account has no applications"));
    }
    if let Some(url) = request.field("Url") {
        return redirect_to(url, request.field("Method"));
    }
    match request.field("Twiml") {
        Some(text) if text.chars().count() > MOST_TWIML => {
            Err(Refusal::bad(20001, format!("Twiml is longer than {MOST_TWIML} characters")))
        }
        Some(text) => Ok(Source::Inline(text.to_owned())),
        None => Err(Refusal::bad(21205, "Url parameter is required.")),
    }
}

pub(super) fn redirect_to(url: &str, method: Option<&str>) -> Result<Source, Refusal> {
    if !is_callable(url) {
        return Err(Refusal::bad(21205, format!("Url is not a valid URL: {url}")));
    }
    Ok(Source::Fetch(Hook::new(url, method), Vec::new()))
}

pub(super) fn hook(request: &Request, url: &str, method: &str) -> Option<Hook> {
    request.field(url).map(|url| Hook::new(url, request.field(method)))
}

/// Known events, and the first value that is none. One unknown value silences all: a space-joined list is the usual case.
fn events(request: &Request) -> (Vec<Milestone>, Option<String>) {
    let mut events = Vec::new();
    for value in request.fields("StatusCallbackEvent") {
        match Milestone::parse(value) {
            Some(event) => events.push(event),
            None => return (Vec::new(), Some(value.to_owned())),
        }
    }
    if events.is_empty() {
        events.push(Milestone::Completed);
    }
    (events, None)
}

fn seconds(request: &Request, name: &str) -> Result<Option<f64>, Refusal> {
    let Some(value) = request.field(name) else { return Ok(None) };
    let seconds: u32 =
        value.parse().map_err(|_| Refusal::bad(20001, format!("{name} must be a whole number: {value}")))?;
    Ok(Some(f64::from(seconds)))
}

fn record(request: &Request) -> Option<RecordPlan> {
    (request.field("Record") == Some("true")).then(|| recording_plan(request))
}

/// The recording parameters, which creation and the Recordings resource share.
pub(super) fn recording_plan(request: &Request) -> RecordPlan {
    let mut events: Vec<String> =
        request.fields("RecordingStatusCallbackEvent").flat_map(str::split_whitespace).map(str::to_owned).collect();
    if events.is_empty() {
        events.push("completed".into());
    }
    RecordPlan {
        channels: if request.field("RecordingChannels") == Some("dual") { 2 } else { 1 },
        track: request.field("RecordingTrack").unwrap_or("both").to_owned(),
        hook: hook(request, "RecordingStatusCallback", "RecordingStatusCallbackMethod"),
        events,
    }
}

fn detection(request: &Request) -> Option<Detection> {
    let mode = request.field("MachineDetection")?;
    // Twilio drops detection when digits are to be sent.
    if request.field("SendDigits").is_some() || !matches!(mode, "Enable" | "DetectMessageEnd") {
        return None;
    }
    let background = request.field("AsyncAmd") == Some("true");
    let hook = hook(request, "AsyncAmdStatusCallback", "AsyncAmdStatusCallbackMethod");
    match (background, hook) {
        (true, None) => None,
        (true, hook) => Some(Detection { waits_for_end: mode == "DetectMessageEnd", background: hook }),
        (false, _) => Some(Detection { waits_for_end: mode == "DetectMessageEnd", background: None }),
    }
}

#[cfg(test)]
mod tests {
    use super::is_address;

    #[test]
    fn only_phones_sip_and_clients_can_be_called() {
        for good in ["+12025550100", "+4930123456", "sip:a@b.example", "client:alice"] {
            assert!(is_address(good), "{good}");
        }
        for bad in ["12025550100", "+0123456789", "+12025", "+1234567890123456", "+1202 555", "sip:", "bob", ""] {
            assert!(!is_address(bad), "{bad}");
        }
    }
}
