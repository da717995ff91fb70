//! The network as a process, and under load.

use std::{process::Stdio, time::Duration};

use serde_json::{Value, json};
use simulator::{Config, Network, Person};
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::Command,
    time::{Instant, sleep},
};

use crate::backend::{Bench, PATIENCE, quick};

#[tokio::test]
async fn the_process_serves_until_told_to_stop() {
    let mut process = Command::new(env!("CARGO_BIN_EXE_simulator"))
        .args(["--port", "0", "--seed", "7", "--speed", "500", "--faults", "demo", "--hold", "0.1"])
        .env("TWILIO_ACCOUNT_SID", "AC00000000000000000000000000000007")
        .env("TWILIO_AUTH_TOKEN", "secret")
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
    let line = lines.next_line().await.unwrap().unwrap();
    let url = line.strip_prefix("simulator listening on ").unwrap().to_owned();
    assert!(url.starts_with("http://127.0.0.1:"));

    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    http.post(format!("{url}/control/heal")).send().await.unwrap();
    let account = "AC00000000000000000000000000000007";
    let created = http
        .post(format!("{url}/2010-04-01/Accounts/{account}/Calls.json"))
        .basic_auth(account, Some("secret"))
        .form(&[("To", "+12025550120"), ("From", "+12025550000"), ("Twiml", "<Response/>")])
        .send()
        .await
        .unwrap();
    assert_eq!(created.status(), 201);
    let deadline = Instant::now() + PATIENCE;
    loop {
        let quiet: Value = http.get(format!("{url}/control/quiet")).send().await.unwrap().json().await.unwrap();
        if quiet == json!({ "quiet": true }) {
            break;
        }
        assert!(Instant::now() < deadline, "never quiet");
        sleep(Duration::from_millis(5)).await;
    }
    let calls: Value = http.get(format!("{url}/control/calls")).send().await.unwrap().json().await.unwrap();
    assert_eq!(calls[0]["status"], "busy");

    let id = process.id().unwrap().to_string();
    Command::new("kill").args(["-TERM", &id]).status().await.unwrap();
    assert!(tokio::time::timeout(PATIENCE, process.wait()).await.unwrap().unwrap().success());
}

#[tokio::test]
async fn a_stopped_network_sends_nothing_more() {
    let bench = Bench::new().await;
    bench.network.set_person("*", Person::talks(3600.0));
    bench.twiml("/voice", "<Connect><Stream url='wss://a.example/m' statusCallback='/stream'/></Connect>");
    for line in 0..20 {
        bench.call(&format!("+1202555017{}", line % 10), &[]).await;
    }
    let Bench { network, .. } = bench;
    let url = network.base_url();
    tokio::time::timeout(PATIENCE, network.shutdown()).await.unwrap();
    let error = reqwest::get(url).await.unwrap_err();
    assert!(error.is_connect());
}

#[tokio::test]
async fn a_taken_port_is_an_error() {
    let first = Network::start(Config::default()).await.unwrap();
    let port = first.base_url().rsplit(':').next().unwrap().parse().unwrap();
    let error = Network::start(Config { port, ..Config::default() }).await.unwrap_err();
    assert_eq!(error.to_string(), format!("cannot listen on port {port}"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hundreds_of_calls_at_once_are_cheap() {
    let bench = Bench::with(Config { speed: 200.0, ..quick() }).await;
    bench.network.set_person("*", Person::talks(300.0));
    bench.twiml("/voice", "<Pause length='600'/>");
    let started = Instant::now();
    for number in 0..500 {
        bench.call(&format!("+49301{number:06}"), &[]).await;
    }
    bench.settle().await;
    let took = started.elapsed();
    let calls = bench.network.calls();
    assert_eq!(bench.seen("/status").len(), 2000);
    assert!(calls.iter().flat_map(|call| &call.sent).all(|sent| sent.delivered() && sent.attempts.len() == 1));
    println!("500 calls, 2500 requests in {took:?}");
}
