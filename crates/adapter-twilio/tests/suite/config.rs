use adapter_twilio::{ApiKey, Twilio, TwilioConfig, TwilioHook};
use provider_laws::PUBLIC;
use secrecy::SecretString;

use crate::kit::{ACCOUNT, TOKEN, config};

fn key(change: impl FnOnce(&mut TwilioConfig)) -> &'static str {
    let mut config = config();
    change(&mut config);
    let error = config.check().unwrap_err();
    assert_eq!(Twilio::new(&config).unwrap_err(), error);
    assert_eq!(TwilioHook::new(&config).unwrap_err(), error);
    error.key
}

#[test]
fn what_cannot_work_is_named() {
    assert!(config().check().is_ok());
    assert_eq!(key(|c| c.account_sid = "SK123".to_owned()), "account_sid");
    assert_eq!(key(|c| c.auth_tokens.clear()), "auth_tokens");
    assert_eq!(key(|c| c.auth_tokens.push(SecretString::from("  "))), "auth_tokens");
    assert_eq!(key(|c| c.base_url = "http://api.twilio.com".to_owned()), "base_url");
    assert_eq!(key(|c| c.base_url = "ftp://api.twilio.com".to_owned()), "base_url");
    assert_eq!(key(|c| c.public_url = "calls.example.com".to_owned()), "public_url");
    assert_eq!(key(|c| c.public_url = "https://my_host.example.com".to_owned()), "public_url");
    assert_eq!(key(|c| c.public_url = format!("{PUBLIC}?a=1")), "public_url");
    assert_eq!(key(|c| c.timeout = std::time::Duration::ZERO), "timeout");
    let bad = ApiKey { sid: "x".to_owned(), secret: SecretString::from("y") };
    assert_eq!(key(|c| c.api_key = Some(bad)), "api_key.sid");
}

#[test]
fn a_file_may_leave_out_what_has_a_default() {
    let text = format!(
        r#"{{"account_sid": "{ACCOUNT}", "auth_tokens": ["{TOKEN}"], "public_url": "{PUBLIC}", "timeout": "4s"}}"#
    );
    let read: TwilioConfig = serde_json::from_str(&text).unwrap();
    assert_eq!(read.base_url, "https://api.twilio.com");
    assert_eq!((read.connect_timeout.as_secs(), read.timeout.as_secs()), (3, 4));
    assert!(read.check().is_ok());
}

#[test]
fn no_secret_is_ever_shown() {
    let mut config = config();
    let secret = SecretString::from("battery-staple");
    config.api_key = Some(ApiKey { sid: "SK00000000000000000000000000000001".to_owned(), secret });
    config.base_url = "http://127.0.0.1:1".to_owned();
    let client = Twilio::new(&config).unwrap();
    let hook = TwilioHook::new(&config).unwrap();
    for shown in [format!("{config:?}"), format!("{client:?}"), format!("{hook:?}"), format!("{:#?}", config.clone())] {
        assert!(!shown.contains(TOKEN) && !shown.contains("battery-staple"), "{shown}");
    }
}

/// Without a TLS provider in the process, the HTTP library would panic here.
#[test]
fn a_client_for_the_real_api_is_made_without_further_ado() {
    match Twilio::new(&config()) {
        Ok(_) => {}
        // A machine without certificates says so.
        Err(error) => assert_eq!(error.key, "base_url"),
    }
}
