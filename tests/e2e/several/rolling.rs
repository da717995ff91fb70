//! A rolling restart under load: nobody outside notices.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use serde_json::Value;
use simulator::{CallRecord, Purpose};
use tests::{On, Town, steps};

use crate::load::Load;

const SERVERS: usize = 3;
const CLIENTS: u64 = 4;
const ROUNDS: usize = 2;

#[tokio::test]
async fn on_postgres_a_rolling_restart_fails_no_webhook_and_dials_nobody_on_its_way_out() {
    roll(On::Postgres, 4714).await;
}

#[tokio::test]
async fn on_mongo_a_rolling_restart_fails_no_webhook_and_dials_nobody_on_its_way_out() {
    roll(On::Mongo, 4715).await;
}

async fn roll(on: On, seed: u64) {
    if on.is_skipped() {
        return;
    }
    let began = Instant::now();
    let town = Town::named("rolling").seed(seed).on(on).servers(SERVERS).set("server.linger", "'1s'").build().await;
    let load = Load::default();
    let rolling = async {
        for server in town.servers.iter().cycle().take(ROUNDS * SERVERS) {
            tokio::time::sleep(Duration::from_millis(300)).await;
            server.terminate().await;
            server.start().await;
        }
        load.stop();
    };
    futures::join!(load.run(&town, CLIENTS), rolling);
    let logs: Vec<String> = town.servers.iter().map(tests::Server::log).collect();
    let (ledger, truth) = town.close().await;
    assert!(ledger.lives.len() > 30, "that was no load: {}", ledger.lives.len());
    let webhooks = truth.iter().flat_map(|record| &record.sent).filter(|sent| !sent.attempts.is_empty()).count();
    // A server that is too slow for the provider's patience is no matter of restarts; a machine that is busy with other
    // things has some of those at any time.
    let (slow, failed): (Vec<_>, Vec<_>) = failed(&truth).into_iter().partition(|why| why.contains("timed out"));
    println!(
        "{on:?}: {} restarts, {} calls, {webhooks} webhooks, {} failed, {} slow, {} requests repeated, {:?}",
        ROUNDS * SERVERS,
        ledger.lives.len(),
        failed.len(),
        slow.len(),
        load.repeated.borrow().len(),
        began.elapsed()
    );
    assert!(failed.is_empty(), "webhooks failed:\n{}", failed.join("\n"));
    assert!(slow.len() * 10 <= webhooks, "one webhook in ten came too late:\n{}", slow.join("\n"));
    // A client that uses a connection in the moment when it is closed for good has to ask again; nobody is turned away.
    let refusals: Vec<String> =
        load.repeated.borrow().iter().filter(|why| why.starts_with("Answer")).cloned().collect();
    assert!(refusals.is_empty(), "clients of the API were turned away: {refusals:#?}");
    let (mut stops, mut late) = (0, Vec::new());
    for log in &logs {
        let (seen, dials) = dials_while_draining(log);
        stops += seen;
        late.extend(dials);
    }
    assert!(stops >= ROUNDS * SERVERS, "the logs tell of every stop: {stops}");
    assert!(late.is_empty(), "dials begun by a server that was told to stop: {late:?}");
}

/// Every try of every webhook that was not answered 2xx.
fn failed(truth: &[CallRecord]) -> Vec<String> {
    let sent = truth.iter().flat_map(|record| &record.sent).filter(|sent| sent.purpose != Purpose::Forgery);
    sent.flat_map(|sent| sent.attempts.iter().map(move |attempt| (sent, attempt)))
        .filter(|(_, attempt)| !attempt.answer.is_some_and(|status| (200..300).contains(&status)))
        .map(|(sent, attempt)| format!("{:?} {}: {attempt:?}", sent.purpose, sent.url))
        .collect()
}

/// How often a server was told to stop, and the dials that it began after that and did not put off.
fn dials_while_draining(log: &str) -> (usize, Vec<String>) {
    let (mut stops, mut draining, mut begun, mut late) = (0, false, BTreeSet::new(), Vec::new());
    let text = |line: &steps::Line, name| line.field(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    for line in steps::lines(log) {
        match (line.step.as_str(), text(&line, "message").as_str()) {
            (_, "stopping on SIGTERM") => (stops, draining) = (stops + 1, true),
            (_, "accepting requests") => draining = false,
            ("dialing", _) if draining => drop(begun.insert(text(&line, "effect_id"))),
            ("effect", _) if begun.remove(&text(&line, "effect_id")) && text(&line, "answer") != "later" => {
                late.push(text(&line, "effect_id"));
            }
            _ => {}
        }
    }
    late.extend(begun);
    (stops, late)
}
