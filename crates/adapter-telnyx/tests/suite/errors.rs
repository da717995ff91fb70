use std::collections::BTreeSet;

use adapter_telnyx::error::{ApiError, Class};
use provider_laws::Recordings;
use serde_json::{Value, json};

use crate::kit::SPEC;

/// What each of them proves is in the recordings, and held there.
#[test]
fn every_code_of_the_specification_is_recorded() {
    let recorded = Recordings::read(include_str!("../data/laws.json"), &[]).errors;
    let recorded: BTreeSet<u32> = recorded.iter().filter_map(|refusal| refusal.code).collect();
    let codes = codes(&SPEC.value()["components"]["responses"]);
    assert!(codes.len() >= 20, "only {} codes were found in the specification", codes.len());
    for code in codes {
        assert!(recorded.contains(&code.parse().unwrap()), "{code}");
    }
}

/// All codes in a part of the specification: examples and enumerations.
fn codes(value: &Value) -> Vec<String> {
    let mut found = Vec::new();
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                let texts = match (name.as_str(), value) {
                    ("code", Value::String(text)) => vec![text.clone()],
                    ("enum", Value::Array(all)) => all.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
                    (_, value) => codes(value),
                };
                found.extend(texts.into_iter().filter(|text| text.parse::<u32>().is_ok()));
            }
        }
        Value::Array(all) => found.extend(all.iter().flat_map(codes)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
    found
}

#[test]
fn an_answer_is_read_whatever_its_shape() {
    let read = |body: &Value| ApiError::read(422, None, body.to_string().as_bytes());
    let whole =
        read(&json!({"errors": [{"code": "90018", "title": "Call has already ended", "detail": "It is over."}]}));
    assert_eq!(whole.to_string(), "telnyx answered 422 (error 90018): It is over.");
    assert_eq!(read(&json!({"errors": [{"code": 90018, "title": "t"}]})).code, Some(90018), "a number");
    let several = json!({"errors": [{"code": "10015", "title": "a"}, {"code": "90018", "title": "b"}]});
    assert_eq!(read(&several).class(), Class::Benign, "the one that is known tells most");

    for body in [&b"<html>Bad gateway</html>"[..], b"", b"[]", b"{\"errors\": null}", b"{\"errors\": [3]}"] {
        let read = ApiError::read(502, None, body);
        assert_eq!((read.code, read.message.as_str()), (None, "no explanation"));
    }
}
