use std::time::Duration;

use adapter_telnyx::error::{ApiError, Class, TelnyxError};
use call_core::port::Answer;
use serde_json::{Value, json};

use crate::spec::spec;

fn class(status: u16, code: Option<u32>) -> Class {
    ApiError { status, code, message: String::new(), retry_after: None }.class()
}

#[test]
fn the_status_decides_before_the_code() {
    let table = [
        (422, Some(90018), Class::Benign),
        (422, Some(90045), Class::Benign),
        (422, Some(90048), Class::Benign),
        (422, Some(90031), Class::Benign),
        (422, Some(90035), Class::Benign),
        (422, Some(90038), Class::Benign),
        (422, Some(90054), Class::Benign),
        (422, Some(90061), Class::Benign),
        (404, Some(10005), Class::Missing),
        (404, None, Class::Missing),
        (422, Some(90015), Class::Missing),
        (422, Some(90034), Class::Transient),
        (422, Some(90020), Class::Transient),
        (422, Some(90041), Class::Transient),
        (422, Some(90042), Class::Transient),
        (422, Some(90043), Class::Transient),
        // One code, two meanings.
        (429, Some(10011), Class::Transient),
        (422, Some(10011), Class::Permanent),
        (401, Some(10009), Class::Permanent),
        (403, Some(10010), Class::Permanent),
        (403, Some(20100), Class::Permanent),
        (422, Some(10015), Class::Permanent),
        (422, Some(90019), Class::Permanent),
        (422, Some(90033), Class::Permanent),
        (422, Some(90036), Class::Permanent),
        (422, Some(90046), Class::Permanent),
        (400, Some(90040), Class::Permanent),
        (400, None, Class::Permanent),
        (302, None, Class::Permanent),
        (408, None, Class::Unknown),
        (500, Some(10007), Class::Unknown),
        (503, Some(10037), Class::Unknown),
        // Whatever it says: it went wrong on the way.
        (503, Some(90018), Class::Unknown),
    ];
    for (status, code, expected) in table {
        assert_eq!(class(status, code), expected, "{status} {code:?}");
    }
}

/// Every error that the specification shows, with the status that it shows it for, proves something.
#[test]
fn every_documented_error_has_a_class() {
    let spec = spec();
    let mut seen = 0;
    for (name, status) in [
        ("BadRequestResponse", 400),
        ("UnauthorizedResponse", 401),
        ("UnprocessableEntityResponse", 422),
        ("InternalServerErrorResponse", 500),
        ("ServiceUnavailableResponse", 503),
    ] {
        for error in codes(&spec["components"]["responses"][name]) {
            let read = ApiError::read(status, None, json!({"errors": [{"code": error}]}).to_string().as_bytes());
            assert_eq!(read.code.map(|code| code.to_string()), Some(error.clone()), "{name}");
            let proven = read.class();
            assert_eq!(proven == Class::Unknown, status >= 500, "{name} {error}");
            seen += 1;
        }
    }
    assert!(seen >= 20, "only {seen} codes were found in the specification");
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

#[test]
fn what_it_proves_is_what_the_outbox_hears() {
    let answer = |status, code, retry_after| {
        TelnyxError::from(ApiError { status, code, message: "m".to_owned(), retry_after }).answer()
    };
    let after = Some(Duration::from_secs(7));
    assert!(matches!(answer(429, Some(10011), after), Answer::Later { after: Some(wait), .. } if wait.as_secs() == 7));
    assert!(matches!(answer(422, Some(10016), None), Answer::Refused { .. }));
    assert!(matches!(answer(500, None, None), Answer::Unknown { .. }));
}
