//! How a Telnyx account is set up: the application, its outbound profile, the numbers. Read and mended by `doctor`.

mod check;

use async_trait::async_trait;
use call_core::ProviderName;
use call_core::port::{Account, AccountError, Finding, Numbers, Remedy};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::act::{Method, Request};
use crate::client::Telnyx;
use crate::config::ConfigError;
use crate::error::TelnyxError;
use crate::resource::Data;
use crate::{NAME, TelnyxConfig};

/// The largest page of a list.
const PAGE: &str = "250";
/// How many pages of numbers are read.
const MOST_PAGES: usize = 20;

/// One Call Control application and the numbers around it, as an [`Account`].
#[derive(Debug, Clone)]
pub struct TelnyxAccount {
    client: Telnyx,
    connection_id: String,
    public_url: String,
}

/// What was read of an account.
#[derive(Debug, Default)]
struct Snapshot {
    /// None: there is no such application.
    application: Option<ApplicationResource>,
    /// The profile that the application names, if there is such a thing.
    profile: Option<Profile>,
    numbers: Vec<NumberResource>,
}

/// The Call Control application (telnyx.md §6.1).
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct ApplicationResource {
    active: Option<bool>,
    webhook_event_url: Option<String>,
    webhook_event_failover_url: Option<String>,
    webhook_api_version: Option<String>,
    webhook_timeout_secs: Option<u64>,
    first_command_timeout: Option<bool>,
    first_command_timeout_secs: Option<u64>,
    call_cost_in_webhooks: Option<bool>,
    outbound: Option<Outbound>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Outbound {
    outbound_voice_profile_id: Option<String>,
}

/// What lets an application call out.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Profile {
    id: String,
    enabled: Option<bool>,
}

/// A number of the account.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct NumberResource {
    id: String,
    phone_number: String,
    /// `active`, `purchase-pending`, `ported-out`…
    status: Option<String>,
    connection_id: Option<String>,
    /// Read apart, and only of our numbers.
    #[serde(skip)]
    forwarding: Forwarding,
}

/// A number's voice settings, as far as they take calls away.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Voice {
    call_forwarding: Option<Forwarding>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Forwarding {
    call_forwarding_enabled: Option<bool>,
    forwards_to: Option<String>,
    /// `always` or `on-failure`.
    forwarding_type: Option<String>,
}

#[derive(Debug, Deserialize)]
struct NumberPage {
    #[serde(default)]
    data: Vec<NumberResource>,
    #[serde(default)]
    meta: Option<Meta>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Meta {
    total_pages: usize,
}

impl TelnyxAccount {
    /// The account of a configuration.
    ///
    /// # Errors
    /// Names the configuration key that cannot work.
    pub fn new(config: &TelnyxConfig) -> Result<Self, ConfigError> {
        let (connection_id, public_url) = (config.connection_id.clone(), config.public_url.clone());
        Ok(Self { client: Telnyx::new(config)?, connection_id, public_url })
    }

    async fn read(&self, numbers: &Numbers) -> Result<Snapshot, TelnyxError> {
        let application: Option<ApplicationResource> = self.find(&self.application()).await?;
        let profile =
            application.as_ref().and_then(|application| set(&application.outbound.as_ref()?.outbound_voice_profile_id));
        let profile = match profile.filter(|id| is_number(id)) {
            Some(id) => self.find(&format!("/outbound_voice_profiles/{id}")).await?,
            None => None,
        };
        let mut all = Vec::new();
        for page in 1..=MOST_PAGES {
            let query = vec![("page[number]", page.to_string()), ("page[size]", PAGE.to_owned())];
            let read: NumberPage = self.client.read(&request(Method::Get, "/phone_numbers", query, None)).await?;
            all.extend(read.data);
            if page >= read.meta.unwrap_or_default().total_pages {
                break;
            }
        }
        for number in all.iter_mut().filter(|number| self.is_ours(number, numbers) && is_number(&number.id)) {
            let voice: Option<Voice> = self.find(&format!("/phone_numbers/{}/voice", number.id)).await?;
            number.forwarding = voice.and_then(|voice| voice.call_forwarding).unwrap_or_default();
        }
        Ok(Snapshot { application, profile, numbers: all })
    }

    fn is_ours(&self, number: &NumberResource, numbers: &Numbers) -> bool {
        numbers.name(&number.phone_number) || number.connection_id.as_deref() == Some(&self.connection_id)
    }

