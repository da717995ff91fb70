//! How a Twilio account is set up: its numbers, their applications, its state. Read and mended by `doctor`.

mod check;

use std::collections::{BTreeMap, BTreeSet};

use async_trait::async_trait;
use call_core::ProviderName;
use call_core::port::{Account, AccountError, Finding, Numbers, Remedy};
use serde::Deserialize;
use serde_json::Value;

use crate::act::{Method, Request};
use crate::client::{Twilio, next_page};
use crate::config::ConfigError;
use crate::error::TwilioError;
use crate::{NAME, TwilioConfig, sid};

/// The largest page of a list.
const PAGE: &str = "1000";
/// How many pages of numbers are read.
const MOST_PAGES: usize = 20;

/// One Twilio account, as an [`Account`].
///
/// It authenticates with the account's auth token even if calls are placed with an API key: standard keys may not read
/// the account's state, and a token that Twilio takes is the one that signs webhooks.
#[derive(Debug, Clone)]
pub struct TwilioAccount {
    client: Twilio,
    /// As calls are placed, if that is not with the auth token.
    key: Option<Twilio>,
    sid: String,
    public_url: String,
}

/// What was read of an account.
#[derive(Debug, Default)]
struct Snapshot {
    account: AccountResource,
    numbers: Vec<NumberResource>,
    /// The applications that the numbers name, by their SIDs.
    applications: BTreeMap<String, Route>,
    /// Numbers of others that this account may show as its own.
    verified: BTreeSet<String>,
    /// Whether the API key works; `None` if there is none.
    key_works: Option<bool>,
}

/// The account itself.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct AccountResource {
    /// `active`, `suspended`, `closed`.
    status: Option<String>,
    /// `Full` or `Trial`.
    #[serde(rename = "type")]
    kind: Option<String>,
}

/// A number of the account.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct NumberResource {
    sid: String,
    phone_number: String,
    capabilities: Capabilities,
    voice_receive_mode: Option<String>,
    voice_application_sid: Option<String>,
    trunk_sid: Option<String>,
    #[serde(flatten)]
    route: Route,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Capabilities {
    voice: Option<bool>,
}

/// Where calls go: the same in a number and in an application. What is not set is null or empty.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
struct Route {
    voice_url: Option<String>,
    voice_method: Option<String>,
    voice_fallback_url: Option<String>,
    status_callback: Option<String>,
    status_callback_method: Option<String>,
}

#[derive(Debug, Deserialize)]
struct NumberPage {
    #[serde(default)]
    incoming_phone_numbers: Vec<NumberResource>,
    #[serde(default)]
    next_page_uri: Option<String>,
}

#[derive(Debug, Deserialize)]
struct CallerPage {
    #[serde(default)]
    outgoing_caller_ids: Vec<Caller>,
}

#[derive(Debug, Deserialize)]
struct Caller {
    #[serde(default)]
    phone_number: String,
}

impl TwilioAccount {
    /// The account of a configuration.
    ///
    /// # Errors
    /// Names the configuration key that cannot work.
    pub fn new(config: &TwilioConfig) -> Result<Self, ConfigError> {
        let key = config.api_key.as_ref().map(|_| Twilio::new(config)).transpose()?;
        let client = Twilio::new(&TwilioConfig { api_key: None, ..config.clone() })?;
        let (sid, public_url) = (config.account_sid.clone(), config.public_url.clone());
        Ok(Self { client, key, sid, public_url })
    }

    async fn read(&self, numbers: &Numbers) -> Result<Snapshot, TwilioError> {
        let account = self.client.read(&self.get(".json", Vec::new())).await?;
        let mut all = Vec::new();
        let mut next = Some(self.get("/IncomingPhoneNumbers.json", vec![("PageSize", PAGE.to_owned())]));
        for _ in 0..MOST_PAGES {
            let Some(request) = next.take() else { break };
            let page: NumberPage = self.client.read(&request).await?;
            all.extend(page.incoming_phone_numbers);
            next = next_page(page.next_page_uri);
        }
        let mut applications = BTreeMap::new();
        for sid in all.iter().filter_map(|number| set(&number.voice_application_sid)).filter(|sid| sid::is("AP", sid)) {
            if !applications.contains_key(sid) {
                let path = format!("/Applications/{sid}.json");
                applications.insert(sid.to_owned(), self.client.read(&self.get(&path, Vec::new())).await?);
            }
        }
        let mut verified = BTreeSet::new();
        if let Some(from) = numbers.from.as_ref().filter(|from| !all.iter().any(|number| number.phone_number == **from))
        {
            let filter = vec![("PhoneNumber", from.clone())];
            let page: CallerPage = self.client.read(&self.get("/OutgoingCallerIds.json", filter)).await?;
            verified.extend(page.outgoing_caller_ids.into_iter().map(|caller| caller.phone_number));
        }
        Ok(Snapshot { account, numbers: all, applications, verified, key_works: self.key_works().await? })
    }

