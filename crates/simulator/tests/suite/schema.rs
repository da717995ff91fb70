//! Every JSON body of the REST API against Twilio's own OpenAPI document.

use std::collections::BTreeSet;

use reqwest::Method;
use serde_json::{Value, json};
use simulator::{Person, Status};

use crate::backend::{Bench, OURS, PHONE};

const BASE: &str = "/2010-04-01/Accounts/{AccountSid}";

/// Twilio's document, its schemas turned from OpenAPI 3.0 into JSON Schema.
struct Document(Value);

impl Document {
    fn read() -> Self {
        let mut document: Value = serde_json::from_str(include_str!("../data/twilio-calls.openapi.json")).unwrap();
        strict(&mut document);
        Self(document)
    }

    fn schema(&self, path: &str, method: &str, status: u16) -> Value {
        let response = &self.0["paths"][format!("{BASE}{path}")][method]["responses"][status.to_string()];
        assert!(response.is_object(), "{method} {path} does not answer {status}");
        let mut schema = response["content"]["application/json"]["schema"].clone();
        assert!(schema.is_object(), "{method} {path} {status} has no schema");
        schema["components"] = self.0["components"].clone();
        schema
    }

    fn check(&self, path: &str, method: &str, (status, body): &(u16, Value)) {
        let schema = self.schema(path, method, *status);
        let validator = jsonschema::validator_for(&schema).unwrap();
        let errors: Vec<String> =
            validator.iter_errors(body).map(|error| format!("{} at {}", error, error.instance_path())).collect();
        assert!(errors.is_empty(), "{method} {path}: {errors:#?}\n{body:#}");
    }

    /// Every documented field is present, so that clients see nulls where Twilio sends them.
    fn complete(&self, component: &str, object: &Value) {
        let documented: BTreeSet<&String> =
            self.0["components"]["schemas"][component]["properties"].as_object().unwrap().keys().collect();
        let present: BTreeSet<&String> = object.as_object().unwrap().keys().collect();
        assert_eq!(documented, present, "{component}");
    }
}

