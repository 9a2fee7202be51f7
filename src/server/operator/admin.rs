//! What `chitchatd user list` and its like ask the running server, and how they print its answers.
//!
//! Owns the lines that are asked and the two forms of output, for people and as JSON. Runs on the main
//! thread of its own process.

use crate::protocol::code::{Code, Refusal};
use crate::protocol::command::{Input, LIMIT_MAX, parse_line};
use crate::server::operator::console::{Answer, ConsoleError, ask};
use crate::server::operator::json::{self, string};
use std::collections::HashSet;
use std::path::Path;

/// The most pages of a list: ten million rows, which no server has. Beyond it something else answers.
const PAGES_MAX: usize = 10_000;

/// A command for the running server, checked by the server's own rules before it is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AdminRequest {
    line: String,
    shape: Shape,
}

/// What the answer looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// Any rows, and a sentence.
    Any,
    /// A code, and a sentence about it.
    Code,
    /// Rows of `/accounts`.
    Accounts,
    /// Rows of `/rooms`.
    Rooms,
    /// Rows of `/blocks`.
    Blocks,
    /// Rows of `/invites`.
    Invites,
    /// Rows of `/stats`.
    Stats,
    /// Rows of `/audit`.
    Audit,
    /// Rows of `/reload`, and a sentence.
    Reload,
}

impl Shape {
    /// The words of a row; the last one is the rest of it.
    fn fields(self) -> &'static [&'static str] {
        match self {
            Self::Any | Self::Code => &[],
            Self::Accounts => &["name", "kind", "state", "made", "reason"],
            Self::Rooms => &["room", "members", "topic"],
            Self::Blocks => &["address", "until", "by", "reason"],
            Self::Invites => &["number", "kind", "uses", "until", "by", "note"],
            Self::Stats => &["word", "value"],
            Self::Audit => &["time", "who", "verb", "whom", "reason"],
            Self::Reload => &["what", "key", "value"],
        }
    }

    /// Whether all of it is fetched, page after page, each beginning after the first word of the last
    /// row.
    fn is_paged(self) -> bool {
        matches!(self, Self::Accounts | Self::Rooms | Self::Blocks | Self::Invites)
    }
}

impl AdminRequest {
    /// A line as one would type it on the console.
    ///
    /// # Errors
    /// The refusal that the server would give, or that it is no command.
    pub fn new(line: impl Into<String>, shape: Shape) -> Result<Self, Refusal> {
        let line = line.into();
        let not = |why: &str| Refusal::new(Code::BadArgument, why);
        if line.contains(['\n', '\r']) {
            return Err(not("A command is a single line."));
        }
        match parse_line(&line) {
            Input::Command { verb, rest, .. } => verb.and_then(|verb| verb.parse(rest)).map(drop)?,
            Input::Text(_) | Input::Nothing => return Err(not("A command begins with /, such as /stats or /rooms.")),
        }
        Ok(Self { line, shape })
    }

    /// The line that is asked, without its end.
    #[must_use]
    pub fn line(&self) -> &str {
        &self.line
    }

    /// Asks the server that runs on this data directory. Lists are fetched whole.
    ///
    /// # Errors
    /// Any [`ConsoleError`].
    pub fn ask(&self, data: &Path) -> Result<Answer, ConsoleError> {
        if !self.shape.is_paged() {
            return ask(data, &self.line);
        }
        self.ask_pages(|line| ask(data, line))
    }

    fn ask_pages(&self, mut ask: impl FnMut(&str) -> Result<Answer, ConsoleError>) -> Result<Answer, ConsoleError> {
        let mut answer = ask(&format!("{} limit={LIMIT_MAX}", self.line))?;
        let mut more = answer.done.ends_with(", more");
        let mut seen = HashSet::new();
        while more && let Some(last) = answer.rows.last().and_then(|row| row.split(' ').next()) {
            if seen.len() == PAGES_MAX || !seen.insert(last.to_owned()) {
                return Err(ConsoleError::Endless { last: last.to_owned() });
            }
            let page = ask(&format!("{} limit={LIMIT_MAX} after={last}", self.line))?;
            more = page.done.ends_with(", more") && !page.rows.is_empty();
            answer.rows.extend(page.rows);
        }
        Ok(answer)
    }

    /// What goes to standard output, and what goes to standard error.
    #[must_use]
    pub fn print(&self, answer: &Answer) -> (String, String) {
        let lines = answer.rows.iter().fold(String::new(), |lines, row| lines + row + "\n");
        match self.shape {
            Shape::Any | Shape::Reload => (format!("{lines}{}\n", answer.done), String::new()),
            Shape::Code => {
                let (code, about) = answer.done.split_once(' ').unwrap_or((&answer.done, ""));
                (format!("{code}\n"), format!("{about}\n"))
            }
            _ => (lines, String::new()),
        }
    }

