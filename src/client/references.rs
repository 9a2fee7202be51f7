//! Which message somebody means who names no ID: `/edit -1 TEXT`, `/reply bob TEXT`, `/react 12 👍`.
//!
//! Owns the rule. `-1` is the last line of the current conversation that the verb fits, `-2` the one before
//! it: for `/edit` and `/redact` one's own, else anybody's. A person's name is the last line of theirs
//! there. A number alone is an ID there. All else stays as it was typed, and the server decides. Pure.

use super::known_names::KnownNames;
use super::recent::{Recent, Whose};
use crate::protocol::command::{Input, Verb, find, parse_line};
use crate::protocol::names::{Target, UserName};
use std::borrow::Cow;

/// What became of the arguments of a verb.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Reference {
    /// They name a TARGET and an ID, or nothing that is known here.
    AsTyped,
    /// With TARGET and ID in place of what was typed.
    Meant(String),
    /// There is no such line; why, for the user.
    Nothing(String),
}

/// A verb whose first arguments are TARGET and ID.
struct Pointing {
    verb: &'static str,
    /// What `-1` counts.
    counts: Counts,
    /// Whether the name of a person stands for their last line.
    by_name: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Counts {
    Own,
    Anybodys,
}

const POINTING: &[Pointing] = &[
    Pointing { verb: "edit", counts: Counts::Own, by_name: false },
    Pointing { verb: "redact", counts: Counts::Own, by_name: true },
    Pointing { verb: "reply", counts: Counts::Anybodys, by_name: true },
    Pointing { verb: "react", counts: Counts::Anybodys, by_name: true },
    Pointing { verb: "pin", counts: Counts::Anybodys, by_name: true },
    Pointing { verb: "unpin", counts: Counts::Anybodys, by_name: true },
    Pointing { verb: "read", counts: Counts::Anybodys, by_name: false },
];

/// A sentence of the server's, with how these verbs are used here: the TARGET may be left out.
#[must_use]
pub(super) fn for_people(text: &str) -> Cow<'_, str> {
    POINTING.iter().fold(Cow::Borrowed(text), |text, Pointing { verb, .. }| {
        let form = format!("/{verb} TARGET ID");
        if text.contains(&form) { Cow::Owned(text.replace(&form, &format!("/{verb} [TARGET] ID"))) } else { text }
    })
}

/// Whether the rows of a command's answer are lines that one can point at from then on.
#[must_use]
pub(super) fn shows_lines(command: &str) -> bool {
    command.split(' ').next().is_some_and(|verb| verb.eq_ignore_ascii_case("history"))
}

/// The line that a command removes.
#[must_use]
pub(super) fn removes(command: &str) -> Option<(Target, u64)> {
    let mut words = command.split(' ').filter(|word| !word.is_empty());
    let verb = words.next()?;
    let target = Target::parse(words.next()?).ok()?;
    let id = words.next()?.parse().ok()?;
    verb.eq_ignore_ascii_case("redact").then_some((target, id))
}

/// A typed line with TARGET and ID in place of what stands for them.
///
/// # Errors
/// Why there is no such line, for the user.
pub(super) fn line<'a>(
    line: &'a str,
    current: Option<&Target>,
    recent: &Recent,
    names: &KnownNames,
) -> Result<Cow<'a, str>, String> {
    let Input::Command { verb: Ok(verb), rest, .. } = parse_line(line) else { return Ok(Cow::Borrowed(line)) };
    match resolve(verb.name, rest, current, recent, names) {
        Reference::AsTyped => Ok(Cow::Borrowed(line)),
        Reference::Meant(rest) => Ok(Cow::Owned(format!("/{}{rest}", verb.name))),
        Reference::Nothing(why) => Err(why),
    }
}

