//! `/help`: the server's commands and the client's own, grouped by what one wants.
//!
//! Owns the groups, the examples and the client's own commands. What a command does is said by the
//! server, or by the table that it shares with the client. A command that a newer server has, and that no
//! group knows, is listed all the same.

use super::View;
use super::pairs::aligned;
use crate::client::references;
use crate::client::screen::layout::StyledLine;
use crate::protocol::command::{Verb, Who, find};

/// A command that the client carries out itself.
#[derive(Debug)]
pub(in crate::client) struct OwnVerb {
    pub name: &'static str,
    pub usage: &'static str,
    /// What it does, in a sentence without a full stop.
    pub help: &'static str,
}

/// The client's own commands.
pub(in crate::client) const OWN_VERBS: &[OwnVerb] = &[
    OwnVerb { name: "more", usage: "", help: "goes on where the last answer stopped short" },
    OwnVerb { name: "query", usage: "NAME", help: "talks to one person from here on, like /switch @NAME" },
];

struct Group {
    /// What `/help` takes, too.
    name: &'static str,
    about: &'static str,
    verbs: &'static [&'static str],
}

const GROUPS: &[Group] = &[
    Group { name: "talk", about: "say something", verbs: &["msg", "query", "me", "reply", "edit", "redact", "react"] },
    Group {
        name: "rooms",
        about: "find rooms, come and go",
        verbs: &["rooms", "join", "switch", "leave", "create", "invite", "invitations", "decline", "who", "topic"],
    },
    Group {
        name: "reading",
        about: "see what was said",
        verbs: &["history", "search", "mentions", "pins", "changes", "conversations", "read", "more"],
    },
    Group {
        name: "people",
        about: "who they are, whom to hear",
        verbs: &["profile", "away", "ignore", "unignore", "ignored"],
    },
    Group {
        name: "account",
        about: "your account and devices",
        verbs: &[
            "whoami",
            "passwd",
            "token",
            "sessions",
            "export",
            "invitecode",
            "invites",
            "set",
            "unregister",
            "help",
            "ping",
            "quit",
        ],
    },
    Group {
        name: "moderate",
        about: "look after a room",
        verbs: &[
            "pin", "unpin", "kick", "mute", "unmute", "ban", "unban", "bans", "slow", "role", "hook", "private",
            "retain", "rename", "close", "audit",
        ],
    },
    Group {
        name: "administer",
        about: "look after the server",
        verbs: &[
            "stats", "accounts", "disable", "enable", "resetpw", "grant", "announce", "block", "unblock", "blocks",
            "reload",
        ],
    },
    Group { name: "scripts", about: "for programs", verbs: &["say", "act", "post", "update"] },
];

/// What somebody needs on the first day.
const FIRST: &[(&str, &str)] = &[
    ("any text", "is said where you are; //x says /x"),
    ("/join ROOM", "enters a room, or makes one"),
    ("/switch ROOM", "goes to another of your rooms; /switch @NAME talks to one person"),
    ("/msg NAME TEXT", "says something to one person"),
    ("/reply -1 TEXT", "answers the last line here; -2 is the one before it"),
    ("/edit -1 TEXT", "corrects the last line of yours"),
    ("/history", "shows what was said before; /search WORD finds it"),
];

/// The keys of the line editor, first those that only a chat has.
const KEYS: &[(&str, &str)] = &[
    ("Tab", "completes commands, their options and words, rooms and names"),
    ("Enter", "sends the line"),
    ("Alt-1 to Alt-9", "go to a conversation, by its number in /conversations"),
    ("Alt-a", "goes to the next one with news"),
    ("Ctrl-X Ctrl-E", "edits the line in $VISUAL or $EDITOR"),
    ("Ctrl-C", "clears the line; Up brings it back"),
    ("Ctrl-D", "leaves, if the line is empty, like /quit; else deletes a character"),
    ("Ctrl-L", "clears the screen"),
    ("Ctrl-Z", "suspends the client; fg brings it back"),
    ("Up, Down, Ctrl-P, Ctrl-N", "go through earlier lines; Alt-< and Alt-> to the ends"),
    ("Ctrl-R", "searches earlier lines"),
    ("Left, Right, Ctrl-B, Ctrl-F", "move by a character"),
    ("Ctrl-Left, Ctrl-Right, Alt-b, Alt-f", "move by a word"),
    ("Home, End, Ctrl-A, Ctrl-E", "move to the ends of the line"),
    ("Backspace, Delete", "delete a character"),
    ("Ctrl-W, Alt-Backspace, Alt-d", "cut a word, before or after the cursor"),
    ("Ctrl-U, Ctrl-K", "cut what is before or after the cursor"),
    ("Ctrl-Y", "puts back what was cut"),
    ("Ctrl-T", "exchanges two characters"),
    ("Ctrl-_, Ctrl-X Ctrl-U", "undo"),
];

