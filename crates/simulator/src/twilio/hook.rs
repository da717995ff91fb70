//! An address that we were asked to call, and how hard to try (connection overrides in its fragment).

use std::time::Duration;

use reqwest::Method;
use url::Url;

use crate::config::Config;

/// Where to send a request, and how.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Hook {
    /// As configured, fragment included.
    pub(crate) url: String,
    pub(crate) method: Method,
}

impl Hook {
    /// POST unless the method says GET.
    pub(crate) fn new(url: impl Into<String>, method: Option<&str>) -> Self {
        let get = method.is_some_and(|method| method.eq_ignore_ascii_case("GET"));
        Self { url: url.into(), method: if get { Method::GET } else { Method::POST } }
    }

    /// An address found in a document that came from `base`. `None`: a relative address without a base.
    pub(crate) fn within(base: Option<&str>, url: &str, method: Option<&str>) -> Option<Self> {
        // An absolute address stays as it was written: its exact text is what gets signed.
        if Url::parse(url).is_ok() {
            return Some(Self::new(url, method));
        }
        let joined = Url::parse(base?).ok()?.join(url).ok()?;
        Some(Self::new(joined, method))
    }
}

/// Whether a URL may be given to the provider at all.
pub(crate) fn is_callable(url: &str) -> bool {
    Url::parse(url).is_ok_and(|url| {
        matches!(url.scheme(), "http" | "https") && url.host_str().is_some_and(|host| !host.contains('_'))
    })
}

/// How often and how long to try one request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Effort {
    pub(crate) retries: u32,
    pub(crate) on: RetryOn,
    /// For one answer.
    pub(crate) answer: Duration,
    /// For all attempts together.
    pub(crate) total: Duration,
}

/// What is worth another try.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct RetryOn {
    pub(crate) connect: bool,
    pub(crate) timeout: bool,
    pub(crate) client_error: bool,
    pub(crate) server_error: bool,
}

/// Nothing about a call takes Twilio longer than this.
const CEILING: Duration = Duration::from_secs(15);

impl Effort {
    /// Twilio's defaults, overridden by the fragment of `url`. Values out of range are ignored.
    pub(crate) fn for_url(config: &Config, url: &str) -> Self {
        let mut effort = Self {
            retries: 1,
            on: RetryOn { connect: true, timeout: false, client_error: false, server_error: false },
            answer: config.answer_timeout.min(CEILING),
            total: CEILING,
        };
        let fragment = url.split_once('#').map_or("", |(_, fragment)| fragment);
        for (key, value) in form_urlencoded::parse(fragment.as_bytes()) {
            match key.as_ref() {
                "rc" => effort.retries = value.parse().ok().filter(|count| *count <= 5).unwrap_or(effort.retries),
                "rp" => effort.on = RetryOn::parse(&value),
                "rt" => effort.answer = millis(&value).unwrap_or(effort.answer),
                "tt" => effort.total = millis(&value).unwrap_or(effort.total),
                _ => {}
            }
        }
        effort
    }
}

fn millis(value: &str) -> Option<Duration> {
    let millis = value.parse().ok().filter(|millis| (100..=15_000).contains(millis))?;
    Some(Duration::from_millis(millis))
}

impl RetryOn {
    fn parse(list: &str) -> Self {
        let has = |name| list.split(',').any(|entry| entry == name || entry == "all");
        Self { connect: has("ct"), timeout: has("rt"), client_error: has("4xx"), server_error: has("5xx") }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fragment_overrides_the_defaults() {
        let plain = Effort::for_url(&Config::default(), "http://a.example/x");
        assert_eq!((plain.retries, plain.on.connect, plain.on.server_error), (1, true, false));
        let asked = Effort::for_url(&Config::default(), "http://a.example/x#rc=3&rp=5xx,rt&rt=4000&tt=99999");
        assert_eq!((asked.retries, asked.on.connect, asked.on.server_error, asked.on.timeout), (3, false, true, true));
        assert_eq!((asked.answer, asked.total), (Duration::from_secs(4), CEILING));
    }

    #[test]
    fn a_host_with_an_underscore_cannot_be_called() {
        assert!(is_callable("http://127.0.0.1:8080/x"));
        assert!(!is_callable("http://my_host/x"));
        assert!(!is_callable("ftp://a.example/x"));
    }
}