/// Finds the message that is meant. `rest` is the line after the verb.
fn resolve(verb: &str, rest: &str, current: Option<&Target>, recent: &Recent, names: &KnownNames) -> Reference {
    let Some(pointing) = POINTING.iter().find(|pointing| pointing.verb == verb) else { return Reference::AsTyped };
    let typed = rest.trim_start_matches(' ');
    let (first, after) = cut(typed);
    let (second, after_second) = cut(after.unwrap_or_default().trim_start_matches(' '));
    if let Some(n) = counted(first) {
        return match current {
            Some(target) => nth(pointing, target, n, after, recent),
            None => Reference::Nothing(format!("you're not in a conversation, so there is no {first} here.")),
        };
    }
    if let (Ok(target), Some(n)) = (Target::parse(first), counted(second)) {
        return nth(pointing, &target, n, after_second, recent);
    }
    let Some(current) = current.filter(|_| !names.has_room(first)) else { return Reference::AsTyped };
    // As what was shown names it: `#12`.
    if let Some(id) = Some(first.trim_start_matches('#')).filter(|id| is_number(id)) {
        return Reference::Meant(meant(current, id, after));
    }
    // `/reply @bob 12 TEXT` is about message 12 of the direct conversation.
    let is_conversation = first.starts_with('#') || first.starts_with('@') && is_number(second);
    let person = UserName::parse(first).ok().filter(|_| pointing.by_name && !is_conversation);
    match person.and_then(|person| recent.nth_last(current, 1, Whose::Of(&person))) {
        Some(id) => Reference::Meant(meant(current, &id.to_string(), after)),
        // A conversation that is not known here may come before an ID.
        None if is_conversation || is_number(second) => Reference::AsTyped,
        None => unknown(pointing, current, first),
    }
}

/// What stands where an ID should is no number, and nobody whose line was shown.
fn unknown(pointing: &Pointing, current: &Target, word: &str) -> Reference {
    let Ok(name) = UserName::parse(word) else { return Reference::AsTyped };
    let way = way_to_id(pointing, current);
    Reference::Nothing(if pointing.by_name {
        format!("nothing by {name} was shown here. {way}")
    } else {
        let line = if pointing.counts == Counts::Own { "your last line" } else { "the last line" };
        format!("{name} is not an ID. -1 is {line}; {way}")
    })
}

/// How to find an ID, and what to type with it.
fn way_to_id(pointing: &Pointing, target: &Target) -> String {
    let form = find(pointing.verb).map(Verb::form).unwrap_or_default().replace("TARGET", &target.to_string());
    format!("/history {target} shows lines with their IDs; then: {form}")
}

fn nth(pointing: &Pointing, target: &Target, n: usize, after: Option<&str>, recent: &Recent) -> Reference {
    let whose = if pointing.counts == Counts::Own { Whose::Own } else { Whose::Anybodys };
    if let Some(id) = recent.nth_last(target, n, whose) {
        return Reference::Meant(meant(target, &id.to_string(), after));
    }
    let line = if pointing.counts == Counts::Own { "your line" } else { "line" };
    let way = way_to_id(pointing, target);
    Reference::Nothing(format!("can't find {line} -{n} in {target}: it was not shown here. {way}"))
}

/// ` TARGET ID`, and what follows as it was typed.
fn meant(target: &Target, id: &str, after: Option<&str>) -> String {
    match after {
        Some(after) => format!(" {target} {id} {after}"),
        None => format!(" {target} {id}"),
    }
}

/// The first word, and what follows its space.
fn cut(text: &str) -> (&str, Option<&str>) {
    text.split_once(' ').map_or((text, None), |(word, after)| (word, Some(after)))
}

/// `-1` is 1.
fn counted(word: &str) -> Option<usize> {
    word.strip_prefix('-').filter(|digits| is_number(digits)).and_then(|digits| digits.parse().ok())
}

