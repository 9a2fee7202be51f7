//! The lines of an export, as `chitchatd export --json` writes them and `chitchatd import` reads them: one
//! JSON object each. docs/OPERATING.md describes them; what is here is the format.
//!
//! Nothing in it is a secret of an account: no hash, no token, no code.

use serde::{Deserialize, Serialize};

/// The version of the format. It changes if a line would be misread by those who know this one.
pub(crate) const EXPORT_VERSION: u32 = 1;

/// How the mention of everyone in a room is written. No name begins with an `@`.
pub(crate) const MENTION_ALL: &str = "@room";

/// One line. The first one is an [`ExportLine::Export`], and no other is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "lowercase", deny_unknown_fields)]
pub(crate) enum ExportLine {
    Export {
        version: u32,
        of: ExportOf,
        /// When it was made.
        at: String,
    },
    /// The room that is exported.
    Room {
        name: String,
        private: bool,
        #[serde(default, skip_serializing_if = "String::is_empty")]
        topic: String,
    },
    /// One of its members.
    Member { name: String, role: ExportRole },
    /// A direct conversation that is exported.
    Direct { names: [String; 2] },
    /// The account that is exported.
    Account {
        name: String,
        made: String,
        admin: bool,
        #[serde(default, skip_serializing_if = "String::is_empty")]
        profile: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        away: Option<String>,
    },
    /// One of its devices.
    Device { label: String, made: String },
    /// An address that it was used from lately; empty for the console.
    Address { address: String },
    /// A room that it is in.
    Membership { room: String, role: ExportRole, read: u64 },
    /// Somebody whom it ignores.
    Ignored { name: String, since: String },
    /// A message. In the export of an account `in` says where it was said.
    Message(Box<ExportMessage>),
    /// A word that it said about a message of somebody's.
    Reaction { r#in: String, id: u64, word: String },
}

/// What is exported.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum ExportOf {
    Room,
    Direct,
    Account,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum ExportRole {
    Member,
    Moderator,
    Owner,
}

/// A message as it is now. What is not so is left out.
#[expect(clippy::struct_excessive_bools, reason = "each is a key of the format")]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ExportMessage {
    /// `ROOM`, or `@NAME` of the other side.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub r#in: Option<String>,
    pub id: u64,
    pub at: String,
    pub author: String,
    /// It is what the author does.
    #[serde(default, skip_serializing_if = "is_false")]
    pub me: bool,
    /// The message that it answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub re: Option<ExportReply>,
    #[serde(default, skip_serializing_if = "is_false")]
    pub edited: bool,
    /// Its text is gone, and `text` is why.
    #[serde(default, skip_serializing_if = "is_false")]
    pub removed: bool,
    /// Who is mentioned, `@room` for everyone in the room.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub mentions: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reactions: Vec<ExportReaction>,
    #[serde(default, skip_serializing_if = "is_false")]
    pub pinned: bool,
    pub text: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ExportReply {
    pub id: u64,
    pub author: String,
}

/// A word that was said about a message, and by whom.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ExportReaction {
    pub word: String,
    pub by: Vec<String>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it so")]
fn is_false(is: &bool) -> bool {
    !is
}
