//! A request as it came: where to, by whom, with what.

use axum::http::{Method, header::AUTHORIZATION, request::Parts};
use percent_encoding::percent_decode_str;
use serde_json::Value;

use super::error::Refusal;
use crate::{config::Config, telnyx::account};

pub(super) struct Request {
    pub(super) method: Method,
    /// Path and query as received, below the face's prefix.
    pub(super) path: String,
    /// `None`: no such path.
    pub(super) resource: Option<Resource>,
    query: Vec<(String, String)>,
    /// `Null`: no body, or none that is JSON.
    pub(super) body: Value,
    is_readable: bool,
    bearer: Option<String>,
}

/// What a path names, below `/v2`.
pub(super) enum Resource {
    Calls,
    Call(String),
    Action(String, String),
    ActiveCalls(String),
    CallEvents,
    Applications,
    Application(String),
    /// How the account is set up otherwise.
    Account(String),
}

impl Resource {
    fn parse(path: &[&str]) -> Option<Self> {
        let id = |text: &str| percent_decode_str(text).decode_utf8_lossy().into_owned();
        Some(match path {
            ["calls"] => Self::Calls,
            ["calls", call] => Self::Call(id(call)),
            ["calls", call, "actions", action] => Self::Action(id(call), id(action)),
            ["connections", connection, "active_calls"] => Self::ActiveCalls(id(connection)),
            ["call_events"] => Self::CallEvents,
            ["call_control_applications"] => Self::Applications,
            ["call_control_applications", application] => Self::Application(id(application)),
            path if account::serves(path) => Self::Account(path.join("/")),
            _ => return None,
        })
    }

    /// The call in the path.
    pub(super) fn call(&self) -> Option<&str> {
        match self {
            Self::Call(call) | Self::Action(call, _) => Some(call),
            Self::Calls
            | Self::ActiveCalls(_)
            | Self::CallEvents
            | Self::Applications
            | Self::Application(_)
            | Self::Account(_) => None,
        }
    }
}

impl Request {
    pub(super) fn read(head: &Parts, body: &[u8]) -> Self {
        let path = head.uri.path();
        let segments: Vec<&str> = path.strip_prefix("/v2/").unwrap_or_default().split('/').collect();
        let bearer = head.headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok());
        let read = if body.is_empty() { Some(Value::Null) } else { serde_json::from_slice(body).ok() };
        Self {
            method: head.method.clone(),
            path: head.uri.path_and_query().map_or(path, |path| path.as_str()).to_owned(),
            resource: Resource::parse(&segments),
            query: form_urlencoded::parse(head.uri.query().unwrap_or_default().as_bytes()).into_owned().collect(),
            is_readable: read.is_some(),
            body: read.unwrap_or_default(),
            bearer: bearer.and_then(|value| value.strip_prefix("Bearer ")).map(str::to_owned),
        }
    }

    pub(super) fn authorize(&self, config: &Config) -> Result<(), Refusal> {
        if self.bearer.as_deref() != Some(config.telnyx.api_key.reveal()) {
            return Err(Refusal::unauthenticated());
        }
        if !self.is_readable {
            return Err(Refusal::malformed("The body is not valid JSON."));
        }
        Ok(())
    }

    pub(super) fn query(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(key, value)| key == name && !value.is_empty()).map(|(_, value)| value.as_str())
    }

    /// Whether it asks for more than a look.
    pub(super) fn changes(&self) -> bool {
        self.method != Method::GET
    }

    /// The name that fault rules use.
    pub(super) fn operation(&self) -> &str {
        match (&self.resource, self.changes()) {
            (Some(Resource::Calls), true) => "create",
            (Some(Resource::Call(_)), false) => "fetch",
            (Some(Resource::ActiveCalls(_)), false) => "list",
            (Some(Resource::Action(_, action)), true) => action,
            _ => "other",
        }
    }

    /// The number that a dial is for.
    pub(super) fn callee(&self) -> Option<&str> {
        let to = &self.body["to"];
        to.as_str().or_else(|| to[0].as_str())
    }
}
