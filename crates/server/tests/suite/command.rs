//! The program itself.

use std::io::{BufRead, BufReader};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use crate::client::{ACCOUNT, SECRET, TOKEN};

pub(crate) fn program(dir: &std::path::Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_call-server"));
    command.current_dir(dir).env_clear().env("RUST_BACKTRACE", "1");
    command
}

pub(crate) fn configured(dir: &std::path::Path) -> Command {
    let mut command = program(dir);
    command
        .env("CALL_SERVER__API__TOKENS", TOKEN)
        .env("CALL_SERVER__TWILIO__ACCOUNT_SID", ACCOUNT)
        .env("CALL_SERVER__TWILIO__AUTH_TOKEN", SECRET)
        .env("CALL_SERVER__TWILIO__FROM", "+15550100000")
        .env("CALL_SERVER__TWILIO__BASE_URL", "http://127.0.0.1:9")
        .env("CALL_SERVER__SERVER__PUBLIC_URL", "https://calls.example.com")
        .env("CALL_SERVER__SERVER__LISTEN", "127.0.0.1:0")
        .env("CALL_SERVER__LOG__FORMAT", "json");
    command
}

pub(crate) fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// One sentence for people, on stderr, and no trace of the program's inside.
pub(crate) fn fails(output: &Output) -> String {
    assert!(!output.status.success());
    let told = text(&output.stderr);
    assert!(told.starts_with("call-server: ") && !told.contains("backtrace"), "{told}");
    told
}

#[test]
fn serve_refuses_what_cannot_work_and_says_which_keys_to_set() {
    let dir = tempfile::tempdir().unwrap();
    let output = program(dir.path()).arg("serve").output().unwrap();
    let told = fails(&output);
    assert!(told.contains("  api.tokens: ") && told.contains("  twilio.account_sid: "), "{told}");
    assert!(output.stdout.is_empty());
}

#[test]
fn config_check_says_what_was_found_and_no_secret() {
    let dir = tempfile::tempdir().unwrap();
    let output = configured(dir.path()).args(["config", "check"]).output().unwrap();
    let told = text(&output.stdout);
    assert!(output.status.success(), "{told}");
    assert!(told.contains("api.tokens: set") && told.contains("twilio.auth_token: set"), "{told}");
    assert!(!told.contains(TOKEN) && !told.contains(SECRET), "{told}");
    let output = program(dir.path()).args(["config", "check"]).output().unwrap();
    assert!(!output.status.success());
    assert!(text(&output.stdout).contains("problem: api.tokens: "));
    let output = program(dir.path()).args(["--config", "nowhere.toml", "config", "check"]).output().unwrap();
    assert!(text(&output.stdout).contains("problem: nowhere.toml: "));
}

#[test]
fn a_client_without_a_server_says_so_in_one_sentence() {
    let dir = tempfile::tempdir().unwrap();
    let output = program(dir.path()).args(["call", "list", "--server", "http://127.0.0.1:9"]).output().unwrap();
    assert!(fails(&output).contains("no answer from http://127.0.0.1:9"));
}

#[test]
fn a_call_is_placed_listed_hung_up_and_replayed_from_the_shell() {
    let dir = tempfile::tempdir().unwrap();
    let mut server = configured(dir.path()).arg("serve").stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(server.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
    let url = line.trim().strip_prefix("call-server listening on ").unwrap().to_owned();
    let run = |args: &[&str]| {
        let output = configured(dir.path()).args(args).args(["--server", &url]).output().unwrap();
        assert!(output.status.success(), "{args:?}: {}", text(&output.stderr));
        text(&output.stdout)
    };
    let placed = run(&["call", "place", "+15550100123", "--say", "Hello.", "--subject", "lead-1", "--json"]);
    let placed: serde_json::Value = serde_json::from_str(&placed).unwrap();
    let id = placed["id"].as_str().unwrap();
    assert!(run(&["call", "list"]).contains(id));
    assert!(run(&["call", "show", id]).contains("lead-1"));
    assert!(run(&["sweep", "--dry-run"]).contains("would be looked at"));
    run(&["call", "hangup", id, "--reason", "over"]);
    let again = configured(dir.path()).args(["call", "hangup", id, "--server", &url]).output().unwrap();
    assert!(fails(&again).contains("409"));
    // Its dial is put off, for nobody listens where Twilio should be; at the next try it is withdrawn.
    let deadline = Instant::now() + Duration::from_secs(10);
    while !run(&["call", "show", id]).contains("canceled") {
        assert!(Instant::now() < deadline);
    }

    let killed = Command::new("sh").args(["-c", &format!("kill -TERM {}", server.id())]).status().unwrap();
    assert!(killed.success());
    let output = server.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", text(&output.stderr));
    let log = text(&output.stderr);
    assert!(!log.contains("+15550100123"), "numbers are masked: {log}");
    let steps: Vec<serde_json::Value> = log.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert!(steps.iter().any(|line| line["step"] == "created" && line["call_id"] == id));

    let replay = configured(dir.path()).args(["replay", id]).output().unwrap();
    let told = text(&replay.stdout);
    assert!(replay.status.success(), "{told}{}", text(&replay.stderr));
    for said in [
        "born  outbound, twilio from +15550100000 to +15550100123",
        "subject    lead-1",
        "phase      dialing",
        "asks for   dial",
        "command hangup (after_speech false, by operator, reason over)",
        "dialing -> ending (waits for the dial's answer; wished by operator: over)",
        "deadline   confirm at ",
        "-> ended canceled at ",
        "tells      call.ended canceled",
        "the journal gives the stored call",
    ] {
        assert!(told.contains(said), "{said} in {told}");
    }
    let missing = configured(dir.path()).args(["replay", "0192f0c1-2345-7abc-8def-0123456789ab"]).output().unwrap();
    assert!(fails(&missing).contains("there is no call"));
}

#[test]
fn openapi_prints_the_document() {
    let dir = tempfile::tempdir().unwrap();
    let output = program(dir.path()).arg("openapi").output().unwrap();
    let document: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(document["openapi"], "3.1.0");
}
