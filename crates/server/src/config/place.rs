//! Where calls are kept: a URL that may hold a password, shown to nobody.

use std::convert::Infallible;
use std::fmt;
use std::str::FromStr;

use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Deserializer};

/// `store.url`. Whoever prints it sees the password masked.
#[derive(Clone)]
pub struct StoreUrl(SecretString);

/// The kinds of store that this server knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StoreKind {
    /// A file on this machine.
    Sqlite,
    /// A PostgreSQL database.
    Postgres,
    /// A MongoDB database, or one that speaks its protocol.
    Mongo,
}

/// How the URL of each kind looks, for people.
pub(crate) const FORMS: &str = "sqlite:PATH, postgres://USER@HOST/DATABASE or mongodb://USER@HOST/DATABASE";

const MASK: &str = "•••";

impl StoreKind {
    /// The word used in metrics and logs.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Sqlite => "sqlite",
            Self::Postgres => "postgres",
            Self::Mongo => "mongo",
        }
    }
}

impl StoreUrl {
    /// The URL as it is, password and all.
    #[must_use]
    pub fn reveal(&self) -> &str {
        self.0.expose_secret()
    }

    /// The kind of store that its scheme names, if it is one that is known.
    #[must_use]
    pub fn kind(&self) -> Option<StoreKind> {
        let (scheme, rest) = self.reveal().split_once(':')?;
        match scheme {
            "sqlite" if !rest.is_empty() => Some(StoreKind::Sqlite),
            "postgres" | "postgresql" if rest.starts_with("//") => Some(StoreKind::Postgres),
            "mongodb" | "mongodb+srv" if rest.starts_with("//") => Some(StoreKind::Mongo),
            _ => None,
        }
    }

    /// Whether it holds a password.
    pub(super) fn has_secret(&self) -> bool {
        self.to_string() != self.reveal()
    }
}

impl From<&str> for StoreUrl {
    fn from(url: &str) -> Self {
        Self(url.trim().into())
    }
}

impl From<String> for StoreUrl {
    fn from(url: String) -> Self {
        Self::from(url.as_str())
    }
}

impl FromStr for StoreUrl {
    type Err = Infallible;

    fn from_str(url: &str) -> Result<Self, Infallible> {
        Ok(Self::from(url))
    }
}

impl<'de> Deserialize<'de> for StoreUrl {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(Self::from)
    }
}

impl fmt::Display for StoreUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let url = self.reveal();
        let Some((scheme, rest)) = url.split_once("://").filter(|(scheme, _)| *scheme != "sqlite") else {
            return f.write_str(url);
        };
        // Several hosts in one URL are common, so no URL parser reads all of these; and a password that somebody forgot
        // to encode may hold anything. What is before the last `@` and behind the first `:` is not shown.
        let (user, place) = rest.rsplit_once('@').map_or((None, rest), |(user, place)| (Some(user), place));
        write!(f, "{scheme}://")?;
        match user.map(|user| user.split_once(':').map_or((user, false), |(name, _)| (name, true))) {
            Some((name, true)) => write!(f, "{name}:{MASK}@")?,
            Some((name, false)) => write!(f, "{name}@")?,
            None => {}
        }
        let (place, options) = place.split_once('?').map_or((place, None), |(place, options)| (place, Some(options)));
        f.write_str(place)?;
        for (nth, option) in options.into_iter().flat_map(|options| options.split('&')).enumerate() {
            f.write_str(if nth == 0 { "?" } else { "&" })?;
            match option.split_once('=') {
                Some((key, _)) if is_secret(key) => write!(f, "{key}={MASK}")?,
                _ => f.write_str(option)?,
            }
        }
        Ok(())
    }
}

/// `password`, `sslpassword`, `tlsCertificateKeyFilePassword`, `authMechanismProperties=AWS_SESSION_TOKEN:...`
fn is_secret(key: &str) -> bool {
    let key = key.to_lowercase();
    ["password", "secret", "token", "authmechanismproperties"].iter().any(|word| key.contains(word))
}

impl fmt::Debug for StoreUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_are_not_shown() {
        for (url, shown) in [
            ("sqlite:calls@home.db", "sqlite:calls@home.db"),
            ("sqlite://calls@home.db?mode=rwc", "sqlite://calls@home.db?mode=rwc"),
            ("postgres://db/calls", "postgres://db/calls"),
            ("postgres://app@db:5432/calls?sslmode=require", "postgres://app@db:5432/calls?sslmode=require"),
            ("postgres://app:hush@db/calls", "postgres://app:•••@db/calls"),
            ("postgres://app:hu/s?h@x@db/calls", "postgres://app:•••@db/calls"),
            ("postgres://db/calls?user=app&password=hush", "postgres://db/calls?user=app&password=•••"),
            ("mongodb://app:hush@a:1,b:2/calls?replicaSet=r", "mongodb://app:•••@a:1,b:2/calls?replicaSet=r"),
            (
                "mongodb+srv://a:hush@x/?authMechanismProperties=A:b",
                "mongodb+srv://a:•••@x/?authMechanismProperties=•••",
            ),
            ("mysql://app:hush@db/calls", "mysql://app:•••@db/calls"),
        ] {
            let url = StoreUrl::from(url);
            assert_eq!(url.to_string(), shown);
            assert_eq!(format!("{url:?}"), shown);
            assert_eq!(url.has_secret(), shown.contains(MASK));
        }
    }

    #[test]
    fn the_scheme_names_the_kind() {
        let kind = |url: &str| StoreUrl::from(url).kind();
        assert_eq!(kind("sqlite:calls.db"), Some(StoreKind::Sqlite));
        assert_eq!(kind("postgresql://db/calls"), Some(StoreKind::Postgres));
        assert_eq!(kind("mongodb+srv://db/calls"), Some(StoreKind::Mongo));
        for unknown in ["", "calls.db", "sqlite:", "mysql://db", "postgres:calls", "C:\\calls.db"] {
            assert_eq!(kind(unknown), None, "{unknown}");
        }
    }
}
