//! The tags of a server's line.

use crate::protocol::names::{EVERYONE, UserName};

/// The tags that a program asked for with `/set tags on`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Tags<'a> {
    /// The label of the command that this line answers.
    pub re: Option<&'a str>,
    /// The message's id.
    pub id: Option<u64>,
    /// When it was said, in milliseconds of Unix time.
    pub at: Option<u64>,
    /// On direct messages: the other side, as `@NAME`.
    pub to: Option<&'a str>,
    /// The id of the message that this one answers.
    pub reply: Option<u64>,
    /// Whom a message mentions: names with commas between them, `room` for everyone.
    pub mention: Option<&'a str>,
    /// What happened in a room: `join`, `leave`, `online`, `offline`, `topic`, `read`, …
    pub ev: Option<&'a str>,
    /// To whom it happened, or who did it.
    pub who: Option<&'a str>,
    /// Who did it, where `who` names somebody else.
    pub by: Option<&'a str>,
    /// What something is from now on, such as somebody's role.
    pub set: Option<&'a str>,
    /// When it ends by itself, in milliseconds of Unix time.
    pub until: Option<u64>,
    /// On what happened to a message: the message's id.
    pub about: Option<u64>,
    /// On what happened to a message: the number of the change.
    pub change: Option<u64>,
    /// Seconds after which trying again makes sense.
    pub retry: Option<u64>,
}

impl<'a> Tags<'a> {
    /// Whether the message mentions somebody, by name or with everyone else in the room. What one says
    /// oneself mentions one never, and that is for the caller to know.
    #[must_use]
    pub fn mentions(&self, name: &UserName) -> bool {
        let is_meant =
            |mentioned: &str| mentioned == EVERYONE || UserName::parse(mentioned).is_ok_and(|one| one == *name);
        self.mention.is_some_and(|names| names.split(',').any(is_meant))
    }

    /// Appends `@tag;tag SP`, or nothing if no tag is set.
    pub fn encode(&self, out: &mut Vec<u8>) {
        let start = out.len();
        let mut put = |key: &str, value: &str| {
            out.push(if out.len() == start { b'@' } else { b';' });
            out.extend_from_slice(key.as_bytes());
            out.push(b'=');
            out.extend_from_slice(value.as_bytes());
        };
        let mut digits = itoa::Buffer::new();
        if let Some(v) = self.re {
            put("re", v);
        }
        if let Some(v) = self.id {
            put("id", digits.format(v));
        }
        if let Some(v) = self.at {
            put("at", digits.format(v));
        }
        if let Some(v) = self.to {
            put("to", v);
        }
        if let Some(v) = self.reply {
            put("reply", digits.format(v));
        }
        if let Some(v) = self.mention {
            put("mention", v);
        }
        if let Some(v) = self.ev {
            put("ev", v);
        }
        if let Some(v) = self.who {
            put("who", v);
        }
        if let Some(v) = self.by {
            put("by", v);
        }
        if let Some(v) = self.set {
            put("set", v);
        }
        if let Some(v) = self.until {
            put("until", digits.format(v));
        }
        if let Some(v) = self.about {
            put("about", digits.format(v));
        }
        if let Some(v) = self.change {
            put("change", digits.format(v));
        }
        if let Some(v) = self.retry {
            put("retry", digits.format(v));
        }
        if out.len() > start {
            out.push(b' ');
        }
    }

    pub(super) fn parse(text: &'a str) -> Self {
        let mut tags = Self::default();
        for tag in text.split(';') {
            // A tag whose key is unknown, or that has no value, is ignored.
            let Some((key, value)) = tag.split_once('=') else { continue };
            match key {
                "re" => tags.re = Some(value),
                "id" => tags.id = value.parse().ok(),
                "at" => tags.at = value.parse().ok(),
                "to" => tags.to = Some(value),
                "reply" => tags.reply = value.parse().ok(),
                "mention" => tags.mention = Some(value),
                "ev" => tags.ev = Some(value),
                "who" => tags.who = Some(value),
                "by" => tags.by = Some(value),
                "set" => tags.set = Some(value),
                "until" => tags.until = value.parse().ok(),
                "about" => tags.about = value.parse().ok(),
                "change" => tags.change = value.parse().ok(),
                "retry" => tags.retry = value.parse().ok(),
                _ => {}
            }
        }
        tags
    }
}