/// Examples, and what else a person needs to know of a command.
const EXAMPLES: &[(&str, &[(&str, &str)])] = &[
    ("msg", &[("/msg bob lunch?", "says it to bob, also while bob is away")]),
    ("query", &[("/query bob", "from here on bob gets what you type; /switch lobby goes back")]),
    ("me", &[("/me waves", "shows: ~ alice waves")]),
    (
        "reply",
        &[
            ("/reply -1 yes!", "answers the last line here"),
            ("/reply bob yes!", "answers bob's last line here"),
            ("/reply 12 yes!", "answers line 12 here, as /history numbers it"),
            ("/reply ops 12 yes!", "answers line 12 of ops"),
        ],
    ),
    (
        "edit",
        &[
            ("/edit -1 see you at five", "puts this in place of the last line of yours here"),
            ("/edit 12 see you at five", "in place of line 12 here, as /history numbers it"),
        ],
    ),
    (
        "redact",
        &[
            ("/redact -1", "removes the last line of yours here"),
            ("/redact bob spam", "removes bob's last line here, if you are a moderator, and says why"),
        ],
    ),
    (
        "react",
        &[
            ("/react -1 👍", "says it about the last line here; the same again takes it back"),
            ("/react bob :)", "about bob's last line here"),
        ],
    ),
    ("pin", &[("/pin -1", "pins the last line here"), ("/pin 12", "pins line 12 here")]),
    ("unpin", &[("/unpin 12", "takes the pin of line 12 out")]),
    ("join", &[("/join ops", "enters ops, or makes it")]),
    ("switch", &[("/switch ops", "talks in ops"), ("/switch @bob", "talks to bob alone")]),
    ("leave", &[("/leave", "leaves the current room for good; to read another room, /switch is enough")]),
    ("topic", &[("/topic", "shows it"), ("/topic the house rules", "sets it"), ("/topic -", "clears it")]),
    ("invite", &[("/invite bob", "invites bob to the current room"), ("/invite ops bob", "invites bob to ops")]),
    (
        "history",
        &[
            ("/history", "the last lines here; /more shows earlier ones"),
            ("/history ops since=2d", "ops, from two days ago on"),
            ("/history @bob", "what bob and you wrote"),
            ("/history around=12", "line 12 and what was said around it"),
        ],
    ),
    (
        "search",
        &[
            ("/search pump", "wherever you may read, the newest first"),
            ("/search pump in=ops from=bob since=7d", "in ops, by bob, in the last week"),
        ],
    ),
    ("away", &[("/away on a train", "tells whoever writes to you"), ("/away", "you are back")]),
    ("profile", &[("/profile bob", "who bob is"), ("/profile text I look after the pumps", "says this about you")]),
    ("token", &[("/token list", "your tokens"), ("/token revoke phone", "the device of that token is logged out")]),
    ("sessions", &[("/sessions", "your connections"), ("/sessions end others", "ends all but this one")]),
    ("kick", &[("/kick bob flooding", "removes bob from the current room, and says why")]),
    ("ban", &[("/ban bob for=1d flooding", "keeps bob out of the current room for a day")]),
    ("mute", &[("/mute bob for=10m calm down", "bob can only read here for ten minutes")]),
    ("slow", &[("/slow 30s", "a message every 30 seconds from each member"), ("/slow off", "no limit any more")]),
    ("hook", &[("/hook new ops backup", "an address at which a program says something in ops, as backup")]),
    ("retain", &[("/retain 30d", "what is older than 30 days goes for good"), ("/retain off", "it stays")]),
    ("invitecode", &[("/invitecode note=for carol", "a code for one person, good for 7 days")]),
    ("block", &[("/block 192.0.2.7 for=1d flooding", "nobody can connect from there for a day")]),
];

/// What `/help WORD` shows without asking the server: a group, the keys, or a command of the client's own.
#[must_use]
pub(in crate::client) fn local_help(word: &str) -> Option<Vec<String>> {
    let word = word.trim_start_matches('/').to_ascii_lowercase();
    if word == "keys" {
        return Some(KEYS.iter().map(|(key, what)| format!("{key} - {what}")).collect());
    }
    if let Some(own) = OWN_VERBS.iter().find(|own| own.name == word) {
        return Some(vec![format!("{} - {}", own.form(), own.help)]);
    }
    let group = GROUPS.iter().find(|group| group.name == word)?;
    let rows = group.verbs.iter().filter_map(|name| {
        let own = OWN_VERBS.iter().find(|own| own.name == *name).map(|own| (own.form(), own.help));
        let (form, help) = own.or_else(|| find(name).map(|verb| (verb.form(), verb.help)))?;
        Some(format!("{form} - {help}"))
    });
    Some(rows.collect())
}

