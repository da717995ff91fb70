//! The providers: at least one, with what it needs.

use crate::app::parts;
use crate::config::load::variable;
use crate::config::{Config, Problem};

use super::{FORM, is_dialable};

impl Config {
    pub(super) fn check_providers(&self, problems: &mut Vec<Problem>) {
        let wanted = [
            ("twilio", self.twilio.is_wanted()),
            ("telnyx", self.telnyx.is_wanted()),
            ("retell", self.retell.is_wanted()),
        ];
        let wanted: Vec<&str> = wanted.into_iter().filter(|(_, is)| *is).map(|(name, _)| name).collect();
        if wanted.is_empty() {
            let retell = variable("retell.api_key");
            let sentence = format!("no provider is configured; set this, telnyx.connection_id or {retell}");
            problems.push(Problem::new("twilio.account_sid", sentence));
            return;
        }
        self.check_twilio(problems);
        self.check_telnyx(problems);
        self.check_retell(problems);
        let named = self.server.provider.as_str();
        if !named.is_empty() && !wanted.contains(&named) {
            let sentence = format!("must be empty or a configured provider: {}", wanted.join(", "));
            problems.push(Problem::new("server.provider", sentence));
        }
        for (from, key) in wanted.into_iter().filter_map(|name| self.default_from(name)) {
            if !from.is_empty() && !is_dialable(from) {
                problems.push(Problem::new(key, FORM));
            }
        }
        self.check_public_url(problems);
    }

    fn check_twilio(&self, problems: &mut Vec<Problem>) {
        let twilio = &self.twilio;
        if !twilio.is_wanted() {
            return;
        }
        let mut say = |key: &str, sentence: &str| problems.push(Problem::new(key, sentence));
        if !has_form(&twilio.account_sid, "AC") {
            say("twilio.account_sid", "must be AC and 32 hexadecimal digits, as shown in the Twilio console");
        }
        // A simulator's secrets have any form.
        let is_real = twilio.base_url.host_str().is_some_and(|host| host.ends_with("twilio.com"));
        if twilio.auth_tokens.is_empty() {
            say("twilio.auth_token", &unset("twilio.auth_token"));
        } else if is_real && !twilio.auth_tokens.all_are(|token| has_form(token, "")) {
            say("twilio.auth_token", "must be 32 hexadecimal digits; an API key's secret cannot check signatures");
        }
        let (key, secrets) = (&twilio.api_key_sid, twilio.api_key_secret.len());
        if !key.is_empty() && !has_form(key, "SK") {
            say("twilio.api_key_sid", "must be SK and 32 hexadecimal digits, as shown in the Twilio console");
        }
        if secrets != usize::from(!key.is_empty()) {
            let name = variable("twilio.api_key_secret");
            let sentence = format!("must be one, and only with twilio.api_key_sid; it is set by {name}");
            say("twilio.api_key_secret", &sentence);
        }
    }

    /// What the adapter itself asks for, in the words of this configuration.
    fn check_telnyx(&self, problems: &mut Vec<Problem>) {
        if !self.telnyx.is_wanted() {
            return;
        }
        match self.telnyx.api_key.len() {
            0 => return problems.push(Problem::new("telnyx.api_key", unset("telnyx.api_key"))),
            1 => {}
            _ => problems.push(Problem::new("telnyx.api_key", "must be one")),
        }
        if let Err(error) = parts::telnyx(self).check()
            && error.key != PUBLIC_URL
        {
            problems.push(Problem::new(format!("telnyx.{}", error.key), error.problem));
        }
    }

    fn check_retell(&self, problems: &mut Vec<Problem>) {
        if !self.retell.is_wanted() {
            return;
        }
        if self.retell.api_keys.is_empty() {
            return problems.push(Problem::new("retell.api_key", unset("retell.api_key")));
        }
        if let Err(error) = parts::retell(self).check()
            && error.key != PUBLIC_URL
        {
            let key = if error.key == "webhook_keys" { "api_key" } else { error.key };
            problems.push(Problem::new(format!("retell.{key}"), error.problem));
        }
    }

    fn check_public_url(&self, problems: &mut Vec<Problem>) {
        let mut say = |sentence: &str| problems.push(Problem::new("server.public_url", sentence));
        match &self.server.public_url {
            None => say("is not set; providers need the URL under which they reach this server"),
            Some(url) if !matches!(url.scheme(), "http" | "https") || url.host().is_none() => {
                say("must begin with https:// (or http:// in tests)");
            }
            Some(url) if url.query().is_some() || url.fragment().is_some() => {
                say("must not have a query or a fragment");
            }
            Some(_) => {}
        }
    }
}

/// Told once, as the server's key.
const PUBLIC_URL: &str = "public_url";

fn unset(key: &str) -> String {
    format!("is not set; set {} or name a file in {key}_file", variable(key))
}

fn has_form(text: &str, prefix: &str) -> bool {
    text.strip_prefix(prefix).is_some_and(|digits| digits.len() == 32 && digits.bytes().all(|b| b.is_ascii_hexdigit()))
}
