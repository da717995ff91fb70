//! Every request that the client sends, taken off the wire and checked against Twilio's own OpenAPI file; answered with
//! that file's own examples.

use std::collections::BTreeMap;

use call_core::port::Answer;
use call_core::{Call, Command, Effect, Fact, Plan, Script};
use serde_json::{Map, Value, json};

use crate::kit::{ACCOUNT, CALL, Far, Seen, converse, dialing, id, leg, live, ok, perform, plan, tell};

fn spec() -> Value {
    serde_json::from_str(include_str!("../data/twilio-calls.openapi.json")).unwrap()
}

/// The operation of a request, with the values in its path.
fn operation<'s>(spec: &'s Value, seen: &Seen) -> (&'s Value, Vec<(String, String)>) {
    let parts: Vec<&str> = seen.path.split('/').collect();
    for (template, methods) in spec["paths"].as_object().unwrap() {
        let names: Vec<&str> = template.split('/').collect();
        let mut values = Vec::new();
        let fits = names.len() == parts.len()
            && names.iter().zip(&parts).all(|(name, part)| match name.split_once('{') {
                Some(("", rest)) => {
                    let (name, suffix) = rest.split_once('}').unwrap();
                    values.extend(part.strip_suffix(suffix).map(|value| (name.to_owned(), value.to_owned())));
                    part.ends_with(suffix)
                }
                Some(_) | None => name == part,
            });
        let operation = &methods[seen.method.as_str().to_lowercase()];
        if fits && operation.is_object() {
            return (operation, values);
        }
    }
    panic!("not in the specification: {} {}", seen.method, seen.path);
}

/// Pairs as the JSON that a schema speaks of: repeated keys are arrays, numbers and booleans are what they look like.
fn object(pairs: &[(String, String)], schemas: &Map<String, Value>) -> Value {
    let mut grouped: BTreeMap<&str, Vec<Value>> = BTreeMap::new();
    for (name, value) in pairs {
        let kind = &schemas.get(name).unwrap_or_else(|| panic!("unknown parameter {name}"))["type"];
        let value = match kind.as_str() {
            Some("integer") => value.parse::<i64>().map_or_else(|_| json!(value), |number| json!(number)),
            Some("boolean") => value.parse::<bool>().map_or_else(|_| json!(value), |flag| json!(flag)),
            _ => json!(value),
        };
        grouped.entry(name).or_default().push(value);
    }
    let values = grouped.into_iter().map(|(name, mut values)| {
        let is_array = schemas[name]["type"] == "array";
        assert!(is_array || values.len() == 1, "{name} is sent {} times", values.len());
        (name.to_owned(), if is_array { Value::Array(values) } else { values.remove(0) })
    });
    Value::Object(values.collect())
}

fn check(spec: &Value, schemas: &Map<String, Value>, required: &Value, pairs: &[(String, String)]) {
    let schema = json!({
        "type": "object",
        "properties": schemas,
        "required": required.as_array().cloned().unwrap_or_default(),
        "additionalProperties": false,
        "components": spec["components"],
    });
    let validator = jsonschema::options().should_validate_formats(true).build(&schema).unwrap();
    let instance = object(pairs, schemas);
    let problems: Vec<String> =
        validator.iter_errors(&instance).map(|e| format!("{}: {e}", e.instance_path())).collect();
    assert!(problems.is_empty(), "{problems:#?}");
}

/// Method, path, query and form of one request.
fn validate(spec: &Value, seen: &Seen) {
    let (operation, path) = operation(spec, seen);
    let empty = Vec::new();
    let schemas = |place: &str| -> Map<String, Value> {
        let all = operation["parameters"].as_array().unwrap_or(&empty);
        let here = all.iter().filter(|parameter| parameter["in"] == place);
        here.map(|parameter| (parameter["name"].as_str().unwrap().to_owned(), parameter["schema"].clone())).collect()
    };
    check(spec, &schemas("path"), &json!([]), &path);
    let decoded = |bytes: &[u8]| form_urlencoded::parse(bytes).into_owned().collect::<Vec<_>>();
    check(spec, &schemas("query"), &json!([]), &decoded(seen.query.as_bytes()));
    let form = &operation["requestBody"]["content"]["application/x-www-form-urlencoded"]["schema"];
    match form["properties"].as_object() {
        Some(properties) => {
            assert_eq!(seen.headers["content-type"], "application/x-www-form-urlencoded");
            check(spec, properties, &form["required"], &decoded(&seen.body));
        }
        None => assert!(seen.body.is_empty()),
    }
}

/// The file's own example of a success.
fn example(spec: &Value, seen: &Seen) -> (u16, Value) {
    let (operation, _) = operation(spec, seen);
    let (status, response) = operation["responses"].as_object().unwrap().iter().next().unwrap();
    let examples = &response["content"]["application/json"]["examples"];
    let value = examples.as_object().and_then(|all| all.values().next()).map(|e| e["value"].clone());
    (status.parse().unwrap(), value.unwrap_or_else(|| json!({})))
}

async fn far() -> Far {
    Far::answering(|seen| {
        let (status, body) = example(&spec(), seen);
        (status, Vec::new(), body.to_string())
    })
    .await
}

fn form(seen: &Seen) -> Vec<(String, String)> {
    form_urlencoded::parse(&seen.body).into_owned().collect()
}

fn values<'f>(form: &'f [(String, String)], name: &str) -> Vec<&'f str> {
    form.iter().filter(|(n, _)| n == name).map(|(_, value)| value.as_str()).collect()
}

fn rich() -> Plan {
    let mut plan = converse();
    plan.ring_for = Some(std::time::Duration::from_millis(24_500));
    plan.record = true;
    plan.detect_machine = true;
    plan
}