/// What `/help` takes besides verbs.
pub(in crate::client) fn help_words() -> impl Iterator<Item = &'static str> {
    GROUPS.iter().map(|group| group.name).chain(OWN_VERBS.iter().map(|own| own.name)).chain(["keys"])
}

impl OwnVerb {
    fn form(&self) -> String {
        if self.usage.is_empty() { format!("/{}", self.name) } else { format!("/{} {}", self.name, self.usage) }
    }
}

/// The rows of `/help`, `FORM - WHAT IT DOES`: of all commands, or of those that were asked for.
#[must_use]
pub(super) fn lines(command: &str, rows: &[String], view: &View<'_>) -> Vec<StyledLine> {
    if command.trim_end().contains(' ') { explained(rows, view) } else { overview(rows, view) }
}

fn overview(rows: &[String], view: &View<'_>) -> Vec<StyledLine> {
    let listed: Vec<&str> = rows.iter().filter_map(|row| verb_of(row)).collect();
    let owned = |pairs: &[(&str, &str)]| -> Vec<(String, String)> {
        pairs.iter().map(|&(what, does)| (what.to_owned(), does.to_owned())).collect()
    };
    let mut lines = aligned(owned(FIRST), view);
    lines.push(view.as_is(""));
    lines.push(view.as_is("All commands; /help reply explains one, /help talk a group, /help keys the keys:"));
    let is_there = |name: &&&str| listed.contains(*name) || OWN_VERBS.iter().any(|own| own.name == **name);
    let mut groups: Vec<(String, String)> = Vec::new();
    for group in GROUPS {
        let verbs: Vec<String> = group.verbs.iter().filter(is_there).map(|name| format!("/{name}")).collect();
        if !verbs.is_empty() {
            groups.push((group.name.to_owned(), format!("{}: {}", group.about, verbs.join(" "))));
        }
    }
    let others: Vec<String> = listed.iter().filter(|name| !is_grouped(name)).map(|name| format!("/{name}")).collect();
    if !others.is_empty() {
        groups.push(("others".to_owned(), others.join(" ")));
    }
    lines.extend(aligned(groups, view));
    lines.extend(rows.iter().filter(|row| verb_of(row).is_none()).map(|row| view.as_is(row)));
    lines
}

fn explained(rows: &[String], view: &View<'_>) -> Vec<StyledLine> {
    let mut lines = Vec::new();
    let mut keys = Vec::new();
    for row in rows {
        match row.split_once(" - ") {
            // That is for programs.
            None if row.starts_with("answered by: ") => {}
            Some((key, does)) if !row.starts_with('/') => keys.push((key.to_owned(), does.to_owned())),
            _ => lines.push(view.as_is(&references::for_people(row))),
        }
    }
    lines.extend(aligned(keys, view));
    let mut verbs = rows.iter().filter_map(|row| verb_of(row));
    if let (Some(verb), None) = (verbs.next(), verbs.next()) {
        let examples = EXAMPLES.iter().find(|(name, _)| *name == verb).map_or(&[][..], |(_, examples)| examples);
        let indented = examples.iter().map(|&(example, does)| (format!("  {example}"), does.to_owned()));
        lines.extend(aligned(indented.collect(), view));
    }
    lines
}

/// The verb of a row `/verb ARGUMENTS - WHAT IT DOES`.
fn verb_of(row: &str) -> Option<&str> {
    let verb = row.strip_prefix('/')?.split(' ').next()?;
    row.contains(" - ").then_some(verb)
}

fn is_grouped(name: &str) -> bool {
    GROUPS.iter().any(|group| group.verbs.contains(&name)) || find(name).is_some_and(is_for_strangers)
}

