//! What an unknown verb is answered with: the verb that does the same here, for words of other chats,
//! or else the nearest name in the table.

use super::{TABLE, Verb, find};
use crate::protocol::code::{Code, Refusal};

/// Words that other chats have for what a verb here does. A word that is a verb of the table itself is
/// never looked up.
const OTHER_WORDS: &[(&str, &[&str])] = &[
    ("quit", &["bye", "disconnect", "exit", "logoff", "logout", "signoff", "signout"]),
    ("help", &["commands", "h", "man", "shortcuts", "usage"]),
    ("register", &["nick", "signup"]),
    ("login", &["auth", "identify", "signin"]),
    ("passwd", &["password"]),
    ("unregister", &["deleteaccount", "deregister", "drop"]),
    ("whoami", &["account", "id", "whoiam"]),
    ("sessions", &["devices"]),
    ("profile", &["bio", "finger", "info", "whois", "whowas"]),
    ("away", &["afk", "back", "brb", "busy", "dnd", "offline", "status"]),
    ("ignore", &["silence", "squelch"]),
    ("unignore", &["unsilence", "unsquelch"]),
    ("disable", &["deactivate", "kill", "suspend"]),
    ("enable", &["reactivate", "unsuspend"]),
    ("grant", &["oper", "sudo"]),
    ("announce", &["broadcast", "wall", "wallops"]),
    ("block", &["dline", "gline", "kline", "zline"]),
    ("set", &["option", "options", "settings"]),
    ("rooms", &["channels", "list", "ls"]),
    ("conversations", &["chats", "inbox", "unread"]),
    ("create", &["mkroom", "newroom", "open"]),
    ("join", &["channel", "enter", "j", "room"]),
    ("leave", &["part", "wc"]),
    ("decline", &["reject", "uninvite"]),
    ("switch", &["buffer", "cd", "go", "goto", "win", "window"]),
    ("who", &["here", "members", "names", "online", "people", "userlist", "users"]),
    ("topic", &["description", "header", "purpose", "subject", "title"]),
    ("role", &["dehalfop", "demote", "deop", "halfop", "mod", "mode", "op", "owner", "promote", "unmod"]),
    ("kick", &["boot", "eject", "remove"]),
    ("ban", &["kb", "kickban"]),
    ("unban", &["deban", "pardon"]),
    ("bans", &["banlist"]),
    ("mute", &["devoice", "gag", "quiet", "timeout"]),
    ("unmute", &["ungag", "unquiet", "untimeout", "voice"]),
    ("slow", &["slowmode"]),
    ("hook", &["hooks", "integration", "webhook", "webhooks"]),
    ("retain", &["expire", "keep", "retention"]),
    ("private", &["hide", "public"]),
    ("rename", &["roomname"]),
    ("close", &["archive", "rmroom"]),
    ("audit", &["auditlog", "modlog"]),
    ("msg", &["dm", "notice", "pm", "privmsg", "query", "r", "tell", "w", "whisper"]),
    ("me", &["action", "ctcp", "emote"]),
    ("act", &["describe"]),
    ("reply", &["answer", "quote", "re", "thread"]),
    ("edit", &["correct", "fix"]),
    ("redact", &["clear", "del", "delete", "purge", "rm", "undo", "unsend"]),
    ("react", &["emoji", "reaction", "unreact"]),
    ("pins", &["pinned", "starred"]),
    ("history", &["backlog", "last", "lastlog", "log", "scrollback"]),
    ("search", &["find", "grep"]),
    ("mentions", &["activity", "highlight", "highlights", "hilight", "notifications", "notify", "pings"]),
];

/// What to know besides, where the verb is not quite what the word is elsewhere.
const NOTES: &[(&str, &str)] = &[
    ("nick", "An account keeps its name for good. For another one, /quit, and then: "),
    ("query", "Direct messages need no window of their own: "),
    ("clear", "What your terminal shows is its own. To remove a message for everyone: "),
    ("remove", "To remove a message: /redact TARGET ID. To remove somebody: "),
];

