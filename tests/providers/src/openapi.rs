//! A provider's OpenAPI file: what a request may be, and what an answer or an event looks like.

use std::collections::BTreeMap;

use percent_encoding::percent_decode_str;
use serde_json::{Map, Value, json};
use url::Url;

use crate::Seen;

/// Names and values, as a path, a query or a form has them.
type Pairs = Vec<(String, String)>;

/// An OpenAPI file, version 3.
#[derive(Debug, Clone)]
pub struct OpenApi(Value);

impl OpenApi {
    /// Reads it.
    ///
    /// # Panics
    /// If it is not JSON.
    #[must_use]
    pub fn read(text: &str) -> Self {
        Self(serde_json::from_str(text).expect("an OpenAPI file in JSON"))
    }

    /// The file.
    #[must_use]
    pub fn value(&self) -> &Value {
        &self.0
    }

    /// The path of its first server: `/v2`, or nothing.
    #[must_use]
    pub fn base(&self) -> String {
        let url = self.0["servers"][0]["url"].as_str().and_then(|url| Url::parse(url).ok());
        url.map(|url| url.path().trim_end_matches('/').to_owned()).unwrap_or_default()
    }

    /// Method, path, query and body of one request.
    ///
    /// # Errors
    /// Everything that the file does not allow.
    pub fn check(&self, seen: &Seen) -> Result<(), String> {
        let (operation, path) = self.operation(seen)?;
        self.check_pairs(&self.parameters(operation, "path"), &json!([]), path)?;
        let query = form_urlencoded::parse(seen.query.as_bytes()).into_owned().collect();
        self.check_pairs(&self.parameters(operation, "query"), &json!([]), query)?;
        let content = self.resolved(&operation["requestBody"])["content"].as_object();
        let Some(content) = content else {
            return if seen.body.is_empty() { Ok(()) } else { Err("it must have no body".to_owned()) };
        };
        let kind = seen.headers.get("content-type").and_then(|kind| kind.to_str().ok()).unwrap_or_default();
        let kind = kind.split(';').next().unwrap_or_default();
        let Some(media) = content.get(kind) else { return Err(format!("its content type is {kind:?}")) };
        if kind == "application/x-www-form-urlencoded" {
            let form = self.resolved(&media["schema"]);
            let fields = form["properties"].as_object().cloned().unwrap_or_default();
            return self.check_pairs(&fields, &form["required"], seen.form());
        }
        self.check_value(&media["schema"], &seen.json())
    }

    /// The answer of a success: the file's own example, or one made of the examples of its parts.
    ///
    /// # Errors
    /// The file does not know the request.
    pub fn example(&self, seen: &Seen) -> Result<(u16, Value), String> {
        let (operation, _) = self.operation(seen)?;
        let responses = operation["responses"].as_object().into_iter().flatten();
        let success = responses.filter_map(|(status, response)| Some((status.parse::<u16>().ok()?, response)));
        let (status, response) = success.min_by_key(|(status, _)| *status).ok_or("it has no documented answer")?;
        let media = &self.resolved(response)["content"]["application/json"];
        let given = media["examples"].as_object().and_then(|all| all.values().next()).map(|given| &given["value"]);
        Ok((status, given.or(media.get("example")).cloned().unwrap_or_else(|| self.sample(&media["schema"], 0))))
    }

    /// Every webhook of the file, made of its own examples.
    #[must_use]
    pub fn webhooks(&self) -> Vec<Value> {
        let all = self.0["webhooks"].as_object().into_iter().flat_map(Map::values);
        all.map(|webhook| self.sample(&webhook["post"]["requestBody"]["content"]["application/json"]["schema"], 0))
            .collect()
    }

    fn resolved<'s>(&'s self, value: &'s Value) -> &'s Value {
        let target = value["$ref"].as_str().and_then(|link| self.0.pointer(link.trim_start_matches('#')));
        target.map_or(value, |target| self.resolved(target))
    }

    /// The operation of a request, with the values in its path.
    fn operation(&self, seen: &Seen) -> Result<(&Value, Pairs), String> {
        let unknown = || format!("not in the specification: {} {}", seen.method, seen.path);
        let path = seen.path.strip_prefix(&self.base()).ok_or_else(unknown)?;
        let parts: Vec<&str> = path.split('/').collect();
        let method = seen.method.as_str().to_lowercase();
        let templates = self.0["paths"].as_object().into_iter().flatten();
        let fitting = templates.filter_map(|(template, methods)| {
            let values = fit(template, &parts)?;
            let operation = methods.get(&method).filter(|operation| operation.is_object())?;
            Some((operation, values))
        });
        // A word of its own fits better than a name.
        fitting.min_by_key(|(_, values)| values.len()).ok_or_else(unknown)
    }

    fn parameters(&self, operation: &Value, place: &str) -> Map<String, Value> {
        let all = operation["parameters"].as_array().into_iter().flatten().map(|parameter| self.resolved(parameter));
        let here = all.filter(|parameter| parameter["in"] == place);
        here.filter_map(|parameter| Some((parameter["name"].as_str()?.to_owned(), parameter["schema"].clone())))
            .collect()
    }

