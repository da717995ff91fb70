//! Telnyx's OpenAPI file: what a request may be, and what an answer or an event looks like.

use serde_json::{Map, Value, json};

use crate::kit::Seen;

pub(crate) fn spec() -> Value {
    serde_json::from_str(include_str!("../data/telnyx-call-control.openapi.json")).unwrap()
}

fn resolved<'s>(spec: &'s Value, value: &'s Value) -> &'s Value {
    match value["$ref"].as_str() {
        Some(link) => resolved(spec, spec.pointer(link.trim_start_matches('#')).unwrap()),
        None => value,
    }
}

/// The operation of a request.
pub(crate) fn operation<'s>(spec: &'s Value, seen: &Seen) -> &'s Value {
    let path = seen.path.strip_prefix("/v2").expect("below the base URL");
    let parts: Vec<&str> = path.split('/').collect();
    for (template, methods) in spec["paths"].as_object().unwrap() {
        let names: Vec<&str> = template.split('/').collect();
        let fits = names.len() == parts.len()
            && names.iter().zip(&parts).all(|(name, part)| name.starts_with('{') && !part.is_empty() || name == part);
        let operation = &methods[seen.method.as_str().to_lowercase()];
        if fits && operation.is_object() {
            return operation;
        }
    }
    panic!("not in the specification: {} {}", seen.method, seen.path);
}

/// A value against a schema; unknown fields are refused at its first level.
fn check(spec: &Value, schema: &Value, value: &Value) {
    let mut schema = resolved(spec, schema).clone();
    schema["components"] = spec["components"].clone();
    schema["additionalProperties"] = json!(false);
    let validator = jsonschema::options().should_validate_formats(true).build(&schema).unwrap();
    let problems: Vec<String> = validator.iter_errors(value).map(|e| format!("{}: {e}", e.instance_path())).collect();
    assert!(problems.is_empty(), "{problems:#?}");
}

/// `page[limit]=2` as `{"page": {"limit": 2}}`, which is how the file speaks of it.
fn query(seen: &Seen) -> Map<String, Value> {
    let mut all = Map::new();
    for (name, value) in form_urlencoded::parse(seen.query.as_bytes()) {
        let value = value.parse::<u64>().map_or_else(|_| json!(value), |number| json!(number));
        let (outer, inner) = name.split_once('[').expect("a deep object");
        let inner = inner.strip_suffix(']').unwrap();
        all.entry(outer).or_insert_with(|| json!({}))[inner] = value;
    }
    all
}

/// Method, path, query and body of one request.
pub(crate) fn validate(spec: &Value, seen: &Seen) {
    let operation = operation(spec, seen);
    let empty = Vec::new();
    let parameters = operation["parameters"].as_array().unwrap_or(&empty);
    for (name, value) in query(seen) {
        let known = parameters.iter().map(|parameter| resolved(spec, parameter));
        let parameter = known.into_iter().find(|p| p["in"] == "query" && p["name"] == name.as_str());
        check(spec, &parameter.unwrap_or_else(|| panic!("unknown parameter {name}"))["schema"], &value);
    }
    let schema = &operation["requestBody"]["content"]["application/json"]["schema"];
    if schema.is_null() {
        assert!(seen.body.is_empty());
    } else {
        assert_eq!(seen.headers["content-type"], "application/json");
        check(spec, schema, &seen.json());
    }
}

/// The answer of a success, made of the file's own examples.
pub(crate) fn answer(spec: &Value, seen: &Seen) -> Value {
    example(spec, &operation(spec, seen)["responses"]["200"]["content"]["application/json"]["schema"])
}

/// Every event of the file, made of its own examples.
pub(crate) fn events(spec: &Value) -> Vec<Value> {
    let webhooks = spec["webhooks"].as_object().unwrap().values();
    let schema = |webhook: &Value| webhook["post"]["requestBody"]["content"]["application/json"]["schema"].clone();
    webhooks.map(|webhook| example(spec, &schema(webhook))).collect()
}

fn example(spec: &Value, schema: &Value) -> Value {
    let schema = resolved(spec, schema);
    if let Some(properties) = schema["properties"].as_object() {
        return properties.iter().map(|(name, schema)| (name.clone(), example(spec, schema))).collect();
    }
    let given = ["example", "const", "default"].iter().find_map(|name| schema.get(*name));
    if let Some(given) = given.or_else(|| schema["enum"].get(0)) {
        return given.clone();
    }
    if let Some(first) = ["oneOf", "anyOf"].iter().find_map(|name| schema[*name].get(0)) {
        return example(spec, first);
    }
    match schema["type"].as_str() {
        Some("array") => json!([example(spec, &schema["items"])]),
        Some("object") => json!({}),
        Some("integer" | "number") => json!(1),
        Some("boolean") => json!(true),
        _ => json!("text"),
    }
}
