//! The lines of the server, without what no model can know (times, sentences) or need know (tags and
//! fields that a later version adds).

/// Tags that the model knows, in its order. Of `until` it knows only that it is there.
const TAGS: [&str; 11] = ["id", "to", "reply", "ev", "who", "by", "set", "until", "about", "change", "mention"];

/// A line of the server's, told apart.
#[derive(Debug)]
pub(super) enum Heard {
    /// A row of the answer under way.
    Row(String),
    /// A final line, with the label that it carries.
    Final(String, String),
    /// A live line, under the stream in which its order holds.
    Live(String, String),
    /// Somebody came or went, which is told when it suits the server: room and name.
    Presence(String, String),
}

/// Tells a tagged line apart.
pub(super) fn heard(line: &str) -> Heard {
    let (tags, body) = match line.strip_prefix('@') {
        Some(rest) => rest.split_once(' ').expect("a body follows the tags"),
        None => ("", line),
    };
    let tag = |key: &str| tags.split(';').find_map(|tag| tag.strip_prefix(key)?.strip_prefix('='));
    if body.starts_with("| ") {
        return Heard::Row(without_times(body));
    }
    if body.starts_with("+ ") || body.starts_with("- ") {
        let last = match body.strip_prefix("- ") {
            Some(refusal) => {
                let (code, _) = refusal.split_once(':').expect("a refusal has a code");
                format!("- {code}{}", if tag("retry").is_some() { " retry" } else { "" })
            }
            None => body.to_owned(),
        };
        return Heard::Final(tag("re").unwrap_or_default().to_owned(), last);
    }
    let known = TAGS.iter().filter_map(|key| match (*key, tag(key)?) {
        ("until", _) => Some("until".to_owned()),
        (key, value) => Some(format!("{key}={value}")),
    });
    let known = known.collect::<Vec<_>>().join(" ");
    let room = body.strip_prefix('[').and_then(|rest| rest.split_once("] "));
    match (tag("ev"), room) {
        (Some("online" | "offline" | "away" | "back"), Some((room, _))) => {
            Heard::Presence(room.to_owned(), tag("who").expect("somebody did").to_owned())
        }
        (Some("away" | "back" | "ignore" | "unignore"), None) if !body.contains(" is away: ") => {
            Heard::Live("*".to_owned(), format!("{known} *"))
        }
        (Some("read" | "away"), None) => Heard::Live("*".to_owned(), format!("{known} {body}")),
        (Some(event), Some((room, sentence))) => {
            Heard::Live(room.to_owned(), format!("{known} [{room}] *{}", text(event, sentence)))
        }
        (Some(event), None) => {
            let target = tag("to").expect("what changes has a place");
            Heard::Live(target.to_lowercase(), format!("{known} *{}", text(event, body)))
        }
        (None, Some((room, _))) => Heard::Live(room.to_owned(), format!("{known} {body}")),
        (None, None) => match (tag("to"), body) {
            (Some(target), _) => Heard::Live(target.to_lowercase(), format!("{known} {body}")),
            (None, body) if body.starts_with("* not-logged-in:") => notice("* not-logged-in:"),
            (None, body) if body.starts_with("* shutting-down:") => notice("* shutting-down:"),
            (None, body) if body.starts_with("* you are invited to ") => notice("* invited: more"),
            (None, body) => notice(body),
        },
    }
}

fn notice(line: &str) -> Heard {
    Heard::Live("*".to_owned(), line.to_owned())
}

/// What the sentence about a change says after its first colon.
fn text(event: &str, sentence: &str) -> String {
    let texts = matches!(event, "edit" | "redact" | "react" | "unreact");
    sentence.split_once(": ").filter(|_| texts).map_or_else(String::new, |(_, text)| format!(": {text}"))
}

fn without_times(row: &str) -> String {
    let word = |word| if is_time(word) { "TIME" } else { word };
    row.split(' ').map(word).collect::<Vec<_>>().join(" ")
}

/// `2026-03-01T12:34:56.789Z`
fn is_time(word: &str) -> bool {
    let bytes = word.as_bytes();
    bytes.len() == 24 && bytes[4] == b'-' && bytes[10] == b'T' && bytes[23] == b'Z'
}

/// Whether a line is what the model says; one that ends in `…` may go on.
pub(super) fn fits(expected: &str, line: &str) -> bool {
    let Some(start) = expected.strip_suffix('…') else { return expected == line };
    let Some(rest) = line.strip_prefix(start) else { return false };
    let goes_on = |c: char| c.is_alphanumeric() || c == '-' || c == '_';
    start.ends_with([' ', '=', '/']) || !rest.starts_with(goes_on)
}
