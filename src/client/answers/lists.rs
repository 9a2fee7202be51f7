//! Rows of lists, cut into the cells of a table. A row that can't be cut is shown as it is.

use super::table::{Column, Kind};
use super::times::{self, Clock};

/// What a list looks like.
#[derive(Debug)]
pub(super) struct ListForm {
    pub columns: &'static [Column],
    /// The cells of a row, one for each column.
    pub cut: fn(&str, &Clock<'_>) -> Option<Vec<String>>,
}

const fn word(head: &'static str) -> Column {
    Column { head, kind: Kind::Word }
}

const fn number(head: &'static str) -> Column {
    Column { head, kind: Kind::Number }
}

/// A column that a narrow terminal does without, sooner than those of lower `rank`.
const fn drop_at(rank: u8, head: &'static str) -> Column {
    Column { head, kind: Kind::Droppable(rank) }
}

const fn text(head: &'static str) -> Column {
    Column { head, kind: Kind::Text }
}

/// `ROOM MEMBERS -[ TOPIC]`
pub(super) const ROOMS: ListForm = ListForm {
    columns: &[word("room"), number("members"), text("topic")],
    cut: |row, _| {
        let (words, topic) = noted(row);
        let [room, members] = words[..] else { return None };
        cells([room, count(members)?, topic?])
    },
};

/// `TARGET LAST READ UNREAD MENTIONS CHANGE`, behind an empty cell for a key. IDs are for programs.
pub(super) const CONVERSATIONS: ListForm = ListForm {
    columns: &[drop_at(1, "key"), word("conversation"), number("unread"), number("mentions you"), text("")],
    cut: |row, _| {
        let mut words = row.splitn(7, ' ');
        let target = words.next()?;
        let mut numbers = [""; 5];
        for number in &mut numbers {
            *number = count(words.next()?)?;
        }
        let [_last, _read, unread, mentions, _change] = numbers;
        let none_is_empty = |number| if number == "0" { "" } else { number };
        cells(["", target, none_is_empty(unread), none_is_empty(mentions), words.next().unwrap_or_default()])
    },
};

/// `since TIME from ADDRESS by password[ (this one)] number N`, or `by token LABEL`
pub(super) const SESSIONS: ListForm = ListForm {
    columns: &[number("number"), word("since"), drop_at(1, "from"), word("logged in by"), text("")],
    cut: |row, clock| {
        let (since, rest) = row.strip_prefix("since ")?.split_once(" from ")?;
        let (from, rest) = rest.split_once(" by ")?;
        let (by, number) = rest.rsplit_once(" number ")?;
        let (by, this) = by.strip_suffix(" (this one)").map_or((by, ""), |by| (by, "this one"));
        let (number, more) = number.split_once(' ').unwrap_or((number, ""));
        let note = [this, more].into_iter().filter(|text| !text.is_empty()).collect::<Vec<_>>().join(" ");
        cells([count(number)?, &clock.ago(times::parse(since)?), from, by, &note])
    },
};

/// `LABEL made TIME`
pub(super) const TOKENS: ListForm = ListForm {
    columns: &[word("token"), word("made"), text("")],
    cut: |row, clock| {
        let (label, rest) = row.split_once(" made ")?;
        let (made, more) = rest.split_once(' ').unwrap_or((rest, ""));
        cells([label, &clock.ago(times::parse(made)?), more])
    },
};

/// `NAME since TIME`
pub(super) const IGNORED: ListForm = ListForm {
    columns: &[word("name"), word("since"), text("")],
    cut: |row, clock| {
        let (name, rest) = row.split_once(" since ")?;
        let (since, more) = rest.split_once(' ').unwrap_or((rest, ""));
        cells([name, &clock.ago(times::parse(since)?), more])
    },
};

/// `N admin USES UNTIL BY[ NOTE]`
pub(super) const INVITES: ListForm = ListForm {
    columns: &[number("number"), drop_at(2, "for"), number("uses left"), word("until"), drop_at(1, "by"), text("note")],
    cut: |row, clock| {
        let mut words = row.splitn(6, ' ');
        let (number, kind, uses) = (words.next()?, words.next()?, words.next()?);
        let (until, by, note) = (words.next()?, words.next()?, words.next().unwrap_or_default());
        let whom = match kind {
            "admin" => "an administrator",
            "member" => "a member",
            other => other,
        };
        cells([count(number)?, whom, count(uses)?, &clock.until(times::parse(until)?), by, note])
    },
};

/// `ROOM by NAME until TIME`
pub(super) const INVITATIONS: ListForm = ListForm {
    columns: &[word("room"), word("invited by"), word("until"), text("")],
    cut: |row, clock| {
        let (room, rest) = row.split_once(" by ")?;
        let (by, rest) = rest.split_once(" until ")?;
        let (until, more) = rest.split_once(' ').unwrap_or((rest, ""));
        cells([room, by, &clock.until(times::parse(until)?), more])
    },
};

/// `NAME UNTIL BY[ REASON]`
pub(super) const BANS: ListForm =
    ListForm { columns: &[word("name"), word("until"), drop_at(1, "banned by"), text("reason")], cut: kept_out };

/// `LABEL MADE BY on|off`
pub(super) const HOOKS: ListForm = ListForm {
    columns: &[word("hook"), word("address"), word("made"), drop_at(1, "by"), text("")],
    cut: |row, clock| {
        let mut words = row.splitn(5, ' ');
        let (label, made, by, address) = (words.next()?, words.next()?, words.next()?, words.next()?);
        let address = if address == "off" { "revoked" } else { address };
        cells([label, address, &clock.ago(times::parse(made)?), by, words.next().unwrap_or_default()])
    },
};

/// `ADDRESS UNTIL BY[ REASON]`
pub(super) const BLOCKS: ListForm =
    ListForm { columns: &[word("address"), word("until"), drop_at(1, "blocked by"), text("reason")], cut: kept_out };

fn kept_out(row: &str, clock: &Clock<'_>) -> Option<Vec<String>> {
    let mut words = row.splitn(4, ' ');
    let (who, until, by) = (words.next()?, words.next()?, words.next()?);
    let until = if until == "-" { "it is lifted".to_owned() } else { clock.until(times::parse(until)?) };
    cells([who, &until, by, words.next().unwrap_or_default()])
}

/// `NAME admin here MADE -[ REASON]`
pub(super) const ACCOUNTS: ListForm = ListForm {
    columns: &[word("name"), word("is"), word("state"), drop_at(1, "account made"), text("disabled because")],
    cut: |row, clock| {
        let (words, reason) = noted(row);
        let [name, kind, state, made] = words[..] else { return None };
        cells([name, kind, presence(state), &clock.ago(times::parse(made)?), reason?])
    },
};

/// `TIME WHO VERB WHOM[ REASON]`
pub(super) const AUDIT: ListForm = ListForm {
    columns: &[word("when"), word("who"), word("did"), word("to"), text("how and why")],
    cut: |row, clock| {
        let mut words = row.splitn(5, ' ');
        let (at, who, verb, whom) = (words.next()?, words.next()?, words.next()?, words.next()?);
        let whom = if whom == "-" { "" } else { whom };
        cells([&clock.moment(times::parse(at)?), who, verb, whom, words.next().unwrap_or_default()])
    },
};

/// `OPTION VALUE - MEANING`, without those that the client sets itself.
pub(super) const OPTIONS: ListForm = ListForm {
    columns: &[word("option"), word("now"), text("what it is about")],
    cut: |row, _| {
        let (words, meaning) = noted(row);
        let [option, value] = words[..] else { return None };
        match option {
            "tags" | "deflate" => Some(Vec::new()),
            _ => cells([option, value, meaning?]),
        }
    },
};

/// The words before ` - `, and what follows it; nothing if there is no ` -`.
pub(super) fn noted(row: &str) -> (Vec<&str>, Option<&str>) {
    match row.split_once(" - ") {
        Some((words, note)) => (words.split(' ').collect(), Some(note)),
        None => match row.strip_suffix(" -") {
            Some(words) => (words.split(' ').collect(), Some("")),
            None => (row.split(' ').collect(), None),
        },
    }
}

/// `away` on the wire is whoever is not connected.
pub(super) fn presence(word: &str) -> &str {
    if word == "away" { "not here" } else { word }
}

/// A word of digits.
fn count(word: &str) -> Option<&str> {
    (!word.is_empty() && word.bytes().all(|byte| byte.is_ascii_digit())).then_some(word)
}

#[expect(clippy::unnecessary_wraps, reason = "it ends what cuts a row")]
fn cells<const N: usize>(cells: [&str; N]) -> Option<Vec<String>> {
    // A TAB would move what stands behind it.
    Some(cells.iter().map(|cell| cell.replace('\t', " ")).collect())
}
