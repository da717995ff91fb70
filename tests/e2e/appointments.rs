//! Post-mortem 4: an appointment agent on Retell, whose functions found no call.

use std::collections::BTreeMap;

use call_core::{Fact, Source, ToolCall};
use serde_json::{Value, json};
use simulator::{CallRecord, Fault, Invocation, Number, Provider, Purpose, Rule, Status};
use tests::laws::event;
use tests::{Life, Office, Town, Wish, until};

use crate::{CAST, SOON, STAYS};

/// A number of ours, whose callers the agent takes.
const CLINIC: &str = "+12025550300";

/// People who let the agent finish, for its functions take their time.
const PATIENT: [&str; 4] = [STAYS, "+12025550171", "+12025550172", "+12025550173"];

async fn clinic(name: &str, office: &Office) -> Town {
    let functions = format!("'{}'", office.url());
    let town = Town::named(name).by(Provider::Retell).speed(20.0).set("functions.url", &functions).build().await;
    for ours in [CLINIC, "+12025550000"] {
        town.network.set_number(&Number::at(Provider::Retell, ours)).await;
    }
    town
}

/// The traces of a call.
fn traces(life: &Life) -> Vec<&ToolCall> {
    let applied = life.journal.iter().filter(|entry| entry.ignored.is_none());
    let facts = applied.filter_map(|entry| match &entry.input {
        call_core::Input::Signal(signal) => Some(&signal.fact),
        call_core::Input::Command(_) | call_core::Input::Tick => None,
    });
    facts.filter_map(|fact| if let Fact::ToolCall(trace) = fact { Some(trace) } else { None }).collect()
}

fn life<'a>(lives: &'a [Life], record: &CallRecord) -> &'a Life {
    lives.iter().find(|life| life.sid() == Some(record.sid.as_str())).unwrap()
}

fn returned(record: &CallRecord) -> impl Iterator<Item = &Invocation> {
    record.functions.iter().filter(|invocation| invocation.returned_at.is_some())
}

#[tokio::test]
pub(crate) async fn p4_1_a_function_and_its_call_may_come_in_any_order() {
    let office = Office::open().await;
    let town = clinic("p4-1", &office).await;
    for fault in [Fault::ToolFirst, Fault::ToolTogether] {
        town.network.inject(Rule::new(fault)).await;
        for (guest, callee) in PATIENT.into_iter().enumerate() {
            town.place(&Wish::to(callee)).await;
            // Nobody knows a caller's call before one of its messages: whichever comes first makes it.
            town.network.ring(&format!("+1303555017{guest}"), CLINIC).await;
        }
        town.rest().await;
        assert!(town.network.struck_by(fault).await > 0, "{fault:?} strikes");
        town.network.heal().await;
    }
    let looked = async || town.api.metric("call_lookups_total", &[]).await;
    until("each look that found a call is counted", SOON, looked, |looks| *looks > 16.0).await;
    let (ledger, truth) = town.close().await;
    assert_eq!(ledger.lives.len(), truth.len(), "one call each, whoever was first");
    let mut invoked = 0;
    for record in &truth {
        let (life, made) = (life(&ledger.lives, record), returned(record).count());
        assert!(made > 0 || record.status != Status::Completed, "{}: the agent invokes its functions", record.sid);
        for invocation in returned(record).filter(|invocation| invocation.name != "collect_appointment_info") {
            assert_eq!(invocation.successful, Some(true), "{invocation:?}");
        }
        let traces = traces(life);
        assert_eq!(traces.len(), made, "{}: {traces:?}", record.sid);
        assert!(traces.iter().all(|trace| (1..=5).contains(&trace.looks)));
        invoked += made;
    }
    assert!(invoked >= 16, "{invoked}");
}

