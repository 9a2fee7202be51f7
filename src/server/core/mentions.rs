//! Whom a text mentions.

use super::{MENTIONS_MAX, RoomAction, State};
use crate::protocol::mention::mentioned_names;
use crate::protocol::names::{AccountId, ConversationId, EVERYONE, Text, UserName};
use crate::server::traffic::Mentioned;

impl State {
    /// Whom a text mentions that somebody says in a conversation: at most [`MENTIONS_MAX`], each once,
    /// in the order in which they are named, and never whoever says it. In a room that is anybody, since
    /// who comes in later may read it too; in a direct conversation the other side.
    pub(super) fn mentioned(&self, conversation: ConversationId, author: AccountId, text: &Text) -> Box<[Mentioned]> {
        // Most texts have no `@`, and this look is all that they cost.
        if memchr::memchr(b'@', text.as_str().as_bytes()).is_none() {
            return Box::default();
        }
        let mut mentions = Vec::new();
        for name in mentioned_names(text.as_str()) {
            let Some(mentioned) = self.named(name, conversation, author) else { continue };
            if mentions.contains(&mentioned) {
                continue;
            }
            mentions.push(mentioned);
            if mentions.len() == MENTIONS_MAX {
                break;
            }
        }
        mentions.into_boxed_slice()
    }

    /// Whether the account is in the conversation, and so can read what is said there.
    #[must_use]
    pub(crate) fn reads(&self, conversation: ConversationId, account: AccountId) -> bool {
        self.conversation(conversation).is_some_and(|stored| stored.read_by(account).is_some())
    }

    /// Whom a name behind an `@` means.
    fn named(&self, name: &str, conversation: ConversationId, author: AccountId) -> Option<Mentioned> {
        if name.eq_ignore_ascii_case(EVERYONE) {
            return self
                .check_permission(RoomAction::MentionAll, conversation, author)
                .ok()
                .map(|()| Mentioned::Everyone);
        }
        let account = self.account_named(name).filter(|&account| account != author)?;
        let reachable = self.room(conversation).is_some() || self.reads(conversation, account);
        reachable.then_some(Mentioned::Account(account))
    }

    /// The account of that name or, if there is none, of the name without the `-` and `_` at its end: they
    /// may belong to the sentence.
    fn account_named(&self, name: &str) -> Option<AccountId> {
        let find = |name| self.find_account(&UserName::parse(name).ok()?);
        let short = name.trim_end_matches(['-', '_']);
        find(name).or_else(|| if short == name { None } else { find(short) })
    }
}
