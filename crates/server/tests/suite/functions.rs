//! Functions that a provider's agent invokes: found or made by either message, run once, traced (post-mortem 4.1, 4.2).

use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use axum::{Json, Router};
use call_core::Call;
use call_core::port::{Functions, ToolOutcome, ToolRequest};
use call_core::testkit::MemoryStore;
use call_server::{App, Overrides};
use serde_json::{Value, json};

use crate::client::{SECRET, Server, config, json as body, problem};

const CALL: &str = "call_0123456789abcdef0123456789abcdef";

/// The operator's functions, as a program of their own: it fails as often as it is told to.
#[derive(Clone, Default)]
struct Office(Arc<Mutex<Book>>);

#[derive(Default)]
struct Book {
    /// Each request's key and body.
    asked: Vec<(String, Value)>,
    failures: usize,
}

impl Office {
    async fn open(failures: usize) -> (Self, String) {
        let office = Self::default();
        office.0.lock().unwrap().failures = failures;
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/functions", listener.local_addr().unwrap());
        let router = Router::new().route("/functions", post(serve)).with_state(office.clone());
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        (office, url)
    }

    fn asked(&self) -> Vec<(String, Value)> {
        self.0.lock().unwrap().asked.clone()
    }
}

async fn serve(State(office): State<Office>, headers: HeaderMap, Json(body): Json<Value>) -> (StatusCode, Json<Value>) {
    assert_eq!(headers["authorization"], format!("Bearer {SECRET}"));
    let mut book = office.0.lock().unwrap();
    book.asked.push((headers["idempotency-key"].to_str().unwrap().to_owned(), body.clone()));
    if book.failures > 0 {
        book.failures -= 1;
        return (StatusCode::BAD_GATEWAY, Json(json!("not now")));
    }
    if body["name"] == "book" {
        return (StatusCode::CONFLICT, Json(json!({ "error": "that hour is taken" })));
    }
    (StatusCode::OK, Json(json!({ "slots": ["10:00"] })))
}

async fn clinic(url: &str) -> Server {
    Server::with(config(&format!("functions.url = '{url}'\nretell.from = '+15550100000'"))).await
}

fn invoke(name: &str, id: &str, call: &str) -> Value {
    let invocation = json!({ "role": "tool_call_invocation", "tool_call_id": id, "name": name, "arguments": "{}" });
    json!({ "name": name, "args": { "day": "Friday" }, "call": {
        "call_id": call, "call_type": "phone_call", "call_status": "ongoing", "direction": "inbound",
        "from_number": "+15550100123", "to_number": "+15550100000", "start_timestamp": 1_795_248_004_000_u64,
        "transcript_with_tool_calls": [invocation],
    }})
}

#[tokio::test]
async fn a_function_that_comes_before_its_call_makes_the_call_and_leaves_its_trace() {
    let (office, url) = Office::open(0).await;
    let server = clinic(&url).await;
    let answer = server.retell("/hooks/retell/functions", &invoke("check_availability", "t1", CALL)).await;
    assert_eq!(answer.status(), 200);
    assert_eq!(body(answer).await, json!({ "slots": ["10:00"] }));

    let calls = body(server.get("/v1/calls").await).await;
    let id = calls["calls"][0]["id"].as_str().unwrap().to_owned();
    let (key, asked) = office.asked().remove(0);
    assert_eq!((key.as_str(), &asked["call_id"]), ("t1", &json!(id)));
    assert_eq!((&asked["name"], &asked["arguments"]), (&json!("check_availability"), &json!({ "day": "Friday" })));

    let shown = body(server.get(&format!("/v1/calls/{id}")).await).await;
    let trace = &shown["tool_calls"][0];
    assert_eq!((&trace["name"], &trace["looks"]), (&json!("check_availability"), &json!(1)));
    assert_eq!(trace["result"], json!({ "slots": ["10:00"] }));
    assert!(trace["at"].is_string() && trace["seconds"].is_number() && trace.get("error").is_none(), "{trace}");
    let count = "call_tool_calls_total{name=\"check_availability\",outcome=\"returned\"}";
    assert!((server.metric(count).await - 1.0).abs() < f64::EPSILON);

    // The agent did not hear it, and asks again.
    let again = server.retell("/hooks/retell/functions", &invoke("check_availability", "t1", CALL)).await;
    assert_eq!(body(again).await, json!({ "slots": ["10:00"] }));
    assert_eq!(office.asked().len(), 1, "run once");
    assert!((server.metric(count).await - 1.0).abs() < f64::EPSILON);
}

#[tokio::test]
async fn a_function_is_tried_again_with_the_same_key_and_its_refusal_is_the_agents_to_tell() {
    let (office, url) = Office::open(2).await;
    let server = clinic(&url).await;
    let answer = server.retell("/hooks/retell/functions", &invoke("check_availability", "t1", CALL)).await;
    assert_eq!(answer.status(), 200, "the third try");
    assert_eq!(office.asked().iter().map(|(key, _)| key.as_str()).collect::<Vec<_>>(), ["t1", "t1", "t1"]);

    let refused = server.retell("/hooks/retell/functions", &invoke("book", "t2", CALL)).await;
    assert_eq!(refused.status(), 500);
    let told = body(refused).await["error"].as_str().unwrap().to_owned();
    assert!(told.contains("409") && told.contains("that hour is taken"), "{told}");
    assert_eq!(office.asked().len(), 4, "a refusal is an answer");
    let id = body(server.get("/v1/calls").await).await["calls"][0]["id"].as_str().unwrap().to_owned();
    let shown = body(server.get(&format!("/v1/calls/{id}")).await).await;
    assert_eq!(shown["tool_calls"][1]["error"], told);
    assert!(
        (server.metric("call_tool_calls_total{name=\"book\",outcome=\"failed\"}").await - 1.0).abs() < f64::EPSILON
    );
}

