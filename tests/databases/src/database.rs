//! One database of one test.

use std::fmt::{self, Debug, Formatter};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

/// A database of its own, empty or prepared. Dropping it drops it on the server.
pub struct Database {
    url: String,
    name: String,
    remove: Option<Box<dyn FnOnce() + Send + Sync>>,
}

impl Database {
    pub(crate) fn new(server: &str, name: String, remove: impl FnOnce() + Send + Sync + 'static) -> Self {
        Self { url: within(server, &name), name, remove: Some(Box::new(remove)) }
    }

    /// Where it is, as both drivers take it.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Its name on the server.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The same database reached at another address, such as a [`Proxy`](crate::Proxy)'s.
    #[must_use]
    pub fn url_through(&self, address: std::net::SocketAddr) -> String {
        let (scheme, rest) = split_scheme(&self.url);
        let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
        let user = authority.rsplit_once('@').map(|(user, _)| format!("{user}@")).unwrap_or_default();
        format!("{scheme}{user}{address}/{path}")
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        if let Some(remove) = self.remove.take() {
            remove();
        }
    }
}

impl Debug for Database {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.debug_struct("Database").field("name", &self.name).finish_non_exhaustive()
    }
}

/// A name that no other test has, in this process or beside it.
pub(crate) fn unique(kind: &str) -> String {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let since = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis());
    format!("{kind}_{}_{since}_{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed))
}

/// The URL of a database by name on the server that `url` names.
pub(crate) fn within(url: &str, name: &str) -> String {
    let (scheme, rest) = split_scheme(url);
    let (place, options) = rest.split_once('?').unwrap_or((rest, ""));
    let (authority, database) = place.split_once('/').unwrap_or((place, ""));
    let mut options = options.to_owned();
    // MongoDB looks a user up in the database of the URL, unless it is told another one.
    if scheme.starts_with("mongodb") && authority.contains('@') && !options.contains("authSource=") {
        let source = if database.is_empty() { "admin" } else { database };
        options = format!("authSource={source}{}{options}", if options.is_empty() { "" } else { "&" });
    }
    let mark = if options.is_empty() { "" } else { "?" };
    format!("{scheme}{authority}/{name}{mark}{options}")
}

/// Splits behind the `://`.
fn split_scheme(url: &str) -> (&str, &str) {
    url.split_at(url.find("://").map_or(0, |at| at + 3))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_goes_into_a_url_and_its_options_stay() {
        let table = [
            ("postgres://postgres@127.0.0.1:5432/postgres", "postgres://postgres@127.0.0.1:5432/x"),
            ("postgres://u:p@h/postgres?sslmode=require", "postgres://u:p@h/x?sslmode=require"),
            ("postgres://h", "postgres://h/x"),
            ("mongodb://h:1/?directConnection=true", "mongodb://h:1/x?directConnection=true"),
            ("mongodb://h:1,i:2", "mongodb://h:1,i:2/x"),
            ("mongodb://u:p@h", "mongodb://u:p@h/x?authSource=admin"),
            ("mongodb://u:p@h/own?tls=true", "mongodb://u:p@h/x?authSource=own&tls=true"),
            ("mongodb://u:p@h/own?authSource=a", "mongodb://u:p@h/x?authSource=a"),
        ];
        for (url, expected) in table {
            assert_eq!(within(url, "x"), expected);
        }
    }

    #[test]
    fn a_url_goes_through_another_address() {
        let database = Database::new("postgres://u:p@somewhere:5432/postgres?a=b", "x".to_owned(), || ());
        assert_eq!(database.url_through(([127, 0, 0, 1], 9).into()), "postgres://u:p@127.0.0.1:9/x?a=b");
    }
}
