use std::time::Duration;

use adapter_retell::{Retell, RetellConfig, RetellHook};
use call_core::port::Hook as _;
use provider_laws::{Message, PUBLIC, born};
use serde_json::json;

use crate::kit::{KEY, config, object, sign};

fn key(change: impl FnOnce(&mut RetellConfig)) -> &'static str {
    let mut config = config();
    change(&mut config);
    let error = config.check().unwrap_err();
    assert_eq!(Retell::new(&config).unwrap_err(), error);
    assert_eq!(RetellHook::new(&config).unwrap_err(), error);
    error.key
}

#[test]
fn what_cannot_work_is_named() {
    assert!(config().check().is_ok());
    assert_eq!(key(|c| c.api_key = " ".into()), "api_key");
    assert_eq!(key(|c| c.api_key = "two\nlines".into()), "api_key");
    assert_eq!(key(|c| c.webhook_keys = vec![KEY.into(), "".into()]), "webhook_keys");
    assert_eq!(key(|c| c.agent_id = Some(" ".to_owned())), "agent_id");
    assert_eq!(key(|c| c.base_url = "http://api.retellai.com".to_owned()), "base_url");
    assert_eq!(key(|c| c.base_url = "ftp://api.retellai.com".to_owned()), "base_url");
    assert_eq!(key(|c| c.public_url = "calls.example.com".to_owned()), "public_url");
    assert_eq!(key(|c| c.public_url = format!("{PUBLIC}?a=1")), "public_url");
    assert_eq!(key(|c| c.replay_window = Duration::ZERO), "replay_window");
    assert_eq!(key(|c| c.timeout = Duration::ZERO), "timeout");
}

#[test]
fn a_file_may_leave_out_what_has_a_default() {
    let text = format!(r#"{{"api_key": "{KEY}", "public_url": "{PUBLIC}", "timeout": "4s"}}"#);
    let read: RetellConfig = serde_json::from_str(&text).unwrap();
    assert_eq!(read.base_url, "https://api.retellai.com");
    assert_eq!((read.replay_window.as_secs(), read.connect_timeout.as_secs(), read.timeout.as_secs()), (300, 3, 4));
    assert!(read.agent_id.is_none() && read.webhook_keys.is_empty() && read.check().is_ok());
}

/// Of a workspace's keys, Retell signs with the one that has the webhook badge.
#[test]
fn webhooks_may_be_signed_with_other_keys_than_requests() {
    let message = Message::json("/events", &json!({"event": "call_started", "call": object(&json!({}))}));
    let believes = |config: &RetellConfig, key: &str| {
        sign(message.clone(), key, born()).tell(&RetellHook::new(config).unwrap(), born()).is_ok()
    };
    let plain = config();
    assert!(believes(&plain, KEY) && !believes(&plain, "key_badge"));
    let badge = RetellConfig { webhook_keys: vec!["key_badge".into(), "key_next".into()], ..plain };
    assert!(believes(&badge, "key_badge") && believes(&badge, "key_next") && !believes(&badge, KEY));
    assert!(!format!("{badge:?} {:?}", RetellHook::new(&badge)).contains("key_badge"));
    assert_eq!(RetellHook::new(&badge).unwrap().name().as_str(), "retell");
}

/// Without a TLS provider in the process, the HTTP library would panic here.
#[test]
fn a_client_for_the_real_api_is_made_without_further_ado() {
    match Retell::new(&config()) {
        Ok(_) => {}
        // A machine without certificates says so.
        Err(error) => assert_eq!(error.key, "base_url"),
    }
}
