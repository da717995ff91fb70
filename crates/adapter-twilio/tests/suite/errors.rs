use std::time::Duration;

use adapter_twilio::error::{ApiError, Class, TwilioError};
use call_core::port::Answer;
use serde_json::json;

fn class(status: u16, code: Option<u32>) -> Class {
    ApiError { status, code, message: String::new(), retry_after: None }.class()
}

#[test]
fn the_code_decides_before_the_status() {
    let table = [
        (400, Some(21220), Class::Benign),
        (409, Some(20409), Class::Benign),
        (404, Some(20404), Class::Missing),
        (404, None, Class::Missing),
        (429, Some(20429), Class::Transient),
        (429, None, Class::Transient),
        // Whatever status it comes with: the account may not make another call now.
        (400, Some(10004), Class::Transient),
        (401, Some(20003), Class::Permanent),
        (400, Some(21211), Class::Permanent),
        (400, Some(21214), Class::Permanent),
        (400, None, Class::Permanent),
        (403, Some(20005), Class::Permanent),
        (301, None, Class::Permanent),
        (408, None, Class::Unknown),
        (500, Some(20500), Class::Unknown),
        (503, Some(20503), Class::Unknown),
        (503, None, Class::Unknown),
        (502, None, Class::Unknown),
        (400, Some(20500), Class::Unknown),
    ];
    for (status, code, expected) in table {
        assert_eq!(class(status, code), expected, "{status} {code:?}");
    }
}

#[test]
fn both_shapes_of_a_refusal_are_read() {
    let classic = json!({"code": 21211, "message": "Invalid 'To'", "more_info": "https://…/21211", "status": 400});
    let read = ApiError::read(400, None, classic.to_string().as_bytes());
    assert_eq!((read.code, read.message.as_str()), (Some(21211), "Invalid 'To'"));

    let problem =
        json!({"type": "https://…", "title": "Bad request", "status": 400, "code": 21211, "detail": "Invalid 'To'"});
    let read = ApiError::read(400, None, problem.to_string().as_bytes());
    assert_eq!((read.code, read.message.as_str()), (Some(21211), "Invalid 'To'"));
    assert_eq!(read.to_string(), "twilio answered 400 (error 21211): Invalid 'To'");

    for body in [&b"<html>Bad gateway</html>"[..], b"", b"[]", b"{\"code\": null}"] {
        let read = ApiError::read(502, None, body);
        assert_eq!((read.code, read.message.as_str()), (None, "no explanation"));
    }
}

#[test]
fn what_it_proves_is_what_the_outbox_hears() {
    let answer = |status, code, retry_after| {
        TwilioError::from(ApiError { status, code, message: "m".to_owned(), retry_after }).answer()
    };
    let after = Some(Duration::from_secs(7));
    assert!(matches!(answer(429, Some(20429), after), Answer::Later { after: Some(wait), .. } if wait.as_secs() == 7));
    assert!(matches!(answer(400, Some(21211), None), Answer::Refused { .. }));
    assert!(matches!(answer(500, None, None), Answer::Unknown { .. }));
}
