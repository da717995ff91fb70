//! One message of a provider, before and after it is signed.

use call_core::Timestamp;
use call_core::port::{Hook, HookError, HookRequest, Received};
use serde_json::Value;

/// Where the provider reaches us in every law: what is configured as the public URL.
pub const PUBLIC: &str = "https://calls.example.com";

/// An HTTP request to one of our webhooks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// `POST`, mostly.
    pub method: String,
    /// Below `/hooks/{provider}`, with its query.
    pub path: String,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    /// The raw body.
    pub body: Vec<u8>,
}

impl Message {
    /// A `POST` of some bytes.
    #[must_use]
    pub fn post(path: impl Into<String>, content_type: &str, body: impl Into<Vec<u8>>) -> Self {
        let headers = vec![("content-type".to_owned(), content_type.to_owned())];
        Self { method: "POST".to_owned(), path: path.into(), headers, body: body.into() }
    }

    /// A `POST` of JSON.
    #[must_use]
    pub fn json(path: impl Into<String>, body: &Value) -> Self {
        Self::post(path, "application/json", body.to_string())
    }

    /// A `POST` of a form.
    #[must_use]
    pub fn form<N: AsRef<str>, V: AsRef<str>>(path: impl Into<String>, pairs: &[(N, V)]) -> Self {
        let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish();
        Self::post(path, "application/x-www-form-urlencoded; charset=UTF-8", body)
    }

    /// The same with a header, in place of the one of that name.
    #[must_use]
    pub fn with_header(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.retain(|(other, _)| other != name);
        self.headers.push((name.to_owned(), value.into()));
        self
    }

    /// A header's value.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(other, _)| other == name).map(|(_, value)| value.as_str())
    }

    /// The URL that the provider was given.
    #[must_use]
    pub fn url(&self, provider: &str) -> String {
        format!("{PUBLIC}/hooks/{provider}{}", self.path)
    }

    /// The decoded pairs of a form.
    #[must_use]
    pub fn pairs(&self) -> Vec<(String, String)> {
        form_urlencoded::parse(&self.body).into_owned().collect()
    }

    /// The same with its JSON changed. Other bodies stay as they are.
    #[must_use]
    pub fn with_json(mut self, change: impl FnOnce(&mut Value)) -> Self {
        if let Ok(mut value) = serde_json::from_slice(&self.body) {
            change(&mut value);
            self.body = value.to_string().into_bytes();
        }
        self
    }

    /// The same with one more pair in its form.
    #[must_use]
    pub fn with_pair(self, name: &str, value: &str) -> Self {
        let mut pairs = self.pairs();
        pairs.push((name.to_owned(), value.to_owned()));
        let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish();
        Self { body: body.into_bytes(), ..self }
    }

    /// Hands it to a hook, when our clock says `now`.
    ///
    /// # Errors
    /// The hook's.
    pub fn tell(&self, hook: &impl Hook, now: Timestamp) -> Result<Received, HookError> {
        hook.receive(&HookRequest {
            method: &self.method,
            url: &self.url(hook.name().as_str()),
            path: &self.path,
            header: &|name| self.header(name),
            body: &self.body,
            now,
        })
    }
}
