//! A REST request, taken apart.

use axum::http::{Method, header::AUTHORIZATION, request::Parts};
use percent_encoding::percent_decode_str;
use serde_json::Value;

pub(super) struct Request {
    pub(super) method: Method,
    /// Path and query below the base URL.
    pub(super) path: String,
    /// `None`: no such path, or not with this method.
    pub(super) resource: Option<Resource>,
    /// `None`: no body, or none that is JSON.
    pub(super) json: Option<Value>,
    bearer: Option<String>,
}

/// What method and path ask for.
pub(super) enum Resource {
    Create,
    Get(String),
    List,
    Stop(String),
    Update(String),
    UpdateLive(String),
    Delete(String),
    Concurrency,
    /// How the workspace is set up: an agent, an LLM, a number, by kind and name.
    ReadAccount(String, String),
    /// A change to that.
    ChangeAccount(String, String),
}

impl Resource {
    fn parse(method: &Method, path: &str) -> Option<Self> {
        let segments: Vec<&str> = path.trim_start_matches('/').split('/').collect();
        let id = |id: &str| id.to_owned();
        Some(match (method.as_str(), segments.as_slice()) {
            ("POST", ["v2", "create-phone-call"]) => Self::Create,
            ("GET", ["v2", "get-call", call]) => Self::Get(id(call)),
            ("POST", ["v3", "list-calls"]) => Self::List,
            ("POST", ["v2", "stop-call", call]) => Self::Stop(id(call)),
            ("PATCH", ["v2", "update-call", call]) => Self::Update(id(call)),
            ("PATCH", ["v2", "update-live-call", call]) => Self::UpdateLive(id(call)),
            ("DELETE", ["v2", "delete-call", call]) => Self::Delete(id(call)),
            ("GET", ["get-concurrency"]) => Self::Concurrency,
            (method, [path, name]) => match (method, path.split_once('-')?) {
                ("GET", ("get", kind)) => Self::ReadAccount(id(kind), id(name)),
                ("PATCH", ("update", kind)) => Self::ChangeAccount(id(kind), id(name)),
                _ => return None,
            },
            _ => return None,
        })
    }

    /// The call in the path.
    pub(super) fn call(&self) -> Option<&str> {
        match self {
            Self::Get(call) | Self::Stop(call) | Self::Update(call) | Self::UpdateLive(call) | Self::Delete(call) => {
                Some(call)
            }
            Self::Create | Self::List | Self::Concurrency | Self::ReadAccount(..) | Self::ChangeAccount(..) => None,
        }
    }
}

impl Request {
    pub(super) fn read(head: &Parts, body: &[u8]) -> Self {
        let path = head.uri.path();
        let decoded = percent_decode_str(path).decode_utf8_lossy();
        let bearer = head.headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok());
        Self {
            method: head.method.clone(),
            path: head.uri.path_and_query().map_or(path, |path| path.as_str()).to_owned(),
            resource: Resource::parse(&head.method, &decoded),
            json: serde_json::from_slice(body).ok(),
            bearer: bearer.and_then(|value| value.strip_prefix("Bearer ")).map(str::to_owned),
        }
    }

    /// Whether it carries this API key.
    pub(super) fn bears(&self, key: &str) -> bool {
        self.bearer.as_deref() == Some(key)
    }

    /// A field of the body.
    pub(super) fn field(&self, name: &str) -> Option<&Value> {
        self.json.as_ref().and_then(|json| json.get(name)).filter(|value| !value.is_null())
    }

    /// A field of the body that is a string, and not an empty one.
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        self.field(name).and_then(Value::as_str).filter(|text| !text.is_empty())
    }

    /// Whether it asks for more than a look.
    pub(super) fn changes(&self) -> bool {
        !matches!(
            self.resource,
            None | Some(Resource::Get(_) | Resource::List | Resource::Concurrency | Resource::ReadAccount(..))
        )
    }

    /// The name that fault rules use.
    pub(super) fn operation(&self) -> &'static str {
        match &self.resource {
            Some(Resource::Create) => "create",
            Some(Resource::List) => "list",
            Some(Resource::Get(_)) => "fetch",
            Some(Resource::Stop(_) | Resource::Update(_) | Resource::UpdateLive(_) | Resource::Delete(_)) => "update",
            Some(Resource::Concurrency | Resource::ReadAccount(..) | Resource::ChangeAccount(..)) | None => "other",
        }
    }
}
