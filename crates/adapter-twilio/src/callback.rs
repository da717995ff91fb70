//! The URLs that we hand out, and the paths that come back: one enum makes and reads both.

use call_core::CallId;

/// Connection overrides, as a fragment that never reaches us and is not signed (twilio.md §4.4).
///
/// By default Twilio tries a callback twice, and only if the TCP connection fails: an answer of 503, which we give while
/// the store is down, would lose the event. So: three more tries, on every kind of failure (a proxy in the middle of a
/// deployment answers 404 or 429 as well), with time-outs that let all four fit under Twilio's ceiling of 15 s. A voice
/// URL may take the whole lookup schedule (500 ms) and a commit, far below the 3.5 s that one try may take.
const OVERRIDES: &str = "#rc=3&rp=all&ct=2000&rt=3500&tt=15000";

/// One webhook of ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Callback {
    /// `/{call_id}/voice`: what to do with a call that we placed.
    Voice(CallId),
    /// `/{call_id}/status`: progress of a leg.
    Status(CallId),
    /// `/{call_id}/action`: what to do after the caller's input, after our words, or after a `<Dial>`.
    Action(CallId),
    /// `/{call_id}/recording`: news of a recording.
    Recording(CallId),
    /// `/{call_id}/amd`: person or machine.
    Amd(CallId),
    /// `/{call_id}/stream`: news of the audio stream.
    Stream(CallId),
    /// `/voice`: somebody rings a number of ours.
    InboundVoice,
    /// `/status`: the number's own status callback.
    InboundStatus,
}

impl Callback {
    /// The webhook at a raw path below `/hooks/twilio`, such as `/0192…/status`; a query is ignored.
    #[must_use]
    pub fn parse(path: &str) -> Option<Self> {
        let path = path.split(['?', '#']).next().unwrap_or_default();
        let path = path.strip_prefix('/').unwrap_or(path);
        let Some((call, kind)) = path.split_once('/') else {
            return match path {
                "voice" => Some(Self::InboundVoice),
                "status" => Some(Self::InboundStatus),
                _ => None,
            };
        };
        // Only the form that we hand out: a UUID has others.
        let call = call.parse::<CallId>().ok().filter(|id| id.to_string() == call)?;
        match kind {
            "voice" => Some(Self::Voice(call)),
            "status" => Some(Self::Status(call)),
            "action" => Some(Self::Action(call)),
            "recording" => Some(Self::Recording(call)),
            "amd" => Some(Self::Amd(call)),
            "stream" => Some(Self::Stream(call)),
            _ => None,
        }
    }

    /// Its path below `/hooks/twilio`.
    #[must_use]
    pub fn path(self) -> String {
        match self {
            Self::Voice(call) => format!("/{call}/voice"),
            Self::Status(call) => format!("/{call}/status"),
            Self::Action(call) => format!("/{call}/action"),
            Self::Recording(call) => format!("/{call}/recording"),
            Self::Amd(call) => format!("/{call}/amd"),
            Self::Stream(call) => format!("/{call}/stream"),
            Self::InboundVoice => "/voice".to_owned(),
            Self::InboundStatus => "/status".to_owned(),
        }
    }

    /// Our name for the call, if the path carries it.
    #[must_use]
    pub const fn call(self) -> Option<CallId> {
        match self {
            Self::Voice(call)
            | Self::Status(call)
            | Self::Action(call)
            | Self::Recording(call)
            | Self::Amd(call)
            | Self::Stream(call) => Some(call),
            Self::InboundVoice | Self::InboundStatus => None,
        }
    }

    /// The URL to hand out, with what Twilio should do if it fails.
    ///
    /// ```
    /// use adapter_twilio::Callback;
    ///
    /// let url = Callback::InboundVoice.url("https://calls.example.com/");
    /// assert!(url.starts_with("https://calls.example.com/hooks/twilio/voice#rc=3"));
    /// ```
    #[must_use]
    pub fn url(self, public_url: &str) -> String {
        self.url_with(public_url, "")
    }

    /// The same, with a query of our own (already encoded; empty for none).
    pub(crate) fn url_with(self, public_url: &str, query: &str) -> String {
        let mark = if query.is_empty() { "" } else { "?" };
        format!("{}/hooks/twilio{}{mark}{query}{OVERRIDES}", public_url.trim_end_matches('/'), self.path())
    }
}

/// Where Twilio opens audio streams. It carries no query string: Twilio drops it (twilio.md §6.1). `http` becomes `ws`,
/// which only a simulator accepts.
#[must_use]
pub fn media_url(public_url: &str) -> String {
    let url = public_url.trim_end_matches('/');
    let rest = url.strip_prefix("http").unwrap_or(url);
    format!("ws{rest}/media/twilio")
}

#[cfg(test)]
mod tests {
    use super::*;
    use call_core::Timestamp;

    #[test]
    fn every_path_that_is_made_is_read_again() {
        let id = CallId::new(Timestamp::from_millis(1_790_000_000_000), [7; 10]);
        let all = [
            Callback::Voice(id),
            Callback::Status(id),
            Callback::Action(id),
            Callback::Recording(id),
            Callback::Amd(id),
            Callback::Stream(id),
            Callback::InboundVoice,
            Callback::InboundStatus,
        ];
        for callback in all {
            assert_eq!(Callback::parse(&callback.path()), Some(callback));
            assert_eq!(Callback::parse(callback.path().trim_start_matches('/')), Some(callback));
            let (url, overrides) = callback
                .url_with("https://h.example/base/", "step=1")
                .split_once('#')
                .map(|(url, fragment)| (url.to_owned(), fragment.to_owned()))
                .unwrap();
            assert_eq!(url, format!("https://h.example/base/hooks/twilio{}?step=1", callback.path()));
            assert!(overrides.contains("rp=all"));
        }
    }

    #[test]
    fn other_paths_are_not_ours() {
        let id = CallId::new(Timestamp::EPOCH, [0xab; 10]);
        let loud = id.to_string().to_uppercase();
        for path in
            ["", "/", "/voices", "/x/voice", &format!("/{loud}/voice"), &format!("/{id}/voice/"), &format!("/{id}")]
        {
            assert_eq!(Callback::parse(path), None, "{path}");
        }
    }

    #[test]
    fn audio_goes_to_a_web_socket() {
        assert_eq!(media_url("https://h.example/"), "wss://h.example/media/twilio");
        assert_eq!(media_url("http://127.0.0.1:4000"), "ws://127.0.0.1:4000/media/twilio");
    }
}