/// Before the login this client asks for what it needs.
fn is_for_strangers(verb: &Verb) -> bool {
    verb.who == Who::New
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::answers::tests::shown;
    use crate::protocol::command::TABLE;
    use std::collections::BTreeSet;

    fn row(verb: &Verb) -> String {
        format!("{} - {}", verb.form(), verb.help)
    }

    #[test]
    fn every_verb_is_in_one_group_and_every_example_is_of_one() {
        for verb in TABLE {
            let groups = GROUPS.iter().filter(|group| group.verbs.contains(&verb.name)).count();
            assert_eq!(groups, usize::from(!is_for_strangers(verb)), "/{}", verb.name);
        }
        let is_own = |name: &str| OWN_VERBS.iter().any(|own| own.name == name);
        for name in GROUPS.iter().flat_map(|group| group.verbs).chain(EXAMPLES.iter().map(|(name, _)| name)) {
            assert!(find(name).is_some() != is_own(name), "/{name}");
        }
        for (name, examples) in EXAMPLES {
            assert!(examples.iter().all(|(example, _)| example.starts_with(&format!("/{name}"))), "/{name}");
        }
    }

    #[test]
    fn the_overview_has_all_that_the_server_has() {
        let mut rows: Vec<String> = TABLE.iter().filter(|verb| verb.who != Who::New).map(row).collect();
        rows.push("/dance [NAME] - dances".to_owned());
        rows.push("a line of a newer server's".to_owned());
        let text = shown("help", &rows.iter().map(String::as_str).collect::<Vec<_>>(), "67 commands.", 80);
        for verb in TABLE.iter().filter(|verb| verb.who != Who::New) {
            assert!(text.contains(&format!("/{}", verb.name)), "/{}\n{text}", verb.name);
        }
        assert!(text.contains("others      /dance\n") && text.contains("a line of a newer server's"), "{text}");
        let short = shown("help", &["/msg NAME TEXT - says", "/more - x"], "2 commands.", 80);
        assert!(short.contains("talk     say something: /msg /query\n"), "{short}");
        assert!(!short.contains("/kick"), "{short}");
    }

    #[test]
    fn one_command_is_explained_with_examples() {
        let rows = ["/redact TARGET ID [REASON] - removes what you said, for good", "answered by: + change=CHANGE"];
        assert_eq!(
            shown("help redact", &rows, "", 80),
            "/redact [TARGET] ID [REASON] - removes what you said, for good\n\
             \x20 /redact -1        removes the last line of yours here\n\
             \x20 /redact bob spam  removes bob's last line here, if you are a moderator, and\n\
             \x20                   says why"
        );
    }

    /// The keys that the line editor's source names in its patterns, in a person's words.
    fn bound() -> BTreeSet<String> {
        let source = include_str!("../line_editor/press.rs");
        let patterns = source.split("Key::").skip(1).filter_map(|rest| {
            let name = &rest[..rest.find(|c: char| !c.is_ascii_alphanumeric())?];
            let letter = rest[name.len()..].strip_prefix("('").and_then(|rest| rest.chars().next());
            Some(match (name, letter) {
                ("Char" | "Paste", _) => return None,
                ("Ctrl", Some(c)) => format!("Ctrl-{}", c.to_ascii_uppercase()),
                ("Alt", Some(c)) => format!("Alt-{c}"),
                ("Alt", None) => "Alt-1".to_owned(),
                ("AltBackspace", _) => "Alt-Backspace".to_owned(),
                ("WordLeft", _) => "Ctrl-Left".to_owned(),
                ("WordRight", _) => "Ctrl-Right".to_owned(),
                (name, _) => name.to_owned(),
            })
        });
        patterns.collect()
    }

    #[test]
    fn the_keys_that_are_told_are_those_that_are_bound() {
        let told: Vec<String> = KEYS.iter().map(|(keys, does)| format!("{keys} {does}")).collect();
        let words = told.iter().flat_map(|row| row.split([' ', ',', ';'])).map(str::to_owned);
        let modified = words.filter(|word| word.starts_with("Ctrl-") || word.starts_with("Alt-"));
        let alone = KEYS.iter().flat_map(|(keys, _)| keys.split(", ")).filter(|key| !key.contains('-'));
        let mut told: BTreeSet<String> = modified.chain(alone.map(str::to_owned)).collect();
        assert!(told.remove("Alt-9"));
        assert_eq!(told, bound());
        let page = include_str!("../../../docs/CLIENT.md");
        let keys = page.split("\n## ").find(|section| section.starts_with("Keys\n")).unwrap();
        let words: BTreeSet<&str> = keys.split(|c: char| c.is_whitespace() || ",;|".contains(c)).collect();
        for key in bound() {
            assert!(words.contains(key.as_str()), "docs/CLIENT.md does not tell {key}");
        }
    }

    #[test]
    fn groups_keys_and_own_commands_are_explained_without_the_server() {
        let talk = local_help("talk").unwrap();
        assert!(talk[0].starts_with("/msg NAME TEXT - says TEXT to one person"), "{talk:?}");
        assert_eq!(talk[1], "/query NAME - talks to one person from here on, like /switch @NAME");
        assert_eq!(local_help("/MORE").unwrap(), ["/more - goes on where the last answer stopped short"]);
        assert!(local_help("keys").is_some());
        assert!(help_words().all(|word| local_help(word).is_some()));
        for servers in ["reply", "frobnicate", ""] {
            assert_eq!(local_help(servers), None);
        }
    }
}
