//! `call-server config check`

use std::process::ExitCode;

use clap::Subcommand;

use crate::config::{Config, Problems, Source};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Say what was found, and everything that would keep the server from working
    Check,
    /// Print the default configuration, in which every key is explained
    Default,
}

/// Does it. The exit code says whether `serve` would start.
pub(super) fn run(source: &Source, args: &Args) -> ExitCode {
    match args.what {
        What::Check => check(source),
        What::Default => {
            print!("{}", crate::config::DEFAULTS);
            ExitCode::SUCCESS
        }
    }
}

fn check(source: &Source) -> ExitCode {
    match source.file() {
        Some(path) => say!("file: {}", path.display()),
        None => say!("file: none; defaults and environment only"),
    }
    let checked = source.read().and_then(|config| {
        found(&config);
        config.check()
    });
    match checked {
        Ok(()) => {
            say!("ok: the server can start");
            ExitCode::SUCCESS
        }
        Err(Problems(problems)) => {
            for problem in problems {
                say!("problem: {problem}");
            }
            ExitCode::FAILURE
        }
    }
}

fn found(config: &Config) {
    let set = |count: usize| match count {
        0 => "not set".to_owned(),
        1 => "set".to_owned(),
        several => format!("set ({several})"),
    };
    let or_none = |text: &str| if text.is_empty() { "not set".to_owned() } else { text.to_owned() };
    let lines = [
        ("server.listen", config.server.listen.to_string()),
        ("server.public_url", or_none(config.server.public_url.as_ref().map_or("", url::Url::as_str))),
        ("store.url", config.store.url.to_string()),
        ("api.tokens", set(config.api.tokens.len())),
        ("twilio.account_sid", or_none(&config.twilio.account_sid)),
        ("twilio.auth_token", set(config.twilio.auth_tokens.len())),
        ("twilio.api_key_secret", set(config.twilio.api_key_secret.len())),
        ("twilio.from", or_none(&config.twilio.from)),
        ("twilio.base_url", config.twilio.base_url.to_string()),
    ];
    for (key, value) in lines {
        say!("{key}: {value}");
    }
}