#[tokio::test]
async fn a_function_that_nobody_answers_ends_in_time_and_without_functions_the_agent_is_told_so() {
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", silent.local_addr().unwrap());
    let settings = format!("functions.url = '{url}'\nfunctions.timeout = '200ms'\nretell.from = '+15550100000'");
    let server = Server::with(config(&settings)).await;
    let late = server.retell("/hooks/retell/functions", &invoke("check_availability", "t1", CALL)).await;
    assert_eq!(late.status(), 500);
    assert!(body(late).await["error"].as_str().unwrap().contains("longer than 0.2 s"));

    let bare = Server::with(config("retell.from = '+15550100000'")).await;
    let told = bare.retell("/hooks/retell/functions", &invoke("check_availability", "t1", CALL)).await;
    assert_eq!(told.status(), 500);
    assert!(body(told).await["error"].as_str().unwrap().contains("functions.url"));
    let calls = body(bare.get("/v1/calls").await).await;
    let shown = body(bare.get(&format!("/v1/calls/{}", calls["calls"][0]["id"].as_str().unwrap())).await).await;
    assert_eq!(shown["tool_calls"].as_array().unwrap().len(), 1, "that is traced too: {shown}");
}

#[tokio::test]
async fn a_function_that_knows_only_the_providers_name_waits_for_its_call_by_the_schedule() {
    let (_, url) = Office::open(0).await;
    let server = clinic(&url).await;
    let path = format!("/hooks/retell/functions/check_availability?call_id={CALL}");
    let unknown = server.retell(&path, &json!({ "day": "Friday" })).await;
    assert_eq!(unknown.status(), 503, "nobody knows the call: ask again");

    let args = json!({ "day": "Monday" });
    let started = json!({ "event": "call_started", "call": invoke("", "", CALL)["call"] });
    let soon = async {
        tokio::time::sleep(Duration::from_millis(60)).await;
        server.retell("/hooks/retell/events", &started).await
    };
    let (answer, started) = tokio::join!(server.retell(&path, &args), soon);
    assert!(started.status().is_success());
    assert_eq!(answer.status(), 200);
    let id = body(server.get("/v1/calls").await).await["calls"][0]["id"].as_str().unwrap().to_owned();
    let shown = body(server.get(&format!("/v1/calls/{id}")).await).await;
    let looks = shown["tool_calls"][0]["looks"].as_u64().unwrap();
    assert!(looks > 1, "{shown}");
    assert!(server.metric(&format!("call_lookups_total{{look=\"{looks}\"}}")).await >= 1.0);
}

struct Clock;

#[async_trait::async_trait]
impl Functions for Clock {
    async fn invoke(&self, call: &Call, request: &ToolRequest) -> ToolOutcome {
        Ok(format!("{} on {}", request.name, call.plan().to))
    }
}

#[tokio::test]
async fn an_embedder_brings_functions_of_its_own() {
    let overrides = Overrides {
        store: Some(Arc::new(MemoryStore::new())),
        functions: Some(Arc::new(Clock)),
        ..Overrides::default()
    };
    let server = Server::of(App::start(config("retell.from = '+15550100000'"), overrides).await.unwrap());
    let answer = server.retell("/hooks/retell/functions", &invoke("initialize_call", "t1", CALL)).await;
    assert_eq!(answer.text().await.unwrap(), "initialize_call on +15550100000");
}

#[tokio::test]
async fn what_the_provider_found_out_is_shown_and_counted() {
    let server = clinic("http://127.0.0.1:9").await;
    let mut call = invoke("", "", CALL)["call"].clone();
    call["call_status"] = json!("ended");
    call["end_timestamp"] = json!(1_795_248_064_000_u64);
    call["disconnection_reason"] = json!("user_hangup");
    call["call_analysis"] = json!({ "call_successful": true, "call_summary": "Booked.", "user_sentiment": "Positive" });
    call["latency"] = json!({ "e2e": { "p50": 800, "p90": 1200, "p99": 2000 } });
    call["transcript_object"] = json!([
        { "role": "agent", "content": "Hello." }, { "role": "user", "content": "Friday at ten." }
    ]);
    let analyzed = json!({ "event": "call_analyzed", "call": call });
    assert_eq!(server.retell("/hooks/retell/events", &analyzed).await.status(), 204);
    assert_eq!(server.retell("/hooks/retell/events", &analyzed).await.status(), 204, "and again");
    let id = body(server.get("/v1/calls").await).await["calls"][0]["id"].as_str().unwrap().to_owned();
    let shown = body(server.get(&format!("/v1/calls/{id}")).await).await;
    assert_eq!(shown["phase"], "ended");
    assert_eq!(shown["analysis"]["successful"], true);
    assert_eq!(shown["latency"]["p50"], "800ms");
    assert_eq!(shown["transcript"][1]["text"], "Friday at ten.");
    let judged = server.metric("call_analyzed_total{provider=\"retell\",successful=\"yes\"}").await;
    assert!((judged - 1.0).abs() < f64::EPSILON);
}

#[tokio::test]
async fn a_function_that_nobody_signed_is_not_run() {
    let (office, url) = Office::open(0).await;
    let server = clinic(&url).await;
    let forged = server.plain(reqwest::Method::POST, "/hooks/retell/functions").json(&invoke("book", "t1", CALL));
    problem(forged.send().await.unwrap(), 403, "unsigned").await;
    assert!(office.asked().is_empty());
}
