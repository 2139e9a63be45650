//! Nests values of the `valuable` crate, as `fmt`'s JSON does.

use crate::fields::escape::push_json_value;

/// Pushes a value with its parts in their own order.
pub(crate) fn push(line: &mut String, max_bytes: Option<usize>, value: valuable::Value<'_>) {
    let json = serde_json::to_string(&valuable_serde::Serializable::new(value));
    push_json(line, max_bytes, &json.unwrap_or_default());
}

/// Pushes a value with its keys in alphabetical order, as everything of a span is.
pub(crate) fn push_sorted(line: &mut String, max_bytes: Option<usize>, value: valuable::Value<'_>) {
    let json = serde_json::to_value(valuable_serde::Serializable::new(value));
    push_json(line, max_bytes, &json.map(|json| json.to_string()).unwrap_or_default());
}

/// Pushes JSON. If it is too long it becomes a string, because a part of it would be no JSON.
fn push_json(line: &mut String, max_bytes: Option<usize>, json: &str) {
    if json.is_empty() {
        line.push_str("null");
    } else if max_bytes.is_none_or(|max| json.len() <= max) {
        line.push_str(json);
    } else {
        push_json_value(line, max_bytes, |to| to.push(json));
    }
}