    /// The same as JSON, in one line.
    #[must_use]
    pub fn print_json(&self, answer: &Answer) -> String {
        match self.shape {
            Shape::Code => {
                let (code, about) = answer.done.split_once(' ').unwrap_or((&answer.done, ""));
                json::code(code, about)
            }
            shape @ (Shape::Any | Shape::Reload) => {
                let row = |row: &String| if shape == Shape::Any { string(row) } else { object(shape, row) };
                let rows = json::list(answer.rows.iter().map(row));
                format!("{{\"rows\":{rows},\"answer\":{}}}\n", string(&answer.done))
            }
            shape => json::list(answer.rows.iter().map(|row| object(shape, row))) + "\n",
        }
    }
}

/// A row as a JSON object. What is missing is null.
fn object(shape: Shape, row: &str) -> String {
    let fields = shape.fields();
    let mut values = row.splitn(fields.len(), ' ');
    let mut members = Vec::new();
    for &field in fields {
        let value = values.next().unwrap_or("");
        // The last field of these may be preceded by ` -`.
        let value = match (field, shape) {
            ("topic", _) | ("reason", Shape::Accounts) => value.strip_prefix('-').unwrap_or(value).trim_start(),
            _ => value,
        };
        let shown = match value {
            "" | "-" => "null".to_owned(),
            number if field == "members" && number.bytes().all(|b| b.is_ascii_digit()) => number.to_owned(),
            value => string(value),
        };
        members.push(format!("{}:{shown}", string(field)));
    }
    format!("{{{}}}", members.join(","))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(rows: &[&str], done: &str) -> Answer {
        Answer { rows: rows.iter().map(|&row| row.to_owned()).collect(), done: done.to_owned() }
    }

    #[test]
    fn rows_become_objects() {
        let accounts = AdminRequest::new("/accounts", Shape::Accounts).unwrap();
        let rows = [
            "bob member disabled 2026-01-01T00:00:00.000Z - too \"loud\"\t",
            "eve admin here 2026-01-02T00:00:00.000Z -",
        ];
        assert_eq!(
            accounts.print_json(&answer(&rows, "2 accounts")),
            "[{\"name\":\"bob\",\"kind\":\"member\",\"state\":\"disabled\",\"made\":\"2026-01-01T00:00:00.000Z\",\
             \"reason\":\"too \\\"loud\\\"\\u0009\"},{\"name\":\"eve\",\"kind\":\"admin\",\"state\":\"here\",\
             \"made\":\"2026-01-02T00:00:00.000Z\",\"reason\":null}]\n"
        );
        assert_eq!(accounts.print(&answer(&rows[1..], "1 account")).0, format!("{}\n", rows[1]));
        let rooms = AdminRequest::new("/rooms", Shape::Rooms).unwrap();
        assert_eq!(
            rooms.print_json(&answer(&["lobby 12 - hello there", "ops 0 -"], "2 rooms")),
            "[{\"room\":\"lobby\",\"members\":12,\"topic\":\"hello there\"},{\"room\":\"ops\",\"members\":0,\"topic\":null}]\n"
        );
        let blocks = AdminRequest::new("/blocks", Shape::Blocks).unwrap();
        assert_eq!(
            blocks.print_json(&answer(&["192.0.2.0/24 - root"], "1 block")),
            "[{\"address\":\"192.0.2.0/24\",\"until\":null,\"by\":\"root\",\"reason\":null}]\n"
        );
    }

    #[test]
    fn a_list_that_does_not_go_on_is_an_error() {
        let rooms = AdminRequest::new("/rooms", Shape::Rooms).unwrap();
        let mut asked = Vec::new();
        let whole = rooms.ask_pages(|line| {
            asked.push(line.to_owned());
            Ok(if line.ends_with("after=b") {
                answer(&["c 1 -"], "1 room")
            } else {
                answer(&["a 1 -", "b 2 -"], "2 rooms, more")
            })
        });
        assert_eq!(whole.unwrap().rows, ["a 1 -", "b 2 -", "c 1 -"]);
        assert_eq!(asked, ["/rooms limit=1000", "/rooms limit=1000 after=b"]);
        // Nobody's server says the same again, by turns, or something new for ever.
        let mut pages = 0;
        for period in [1, 2, usize::MAX] {
            let result = rooms.ask_pages(|_| {
                pages += 1;
                assert!(pages < 3 * PAGES_MAX, "it is asked for ever");
                Ok(answer(&[&format!("room{} 1 -", pages % period)], "1 room, more"))
            });
            let error = result.unwrap_err();
            assert!(error.to_string().contains("does not end"), "{error}");
        }
    }

    #[test]
    fn a_code_stands_alone() {
        let reset = AdminRequest::new("/resetpw bob", Shape::Code).unwrap();
        let said = answer(&[], "HJKL is good for a day");
        assert_eq!(reset.print(&said), ("HJKL\n".to_owned(), "is good for a day\n".to_owned()));
        assert_eq!(reset.print_json(&said), "{\"code\":\"HJKL\",\"about\":\"is good for a day\"}\n");
    }

    #[test]
    fn only_whole_commands_are_asked() {
        for wrong in ["hello", "//hello", "", "/nothing", "/disable", "/disable a\n/quit", "/disable !"] {
            assert!(AdminRequest::new(wrong, Shape::Any).is_err(), "{wrong:?}");
        }
        assert_eq!(AdminRequest::new("/disable bob too loud", Shape::Any).unwrap().line(), "/disable bob too loud");
    }
}
