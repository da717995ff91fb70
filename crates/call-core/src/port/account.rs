//! How an account at a provider is set up, compared with what the server needs of it.

use std::collections::BTreeSet;

use async_trait::async_trait;
use serde::Serialize;
use serde_json::{Map, Value};

use crate::ProviderName;

/// An account at a provider. Reads and changes settings, never calls.
#[async_trait]
pub trait Account: Send + Sync + 'static {
    /// The provider's name.
    fn name(&self) -> ProviderName;

    /// Reads the account and compares it with what the server needs: one finding for each setting that matters, the
    /// right ones too. Changes nothing.
    ///
    /// # Errors
    /// [`AccountError`] if any of it could not be read: half an examination would look like a clean one.
    async fn examine(&self, numbers: &Numbers) -> Result<Vec<Finding>, AccountError>;

    /// Carries one remedy out. Settings that it does not name stay as they are; repeating it is harmless.
    ///
    /// # Errors
    /// [`AccountError`]; unless it is [`AccountError::Unreachable`], nothing was changed.
    async fn mend(&self, remedy: &Remedy) -> Result<(), AccountError>;
}

/// The numbers that the configuration names. Others in the account belong to somebody else, unless they are set to reach
/// us already.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Numbers {
    /// Where calls come from when a request names no number.
    pub from: Option<String>,
    /// Numbers with an inbound script of their own, at whichever provider they are.
    pub inbound: BTreeSet<String>,
}

impl Numbers {
    /// Whether a number is named.
    #[must_use]
    pub fn name(&self, number: &str) -> bool {
        self.from.as_deref() == Some(number) || self.inbound.contains(number)
    }
}

/// One setting, as it is and as it should be.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Finding {
    /// Whose setting: `number +12025550100`, `application 2481632640128256512`, `agent agent_…`.
    pub place: String,
    /// Which: `voice URL`.
    pub setting: String,
    /// How it stands.
    pub state: FindingState,
    /// What it is; `None` if it is not set. Of a URL, no user name, password or query: they may be secrets of others.
    pub found: Option<String>,
    /// What it should be, for people.
    pub wanted: String,
    /// What a wrong setting does to calls, in one sentence.
    pub means: String,
    /// How to set it right, if that can be done through the provider's API and is not wrong to do for somebody.
    pub remedy: Option<Remedy>,
}

/// How a setting stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum FindingState {
    /// As the server needs it.
    Right,
    /// Not there.
    Missing,
    /// There, and something else.
    Wrong,
}

impl FindingState {
    /// Its word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Right => "right",
            Self::Missing => "missing",
            Self::Wrong => "wrong",
        }
    }
}

impl Finding {
    /// A setting that should be exactly `wanted`: right if it is, missing if it is nothing, else wrong.
    #[must_use]
    pub fn compare(place: &str, setting: &str, found: Option<&str>, wanted: &str) -> Self {
        Self::judge(place, setting, found, wanted, found == Some(wanted))
    }

    /// A setting that is right if the caller says so; if not, it is missing if it is nothing, else wrong.
    #[must_use]
    pub fn judge(place: &str, setting: &str, found: Option<&str>, wanted: &str, is_right: bool) -> Self {
        let state = match found {
            _ if is_right => FindingState::Right,
            None => FindingState::Missing,
            Some(_) => FindingState::Wrong,
        };
        Self {
            place: place.to_owned(),
            setting: setting.to_owned(),
            state,
            found: found.map(shown),
            wanted: wanted.to_owned(),
            means: String::new(),
            remedy: None,
        }
    }

    /// Says what it does to calls when it is not right.
    #[must_use]
    pub fn means(mut self, means: &str) -> Self {
        means.clone_into(&mut self.means);
        self
    }

    /// Says how to set it right. A setting that is right needs no remedy and gets none.
    #[must_use]
    pub fn remedy(mut self, resource: &str, fields: impl IntoIterator<Item = (&'static str, Value)>) -> Self {
        if !self.is_right() {
            let fields = fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
            self.remedy = Some(Remedy { resource: resource.to_owned(), fields });
        }
        self
    }

    /// Whether there is nothing to do.
    #[must_use]
    pub fn is_right(&self) -> bool {
        self.state == FindingState::Right
    }
}

/// A change to one resource of an account.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Remedy {
    /// The provider's resource, relative to its base URL.
    pub resource: String,
    /// What to set, by the provider's names.
    pub fields: Map<String, Value>,
}

/// Why an account could not be read or changed. Holds no secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AccountError {
    /// Nobody answered, or not in time, or not as the provider does.
    #[error("no usable answer: {0}")]
    Unreachable(String),
    /// The key or token is not the account's.
    #[error("the credentials are not accepted: {0}")]
    Unauthorized(String),
    /// The key is the account's and may not do this.
    #[error("the credentials do not permit it: {0}")]
    Forbidden(String),
    /// The provider understood, and will not.
    #[error("refused: {0}")]
    Refused(String),
}

/// A value as people may see it.
fn shown(value: &str) -> String {
    let Some((scheme, rest)) = value.split_once("://") else { return value.to_owned() };
    let (rest, fragment) = rest.split_at(rest.find('#').unwrap_or(rest.len()));
    let (rest, query) = rest.split_at(rest.find('?').unwrap_or(rest.len()));
    let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let host = authority.rsplit_once('@').map_or_else(|| authority.to_owned(), |(_, host)| format!("…@{host}"));
    let query = if query.is_empty() { "" } else { "?…" };
    format!("{scheme}://{host}{path}{query}{fragment}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_shown_without_what_may_be_secret() {
        for (url, shown) in [
            ("https://h.example/a#rc=3", "https://h.example/a#rc=3"),
            ("https://me:pass@h.example/a?key=secret#rc=3", "https://…@h.example/a?…#rc=3"),
            ("wss://h.example?key=a@b", "wss://h.example?…"),
            ("TK1?2", "TK1?2"),
        ] {
            assert_eq!(super::shown(url), shown);
        }
    }

    #[test]
    fn a_setting_is_right_missing_or_wrong() {
        let state = |found| Finding::compare("number", "voice URL", found, "a").state;
        assert_eq!(
            [state(Some("a")), state(None), state(Some("b"))],
            [FindingState::Right, FindingState::Missing, FindingState::Wrong]
        );
        let unwanted = |found: Option<&str>| Finding::judge("number", "trunk", found, "none", found.is_none()).state;
        assert_eq!([unwanted(None), unwanted(Some("TK1"))], [FindingState::Right, FindingState::Wrong]);
    }

    #[test]
    fn only_what_is_not_right_has_a_remedy() {
        let remedy = |found| Finding::compare("n", "s", found, "a").remedy("/x", [("s", "a".into())]).remedy;
        assert_eq!(remedy(Some("a")), None);
        assert_eq!(remedy(None).unwrap().fields["s"], "a");
    }
}
