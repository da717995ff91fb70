use adapter_twilio::error::ApiError;
use serde_json::json;

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
