//! The URLs that we hand out, and the paths that come back: one enum makes and reads both.

use call_core::CallId;

/// One webhook of ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Callback {
    /// `/{call_id}/events`: news of a call that we placed or answered.
    Call(CallId),
    /// `/events`: the application's own webhook URL. Calls to its numbers begin there.
    Application,
}

impl Callback {
    /// The webhook at a raw path below `/hooks/telnyx`, such as `/0192…/events`; a query is ignored.
    #[must_use]
    pub fn parse(path: &str) -> Option<Self> {
        let path = path.split(['?', '#']).next().unwrap_or_default();
        let path = path.strip_prefix('/').unwrap_or(path);
        match path.split_once('/') {
            None => (path == "events").then_some(Self::Application),
            // Only the form that we hand out: a UUID has others.
            Some((call, "events")) => call.parse::<CallId>().ok().filter(|id| id.to_string() == call).map(Self::Call),
            Some(_) => None,
        }
    }

    /// Its path below `/hooks/telnyx`.
    #[must_use]
    pub fn path(self) -> String {
        match self {
            Self::Call(call) => format!("/{call}/events"),
            Self::Application => "/events".to_owned(),
        }
    }

    /// Our name for the call, if the path carries it.
    #[must_use]
    pub const fn call(self) -> Option<CallId> {
        match self {
            Self::Call(call) => Some(call),
            Self::Application => None,
        }
    }

    /// The URL to hand out.
    ///
    /// ```
    /// use adapter_telnyx::Callback;
    ///
    /// let url = Callback::Application.url("https://calls.example.com/");
    /// assert_eq!(url, "https://calls.example.com/hooks/telnyx/events");
    /// ```
    #[must_use]
    pub fn url(self, public_url: &str) -> String {
        format!("{}/hooks/telnyx{}", public_url.trim_end_matches('/'), self.path())
    }
}

/// Where Telnyx opens audio streams. `http` becomes `ws`, which only a simulator accepts.
#[must_use]
pub fn media_url(public_url: &str) -> String {
    let url = public_url.trim_end_matches('/');
    let rest = url.strip_prefix("http").unwrap_or(url);
    format!("ws{rest}/media/telnyx")
}

#[cfg(test)]
mod tests {
    use super::*;
    use call_core::Timestamp;

    #[test]
    fn every_path_that_is_made_is_read_again() {
        let id = CallId::new(Timestamp::from_millis(1_790_000_000_000), [7; 10]);
        for callback in [Callback::Call(id), Callback::Application] {
            assert_eq!(Callback::parse(&callback.path()), Some(callback));
            let url = callback.url("https://h.example/base/");
            assert_eq!(url, format!("https://h.example/base/hooks/telnyx{}", callback.path()));
        }
    }

    #[test]
    fn other_paths_are_not_ours() {
        let id = CallId::new(Timestamp::EPOCH, [0xab; 10]);
        let loud = id.to_string().to_uppercase();
        for path in
            ["", "/", "/event", "/x/events", &format!("/{loud}/events"), &format!("/{id}/events/"), &format!("/{id}")]
        {
            assert_eq!(Callback::parse(path), None, "{path}");
        }
    }

    #[test]
    fn audio_goes_to_a_web_socket() {
        assert_eq!(media_url("https://h.example/"), "wss://h.example/media/telnyx");
        assert_eq!(media_url("http://127.0.0.1:4000"), "ws://127.0.0.1:4000/media/telnyx");
    }
}
