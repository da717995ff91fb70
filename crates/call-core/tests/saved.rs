//! This version writes the newest of the saved formats that `store_laws!` reads on every store.
//!
//! A difference here means that calls stored from now on look different. If that is meant, add new files under
//! `src/testkit/laws/saved/` (until a release has written the old ones, replace them: run with `SAVE=1`).
#![allow(clippy::unwrap_used, reason = "a test")]

use std::path::PathBuf;
use std::time::Duration;

use call_core::port::Commit;
use call_core::{
    Call, CallId, Command, DialAnswer, Disposition, Fact, Hungup, Input, Leg, Plan, Policy, Progress, Proposer,
    ProviderName, Recording, Script, Signal, Speaker, StreamFact, Timestamp, Turn,
};

fn at(millis: i64) -> Timestamp {
    Timestamp::from_millis(1_795_248_000_000 + millis)
}

fn leg(n: u8) -> Leg {
    Leg::new(ProviderName::new("acme"), format!("CA{n}"))
}

fn plan(n: u8) -> Plan {
    let mut plan = Plan::new(ProviderName::new("acme"), "+15550100", "+15550199").about(format!("subject-{n}"));
    plan.ring_for = Some(Duration::from_secs(40));
    plan.record = true;
    plan.context.insert("prompt".to_owned(), "Be kind. «Grüße»".to_owned());
    plan
}

fn id(n: u8) -> CallId {
    CallId::new(at(0), [0, 0, 0, 0, 0, 0, 0, 0, 0, n])
}

fn on(n: u8, fact: Fact) -> Input {
    Signal::new(fact).on(leg(n)).into()
}

/// What a store would keep of a call that lived so.
fn saved(born: Call, inputs: Vec<(i64, Input)>) -> serde_json::Value {
    let mut commit = Commit::birth((born, Vec::new()));
    for (millis, input) in inputs {
        commit.handle(input, at(millis));
    }
    serde_json::json!({
        "birth": &**commit.call.birth(),
        "state": commit.call.state(),
        "journal": commit.entries,
    })
}

fn check(name: &str, saved: &serde_json::Value) {
    let path: PathBuf = [env!("CARGO_MANIFEST_DIR"), "src/testkit/laws/saved", name].iter().collect();
    let text = serde_json::to_string_pretty(saved).unwrap() + "\n";
    if std::env::var_os("SAVE").is_some() {
        std::fs::write(&path, &text).unwrap();
    }
    assert_eq!(std::fs::read_to_string(&path).unwrap_or_default(), text, "{}", path.display());
}

#[test]
fn a_completed_outbound_call() {
    let (call, _) = Call::dial(id(1), plan(1), Policy::default(), at(0));
    let recording = Recording {
        id: "RE1".to_owned(),
        url: Some("https://example.com/RE1".to_owned()),
        status: "completed".to_owned(),
        duration: Some(Duration::from_secs(61)),
    };
    let hungup = Hungup {
        cause: Some("completed".to_owned()),
        sip_code: Some(200),
        duration: Some(Duration::from_secs(63)),
        ..Hungup::new(Disposition::Completed)
    };
    let mut ringing =
        Signal::new(Fact::Progress(Progress::Ringing)).on(leg(1)).keyed("CA1/2").ordered(2).happened(at(900));
    ringing.extra.insert("CallerCity".to_owned(), "ZÜRICH".to_owned());
    let turn = Turn { speaker: Speaker::Caller, text: "hello?".to_owned() };
    let inputs = vec![
        (800, on(1, Fact::Dialed(DialAnswer::Accepted))),
        (1000, ringing.clone().into()),
        (1100, ringing.into()),
        (5000, on(1, Fact::Answered)),
        (6000, on(1, Fact::Turn(turn))),
        (7000, Command::Speak { operation: "greeting".to_owned(), text: "Hi!".to_owned() }.into()),
        (68_000, on(1, Fact::Ended(hungup))),
        (69_000, on(1, Fact::Recording(recording))),
        (90_000, Input::Tick),
        (99_000, on(1, Fact::Answered)),
    ];
    check("0.1-completed.json", &saved(call, inputs));
}

#[test]
fn a_live_inbound_call() {
    let plan = plan(2).with_script(Script::Stream);
    let (call, _) = Call::ring(id(2), leg(2), plan, Policy::default(), at(0));
    let inputs = vec![
        (10, on(2, Fact::Answered)),
        (200, on(2, Fact::Stream(StreamFact::Opened))),
        (300, Command::Speak { operation: "greeting".to_owned(), text: "Hi!".to_owned() }.into()),
        (400, on(2, Fact::Unknown("acme.new-event".to_owned()))),
    ];
    check("0.1-live.json", &saved(call, inputs));
}

#[test]
fn a_call_in_its_farewell() {
    let (call, _) = Call::dial(id(3), plan(3), Policy::default(), at(0));
    let goodbye =
        Command::Hangup { proposer: Proposer::Farewell, reason: Some("goodbye".to_owned()), after_speech: true };
    let inputs = vec![
        (800, on(3, Fact::Dialed(DialAnswer::Accepted))),
        (5000, on(3, Fact::Answered)),
        (7000, Command::Speak { operation: "bye".to_owned(), text: "Bye!".to_owned() }.into()),
        (7100, goodbye.into()),
    ];
    check("0.1-farewell.json", &saved(call, inputs));
}

#[test]
fn a_dial_with_an_unknown_outcome() {
    let (call, _) = Call::dial(id(4), plan(4), Policy::default(), at(0));
    let inputs = vec![(15_000, Signal::new(Fact::Dialed(DialAnswer::Unknown { why: "timed out".to_owned() })).into())];
    check("0.1-unknown-dial.json", &saved(call, inputs));
}
