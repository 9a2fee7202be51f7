//! What is posted to a hook: which hook, one text out of whatever body monitoring and scripts send, and what is answered.
//!
//! One post is one message. Its lines are joined, and what is too long is cut, since an alert that is cut is better than
//! one that is lost. Knows no socket, clock or account. Runs on the worker that owns the connection.

mod form;
mod json;
#[cfg(test)]
mod tests;

use super::body::BODY_MAX;
use super::http::Content;
use super::response::{Body, Response, Status};
use crate::protocol::code::{Code, Refusal};
use crate::protocol::command::{KEY_MAX, LINE_MAX};
use crate::protocol::line::Final;
use crate::protocol::names::{Text, TextError, check_text};
use crate::protocol::secrets::Digest;
use crate::server::quoted::quoted;

/// Where hooks are. The second is what programs make of the address of a Mattermost.
const PATHS: [&str; 2] = ["/hook/", "/hooks/"];
/// The longest text that is said, in bytes: that of a line.
const TEXT_MAX: usize = LINE_MAX;
/// What stands at the end of one that is cut.
const CUT: &str = "…";
/// What parts the lines of a post.
const BETWEEN: &str = " | ";

/// The hook that a path names; `None` if it names none.
#[must_use]
pub(crate) fn token(path: &str) -> Option<Digest> {
    PATHS.iter().find_map(|hooks| path.strip_prefix(hooks)).map(Digest::of)
}

/// What a post says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Said {
    pub(crate) text: Text,
    /// Under which it is said once.
    pub(crate) key: Option<Box<str>>,
    /// The text was longer.
    pub(crate) cut: bool,
}

/// Why a post says nothing. The sender's fault.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Unsaid {
    /// More bytes than [`BODY_MAX`].
    #[error("a body can have at most {BODY_MAX} bytes.")]
    TooLarge,
    /// It is compressed.
    #[error("a body is taken as it is, not compressed.")]
    Coded,
    /// Of a type that is not read.
    #[error("a hook takes JSON, forms and plain text, not {}.", quoted(.0))]
    Kind(String),
    #[error("that body is not valid UTF-8.")]
    Utf8,
    /// It says that it is JSON, and is not.
    #[error("that body is not valid JSON: {0}.")]
    Json(String),
    /// It says that it is a form, and is not.
    #[error("that body is not a valid form.")]
    Form,
    /// There is no text where senders have one.
    #[error("there is no text in that. Send text, or JSON: {{\"text\": \"…\"}}.")]
    Empty,
    #[error("{0}.")]
    Text(TextError),
    #[error("an Idempotency-Key has 1 to {KEY_MAX} bytes without a space.")]
    Key,
}

impl Unsaid {
    /// What the sender is answered.
    #[must_use]
    pub(crate) fn response(&self) -> Response {
        let (status, code) = match self {
            Self::TooLarge => (Status::TooLarge, Code::LineTooLong),
            Self::Coded | Self::Kind(_) => (Status::UnsupportedType, Code::BadArgument),
            Self::Utf8 => (Status::BadRequest, Code::BadUtf8),
            Self::Text(_) => (Status::BadRequest, Code::BadText),
            Self::Json(_) | Self::Form | Self::Empty | Self::Key => (Status::BadRequest, Code::BadArgument),
        };
        refused(status, &Refusal::new(code, self.to_string()))
    }
}

/// What a post with this body says.
///
/// # Errors
/// [`Unsaid`] if it can't be read, or says nothing.
pub(crate) fn read(content: &Content, body: &[u8]) -> Result<Said, Unsaid> {
    if content.is_coded {
        return Err(Unsaid::Coded);
    }
    let key = content.key.as_deref().map(key).transpose()?;
    let body = std::str::from_utf8(body).map_err(|_| Unsaid::Utf8)?;
    let kind = content.kind.as_deref().unwrap_or_default();
    let (name, parameters) = kind.split_once(';').unwrap_or((kind, ""));
    let lines = match name.trim().to_ascii_lowercase().as_str() {
        "application/json" => json::lines(body)?,
        "multipart/form-data" => form::multipart(body, parameters)?,
        // What curl says of whatever it is told to send, and what says nothing.
        "application/x-www-form-urlencoded" | "" => match guessed(body) {
            Some(lines) => lines,
            None => plain(content, body),
        },
        name if name.ends_with("+json") => json::lines(body)?,
        name if name.starts_with("text/") || name == "application/octet-stream" => plain(content, body),
        _ => return Err(Unsaid::Kind(name.trim().to_owned())),
    };
    let (text, cut) = one(&lines)?;
    Ok(Said { text, key, cut })
}