fn is_number(word: &str) -> bool {
    !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::super::recent::Author;
    use super::*;
    use crate::protocol::command::TABLE;

    fn resolved(line: &str) -> Reference {
        let target = |name: &str| Target::parse(name).unwrap();
        let mut recent = Recent::default();
        for (room, id, author) in
            [("lobby", 4, "bob"), ("lobby", 5, "alice"), ("lobby", 7, "carol"), ("@bob", 2, "bob")]
        {
            let author = if author == "alice" { Author::Me } else { Author::Other(UserName::parse(author).unwrap()) };
            recent.shown(&target(room), id, author);
        }
        let names = KnownNames::default();
        ["lobby", "ops", "2026"].iter().for_each(|room| names.room(room));
        let (verb, rest) = line.split_at(line.find(' ').unwrap_or(line.len()));
        resolve(verb, rest, Some(&target("lobby")), &recent, &names)
    }

    fn meant(line: &str) -> String {
        match resolved(line) {
            Reference::Meant(rest) => rest,
            other => panic!("{line}: {other:?}"),
        }
    }

    #[test]
    fn a_count_is_a_line_here_that_the_verb_fits() {
        assert_eq!(meant("edit -1 hello,  all"), " lobby 5 hello,  all");
        assert_eq!(meant("redact -1"), " lobby 5");
        assert_eq!(meant("reply  -1  two spaces"), " lobby 7  two spaces");
        assert_eq!(meant("react -3 👍"), " lobby 4 👍");
        assert_eq!(meant("reply @bob -1 yes"), " @bob 2 yes");
        assert_eq!(meant("pin #lobby -2"), " lobby 5");
    }

    #[test]
    fn a_name_is_the_last_line_of_that_person() {
        assert_eq!(meant("reply bob lunch?"), " lobby 4 lunch?");
        assert_eq!(meant("react @Carol 👍"), " lobby 7 👍");
        assert_eq!(meant("redact bob spam"), " lobby 4 spam");
        assert_eq!(meant("reply bob 2 of us"), " lobby 4 2 of us");
        for as_typed in
            ["reply @bob 12 yes", "reply ops 12 yes", "reply dev 12 yes", "reply #bob 1 x", "edit", "say bob x"]
        {
            assert_eq!(resolved(as_typed), Reference::AsTyped, "{as_typed}");
        }
    }

    #[test]
    fn a_number_is_an_id_here_unless_it_is_a_room() {
        assert_eq!(meant("reply 12 yes"), " lobby 12 yes");
        assert_eq!(meant("unpin 12"), " lobby 12");
        assert_eq!(meant("react #12 👍"), " lobby 12 👍");
        assert_eq!(resolved("reply 2026 12 yes"), Reference::AsTyped);
        assert_eq!(resolved("reply"), Reference::AsTyped);
    }

    #[test]
    fn lines_are_rewritten_as_the_server_takes_them() {
        let (recent, names) = (Recent::default(), KnownNames::default());
        let lobby = Target::parse("lobby").unwrap();
        let sent = |typed| line(typed, Some(&lobby), &recent, &names);
        assert_eq!(sent("/REPLY 12 yes").as_deref(), Ok("/reply lobby 12 yes"));
        for typed in ["hello -1", "/say lobby -1", "//reply -1", "/frobnicate -1"] {
            assert_eq!(sent(typed).as_deref(), Ok(typed));
        }
        assert!(sent("/edit -1 x").is_err());
        assert!(shows_lines("history lobby") && !shows_lines("search history"));
    }

    #[test]
    fn what_is_not_there_is_said() {
        let Reference::Nothing(why) = resolved("edit -2 x") else { panic!() };
        assert!(why.starts_with("can't find your line -2 in lobby") && why.ends_with(": /edit lobby ID TEXT"), "{why}");
        assert_eq!(resolved("edit -0 x"), resolved("edit -0 y"));
        assert!(matches!(resolved("edit ops -1 x"), Reference::Nothing(_)));
        for (typed, begins) in [
            (
                "reply dora hello",
                "nothing by dora was shown here. /history lobby shows lines with their IDs; then: /reply",
            ),
            ("react @dora 👍", "nothing by dora was shown here. "),
            ("redact dora", "nothing by dora was shown here. "),
            ("edit carol x", "carol is not an ID. -1 is your last line; /history lobby shows"),
        ] {
            let Reference::Nothing(why) = resolved(typed) else { panic!("{typed}") };
            assert!(why.starts_with(begins), "{why}");
        }
        let nowhere = resolve("edit", " -1 x", None, &Recent::default(), &KnownNames::default());
        assert!(matches!(nowhere, Reference::Nothing(_)));
    }

    #[test]
    fn people_may_leave_the_target_out() {
        assert_eq!(
            for_people("ID is missing. Use: /edit TARGET ID TEXT"),
            "ID is missing. Use: /edit [TARGET] ID TEXT"
        );
        assert_eq!(for_people("Use: /say TARGET TEXT"), "Use: /say TARGET TEXT");
    }

    #[test]
    fn every_verb_that_takes_an_id_can_point() {
        for verb in TABLE.iter().filter(|verb| verb.usage.starts_with("TARGET ID")) {
            assert!(POINTING.iter().any(|pointing| pointing.verb == verb.name), "{}", verb.name);
        }
        assert!(POINTING.iter().all(|pointing| find(pointing.verb).is_some()));
    }
}
