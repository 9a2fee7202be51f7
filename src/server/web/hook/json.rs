//! The JSON that is posted to hooks: what is text in it, line by line.
//!
//! Known are the incoming webhooks of Slack and Mattermost, which many programs speak, and what Alertmanager, Grafana,
//! Uptime Kuma, apprise and Gotify's clients send of their own. What else is in an object is left alone.

use super::Unsaid;
use serde_json::{Map, Value};

type Object = Map<String, Value>;

/// Where a text is: the first of these that is one.
const TEXTS: [&str; 5] = ["text", "message", "msg", "body", "content"];
/// Where it is said what it is about.
const TITLES: [&str; 2] = ["title", "subject"];

/// The lines of a body that is JSON.
///
/// # Errors
/// [`Unsaid::Json`] if it is not; it is not read deeper than 127 levels.
pub(super) fn lines(body: &str) -> Result<Vec<String>, Unsaid> {
    match serde_json::from_str(body) {
        Ok(Value::Object(object)) => Ok(message(&object)),
        Ok(Value::String(text)) => Ok(vec![text]),
        Ok(_) => Ok(Vec::new()),
        Err(error) => Err(Unsaid::Json(error.to_string())),
    }
}

/// Whether a form with this field is one of those that are known.
pub(super) fn is_known(field: &str) -> bool {
    TEXTS.contains(&field) || TITLES.contains(&field)
}

/// The lines of what is known of an object.
pub(super) fn message(object: &Object) -> Vec<String> {
    let alerts: Vec<String> = array(object, "alerts").filter_map(Value::as_object).map(alert).collect();
    if !alerts.is_empty() {
        let others = object.get("truncatedAlerts").and_then(Value::as_u64).filter(|&others| others > 0);
        return alerts.into_iter().chain(others.map(|others| format!("and {others} more"))).collect();
    }
    let text = first(object, &TEXTS);
    let title = first(object, &TITLES).filter(|title| text.as_ref() != Some(title));
    let mut lines: Vec<String> = title.into_iter().chain(text.clone()).collect();
    if text.is_none() {
        blocks(object, &mut lines);
    }
    array(object, "attachments").filter_map(Value::as_object).for_each(|one| attachment(one, &mut lines));
    lines
}

/// One alert of Alertmanager's or Grafana's: `FIRING DiskFull (db1:9100): 5 % are left`.
fn alert(alert: &Object) -> String {
    let part = |name: &str| alert.get(name).and_then(Value::as_object);
    let label = |name: &str| part("labels").and_then(|labels| word(labels, name));
    let status = word(alert, "status").map(|status| status.to_uppercase());
    let about = part("annotations").and_then(|notes| first(notes, &["summary", "description", "message"]));
    let (name, instance) = (label("alertname"), label("instance"));
    let instance = instance.filter(|instance| !about.as_ref().is_some_and(|about| about.contains(instance.as_str())));
    let head = [status, name, instance.map(|instance| format!("({instance})"))];
    let head = head.into_iter().flatten().collect::<Vec<_>>().join(" ");
    match about {
        Some(about) if head.is_empty() => about,
        Some(about) => format!("{head}: {about}"),
        None => head,
    }
}

/// What is text in an attachment of Slack's or Mattermost's; what stands in for it, if nothing else is.
fn attachment(attachment: &Object, lines: &mut Vec<String>) {
    let before = lines.len();
    lines.extend(["pretext", "title", "text"].iter().filter_map(|name| word(attachment, name)));
    for field in array(attachment, "fields").filter_map(Value::as_object) {
        let line: Vec<String> = ["title", "value"].iter().filter_map(|name| word(field, name)).collect();
        lines.push(line.join(": "));
    }
    blocks(attachment, lines);
    if lines.len() == before {
        lines.extend(word(attachment, "fallback"));
    }
}

/// What is text in Slack's blocks.
fn blocks(object: &Object, lines: &mut Vec<String>) {
    array(object, "blocks").filter_map(Value::as_object).for_each(|one| block(one, lines));
}

/// What is text in a block, or in what is within it.
fn block(one: &Object, lines: &mut Vec<String>) {
    let kind = one.get("type").and_then(Value::as_str).unwrap_or_default();
    if kind == "actions" {
        return;
    }
    match one.get("text") {
        Some(Value::Object(text)) => block(text, lines),
        _ => lines.extend(word(one, "text")),
    }
    array(one, "fields").filter_map(Value::as_object).for_each(|field| block(field, lines));
    let elements = array(one, "elements").filter_map(Value::as_object);
    if kind.starts_with("rich_text_") && kind != "rich_text_list" {
        // Pieces of one line.
        lines.push(elements.filter_map(|piece| first(piece, &["text", "url"])).collect());
    } else {
        elements.for_each(|element| block(element, lines));
    }
}

fn array<'a>(object: &'a Object, name: &str) -> impl Iterator<Item = &'a Value> {
    object.get(name).and_then(Value::as_array).into_iter().flatten()
}

/// The first of these that says something.
fn first(object: &Object, names: &[&str]) -> Option<String> {
    names.iter().find_map(|name| word(object, name))
}

/// What is there as text; `None` if there is nothing to see.
fn word(object: &Object, name: &str) -> Option<String> {
    match object.get(name)? {
        Value::String(text) if !text.trim().is_empty() => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}
