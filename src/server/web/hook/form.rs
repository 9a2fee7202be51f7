//! The forms that are posted to hooks: fields with a text in them, or JSON in one.

use super::{Unsaid, json};
use serde_json::Value;
use std::borrow::Cow;

/// Those whose value is JSON: Slack's and Mattermost's, and Uptime Kuma's.
const OBJECTS: [&str; 2] = ["payload", "data"];

/// The lines of a form as browsers and `curl --data-urlencode` send it; `None` if it is no such form, or one without a
/// text. `curl -d 'backup done'` says that it is a form and is none.
pub(super) fn urlencoded(body: &str) -> Option<Vec<String>> {
    // People write it by hand, without a thought for what is to be encoded.
    if let Some(object) = body.trim_start().strip_prefix("payload={")
        && let Ok(lines) = json::lines(&format!("{{{object}"))
    {
        return Some(lines);
    }
    let pairs = body.trim_end().split('&').map(|pair| pair.split_once('=')).collect::<Option<Vec<_>>>();
    let lines = match pairs {
        Some(pairs) => lines(pairs.into_iter().map(|(name, value)| (decoded(name), decoded(value)))),
        None => Vec::new(),
    };
    if !lines.is_empty() {
        return Some(lines);
    }
    let is_encoded = |b: u8| b.is_ascii_alphanumeric() || b"-._~*+%".contains(&b);
    let whole = body.contains('%') && body.bytes().all(is_encoded) && percents(body).all(|byte| byte.is_some());
    whole.then(|| vec![decoded(body).into_owned()])
}

/// The lines of a form in parts; what it says of its type has the boundary between them.
///
/// # Errors
/// [`Unsaid::Form`] if it is no such form.
pub(super) fn multipart(body: &str, parameters: &str) -> Result<Vec<String>, Unsaid> {
    let boundary = parameters.split(';').find_map(|parameter| {
        let (name, value) = parameter.split_once('=')?;
        name.trim().eq_ignore_ascii_case("boundary").then(|| value.trim().trim_matches('"'))
    });
    let boundary = boundary.filter(|boundary| !boundary.is_empty()).ok_or(Unsaid::Form)?;
    let delimiter = format!("\r\n--{boundary}");
    // The first one may have no line before it.
    let body = format!("\r\n{body}");
    let mut fields = Vec::new();
    for part in body.split(&delimiter).skip(1) {
        if part.starts_with("--") {
            return Ok(lines(fields.into_iter()));
        }
        let (head, value) = part.split_once("\r\n\r\n").ok_or(Unsaid::Form)?;
        if let Some(name) = name_of(head) {
            fields.push((name, value));
        }
    }
    Err(Unsaid::Form)
}

/// The name of a field; `None` if it is a file's.
fn name_of(head: &str) -> Option<&str> {
    let is_disposition = |name: &str| name.trim().eq_ignore_ascii_case("content-disposition");
    let mut fields = head.split("\r\n").filter_map(|line| line.split_once(':'));
    let (_, disposition) = fields.find(|(name, _)| is_disposition(name))?;
    let parameter = |wanted: &str| {
        let mut parameters = disposition.split(';').filter_map(|parameter| parameter.split_once('='));
        parameters.find(|(name, _)| name.trim().eq_ignore_ascii_case(wanted)).map(|(_, value)| value.trim())
    };
    if parameter("filename").is_some() { None } else { parameter("name").map(|name| name.trim_matches('"')) }
}

/// The lines of those fields that are known.
fn lines<N: AsRef<str>, V: AsRef<str>>(fields: impl Iterator<Item = (N, V)>) -> Vec<String> {
    let mut known = serde_json::Map::new();
    for (name, value) in fields {
        let (name, value) = (name.as_ref(), value.as_ref());
        if OBJECTS.contains(&name)
            && let Ok(lines) = json::lines(value)
        {
            return lines;
        }
        if json::is_known(name) {
            known.insert(name.to_owned(), Value::String(value.to_owned()));
        }
    }
    json::message(&known)
}

/// The text that is encoded; where it is not, as it is.
fn decoded(text: &str) -> Cow<'_, str> {
    if !text.contains(['%', '+']) {
        return Cow::Borrowed(text);
    }
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, others @ ..] = rest {
        let (byte, others) = match (first, others) {
            (b'+', _) => (b' ', others),
            (b'%', [high, low, others @ ..]) if let Some(byte) = percent(*high, *low) => (byte, others),
            _ => (*first, others),
        };
        bytes.push(byte);
        rest = others;
    }
    String::from_utf8(bytes).map_or(Cow::Borrowed(text), Cow::Owned)
}

/// What each `%` stands for; `None` for one that stands for nothing.
fn percents(text: &str) -> impl Iterator<Item = Option<u8>> {
    text.split('%').skip(1).map(|behind| match behind.as_bytes() {
        [high, low, ..] => percent(*high, *low),
        _ => None,
    })
}

fn percent(high: u8, low: u8) -> Option<u8> {
    let digit = |digit: u8| char::from(digit).to_digit(16);
    Some((digit(high)? * 16 + digit(low)?) as u8)
}
