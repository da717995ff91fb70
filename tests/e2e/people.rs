//! What people touch besides the API: the command line, the live events, the demo.

use std::process::Stdio;
use std::time::Duration;

use serde_json::Value;
use tests::process::command;
use tests::{Town, Wish};

use crate::{CAST, SOON, STAYS};

#[tokio::test]
async fn the_command_line_places_shows_lists_and_hangs_up() {
    let town = Town::new("command-line").await;
    let run = async |arguments: &[&str]| -> Value {
        let arguments = [arguments, &["--json", "--server", town.api.base()]].concat();
        let run = town.command(&arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).output().await.unwrap();
        assert!(run.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&run.stderr));
        serde_json::from_slice(&run.stdout).unwrap()
    };
    let placed = run(&["call", "place", STAYS, "--from", "+12025550000", "--subject", "lead-42"]).await;
    let id = placed["id"].as_str().unwrap().to_owned();
    town.acknowledge(&id);
    town.api.until_phase(&id, &["live"], SOON).await;
    assert_eq!(run(&["call", "show", &id]).await["phase"], "live");
    assert_eq!(run(&["call", "list", "--subject", "lead-42"]).await["calls"][0]["id"], id.as_str());
    assert_eq!(run(&["sweep", "--dry-run"]).await["dry_run"], true);
    run(&["call", "hangup", &id, "--reason", "enough"]).await;
    let ended = town.api.until_ended(&id, SOON).await;
    assert_eq!(ended["outcome"]["reason"], "enough");
    town.close().await;
}

#[tokio::test]
async fn live_events_tell_each_station_of_a_call() {
    let town = Town::new("events").await;
    let mut stream = town.api.listen().await;
    let id = town.place(&Wish::to(CAST[0])).await;
    let mut heard = String::new();
    let told = |heard: &str, name: &str| {
        heard.split("\n\n").any(|event| event.contains(&format!("event: {name}\n")) && event.contains(&id))
    };
    let listening = async {
        while !told(&heard, "call.ended") {
            let chunk = stream.chunk().await.unwrap().expect("the stream goes on");
            heard += &String::from_utf8_lossy(&chunk);
        }
    };
    tokio::time::timeout(SOON, listening).await.expect("the end is told");
    for name in ["call.placed", "call.ringing", "call.answered", "call.ended"] {
        assert!(told(&heard, name), "{name} is told: {heard}");
    }
    town.close().await;
}

#[tokio::test]
async fn the_demo_shows_that_it_works_and_ends_well() {
    the_demo_ends_well("twilio").await;
}

#[tokio::test]
async fn the_demo_of_all_providers_ends_well() {
    the_demo_ends_well("all").await;
}

async fn the_demo_ends_well(provider: &str) {
    let mut demo = command("call-server");
    demo.args(["demo", "--once", "--calls", "60", "--speed", "100", "--seed", "11", "--provider", provider]);
    let demo = demo.stdout(Stdio::piped()).stderr(Stdio::piped()).output();
    let run = tokio::time::timeout(Duration::from_secs(90), demo).await.expect("it ends by itself").unwrap();
    let said = String::from_utf8_lossy(&run.stdout);
    assert!(run.status.success(), "{said}\n{}", String::from_utf8_lossy(&run.stderr));
    assert!(said.lines().filter(|line| line.trim_start().starts_with("holds")).count() >= 6, "{said}");
}