/// `nullable` becomes a type of its own, and no object may have fields that Twilio does not document.
fn strict(node: &mut Value) {
    match node {
        Value::Object(fields) => {
            if fields.remove("nullable") == Some(json!(true)) {
                if let Some(kind) = fields.get_mut("type") {
                    *kind = json!([kind.take(), "null"]);
                }
                if let Some(Value::Array(values)) = fields.get_mut("enum") {
                    values.push(Value::Null);
                }
            }
            if fields.contains_key("properties") && !fields.contains_key("additionalProperties") {
                fields.insert("additionalProperties".into(), json!(false));
            }
            fields.values_mut().for_each(strict);
        }
        Value::Array(items) => items.iter_mut().for_each(strict),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

#[tokio::test]
async fn every_answer_is_what_twilios_document_says() {
    let document = Document::read();
    let bench = Bench::new().await;
    bench.network.set_person("*", Person::talks(36_000.0));
    bench.twiml("/voice", "<Pause length='30000'/>");

    let url = bench.at("/voice");
    let form = [("To", PHONE), ("From", OURS), ("Url", url.as_str()), ("Record", "true")];
    let created = bench.post("/Calls.json", &form).await;
    document.check("/Calls.json", "post", &created);
    document.complete("api.v2010.account.call", &created.1);
    assert_eq!(created.1["status"], "queued");

    let sid = created.1["sid"].as_str().unwrap().to_owned();
    bench.until(&sid, |call| call.status == Status::InProgress && !call.sent.is_empty()).await;
    let of_call = |rest: &str| format!("/Calls/{sid}{rest}");

    document.check("/Calls/{Sid}.json", "get", &bench.get(&of_call(".json")).await);
    let updated = bench.post(&of_call(".json"), &[("Url", "gopher-free-url")]).await;
    assert_eq!(updated.0, 400);
    let redirected =
        bench.post(&of_call(".json"), &[("Twiml", "<Response><Pause length='30000' loudness='7'/></Response>")]).await;
    document.check("/Calls/{Sid}.json", "post", &redirected);

    let started = bench.post(&of_call("/Recordings.json"), &[("RecordingChannels", "dual")]).await;
    document.check("/Calls/{CallSid}/Recordings.json", "post", &started);
    document.complete("api.v2010.account.call.call_recording", &started.1);
    let recording = started.1["sid"].as_str().unwrap();

    let sid = bench.call(PHONE, &[]).await;
    bench.until(&sid, |call| call.status == Status::InProgress).await;
    let stream = bench.post(&format!("/Calls/{sid}/Streams.json"), &[("Url", "wss://a.example/m")]).await;
    document.check("/Calls/{CallSid}/Streams.json", "post", &stream);
    document.complete("api.v2010.account.call.stream", &stream.1);
    let stream_path = format!("/Calls/{sid}/Streams/{}.json", stream.1["sid"].as_str().unwrap());
    let stopped = bench.post(&stream_path, &[("Status", "stopped")]).await;
    document.check("/Calls/{CallSid}/Streams/{Sid}.json", "post", &stopped);
    assert_eq!(stopped.1["status"], "stopped");
    bench.post(&format!("/Calls/{sid}.json"), &[("Status", "completed")]).await;

    let record_path = of_call(&format!("/Recordings/{recording}.json"));
    for status in ["paused", "in-progress", "stopped"] {
        let changed = bench.post(&record_path, &[("Status", status)]).await;
        document.check("/Calls/{CallSid}/Recordings/{Sid}.json", "post", &changed);
    }
    bench.post(&of_call(".json"), &[("Status", "completed")]).await;
    bench.settle().await;

    document.check("/Calls/{CallSid}/Recordings.json", "get", &bench.get(&of_call("/Recordings.json")).await);
    document.check("/Calls/{CallSid}/Recordings/{Sid}.json", "get", &bench.get(&record_path).await);
    let all = bench.get("/Recordings.json").await;
    document.check("/Recordings.json", "get", &all);
    assert_eq!(all.1["recordings"].as_array().unwrap().len(), 2);
    let one = bench.get(&format!("/Recordings/{recording}.json")).await;
    document.check("/Recordings/{Sid}.json", "get", &one);
    document.complete("api.v2010.account.recording", &one.1);
    let gone = bench.rest(Method::DELETE, &format!("/Recordings/{recording}.json")).send().await.unwrap();
    assert_eq!((gone.status().as_u16(), gone.bytes().await.unwrap().len()), (204, 0));
    assert_eq!(bench.get(&format!("/Recordings/{recording}.json")).await.0, 404);

    let events = bench.get(&of_call("/Events.json")).await;
    document.check("/Calls/{CallSid}/Events.json", "get", &events);
    assert_eq!(events.1["events"][0]["request"]["parameters"]["CallStatus"], "in-progress");
    let notes = bench.get(&of_call("/Notifications.json")).await;
    document.check("/Calls/{CallSid}/Notifications.json", "get", &notes);
    document.complete("api.v2010.account.call.call_notification", &notes.1["notifications"][0]);
    assert_eq!(notes.1["notifications"][0]["error_code"], "12200");

    for query in ["", "?PageSize=1", "?PageSize=1&Page=1", "?Status=completed"] {
        document.check("/Calls.json", "get", &bench.get(&format!("/Calls.json{query}")).await);
    }
}

#[tokio::test]
async fn every_way_to_end_has_a_valid_shape() {
    let document = Document::read();
    let bench = Bench::new().await;
    bench.twiml("/voice", "<Pause length='600'/>");
    bench.twiml("/dial", "<Dial>+12025550120</Dial>");
    bench.call("+12025550170", &[("Url", &bench.at("/dial"))]).await;
    for kind in 0..7 {
        bench.call(&format!("+120255501{kind}0"), &[("Timeout", "10")]).await;
    }
    bench.settle().await;
    let list = bench.get("/Calls.json").await;
    document.check("/Calls.json", "get", &list);
    let calls = list.1["calls"].as_array().unwrap();
    let statuses: BTreeSet<&str> = calls.iter().map(|call| call["status"].as_str().unwrap()).collect();
    assert_eq!(statuses, ["busy", "completed", "failed", "no-answer"].into());
    for call in calls {
        let completed = call["status"] == "completed";
        assert_eq!((call["duration"].is_string(), call["price"].is_string()), (completed, completed));
    }
    assert!(calls.iter().any(|call| call["parent_call_sid"].is_string()));
}
