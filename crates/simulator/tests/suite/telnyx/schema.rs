//! Requests, answers and webhooks against Telnyx's own OpenAPI document.

use std::collections::BTreeSet;

use reqwest::Method;
use serde_json::{Map, Value, json};
use simulator::{Inbound, Number, Person, Provider};

use super::bench::{Bench, Seen, path};
use crate::backend::{OURS, PHONE, quick};

struct Document(Value);

impl Document {
    fn read() -> Self {
        Self(serde_json::from_str(include_str!("../../data/telnyx-call-control.openapi.json")).unwrap())
    }

    /// Follows a reference.
    fn resolve<'a>(&'a self, schema: &'a Value) -> &'a Value {
        match schema["$ref"].as_str() {
            Some(reference) => self.resolve(self.0.pointer(reference.trim_start_matches('#')).unwrap()),
            None => schema,
        }
    }

    fn check(&self, what: &str, schema: &Value, body: &Value) {
        let mut schema = schema.clone();
        schema["components"] = self.0["components"].clone();
        let validator = jsonschema::validator_for(&schema).unwrap();
        let errors: Vec<String> =
            validator.iter_errors(body).map(|error| format!("{error} at {}", error.instance_path())).collect();
        assert!(errors.is_empty(), "{what}: {errors:#?}\n{body:#}");
    }

    fn answer(&self, path: &str, method: &str, (status, body): &(u16, Value)) {
        let responses = &self.0["paths"][path][method]["responses"];
        let response = responses.get(status.to_string()).or(responses.get("default")).unwrap();
        let content = &self.resolve(response)["content"]["application/json"]["schema"];
        assert!(content.is_object(), "{method} {path} {status} has no schema");
        self.check(&format!("{method} {path} {status}"), content, body);
    }

    /// The schema of the webhook for an event.
    fn webhook(&self, event: &str) -> &Value {
        let schemas = self.0["webhooks"]
            .as_object()
            .unwrap()
            .values()
            .map(|webhook| self.resolve(&webhook["post"]["requestBody"]["content"]["application/json"]["schema"]));
        schemas
            .into_iter()
            .find(|schema| {
                let data = self.resolve(&schema["properties"]["data"]);
                self.resolve(&data["properties"]["event_type"])["enum"][0] == event
            })
            .unwrap_or_else(|| panic!("{event} is not documented"))
    }

    /// Of the document's type and with no field that it does not name; `end_time` is in its samples only.
    fn event(&self, message: &Seen) {
        let event = message.event();
        let schema = self.webhook(event);
        let mut body = message.body.clone();
        let payload = body["data"]["payload"].as_object_mut().unwrap();
        let data = self.resolve(&schema["properties"]["data"]);
        let known = self.resolve(&data["properties"]["payload"])["properties"].as_object().unwrap();
        for name in payload.keys().filter(|name| *name != "end_time") {
            assert!(known.contains_key(name), "{event} has no {name}");
        }
        // Samples show a null where nothing was written, which the schema leaves out.
        payload.retain(|name, value| name != "client_state" || !value.is_null());
        self.check(event, schema, &body);
    }

    /// The rules that the simulator keeps, taken out of the document once more.
    fn requests(&self) -> Value {
        let mut requests = Map::new();
        for (path, methods) in self.0["paths"].as_object().unwrap() {
            let name = match path.as_str() {
                "/calls" => Some(("dial", "post")),
                "/call_control_applications" => Some(("create_application", "post")),
                "/call_control_applications/{id}" => Some(("update_application", "patch")),
                _ => path.split("/actions/").nth(1).map(|action| (action, "post")),
            };
            let Some((name, method)) = name else { continue };
            let method = if methods[method].is_object() { method } else { "put" };
            let schema = self.resolve(&methods[method]["requestBody"]["content"]["application/json"]["schema"]);
            let properties: Map<String, Value> = (schema["properties"].as_object().unwrap().iter())
                .map(|(name, rule)| (name.clone(), self.rule(rule)))
                .collect();
            let required = schema.get("required").cloned().unwrap_or(json!([]));
            requests.insert(name.to_owned(), json!({ "required": required, "properties": properties }));
        }
        requests.into()
    }