/// The verb that does here what this word, in lower case, does in other chats.
#[must_use]
pub fn other_word(lower: &str) -> Option<&'static Verb> {
    let known = OTHER_WORDS.iter().find(|(_, words)| words.contains(&lower));
    known.and_then(|(name, _)| find(name))
}

/// The refusal of an unknown verb; it suggests the one that is meant.
#[must_use]
pub fn unknown(word: &str) -> Refusal {
    let lower = word.to_ascii_lowercase();
    // A word can be as long as the line, and the answer should not be.
    let shown: String = lower.chars().take(24).collect();
    if let Some(verb) = other_word(&lower) {
        let note = NOTES.iter().find(|(word, _)| *word == lower).map_or("", |(_, note)| note);
        let text = format!("there is no /{shown} here. {note}{} {}.", verb.form(), verb.help);
        return Refusal::new(Code::UnknownVerb, text);
    }
    let near = TABLE
        .iter()
        .map(|verb| (strsim::damerau_levenshtein(&lower, verb.name), verb.name))
        .min()
        .filter(|&(distance, name)| distance <= 2 && distance * 2 < name.len().min(lower.len()));
    let text = match near {
        Some((_, name)) => format!("there is no /{shown}. Did you mean /{name}? /help lists all commands."),
        None => format!("there is no /{shown}. /help lists all commands."),
    };
    Refusal::new(Code::UnknownVerb, text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_of_another_chat_names_the_verb_that_does_it_here() {
        for (word, verb) in [
            ("part", "/leave [ROOM] leaves"),
            ("NAMES", "/who [ROOM] [after=NAME] [limit=N] lists"),
            ("list", "/rooms [after=NAME] [limit=N] lists"),
            ("w", "/msg NAME TEXT says"),
            ("exit", "/quit says goodbye"),
            ("bye", "/quit says goodbye"),
            ("whisper", "/msg NAME TEXT says"),
            ("whois", "/profile [NAME]"),
            ("squelch", "/ignore NAME hears no more"),
            ("deop", "/role [ROOM] NAME [owner|moderator|member] shows"),
            ("emote", "/me TEXT says"),
            ("del", "/redact TARGET ID [REASON] removes"),
            ("timeout", "/mute [ROOM] NAME [for=TIME] [REASON] lets"),
            ("purpose", "/topic [ROOM] [TEXT or -] shows"),
            ("back", "/away [TEXT] says that you are away, and why, until you say /away alone"),
        ] {
            let refusal = unknown(word);
            assert_eq!(refusal.code, Code::UnknownVerb);
            assert!(refusal.text.contains(verb), "{}", refusal.text);
        }
        assert!(unknown("nick").text.contains("keeps its name for good"), "{}", unknown("nick").text);
    }

    #[test]
    fn other_words_are_typing_mistakes_or_unknown() {
        assert!(unknown("jion").text.contains("Did you mean /join?"));
        assert!(unknown("bna").text.contains("Did you mean /ban?"));
        for other in ["foo", "wo"] {
            assert!(!unknown(other).text.contains("Did you mean"), "{other}");
        }
        let long = unknown(&"x".repeat(3000)).text;
        assert!(long.len() < 100, "{long}");
    }

    #[test]
    fn every_hint_is_of_use() {
        let words: Vec<&str> = OTHER_WORDS.iter().flat_map(|(_, words)| words.iter().copied()).collect();
        for (n, word) in words.iter().enumerate() {
            assert!(find(word).is_none(), "/{word} is a verb itself, so its hint is never shown");
            assert!(!words[..n].contains(word), "{word} is there twice");
        }
        for (verb, _) in OTHER_WORDS {
            assert!(find(verb).is_some(), "there is no /{verb}");
        }
        for (word, _) in NOTES {
            assert!(words.contains(word), "{word} has a note and no verb");
        }
    }
}