    /// Reads a resource; `None` if there is none.
    async fn find<T: DeserializeOwned>(&self, path: &str) -> Result<Option<T>, TelnyxError> {
        match self.client.read::<Data<T>>(&request(Method::Get, path, Vec::new(), None)).await {
            Ok(read) => Ok(Some(read.data)),
            Err(TelnyxError::Api(error)) if error.status == 404 => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn application(&self) -> String {
        format!("/call_control_applications/{}", self.connection_id)
    }
}

#[async_trait]
impl Account for TelnyxAccount {
    fn name(&self) -> ProviderName {
        NAME
    }

    async fn examine(&self, numbers: &Numbers) -> Result<Vec<Finding>, AccountError> {
        let snapshot = self.read(numbers).await.map_err(AccountError::from)?;
        let ours = check::Ours { connection_id: &self.connection_id, public_url: &self.public_url, numbers };
        Ok(check::findings(&snapshot, &ours))
    }

    async fn mend(&self, remedy: &Remedy) -> Result<(), AccountError> {
        let needed = check_remedy(remedy).map_err(AccountError::Refused)?;
        // What a change must name even if it is to stay: read just before, so that it does.
        let mut fields = Map::new();
        if !needed.is_empty() {
            let read = request(Method::Get, &remedy.resource, Vec::new(), None);
            let current: Data<Map<String, Value>> = self.client.read(&read).await.map_err(AccountError::from)?;
            fields.extend(current.data.into_iter().filter(|(name, _)| needed.contains(&name.as_str())));
        }
        fields.extend(remedy.fields.clone());
        let change = request(Method::Patch, &remedy.resource, Vec::new(), Some(Value::Object(fields)));
        self.client.read::<Value>(&change).await.map(|_| ()).map_err(AccountError::from)
    }
}

/// Everything that a remedy may set, by the kind of resource, and what Telnyx wants to be named with every change:
/// nothing else of an account is ever changed.
const KINDS: [(&str, &str, &[&str], &[&str]); 4] = [
    (
        "/call_control_applications/",
        "",
        &[
            "active",
            "webhook_event_url",
            "webhook_event_failover_url",
            "webhook_api_version",
            "webhook_timeout_secs",
            "first_command_timeout",
            "call_cost_in_webhooks",
        ],
        &["application_name", "webhook_event_url"],
    ),
    ("/outbound_voice_profiles/", "", &["enabled"], &["name"]),
    ("/phone_numbers/", "/voice", &["call_forwarding"], &[]),
    ("/phone_numbers/", "", &["connection_id"], &[]),
];

/// What must be named with a remedy.
fn check_remedy(remedy: &Remedy) -> Result<&'static [&'static str], String> {
    let is = |(before, after, ..): &&(&str, &str, &[&str], &[&str])| {
        let id = remedy.resource.strip_prefix(before).and_then(|rest| rest.strip_suffix(after));
        id.is_some_and(is_number)
    };
    let Some((.., may, must)) = KINDS.iter().find(is) else {
        return Err(format!("{} is nothing that may be changed", remedy.resource));
    };
    match remedy.fields.keys().find(|name| !may.contains(&name.as_str())) {
        Some(name) => Err(format!("{name} is nothing that may be set")),
        None => Ok(must),
    }
}

fn request(method: Method, path: &str, query: Vec<(&'static str, String)>, body: Option<Value>) -> Request {
    Request { method, path: path.to_owned(), query, body }
}

/// Telnyx names these things by decimal numbers; anything else would lead to another path.
fn is_number(id: &str) -> bool {
    !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_digit())
}

fn set(value: &Option<String>) -> Option<&str> {
    value.as_deref().filter(|value| !value.is_empty())
}

impl From<TelnyxError> for AccountError {
    fn from(error: TelnyxError) -> Self {
        let why = error.explain();
        match &error {
            TelnyxError::Api(api) => match api.status {
                401 => Self::Unauthorized(why),
                403 => Self::Forbidden(why),
                400..=499 if api.status != 429 => Self::Refused(why),
                _ => Self::Unreachable(why),
            },
            TelnyxError::NotALeg(_) => Self::Refused(why),
            TelnyxError::Unsent(_) | TelnyxError::Lost(_) | TelnyxError::Unreadable(_) | TelnyxError::TimedOut(_) => {
                Self::Unreachable(why)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_remedy_changes_nothing_but_what_it_may() {
        let remedy = |resource: &str, field: &str| {
            let fields = Map::from_iter([(field.to_owned(), json!("x"))]);
            check_remedy(&Remedy { resource: resource.to_owned(), fields })
        };
        assert_eq!(
            remedy("/call_control_applications/12", "active").unwrap(),
            ["application_name", "webhook_event_url"]
        );
        assert_eq!(remedy("/phone_numbers/12", "connection_id").unwrap(), [""; 0]);
        assert_eq!(remedy("/phone_numbers/12/voice", "call_forwarding").unwrap(), [""; 0]);
        for (resource, field) in [
            ("/call_control_applications/12", "application_name"),
            ("/call_control_applications/../calls", "active"),
            ("/phone_numbers/12/messaging", "call_forwarding"),
            ("/phone_numbers/12", "call_forwarding"),
            ("/calls/12", "active"),
        ] {
            assert!(remedy(resource, field).is_err(), "{resource} {field}");
        }
    }
}
