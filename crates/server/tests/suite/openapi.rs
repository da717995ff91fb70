//! The OpenAPI document: reviewed when it changes, and true.

use reqwest::Method;

use crate::client::Server;

#[test]
fn the_document_is_the_one_that_was_reviewed() {
    insta::assert_snapshot!("openapi", call_server::openapi().to_pretty_json().unwrap());
}

#[tokio::test]
async fn the_served_document_is_the_printed_one_and_needs_no_token() {
    let server = Server::start().await;
    let served = server.plain(Method::GET, "/v1/openapi.json").send().await.unwrap();
    assert_eq!(served.status(), 200);
    let served: serde_json::Value = served.json().await.unwrap();
    assert_eq!(served, serde_json::to_value(call_server::openapi()).unwrap());
    assert_eq!(served["openapi"], "3.1.0");
}

#[tokio::test]
async fn every_documented_path_has_a_route_and_documents_its_problems() {
    let server = Server::start().await;
    let document = serde_json::to_value(call_server::openapi()).unwrap();
    for (path, methods) in document["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap() {
            let url = path.replace("{id}", "0192f0c1-2345-7abc-8def-0123456789ab");
            let url = url.replace("{provider}/{path}", "twilio/status");
            let request = server.request(method.to_uppercase().parse().unwrap(), &url);
            let status = request.send().await.unwrap().status().as_u16();
            assert!(status != 405, "{method} {path} has no route");
            let responses = operation["responses"].as_object().unwrap();
            assert!(
                responses.contains_key(&status.to_string()),
                "{method} {path} answered {status}, which is not documented"
            );
            let is_open = operation["security"] == serde_json::json!([{}]);
            assert!(is_open || responses.contains_key("401"), "{method} {path} does not document 401");
        }
    }
}
