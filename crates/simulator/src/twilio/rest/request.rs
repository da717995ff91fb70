//! A REST request, taken apart.

use axum::http::{Method, header::AUTHORIZATION, request::Parts};
use base64::{Engine, engine::general_purpose::STANDARD};

use super::error::Refusal;
use crate::{config::Config, twilio::account};

pub(super) struct Request {
    pub(super) method: Method,
    /// Path and query as received.
    pub(super) path: String,
    pub(super) account: String,
    /// `None`: no such path.
    pub(super) resource: Option<Resource>,
    pub(super) query: Vec<(String, String)>,
    pub(super) form: Vec<(String, String)>,
    credentials: Option<String>,
}

/// What a path names, below `/2010-04-01/Accounts/{AccountSid}`.
pub(super) enum Resource {
    Calls,
    Call(String),
    Events(String),
    Notifications(String),
    CallRecordings(String),
    CallRecording(String, String),
    Recordings,
    Recording(String),
    Streams(String),
    Stream(String, String),
    /// How the account is set up.
    Account(String),
}

impl Resource {
    fn parse(path: &[&str]) -> Option<Self> {
        let sid = |sid: &str| sid.to_owned();
        Some(match path {
            ["Calls"] => Self::Calls,
            ["Calls", call] => Self::Call(sid(call)),
            ["Calls", call, "Events"] => Self::Events(sid(call)),
            ["Calls", call, "Notifications"] => Self::Notifications(sid(call)),
            ["Calls", call, "Recordings"] => Self::CallRecordings(sid(call)),
            ["Calls", call, "Recordings", recording] => Self::CallRecording(sid(call), sid(recording)),
            ["Calls", call, "Streams"] => Self::Streams(sid(call)),
            ["Calls", call, "Streams", stream] => Self::Stream(sid(call), sid(stream)),
            ["Recordings"] => Self::Recordings,
            ["Recordings", recording] => Self::Recording(sid(recording)),
            path if account::serves(path) => Self::Account(path.join("/")),
            _ => return None,
        })
    }

    /// The call in the path.
    pub(super) fn call(&self) -> Option<&str> {
        match self {
            Self::Call(call)
            | Self::Events(call)
            | Self::Notifications(call)
            | Self::CallRecordings(call)
            | Self::CallRecording(call, _)
            | Self::Streams(call)
            | Self::Stream(call, _) => Some(call),
            Self::Calls | Self::Recordings | Self::Recording(_) | Self::Account(_) => None,
        }
    }
}

impl Request {
    pub(super) fn read(head: &Parts, body: &[u8]) -> Self {
        let pairs = |bytes: &[u8]| form_urlencoded::parse(bytes).into_owned().collect();
        let path = head.uri.path();
        // Without `.json` Twilio would answer XML, which nobody asked this network for.
        let below = path.strip_prefix("/2010-04-01/Accounts/").and_then(|rest| rest.strip_suffix(".json"));
        let segments: Vec<&str> = below.unwrap_or_default().split('/').collect();
        let (account, rest) = segments.split_first().map_or(("", &[][..]), |(account, rest)| (*account, rest));
        let basic = head.headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok());
        let basic = basic.and_then(|value| value.strip_prefix("Basic "));
        Self {
            method: head.method.clone(),
            path: head.uri.path_and_query().map_or(path, |path| path.as_str()).to_owned(),
            account: account.to_owned(),
            resource: Resource::parse(rest),
            query: pairs(head.uri.query().unwrap_or_default().as_bytes()),
            form: pairs(body),
            credentials: basic
                .and_then(|basic| STANDARD.decode(basic).ok())
                .and_then(|bytes| String::from_utf8(bytes).ok()),
        }
    }

    pub(super) fn authorize(&self, config: &Config) -> Result<(), Refusal> {
        let known = |user: &str, password: &str| {
            let own = user == config.account_sid && password == config.auth_token.reveal();
            let key = config.api_key.as_ref().is_some_and(|(sid, secret)| user == sid && password == secret.reveal());
            own || key
        };
        let given = self.credentials.as_deref().and_then(|both| both.split_once(':'));
        if !given.is_some_and(|(user, password)| known(user, password)) {
            return Err(Refusal::unauthenticated());
        }
        if self.resource.is_some() && self.account != config.account_sid {
            return Err(Refusal::not_found(&self.path));
        }
        Ok(())
    }

    /// The first value of a form field; empty values count as absent, as at Twilio.
    pub(super) fn field(&self, name: &str) -> Option<&str> {
        self.form.iter().find(|(key, value)| key == name && !value.is_empty()).map(|(_, value)| value.as_str())
    }

    pub(super) fn fields<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.form.iter().filter(move |(key, value)| key == name && !value.is_empty()).map(|(_, value)| value.as_str())
    }

    pub(super) fn query(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(key, value)| key == name && !value.is_empty()).map(|(_, value)| value.as_str())
    }

    /// Whether it asks for more than a look.
    pub(super) fn changes(&self) -> bool {
        self.method != Method::GET
    }

    /// The name that fault rules use.
    pub(super) fn operation(&self) -> &'static str {
        match (&self.resource, self.changes()) {
            (Some(Resource::Calls), true) => "create",
            (Some(Resource::Calls), false) => "list",
            (Some(Resource::Call(_)), true) => "update",
            (Some(Resource::Call(_)), false) => "fetch",
            _ => "other",
        }
    }
}