#[tokio::test]
pub(crate) async fn p4_2_every_function_leaves_its_trace() {
    let office = Office::open().await;
    let town = clinic("p4-2", &office).await;
    let wish = Wish::to(STAYS).about("lead-7").knowing(json!({ "clinic": "north" }));
    let id = town.place(&wish).await;
    let shown = town.api.until_ended(&id, SOON).await;
    let traces: BTreeMap<&str, &Value> = shown["tool_calls"].as_array().unwrap().iter().map(name).collect();
    assert_eq!(shown["tool_calls"].as_array().unwrap().len(), 3, "{shown:#}");
    assert_eq!(traces["initialize_call"]["result"]["call"], id.as_str());
    assert_eq!(traces["check_availability"]["arguments"], json!({ "day": "Friday" }));
    assert_eq!(traces["check_availability"]["result"]["slots"][0], "10:00");
    let refused = traces["collect_appointment_info"];
    assert!(refused["error"].as_str().unwrap().contains("that hour is taken"), "{refused:#}");
    assert!(refused.get("result").is_none());
    for trace in traces.values() {
        assert!(
            trace["at"].is_string() && trace["seconds"].as_f64().unwrap() < 5.0 && trace["looks"] == 1,
            "{trace:#}"
        );
    }
    let count = async |name: &str, outcome: &str| {
        let labels = [format!("name=\"{name}\""), format!("outcome=\"{outcome}\"")];
        town.api.metric("call_tool_calls_total", &[&labels[0], &labels[1]]).await
    };
    assert!((count("check_availability", "returned").await - 1.0).abs() < f64::EPSILON);
    assert!((count("collect_appointment_info", "failed").await - 1.0).abs() < f64::EPSILON);

    let (_, truth) = town.close().await;
    let asked = office.asked();
    for invocation in &truth[0].functions {
        let of: Vec<_> = asked.iter().filter(|asked| asked.body["name"] == invocation.name.as_str()).collect();
        let [asked] = of[..] else { panic!("{} runs once: {of:?}", invocation.name) };
        assert_eq!((asked.key.as_str(), &asked.body["arguments"]), (invocation.id.as_str(), &invocation.arguments));
        assert_eq!((&asked.body["subject"], &asked.body["context"]), (&json!("lead-7"), &json!({ "clinic": "north" })));
    }
    // The agent asks again after a failure, and hears the same without running it again.
    let failed = truth[0].functions.iter().find(|invocation| invocation.name == "collect_appointment_info").unwrap();
    assert_eq!(truth[0].sent[failed.sent.unwrap()].attempts.len(), 3);
}

fn name(trace: &Value) -> (&str, &Value) {
    (trace["name"].as_str().unwrap(), trace)
}

#[tokio::test]
pub(crate) async fn p4_3_an_end_that_is_never_told_is_asked_for() {
    let town = Town::named("p4-3").by(Provider::Retell).build().await;
    for event in ["call_ended", "call_analyzed"] {
        town.network.inject(Rule::new(Fault::CallbackLost).on(event)).await;
    }
    let mut ids = town.place_all(&CAST).await;
    for id in &ids {
        town.api.until_ended(id, SOON).await;
    }
    town.network.heal().await;
    town.network.inject(Rule::new(Fault::EndNeverSent)).await;
    let last = town.place(&Wish::to(CAST[0])).await;
    town.api.until_ended(&last, SOON).await;
    let (ledger, truth) = town.close().await;
    for id in &ids {
        let outcome = ledger.life(id).outcome();
        assert_eq!(outcome.source, Source::Reconciliation, "{id}: {outcome:?}");
    }
    ids.push(last);
    for record in &truth {
        let told = record.sent_for(Purpose::Status).filter(|sent| event(sent) == Some("call_ended"));
        assert!(told.filter(|sent| sent.delivered()).count() == 0, "{}: nobody tells of the end", record.sid);
    }
    assert_eq!(ledger.lives.len(), ids.len());
}

#[tokio::test]
pub(crate) async fn p4_4_what_the_provider_judged_is_kept_and_counted() {
    let office = Office::open().await;
    let town = clinic("p4-4", &office).await;
    let ids = town.place_all(&[STAYS, CAST[0], CAST[5], CAST[6]]).await;
    for id in &ids {
        town.api.until_call(id, "the verdict is shown", |call| call["analysis"].is_object()).await;
    }
    let shown = town.api.call(&ids[0]).await;
    assert!(shown["analysis"]["summary"].as_str().is_some_and(|summary| !summary.is_empty()), "{shown:#}");
    assert!(shown["latency"]["p50"].is_string() && shown["cost"]["amount"].is_string(), "{shown:#}");
    assert!(shown["transcript"].as_array().is_some_and(|turns| turns.len() > 1), "{shown:#}");
    town.rest().await;
    let mut counted = BTreeMap::new();
    for verdict in ["yes", "no", "unknown"] {
        let labels = ["provider=\"retell\"".to_owned(), format!("successful=\"{verdict}\"")];
        counted.insert(verdict, town.api.metric("call_analyzed_total", &[&labels[0], &labels[1]]).await);
    }
    let (ledger, truth) = town.close().await;
    let mut judged: BTreeMap<&str, f64> = BTreeMap::from([("yes", 0.0), ("no", 0.0), ("unknown", 0.0)]);
    for record in &truth {
        let mut told = record.sent_for(Purpose::Status).filter(|sent| event(sent) == Some("call_analyzed"));
        let verdict = told.next().unwrap().json.as_ref().unwrap()["call"]["call_analysis"]["call_successful"].as_bool();
        let analysis = life(&ledger.lives, record).call.state().findings.analysis.clone().unwrap();
        assert_eq!(analysis.successful, verdict);
        *judged.get_mut(verdict.map_or("unknown", |yes| if yes { "yes" } else { "no" })).unwrap() += 1.0;
    }
    assert_eq!(counted, judged);
}
