//! The control API does over HTTP what the library does in memory.

use serde_json::{Value, json};
use simulator::{CallRecord, Manner, Provider, Status};

use crate::backend::{Bench, OURS, PHONE};

impl Bench {
    async fn control(&self, path: &str, body: Value) -> (u16, Value) {
        let url = format!("{}/control/{path}", self.network.base_url());
        let request = if body.is_null() { self.http.get(url) } else { self.http.post(url).json(&body) };
        let response = request.send().await.unwrap();
        (response.status().as_u16(), response.json().await.unwrap_or_default())
    }
}

#[tokio::test]
async fn persons_calls_and_quiet() {
    let bench = Bench::new().await;
    let person = json!({ "number": PHONE, "person": { "manner": "talks", "ring": 1, "talk": 9, "digits": "4" } });
    assert_eq!(bench.control("persons", person).await.0, 204);
    bench.twiml("/voice", "<Gather action='/digits'/>");
    assert_eq!(bench.control("quiet", Value::Null).await.1, json!({ "quiet": true }));
    let sid = bench.call(PHONE, &[]).await;
    assert_eq!(bench.control("quiet", Value::Null).await.1, json!({ "quiet": false }));
    bench.settle().await;
    assert_eq!(bench.fields("/digits", "Digits"), ["4"]);

    let (_, calls) = bench.control("calls", Value::Null).await;
    let calls: Vec<CallRecord> = serde_json::from_value(calls).unwrap();
    assert_eq!(calls, bench.network.calls());
    assert_eq!((calls[0].person.manner, calls[0].status), (Manner::Talks, Status::Completed));
    assert_eq!(calls[0].form, bench.form(PHONE));
    assert_eq!(bench.control(&format!("calls/{sid}"), Value::Null).await.1["sid"], sid);
    assert_eq!(bench.control("calls/CA0", Value::Null).await.0, 404);
    let to = format!("calls?to=%2B{}", &PHONE[1..]);
    assert_eq!(bench.control(&to, Value::Null).await.1[0]["sid"], sid);
    assert_eq!(bench.control("calls?to=%2B1999", Value::Null).await.1, json!([]));
    assert_eq!(bench.network.calls_to(PHONE), calls);
    let (_, requests) = bench.control("requests", Value::Null).await;
    assert_eq!((requests[0]["method"].as_str(), requests[0]["call"].as_str()), (Some("POST"), Some(sid.as_str())));
    let (_, summary) = bench.control("summary", Value::Null).await;
    assert_eq!((&summary["calls"]["completed"], &summary["rang"]), (&json!(1), &json!(1)));
}

#[tokio::test]
async fn faults_are_set_and_healed() {
    let bench = Bench::new().await;
    let order = json!({
        "chances": { "callback-lost": 1.0 },
        "rules": [{ "fault": "rate-limited", "on": "list", "times": 1 }],
    });
    let (status, report) = bench.control("faults", order).await;
    assert_eq!((status, &report["chances"]["callback-lost"]), (200, &json!(1.0)));
    assert_eq!(bench.get("/Calls.json").await.0, 429);
    assert_eq!(bench.get("/Calls.json").await.0, 200);
    bench.call("+12025550120", &[]).await;
    bench.settle().await;
    assert!(bench.seen("/status").is_empty());
    let (_, report) = bench.control("faults", Value::Null).await;
    assert_eq!((&report["counts"]["callback-lost"], &report["counts"]["rate-limited"]), (&json!(2), &json!(1)));

    assert_eq!(bench.control("faults", json!({ "chances": "demo" })).await.0, 200);
    assert_eq!(bench.control("heal", json!({})).await.0, 204);
    assert_eq!(bench.control("faults", Value::Null).await.1["chances"], json!({}));
    assert_eq!(bench.control("faults", json!({ "rules": [{ "fault": "unheard-of" }] })).await.0, 422);
}

#[tokio::test]
async fn people_call_our_numbers() {
    let bench = Bench::new().await;
    let call = json!({ "from": PHONE, "to": OURS, "person": { "manner": "talks", "talk": 3 } });
    assert_eq!(bench.control("inbound", call.clone()).await.0, 404);
    let number = json!({ "number": OURS, "voice_url": bench.at("/voice"), "voice_method": "GET" });
    assert_eq!(bench.control("numbers", number).await.0, 204);
    bench.twiml("/voice", "<Pause length='60'/>");
    let (status, body) = bench.control("inbound", call).await;
    assert_eq!(status, 201);
    bench.settle().await;
    let record = bench.network.call(body["sid"].as_str().unwrap()).unwrap();
    assert_eq!(record.status, Status::Completed);
    assert_eq!(bench.seen("/voice")[0].method, "GET");
}

#[tokio::test]
async fn outages_begin_and_end_on_demand() {
    let bench = Bench::new().await;
    assert_eq!(bench.control("down", json!({ "seconds": 1e9, "callbacks": "lost" })).await.0, 204);
    assert_eq!(bench.get("/Calls.json").await.0, 503);
    bench.control("heal", json!({})).await;
    assert_eq!(bench.get("/Calls.json").await.0, 200);
}

#[tokio::test]
async fn each_provider_says_where_it_is_and_which_numbers_are_its() {
    let bench = Bench::new().await;
    let (_, providers) = bench.control("providers", Value::Null).await;
    assert_eq!(providers["twilio"]["url"], bench.network.base_url());
    assert_eq!(providers["telnyx"]["url"], bench.network.telnyx_url());
    assert_eq!(providers["telnyx"]["public_key"], bench.network.telnyx_public_key());
    assert_eq!(providers["retell"]["url"], bench.network.retell_url());
    assert_eq!(bench.control("numbers", json!({ "number": OURS, "provider": "telnyx" })).await.0, 204);
    let (status, answer) = bench.control("inbound", json!({ "from": PHONE, "to": OURS })).await;
    assert_eq!(status, 201);
    let call = bench.network.call(answer["sid"].as_str().unwrap()).unwrap();
    assert_eq!(call.provider, Provider::Telnyx);
    assert!(call.sid.starts_with("v3:"));
}