/// A text, as `ntfy` takes it.
fn plain(content: &Content, body: &str) -> Vec<String> {
    content.title.iter().cloned().chain([body.to_owned()]).collect()
}

/// What a body says that is JSON or a form, whatever it says that it is; `None` if it is neither.
fn guessed(body: &str) -> Option<Vec<String>> {
    let is_object = body.trim_start().starts_with('{');
    is_object
        .then(|| json::lines(body).ok())
        .flatten()
        .filter(|lines| !lines.is_empty())
        .or_else(|| form::urlencoded(body))
}

/// The key, which may be in quotes.
fn key(field: &str) -> Result<Box<str>, Unsaid> {
    let key = field.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or(field);
    let is_key = (1..=KEY_MAX).contains(&key.len()) && !key.contains([' ', '\t']) && check_text(key).is_ok();
    if is_key { Ok(key.into()) } else { Err(Unsaid::Key) }
}

/// Makes one text of all lines, and whether it had to be cut.
fn one(lines: &[String]) -> Result<(Text, bool), Unsaid> {
    let ends = |c| matches!(c, '\n' | '\u{b}' | '\u{c}' | '\r' | '\u{85}' | '\u{2028}' | '\u{2029}');
    let lines = lines.iter().flat_map(|line| line.split(ends)).map(str::trim).filter(|line| !line.is_empty());
    let mut text = lines.collect::<Vec<_>>().join(BETWEEN);
    check_text(&text).map_err(Unsaid::Text)?;
    let cut = text.len() > TEXT_MAX;
    if cut {
        text.truncate(text.floor_char_boundary(TEXT_MAX - CUT.len()));
        // The end of a flag may be gone, and then its beginning can't stay.
        let flag = text.trim_end_matches(|c| ('\u{e0000}'..='\u{e007f}').contains(&c)).len();
        text.truncate(flag);
        text.push_str(CUT);
    }
    match Text::parse(&text) {
        Ok(Some(text)) => Ok((text, cut)),
        Ok(None) | Err(TextError::Blank) => Err(Unsaid::Empty),
        Err(error) => Err(Unsaid::Text(error)),
    }
}

/// What a post is answered once it was decided.
#[must_use]
pub(crate) fn response(answer: &Final, cut: bool) -> Response {
    match answer {
        // `ok` is what those look for who take this for a Slack.
        Final::MessageId(id) => {
            let cut = if cut { ",\"cut\":true" } else { "" };
            json(Status::Ok, format!("{{\"ok\":true,\"id\":{id}{cut}}}\n"))
        }
        Final::Refused(refusal) => refused(status(refusal.code), refusal),
        Final::Done(_) | Final::Silent => json(Status::Ok, "{\"ok\":true}\n".to_owned()),
    }
}

/// What is answered to a request that comes with a method of other places.
#[must_use]
pub(crate) fn not_posted() -> Response {
    let refusal = Refusal::new(Code::BadArgument, "this is a hook: POST or PUT a text to it.");
    refused(Status::NotAllowed, &refusal).with("Allow", "POST, PUT")
}

/// What is answered while too many bodies arrive.
#[must_use]
pub(crate) fn busy() -> Response {
    let refusal = Refusal::new(Code::Busy, "too many posts arrive at once. Try again in a moment.").retry_after(1);
    refused(Status::Unavailable, &refusal)
}

fn refused(status: Status, refusal: &Refusal) -> Response {
    let text = format!("{{\"ok\":false,\"code\":\"{}\",\"text\":{}}}\n", refusal.code, quoted(&refusal.text));
    let response = json(status, text);
    match refusal.retry {
        Some(seconds) => response.with("Retry-After", seconds.to_string()),
        None => response,
    }
}

fn json(status: Status, text: String) -> Response {
    Response { status, fields: Vec::new(), body: Body::Text("application/json", text) }
}

/// What HTTP calls a refusal with that code.
fn status(code: Code) -> Status {
    match code {
        Code::BadCredentials | Code::NoSuchRoom => Status::NotFound,
        Code::Muted | Code::Banned | Code::NotAMember | Code::NotAllowed | Code::Disabled | Code::Blocked => {
            Status::Forbidden
        }
        Code::SlowDown | Code::Throttled => Status::TooMany,
        Code::Conflict => Status::Conflict,
        Code::Busy | Code::Storage | Code::ShuttingDown => Status::Unavailable,
        Code::Internal => Status::Internal,
        _ => Status::BadRequest,
    }
}