    fn rule(&self, schema: &Value) -> Value {
        let schema = self.resolve(schema);
        let mut rule = Map::new();
        if let Some(kind) = schema.get("type") {
            rule.insert("type".into(), kind.clone());
        } else if let Some(choices) = ["oneOf", "anyOf", "allOf"].iter().find_map(|of| schema[of].as_array()) {
            let mut kinds: Vec<Value> = Vec::new();
            for kind in choices.iter().filter_map(|choice| self.rule(choice).get("type").cloned()) {
                if !kinds.contains(&kind) {
                    kinds.push(kind);
                }
            }
            rule.insert("type".into(), if kinds.len() == 1 { kinds.remove(0) } else { kinds.into() });
        }
        for limit in ["enum", "minimum", "maximum", "minLength", "maxLength", "maxItems"] {
            rule.extend(schema.get(limit).map(|value| (limit.to_owned(), value.clone())));
        }
        rule.into()
    }
}

#[test]
fn the_rules_of_requests_are_the_documents() {
    let kept: Value = serde_json::from_str(include_str!("../../../src/telnyx/requests.json")).unwrap();
    let document = Document::read().requests();
    assert_eq!(kept.as_object().unwrap().len(), document.as_object().unwrap().len());
    for (name, rules) in document.as_object().unwrap() {
        assert_eq!(&kept[name], rules, "{name}");
    }
}

/// A value that a rule forbids, for every field that has a rule.
fn wrong(rule: &Value) -> Value {
    let kinds = rule["type"].to_string();
    if rule.get("enum").is_some() {
        json!("surely none of them")
    } else if kinds.contains("string") {
        json!({ "not": "text" })
    } else {
        json!("neither number nor list")
    }
}

#[tokio::test]
async fn every_field_of_every_request_is_checked() {
    let document = Document::read().requests();
    let bench = Bench::new().await;
    bench.network.set_person("*", Person::talks(36_000.0));
    let id = bench.talk(&json!({})).await;
    let mut checked = 0;
    for (name, rules) in document.as_object().unwrap() {
        let (method, place) = match name.as_str() {
            "dial" => (Method::POST, "/calls".to_owned()),
            "create_application" => (Method::POST, "/call_control_applications".to_owned()),
            "update_application" => (Method::PATCH, format!("/call_control_applications/{}", bench.connection)),
            "client_state_update" => (Method::PUT, format!("{}/actions/{name}", path(&id))),
            action => (Method::POST, format!("{}/actions/{action}", path(&id))),
        };
        let properties = rules["properties"].as_object().unwrap();
        let right: Map<String, Value> = (rules["required"].as_array().unwrap().iter())
            .map(|field| {
                let field = field.as_str().unwrap();
                let first = properties[field]["enum"][0].clone();
                (field.to_owned(), if first.is_null() { json!("eA==") } else { first })
            })
            .collect();
        for (field, rule) in properties {
            let mut body = right.clone();
            body.insert(field.clone(), wrong(rule));
            let (status, answer) = bench.send(method.clone(), &place, &Value::Object(body)).await;
            let pointer = &answer["errors"][0]["source"]["pointer"];
            assert_eq!((status, pointer), (422, &json!(format!("/{field}"))), "{name} {field}: {answer}");
            checked += 1;
        }
        for field in right.keys() {
            let mut body = right.clone();
            body.remove(field);
            let (status, answer) = bench.send(method.clone(), &place, &Value::Object(body)).await;
            assert_eq!((status, &answer["errors"][0]["code"]), (422, &json!("10004")), "{name} without {field}");
        }
    }
    assert!(checked > 250, "{checked}");
    assert_eq!(bench.network.calls().len(), 1);
}

