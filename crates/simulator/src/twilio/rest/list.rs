//! Pages, as every Twilio list has them.

use serde_json::{Value, json};

use super::request::Request;

/// Twilio's page size unless asked otherwise, and its limit.
const PAGE_SIZE: usize = 50;
const MOST_PER_PAGE: usize = 1000;

/// One page of `items`, each with the SID that a page token can name; only what is on the page is shaped.
///
/// The token names the last item of the page before, so items that arrive between two requests shift nothing.
pub(super) fn page<T>(request: &Request, key: &str, items: Vec<(String, T)>, shape: impl Fn(&T) -> Value) -> Value {
    let size = request.query("PageSize").and_then(|size| size.parse().ok()).unwrap_or(PAGE_SIZE);
    let size = size.clamp(1, MOST_PER_PAGE);
    let number: usize = request.query("Page").and_then(|page| page.parse().ok()).unwrap_or(0);
    let start = match request.query("PageToken").and_then(|token| token.strip_prefix("PA")) {
        Some(last) => items.iter().position(|(sid, _)| sid == last).map_or(items.len(), |index| index + 1),
        None => number.saturating_mul(size).min(items.len()),
    };
    let end = start.saturating_add(size).min(items.len());
    let next = items.get(end.saturating_sub(1)).filter(|_| end < items.len());
    let next_uri = next.map(|(sid, _)| address(request, size, number + 1, Some(sid)));
    let previous_uri = (number > 0).then(|| address(request, size, number - 1, None));
    let values: Vec<Value> = items.iter().skip(start).take(end - start).map(|(_, item)| shape(item)).collect();
    json!({
        key: values,
        "page": number,
        "page_size": size,
        "start": start,
        "end": end.saturating_sub(1).max(start),
        "uri": request.path,
        "first_page_uri": address(request, size, 0, None),
        "next_page_uri": next_uri,
        "previous_page_uri": previous_uri,
    })
}

/// The same list with its filters, another page.
fn address(request: &Request, size: usize, number: usize, after: Option<&str>) -> String {
    let path = request.path.split('?').next().unwrap_or_default();
    let filters = request.query.iter().filter(|(key, _)| !matches!(key.as_str(), "Page" | "PageSize" | "PageToken"));
    let mut query = form_urlencoded::Serializer::new(String::new());
    query.extend_pairs(filters).append_pair("PageSize", &size.to_string()).append_pair("Page", &number.to_string());
    if let Some(sid) = after {
        query.append_pair("PageToken", &format!("PA{sid}"));
    }
    format!("{path}?{}", query.finish())
}
