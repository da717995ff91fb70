//! What a step costs: `cargo bench -p call-core`.

#![allow(missing_docs, reason = "a benchmark")]

use std::sync::Arc;

use call_core::testkit::script::{Scene, input};
use call_core::{Call, State, journal};
use divan::{Bencher, black_box};

fn main() {
    divan::main();
}

const RINGING: &str = "1s dialed accepted; 2s ringing";
const LIVE: &str = "1s dialed accepted; 2s ringing; 4s answered#e3";

/// One input to a call that was brought somewhere; the call is made anew outside the time that is measured.
fn step(bencher: Bencher<'_, '_>, way: &str, words: &str) {
    let call = Scene::outbound().play(way).call;
    let input = input(words, call.birth().at);
    let now = call.state().now;
    bencher.with_inputs(|| call.clone()).bench_refs(|call| black_box(call.handle(black_box(&input), now)));
}

#[divan::bench]
fn ringing_to_answered(bencher: Bencher<'_, '_>) {
    step(bencher, RINGING, "answered#e3");
}

#[divan::bench]
fn answered_to_hanging_up(bencher: Bencher<'_, '_>) {
    step(bencher, LIVE, "hangup");
}

#[divan::bench]
fn answered_to_ended(bencher: Bencher<'_, '_>) {
    step(bencher, LIVE, "ended completed#e4");
}

#[divan::bench]
fn ignored_duplicate(bencher: Bencher<'_, '_>) {
    step(bencher, LIVE, "answered#e3");
}

#[divan::bench]
fn tick_that_is_not_due(bencher: Bencher<'_, '_>) {
    step(bencher, LIVE, "tick");
}

/// A typical call from birth to end: eight entries.
fn life() -> (Call, Vec<journal::Entry>) {
    let (mut call, _) = Call::born(Arc::clone(Scene::outbound().play("").call.birth()));
    let words = [
        "dialed accepted",
        "initiated",
        "ringing",
        "answered",
        "turn agent",
        "turn caller",
        "hangup",
        "ended completed",
    ];
    let born = call.birth().at;
    let entries = (1..)
        .zip(words)
        .map(|(second, words)| {
            let now = born + std::time::Duration::from_secs(second);
            journal::record(&mut call, input(words, born), now).0
        })
        .collect();
    (call, entries)
}

#[divan::bench]
fn fold_of_eight_entries(bencher: Bencher<'_, '_>) {
    let (call, entries) = life();
    bencher.bench(|| journal::fold(call.birth(), black_box(&entries)));
}

#[divan::bench]
fn state_to_json(bencher: Bencher<'_, '_>) {
    let (call, _) = life();
    bencher.bench(|| serde_json::to_string(black_box(call.state())));
}

#[divan::bench]
fn state_from_json(bencher: Bencher<'_, '_>) {
    let (call, _) = life();
    let text = serde_json::to_string(call.state()).expect("a state can be written");
    bencher.bench(|| serde_json::from_str::<State>(black_box(&text)));
}