#[tokio::test]
async fn every_answer_is_what_the_document_says() {
    let document = Document::read();
    let bench = Bench::new().await;
    bench.network.set_person("*", Person::talks(36_000.0));
    let dialled = bench.dial(&json!({ "record": "record-from-answer" })).await;
    document.answer("/calls", "post", &dialled);
    document.answer("/calls", "post", &bench.dial(&json!({ "to": "nobody" })).await);
    let id = dialled.1["data"]["call_control_id"].as_str().unwrap();
    bench.until(id, |record| record.answered_at.is_some()).await;
    document.answer("/calls/{call_control_id}", "get", &bench.get(&path(id)).await);
    let list = bench.get(&format!("/connections/{}/active_calls", bench.connection)).await;
    document.answer("/connections/{connection_id}/active_calls", "get", &list);
    assert_eq!(list.1["data"].as_array().unwrap().len(), 1);
    let words = json!({ "payload": "hello", "voice": "male" });
    let speak = "/calls/{call_control_id}/actions/speak";
    document.answer(speak, "post", &bench.act(id, "speak", &words).await);
    document.answer(speak, "post", &bench.act(id, "speak", &json!({})).await);
    document.answer("/call_events", "get", &bench.get("/call_events").await);
    let place = format!("/call_control_applications/{}", bench.connection);
    document.answer("/call_control_applications/{id}", "get", &bench.get(&place).await);
    document.answer("/call_control_applications", "get", &bench.get("/call_control_applications").await);
    let new = json!({ "application_name": "x", "webhook_event_url": bench.url });
    document.answer(
        "/call_control_applications",
        "post",
        &bench.send(Method::POST, "/call_control_applications", &new).await,
    );
    document.answer("/call_control_applications/{id}", "patch", &bench.send(Method::PATCH, &place, &new).await);
}

#[tokio::test]
async fn every_webhook_is_what_the_document_says() {
    let document = Document::read();
    let bench = Bench::with(quick(), |telnyx| telnyx.call_cost_in_webhooks = true).await;
    bench.network.set_number(Number::at(Provider::Telnyx, OURS));
    bench.network.set_person("*", Person::talks(3600.0).pressing("1#").saying("yes please"));

    let id = bench.talk(&json!({ "record": "record-from-answer", "answering_machine_detection": "detect" })).await;
    bench.command(&id, "transcription_start", &json!({})).await;
    bench.command(&id, "gather", &json!({})).await;
    bench.heard("call.gather.ended").await;
    bench.command(&id, "speak", &json!({ "payload": "one two", "voice": "male" })).await;
    bench.command(&id, "playback_start", &json!({ "audio_url": "https://a.example/x.mp3" })).await;
    bench.heard("call.playback.ended").await;
    bench.command(&id, "streaming_start", &json!({ "stream_url": "wss://a.example" })).await;
    bench.command(&id, "streaming_stop", &json!({})).await;
    bench.command(&id, "streaming_start", &json!({ "stream_url": "http://a.example" })).await;
    bench.heard("call.transcription").await;
    bench.heard("call.machine.detection.ended").await;
    bench.command(&id, "transfer", &json!({ "to": "+12025550178", "from": OURS })).await;
    bench.until(&id, |_| bench.told("call.bridged").len() == 2).await;
    bench.command(&id, "hangup", &json!({})).await;

    bench.network.set_person("*", Person::voicemail());
    for mode in ["greeting_end", "premium"] {
        bench.live(&json!({ "to": PHONE, "answering_machine_detection": mode })).await;
    }
    let inbound = bench.network.inbound(Inbound::new(PHONE, OURS).by(Person::talks(5.0))).unwrap();
    bench.command(&inbound, "answer", &json!({})).await;
    bench.settle().await;

    let seen = bench.seen();
    seen.iter().for_each(|message| document.event(message));
    let events: BTreeSet<&str> = seen.iter().map(Seen::event).collect();
    let all = [
        "call.answered",
        "call.bridged",
        "call.cost",
        "call.dtmf.received",
        "call.gather.ended",
        "call.hangup",
        "call.initiated",
        "call.machine.detection.ended",
        "call.machine.greeting.ended",
        "call.machine.premium.detection.ended",
        "call.machine.premium.greeting.ended",
        "call.playback.ended",
        "call.playback.started",
        "call.recording.saved",
        "call.speak.ended",
        "call.speak.started",
        "call.transcription",
        "streaming.failed",
        "streaming.started",
        "streaming.stopped",
    ];
    assert_eq!(events, BTreeSet::from(all));
}
