//! Whether a server can run on a configuration (post-mortem 2.7): every problem names the key to set.

mod provider;

use std::time::Duration;

use call_core::Script;

use super::load::variable;
use super::{Config, FORMS, Functions, Problem, Problems};

/// How somebody is rung.
const FORM: &str = "must be a number such as +15550100123, or a client: or sip: address";

impl Config {
    /// All that would keep a server from working.
    ///
    /// # Errors
    /// One problem for each key to set.
    pub fn check(&self) -> Result<(), Problems> {
        let mut problems = Vec::new();
        self.check_api(&mut problems);
        self.check_providers(&mut problems);
        self.check_functions(&mut problems);
        self.check_inbound(&mut problems);
        self.check_limits(&mut problems);
        if problems.is_empty() { Ok(()) } else { Err(Problems(problems)) }
    }

    fn check_api(&self, problems: &mut Vec<Problem>) {
        let mut say = |key: &str, sentence: String| problems.push(Problem::new(key, sentence));
        if self.api.tokens.is_empty() {
            let name = variable("api.tokens");
            say("api.tokens", format!("no API token; set {name} or name a file in api.tokens_file"));
        } else if !self.api.tokens.all_are(|token| token.len() >= 16) {
            say("api.tokens", "a token is shorter than 16 characters; use for example `openssl rand -hex 32`".into());
        }
        if (1..4).contains(&self.store.connections) {
            say("store.connections", "must be at least 4, or 0 for what suits the store".into());
        }
        if self.store.url.kind().is_none() {
            say("store.url", format!("`{}` names no store; must be {FORMS}", self.store.url));
        }
    }

    fn check_inbound(&self, problems: &mut Vec<Problem>) {
        let named =
            self.inbound.numbers.iter().map(|(number, script)| (format!("inbound.numbers.\"{number}\""), script));
        for (key, script) in named.chain([("inbound.script".to_owned(), &self.inbound.script)]) {
            if let Script::Connect { to, .. } = script
                && !is_dialable(to)
            {
                problems.push(Problem::new(format!("{key}.to"), FORM));
            }
        }
        for number in self.inbound.numbers.keys().filter(|number| !is_dialable(number)) {
            problems.push(Problem::new(format!("inbound.numbers.\"{number}\""), FORM));
        }
    }

    fn check_functions(&self, problems: &mut Vec<Problem>) {
        let mut say = |key: &str, sentence: &str| problems.push(Problem::new(key, sentence));
        let Functions { url, token, .. } = &self.functions;
        if url.as_ref().is_some_and(|url| !matches!(url.scheme(), "http" | "https") || url.host().is_none()) {
            say("functions.url", "must begin with https:// or http://");
        }
        if token.len() > usize::from(url.is_some()) {
            say("functions.token", "must be one, and only with functions.url");
        }
    }

    fn check_limits(&self, problems: &mut Vec<Problem>) {
        let mut say = |key: &str, sentence: &str| problems.push(Problem::new(key, sentence));
        let durations = [
            ("server.request_timeout", self.server.request_timeout),
            ("twilio.connect_timeout", self.twilio.connect_timeout),
            ("twilio.timeout", self.twilio.timeout),
            ("functions.timeout", self.functions.timeout),
            ("mailbox.keep", self.mailbox.keep),
            ("store.timeout", self.store.timeout),
            ("sweep.every", self.sweep.every),
            ("outbox.poll", self.outbox.poll),
        ];
        for (key, _) in durations.into_iter().filter(|(_, d)| *d < Duration::from_millis(1)) {
            say(key, "must be at least 1ms");
        }
        let counts = [
            ("server.max_requests", self.server.max_requests),
            ("server.max_body", self.server.max_body),
            ("retell.max_body", self.retell.max_body),
            ("lookup.looks", usize::try_from(self.lookup.looks).unwrap_or(usize::MAX)),
            ("sweep.batch", self.sweep.batch),
            ("outbox.workers", self.outbox.workers),
        ];
        for (key, _) in counts.into_iter().filter(|(_, n)| *n == 0) {
            say(key, "must be at least 1");
        }
        if self.lookup.total() >= self.server.request_timeout {
            say("lookup", "the whole schedule must be shorter than server.request_timeout");
        } else if self.functions.url.is_some()
            && self.lookup.total() + self.functions.timeout >= self.server.request_timeout
        {
            say("functions.timeout", "with the lookup schedule, must be shorter than server.request_timeout");
        }
        if self.outbox.lease < Duration::from_secs(1) {
            say("outbox.lease", "must be at least 1s: it is renewed after a third of it, through the store");
        }
        if self.outbox.lease >= self.policy.dial_limit {
            say("outbox.lease", "must be shorter than policy.dial_limit, or a dead server's dial is given up unasked");
        }
        if self.retention.keep.is_some_and(|keep| keep < Duration::from_secs(86_400)) {
            say("retention.keep", "must be at least 1d, or empty to keep calls for ever");
        }
        if let Err(error) = self.policy.check() {
            say(&format!("policy.{}", error.key), error.problem);
        }
        if crate::telemetry::filter(&self.log.level).is_err() {
            say("log.level", "must be error, warn, info, debug, trace or a filter such as info,call_server=debug");
        }
    }
}

/// Whether somebody can be rung at this address: a number as E.164 writes it, `client:name` or `sip:user@host`.
///
/// ```
/// assert!(call_server::config::is_dialable("+15550100123"));
/// assert!(call_server::config::is_dialable("sip:desk@example.com"));
/// assert!(!call_server::config::is_dialable("0155 0100"));
/// ```
#[must_use]
pub fn is_dialable(address: &str) -> bool {
    let plain = |text: &str| !text.is_empty() && text.len() <= 255 && text.chars().all(|c| c.is_ascii_graphic());
    if let Some(digits) = address.strip_prefix('+') {
        return (7..=15).contains(&digits.len())
            && digits.bytes().all(|b| b.is_ascii_digit())
            && !digits.starts_with('0');
    }
    if let Some(name) = address.strip_prefix("client:") {
        return plain(name);
    }
    let sip = address.strip_prefix("sip:").or_else(|| address.strip_prefix("sips:"));
    sip.is_some_and(|at| {
        plain(at) && at.split_once('@').is_some_and(|(user, host)| !user.is_empty() && !host.is_empty())
    })
}
