//! The URLs that we hand out, and the paths that come back: one enum makes and reads both.

/// One webhook of ours. None carries our name for a call: Retell's URLs are the agent's or the number's, so our name
/// travels in the call's `metadata`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Callback {
    /// `/events`: news of calls; the account's or an agent's webhook URL.
    Events,
    /// `/inbound`: somebody rings a number, which asks what to do; the number's inbound webhook URL.
    Inbound,
    /// `/functions`: custom functions with the standard body.
    Functions,
    /// `/functions/{name}?call_id={{call_id}}`: one custom function whose body is its arguments alone. Retell puts its own
    /// id in place of the variable.
    Function {
        /// The function's name: letters, digits, `_` and `-`, at most 64.
        name: String,
    },
}

impl Callback {
    /// The webhook at a raw path below `/hooks/retell`, such as `/events`; a query is ignored.
    #[must_use]
    pub fn parse(path: &str) -> Option<Self> {
        let path = path.split(['?', '#']).next().unwrap_or_default();
        match path.strip_prefix('/').unwrap_or(path) {
            "events" => Some(Self::Events),
            "inbound" => Some(Self::Inbound),
            "functions" => Some(Self::Functions),
            rest => {
                let name = rest.strip_prefix("functions/")?;
                is_name(name).then(|| Self::Function { name: name.to_owned() })
            }
        }
    }

    /// Its path below `/hooks/retell`.
    #[must_use]
    pub fn path(&self) -> String {
        match self {
            Self::Events => "/events".to_owned(),
            Self::Inbound => "/inbound".to_owned(),
            Self::Functions => "/functions".to_owned(),
            Self::Function { name } => format!("/functions/{name}"),
        }
    }

    /// The URL to set at Retell.
    ///
    /// ```
    /// use adapter_retell::Callback;
    ///
    /// let url = Callback::Events.url("https://calls.example.com/");
    /// assert_eq!(url, "https://calls.example.com/hooks/retell/events");
    /// ```
    #[must_use]
    pub fn url(&self, public_url: &str) -> String {
        let query = if matches!(self, Self::Function { .. }) { "?call_id={{call_id}}" } else { "" };
        format!("{}/hooks/retell{}{query}", public_url.trim_end_matches('/'), self.path())
    }
}

/// Retell's rule for names of functions.
pub(crate) fn is_name(text: &str) -> bool {
    (1..=64).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_path_that_is_made_is_read_again() {
        let function = Callback::Function { name: "check_availability-2".to_owned() };
        for callback in [Callback::Events, Callback::Inbound, Callback::Functions, function] {
            let path = callback.path();
            assert_eq!(Callback::parse(&path), Some(callback.clone()));
            assert!(callback.url("https://h.example/base/").starts_with("https://h.example/base/hooks/retell/"));
        }
        let function = Callback::Function { name: "book".to_owned() };
        assert_eq!(
            function.url("https://h.example"),
            "https://h.example/hooks/retell/functions/book?call_id={{call_id}}"
        );
        assert_eq!(Callback::parse("/functions/book?call_id=call_1"), Some(function));
    }

    #[test]
    fn other_paths_are_not_ours() {
        let long = format!("/functions/{}", "x".repeat(65));
        for path in
            ["", "/", "/event", "/events/", "/functions/", "/functions/a/b", "/functions/a%2fb", "/inbound/x", &long]
        {
            assert_eq!(Callback::parse(path), None, "{path}");
        }
    }
}