    /// Reads something small as calls are placed.
    async fn key_works(&self) -> Result<Option<bool>, TwilioError> {
        let Some(key) = &self.key else { return Ok(None) };
        match key.read::<Value>(&self.get("/Calls.json", vec![("PageSize", "1".to_owned())])).await {
            Ok(_) => Ok(Some(true)),
            Err(TwilioError::Api(error)) if matches!(error.status, 401 | 403) => Ok(Some(false)),
            Err(error) => Err(error),
        }
    }

    fn get(&self, path: &str, pairs: Vec<(&'static str, String)>) -> Request {
        Request { method: Method::Get, path: format!("/2010-04-01/Accounts/{}{path}", self.sid), pairs }
    }
}

#[async_trait]
impl Account for TwilioAccount {
    fn name(&self) -> ProviderName {
        NAME
    }

    async fn examine(&self, numbers: &Numbers) -> Result<Vec<Finding>, AccountError> {
        let snapshot = self.read(numbers).await.map_err(AccountError::from)?;
        Ok(check::findings(&snapshot, &self.public_url, numbers))
    }

    async fn mend(&self, remedy: &Remedy) -> Result<(), AccountError> {
        let request = post(&self.sid, remedy).map_err(AccountError::Refused)?;
        self.client.read::<Value>(&request).await.map(|_| ()).map_err(AccountError::from)
    }
}

/// Everything that a remedy may set: nothing else of an account is ever changed.
const FIELDS: [&str; 9] = [
    "VoiceUrl",
    "VoiceMethod",
    "VoiceFallbackUrl",
    "VoiceFallbackMethod",
    "StatusCallback",
    "StatusCallbackMethod",
    "VoiceReceiveMode",
    "VoiceApplicationSid",
    "TrunkSid",
];

fn post(account: &str, remedy: &Remedy) -> Result<Request, String> {
    let named = |prefix: &str, kind: &str| {
        let sid = remedy.resource.strip_prefix(prefix).and_then(|rest| rest.strip_suffix(".json"));
        sid.is_some_and(|sid| sid::is(kind, sid))
    };
    if !named("/IncomingPhoneNumbers/", "PN") && !named("/Applications/", "AP") {
        return Err(format!("{} is neither a number nor an application", remedy.resource));
    }
    let pair = |(name, value): (&String, &Value)| {
        let field = FIELDS.into_iter().find(|field| field == name);
        field.zip(value.as_str().map(str::to_owned)).ok_or_else(|| format!("{name} is nothing that may be set"))
    };
    let pairs = remedy.fields.iter().map(pair).collect::<Result<_, _>>()?;
    Ok(Request { method: Method::Post, path: format!("/2010-04-01/Accounts/{account}{}", remedy.resource), pairs })
}

impl From<TwilioError> for AccountError {
    fn from(error: TwilioError) -> Self {
        let why = error.explain();
        match &error {
            TwilioError::Api(api) => match api.status {
                401 => Self::Unauthorized(why),
                403 => Self::Forbidden(why),
                400..=499 if api.status != 429 => Self::Refused(why),
                _ => Self::Unreachable(why),
            },
            TwilioError::NotASid(_) => Self::Refused(why),
            TwilioError::Unsent(_) | TwilioError::Lost(_) | TwilioError::Unreadable(_) | TwilioError::TimedOut(_) => {
                Self::Unreachable(why)
            }
        }
    }
}

/// What is set: Twilio writes null or nothing for what is not.
fn set(value: &Option<String>) -> Option<&str> {
    value.as_deref().filter(|value| !value.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Map, json};

    #[test]
    fn a_remedy_changes_nothing_but_what_it_may() {
        let request = |resource: &str, field: &str, value: Value| {
            let fields = Map::from_iter([(field.to_owned(), value)]);
            post("AC1", &Remedy { resource: resource.to_owned(), fields })
        };
        let number = "/IncomingPhoneNumbers/PN00000000000000000000000000000001.json";
        let made = request(number, "TrunkSid", json!("")).unwrap();
        assert_eq!(made.path, format!("/2010-04-01/Accounts/AC1{number}"));
        assert_eq!((made.method, made.pairs), (Method::Post, vec![("TrunkSid", String::new())]));
        for (resource, field, value) in [
            (number, "AccountSid", json!("AC2")),
            (number, "VoiceUrl", json!(1)),
            ("/IncomingPhoneNumbers/../Calls.json", "VoiceUrl", json!("x")),
            (".json", "Status", json!("closed")),
        ] {
            assert!(request(resource, field, value).is_err(), "{resource} {field}");
        }
    }
}