    fn check_pairs(&self, fields: &Map<String, Value>, required: &Value, pairs: Pairs) -> Result<(), String> {
        let instance = self.object(fields, pairs)?;
        self.check_value(&json!({"type": "object", "properties": fields, "required": required.as_array()}), &instance)
    }

    /// Pairs as the JSON that a schema speaks of: `page[limit]=2` is `{"page": {"limit": 2}}`, repeated names are arrays,
    /// numbers and booleans are what they look like.
    fn object(&self, fields: &Map<String, Value>, pairs: Pairs) -> Result<Value, String> {
        let mut all: BTreeMap<String, Value> = BTreeMap::new();
        for (name, text) in pairs {
            let (outer, inner) = match name.split_once('[') {
                Some((outer, inner)) => (outer, inner.strip_suffix(']')),
                None => (name.as_str(), None),
            };
            let schema = self.resolved(fields.get(outer).ok_or_else(|| format!("unknown parameter {outer}"))?);
            let value = |schema: &Value| match schema["type"].as_str() {
                Some("integer" | "number") => serde_json::from_str(&text).unwrap_or_else(|_| json!(text)),
                Some("boolean") => text.parse::<bool>().map_or_else(|_| json!(text), Value::Bool),
                _ => json!(text),
            };
            match (inner, schema["type"].as_str()) {
                (Some(inner), _) => {
                    let field = self.resolved(&schema["properties"][inner]);
                    all.entry(outer.to_owned()).or_insert_with(|| json!({}))[inner] = value(field);
                }
                (None, Some("array")) => {
                    let entry = all.entry(outer.to_owned()).or_insert_with(|| json!([]));
                    entry.as_array_mut().ok_or("it is no list")?.push(value(self.resolved(&schema["items"])));
                }
                (None, _) => {
                    if all.insert(outer.to_owned(), value(schema)).is_some() {
                        return Err(format!("{outer} is sent twice"));
                    }
                }
            }
        }
        Ok(all.into_iter().collect())
    }

    /// A value against a schema; fields that the schema does not name are refused at its first level.
    fn check_value(&self, schema: &Value, value: &Value) -> Result<(), String> {
        let mut schema = self.resolved(schema).clone();
        if !schema.is_object() {
            return Err("it has no schema".to_owned());
        }
        schema["components"] = self.0["components"].clone();
        schema["unevaluatedProperties"] = json!(false);
        if schema["required"].is_null() {
            schema["required"] = json!([]);
        }
        let options = jsonschema::options().with_draft(jsonschema::Draft::Draft202012).should_validate_formats(true);
        let validator = options.build(&schema).map_err(|e| format!("the specification cannot be read: {e}"))?;
        let problems: Vec<String> =
            validator.iter_errors(value).map(|e| format!("{}: {e}", e.instance_path())).collect();
        if problems.is_empty() { Ok(()) } else { Err(problems.join("; ")) }
    }

    fn sample(&self, schema: &Value, depth: usize) -> Value {
        let schema = self.resolved(schema);
        let given = ["example", "const", "default"].iter().find_map(|name| schema.get(*name));
        // The file's recursive parts are not made twelve deep.
        if let Some(given) = given.filter(|_| schema["properties"].is_null() || depth > 12) {
            return given.clone();
        }
        if let Some(parts) = schema["allOf"].as_array() {
            let parts = parts.iter().map(|part| self.sample(part, depth + 1));
            let whole = parts.filter_map(|part| part.as_object().cloned()).flatten();
            return whole.collect();
        }
        if let Some(properties) = schema["properties"].as_object() {
            return properties.iter().map(|(name, part)| (name.clone(), self.sample(part, depth + 1))).collect();
        }
        if let Some(first) = ["oneOf", "anyOf", "enum"].iter().find_map(|name| schema[*name].get(0)) {
            return if first.is_object() { self.sample(first, depth + 1) } else { first.clone() };
        }
        match schema["type"].as_str() {
            Some("array") if depth > 12 => json!([]),
            Some("array") => json!([self.sample(&schema["items"], depth + 1)]),
            Some("object") => json!({}),
            Some("integer" | "number") => json!(1),
            Some("boolean") => json!(true),
            _ => json!("text"),
        }
    }
}

/// The values of a path's names, if it is of that form.
fn fit(template: &str, parts: &[&str]) -> Option<Pairs> {
    let names: Vec<&str> = template.split('/').collect();
    if names.len() != parts.len() {
        return None;
    }
    let mut values = Vec::new();
    for (name, part) in names.iter().zip(parts) {
        let Some((before, rest)) = name.split_once('{') else {
            if name == part {
                continue;
            }
            return None;
        };
        let (name, after) = rest.split_once('}')?;
        let value = part.strip_prefix(before)?.strip_suffix(after).filter(|value| !value.is_empty())?;
        values.push((name.to_owned(), percent_decode_str(value).decode_utf8().ok()?.into_owned()));
    }
    Some(values)
}