#[tokio::test]
async fn every_request_keeps_to_the_specification() {
    let far = far().await;
    let client = far.client();
    let talking = {
        let mut call = live(converse());
        tell(&mut call, Command::Speak { operation: "a".to_owned(), text: "One & <two>".to_owned() });
        call
    };
    let speak = Effect::Speak { operation: "a".to_owned(), text: "One & <two>".to_owned() };
    let acts: Vec<(Call, Effect)> = vec![
        (dialing(converse()), Effect::Dial),
        (dialing(rich()), Effect::Dial),
        (dialing(plan(Script::Stream)), Effect::Reconcile),
        (live(converse()), Effect::Hangup { leg: leg(CALL) }),
        (live(converse()), Effect::Reconcile),
        (live(plan(Script::Connect { to: "+15550000003".to_owned(), caller_id: None })), Effect::Reconcile),
        (talking.clone(), speak),
        (talking, Effect::Hush),
        (live(converse()), Effect::OpenStream),
        (live(converse()), Effect::CloseStream),
        (live(converse()), Effect::Transfer { to: "+15550000004".to_owned() }),
    ];
    let mut sent = 0;
    for (call, effect) in &acts {
        let answer = perform(&client, call, effect).await;
        assert!(matches!(answer, Answer::Done(_)), "{effect:?}: {answer:?}");
        let seen = far.seen();
        assert!(seen.len() > sent, "{effect:?} sends something");
        sent = seen.len();
    }
    client.call(&leg(CALL)).await.unwrap();
    client.recordings(&leg(CALL)).await.unwrap();
    client.recording("RE00000000000000000000000000000001").await.unwrap();

    let spec = spec();
    for seen in far.seen() {
        validate(&spec, &seen);
        assert_eq!(seen.headers["accept"], "application/json");
        let credentials = "Basic QUMwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMTpjb3JyZWN0LWhvcnNl";
        assert_eq!(seen.headers["authorization"], credentials);
    }
}

/// The check itself must be able to fail.
#[test]
fn the_check_refuses_what_twilio_would() {
    let seen = |path: &str, body: &str| Seen {
        method: axum::http::Method::POST,
        path: path.to_owned(),
        query: String::new(),
        headers: [("content-type".parse().unwrap(), "application/x-www-form-urlencoded".parse().unwrap())]
            .into_iter()
            .collect(),
        body: body.into(),
    };
    let calls = format!("/2010-04-01/Accounts/{ACCOUNT}/Calls.json");
    let one = format!("/2010-04-01/Accounts/{ACCOUNT}/Calls/{CALL}.json");
    validate(&spec(), &seen(&calls, "To=%2B1&From=%2B2&Timeout=5"));
    let bad = [
        (calls.clone(), "To=%2B1"),
        (calls.clone(), "To=%2B1&From=%2B2&Timeout=soon"),
        (calls.clone(), "To=%2B1&From=%2B2&Surprise=1"),
        (calls.clone(), "To=%2B1&From=%2B2&Url=a&Url=b"),
        (one, "Status=finished"),
        (calls.replace("AC", "AD"), "To=%2B1&From=%2B2"),
        ("/2010-04-01/Nothing.json".to_owned(), ""),
    ];
    for (path, body) in bad {
        let request = seen(&path, body);
        assert!(std::panic::catch_unwind(|| validate(&spec(), &request)).is_err(), "{path} {body}");
    }
}

#[tokio::test]
async fn a_dial_asks_for_everything_that_the_call_will_need() {
    let far = far().await;
    let answer = perform(&far.client(), &dialing(rich()), &Effect::Dial).await;
    let Answer::Done(signals) = answer else { panic!("{answer:?}") };
    assert!(matches!(signals[0].fact, Fact::Dialed(call_core::DialAnswer::Accepted)));
    assert!(signals[0].leg.is_some());

    let form = form(&far.seen()[0]);
    let url = |kind: &str| {
        format!("https://calls.example.com/hooks/twilio/{}/{kind}#rc=3&rp=all&ct=2000&rt=3500&tt=15000", id())
    };
    assert_eq!(values(&form, "StatusCallbackEvent"), ["initiated", "ringing", "answered", "completed"]);
    assert_eq!(values(&form, "RecordingStatusCallbackEvent"), ["in-progress", "completed", "absent"]);
    for (name, value) in [
        ("To", "+15550000002".to_owned()),
        ("From", "+15550000001".to_owned()),
        ("Url", url("voice")),
        ("FallbackUrl", url("voice")),
        ("StatusCallback", url("status")),
        ("RecordingStatusCallback", url("recording")),
        ("AsyncAmdStatusCallback", url("amd")),
        ("Timeout", "25".to_owned()),
        ("TimeLimit", "3600".to_owned()),
        ("MachineDetection", "Enable".to_owned()),
        ("AsyncAmd", "true".to_owned()),
        ("Record", "true".to_owned()),
    ] {
        assert_eq!(values(&form, name), [value], "{name}");
    }
}

#[tokio::test]
async fn a_plain_dial_asks_for_nothing_more() {
    let far = far().await;
    perform(&far.client(), &dialing(converse()), &Effect::Dial).await;
    let form = form(&far.seen()[0]);
    for name in ["Record", "MachineDetection", "AsyncAmd", "Timeout"] {
        assert!(values(&form, name).is_empty(), "{name}");
    }
}

#[tokio::test]
async fn a_hang_up_ends_the_call_in_whatever_state_it_is() {
    let far = Far::answering(|_| ok(&json!({"sid": CALL, "status": "in-progress"}))).await;
    perform(&far.client(), &live(converse()), &Effect::Hangup { leg: leg(CALL) }).await;
    assert_eq!(form(&far.seen()[0]), [("Status".to_owned(), "completed".to_owned())]);
}
