//! How the servers of a town are configured.

use simulator::{Config, Provider};

use super::account::Account;
use crate::server::ACCOUNT;

/// Deadlines of hundreds of milliseconds, so that everything that a call may wait for happens within seconds. `more`
/// says it otherwise, key by key.
pub(super) fn of(public_url: &str, account: &Account, store_url: &str, more: &[(String, String)]) -> String {
    let quoted = |text: &str| format!("{text:?}");
    let mut settings: Vec<(String, String)> = [
        ("server.public_url", quoted(public_url)),
        ("server.linger", quoted("100ms")),
        ("server.drain", quoted("2s")),
        ("store.url", quoted(store_url)),
        ("sweep.every", quoted("50ms")),
        ("outbox.lease", quoted("2s")),
        ("outbox.poll", quoted("50ms")),
        ("mailbox.keep", quoted("1s")),
        ("log.format", quoted("json")),
        ("log.level", quoted("info")),
        ("policy.dial_answer", quoted("1500ms")),
        ("policy.dial_limit", quoted("3s")),
        ("policy.queue_limit", quoted("2s")),
        ("policy.ring_limit", quoted("1500ms")),
        ("policy.live_limit", quoted("4h")),
        ("policy.quiet_limit", quoted("800ms")),
        ("policy.stream_limit", quoted("1s")),
        ("policy.gather_limit", quoted("1s")),
        ("policy.confirm_limit", quoted("700ms")),
        ("policy.drain_limit", quoted("300ms")),
        ("policy.ask_again", quoted("400ms")),
        ("policy.stale.quiet", quoted("800ms")),
        ("policy.stale.outer", quoted("20s")),
    ]
    .map(|(key, value)| (key.to_owned(), value))
    .into();
    let provider = account.provider;
    let mut own = |key: &str, value: String| settings.push((format!("{provider}.{key}"), value));
    own("base_url", quoted(&account.url));
    own("connect_timeout", quoted("500ms"));
    own("timeout", quoted("1s"));
    match provider {
        Provider::Telnyx => {
            own("connection_id", quoted(&Config::default().telnyx.connection_id));
            own("public_keys", format!("[{}]", quoted(&account.public_key)));
        }
        Provider::Retell => {}
        _ => own("account_sid", quoted(ACCOUNT)),
    }
    for (key, value) in more {
        settings.retain(|(known, _)| known != key);
        settings.push((key.clone(), value.clone()));
    }
    settings.iter().map(|(key, value)| format!("{key} = {value}\n")).collect()
}
