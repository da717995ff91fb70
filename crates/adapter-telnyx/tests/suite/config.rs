use std::time::Duration;

use adapter_telnyx::{MachineDetection, Telnyx, TelnyxConfig, TelnyxHook};
use provider_laws::PUBLIC;
use secrecy::SecretString;

use crate::kit::{CONNECTION, KEY, PUBLIC_KEY, config};

fn key(change: impl FnOnce(&mut TelnyxConfig)) -> &'static str {
    let mut config = config();
    change(&mut config);
    let error = config.check().unwrap_err();
    assert_eq!(Telnyx::new(&config).unwrap_err(), error);
    assert_eq!(TelnyxHook::new(&config).unwrap_err(), error);
    error.key
}

#[test]
fn what_cannot_work_is_named() {
    assert!(config().check().is_ok());
    assert_eq!(key(|c| c.api_key = SecretString::from(" ")), "api_key");
    assert_eq!(key(|c| c.api_key = SecretString::from("two\nlines")), "api_key");
    assert_eq!(key(|c| c.public_keys.clear()), "public_keys");
    assert_eq!(key(|c| c.public_keys.push("nonsense".to_owned())), "public_keys");
    assert_eq!(key(|c| c.connection_id = "../calls".to_owned()), "connection_id");
    assert_eq!(key(|c| c.connection_id.clear()), "connection_id");
    assert_eq!(key(|c| c.base_url = "http://api.telnyx.com/v2".to_owned()), "base_url");
    assert_eq!(key(|c| c.base_url = "ftp://api.telnyx.com/v2".to_owned()), "base_url");
    assert_eq!(key(|c| c.public_url = "calls.example.com".to_owned()), "public_url");
    assert_eq!(key(|c| c.public_url = format!("{PUBLIC}?a=1")), "public_url");
    assert_eq!(key(|c| c.voice.clear()), "voice");
    assert_eq!(key(|c| c.replay_window = Duration::ZERO), "replay_window");
    assert_eq!(key(|c| c.timeout = Duration::ZERO), "timeout");
}

#[test]
fn a_file_may_leave_out_what_has_a_default() {
    let text = format!(
        r#"{{"api_key": "{KEY}", "public_keys": ["{PUBLIC_KEY}"], "connection_id": "{CONNECTION}",
            "public_url": "{PUBLIC}", "timeout": "4s", "machine_detection": "premium"}}"#
    );
    let read: TelnyxConfig = serde_json::from_str(&text).unwrap();
    assert_eq!(read.base_url, "https://api.telnyx.com/v2");
    assert_eq!((read.replay_window.as_secs(), read.connect_timeout.as_secs(), read.timeout.as_secs()), (300, 3, 4));
    assert_eq!(read.machine_detection, MachineDetection::Premium);
    assert!(read.check().is_ok());
}

/// Without a TLS provider in the process, the HTTP library would panic here.
#[test]
fn a_client_for_the_real_api_is_made_without_further_ado() {
    match Telnyx::new(&config()) {
        Ok(_) => {}
        // A machine without certificates says so.
        Err(error) => assert_eq!(error.key, "base_url"),
    }
}
