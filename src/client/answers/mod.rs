//! Answers as a person wants to read them: rows as lines of a chat, as tables or in words, and final lines
//! without what is there for programs.
//!
//! Owns what each verb's answer looks like, [`FORMS`], and how a paged one goes on, [`more`]. Whatever is
//! not understood is shown as it came, since the server may be newer. Pure: rows in, lines out, with the
//! width, the time zone and the time as arguments. Runs on whichever thread shows. An answer is at most as
//! long as the session lets it become.

use super::item::{AnswerEnd, AnswerItem};
use super::references;
use super::screen::layout::StyledLine;
use super::screen::timeline::Timeline;
use super::screen::{Look, clean};
use last::{Last, last_line};
use lists::ListForm;
use messages::Order;
use table::Row;

mod help;
mod last;
mod lists;
mod messages;
pub(super) mod more;
mod pairs;
mod table;
mod times;

pub(super) use help::{OWN_VERBS, help_words, local_help};
pub(super) use times::Clock;

/// How a person looks at an answer.
#[derive(Debug, Clone, Copy)]
pub(super) struct View<'a> {
    /// What messages look like.
    pub timeline: &'a Timeline,
    pub clock: Clock<'a>,
    /// How wide the terminal is, if it says so.
    pub columns: Option<usize>,
}

/// What a verb's answer looks like.
struct Form {
    verb: &'static str,
    rows: RowsForm,
    last: Last,
}

/// Conversations that a key goes to.
const KEYS_MAX: usize = 9;

/// What rows look like.
enum RowsForm {
    /// There are none.
    Absent,
    Messages(Order),
    Changes,
    List(&'static ListForm),
    /// A list whose first column is the key that goes there.
    Keyed(&'static ListForm),
    Members,
    Stats,
    Profile,
    Reload,
    Help,
}

const fn form(verb: &'static str, rows: RowsForm, last: Last) -> Form {
    Form { verb, rows, last }
}

/// A verb without rows whose final line is a sentence.
const fn told(verb: &'static str) -> Form {
    form(verb, RowsForm::Absent, Last::Sentence)
}

/// A verb that says or changes something, which is seen where it happens.
const fn seen(verb: &'static str) -> Form {
    form(verb, RowsForm::Absent, Last::Number)
}

const fn list(verb: &'static str, list: &'static ListForm, none: &'static str) -> Form {
    form(verb, RowsForm::List(list), Last::Count { none, things: None })
}

const fn messages(verb: &'static str, order: Order, none: &'static str) -> Form {
    form(verb, RowsForm::Messages(order), Last::Count { none, things: None })
}

/// One for each verb of the table, in its order.
const FORMS: &[Form] = &[
    form("help", RowsForm::Help, Last::RowsAlone),
    told("quit"),
    told("ping"),
    told("register"),
    told("login"),
    told("resume"),
    told("recover"),
    told("passwd"),
    told("unregister"),
    list("token", &lists::TOKENS, "no tokens"),
    told("whoami"),
    list("sessions", &lists::SESSIONS, "no sessions"),
    form("profile", RowsForm::Profile, Last::NameAbove),
    told("away"),
    told("ignore"),
    told("unignore"),
    form(
        "ignored",
        RowsForm::List(&lists::IGNORED),
        Last::Count { none: "you ignore nobody", things: Some(("person", "people")) },
    ),
    told("invitecode"),
    form(
        "invites",
        RowsForm::List(&lists::INVITES),
        Last::Count { none: "no invitation codes", things: Some(("invitation code", "invitation codes")) },
    ),
    form("stats", RowsForm::Stats, Last::Count { none: "no figures", things: None }),
    form("reload", RowsForm::Reload, Last::Sentence),
    list("accounts", &lists::ACCOUNTS, "no accounts"),
    told("disable"),
    told("enable"),
    told("resetpw"),
    told("grant"),
    told("announce"),
    told("block"),
    told("unblock"),
    form(
        "blocks",
        RowsForm::List(&lists::BLOCKS),
        Last::Count { none: "no address is blocked", things: Some(("address or network", "addresses and networks")) },
    ),
    form("set", RowsForm::List(&lists::OPTIONS), Last::Uncounted),
    list("rooms", &lists::ROOMS, "no rooms"),
    form(
        "conversations",
        RowsForm::Keyed(&lists::CONVERSATIONS),
        Last::Count { none: "no conversations", things: None },
    ),
    told("create"),
    told("join"),
    told("leave"),
    told("switch"),
    told("invite"),
    list("invitations", &lists::INVITATIONS, "no invitations"),
    told("decline"),
    form("who", RowsForm::Members, Last::Count { none: "no members", things: None }),
    form("topic", RowsForm::Absent, Last::Topic),
    form("role", RowsForm::Absent, Last::Role),
    told("kick"),
    told("ban"),
    told("unban"),
    list("bans", &lists::BANS, "nobody is banned here"),
    told("mute"),
    told("unmute"),
    told("slow"),
    list("hook", &lists::HOOKS, "no hooks"),
    told("private"),
    told("retain"),
    told("rename"),
    told("close"),
    list("audit", &lists::AUDIT, "nothing was done"),
    seen("say"),
    seen("msg"),
    seen("post"),
    seen("me"),
    seen("act"),
    seen("reply"),
    seen("edit"),
    seen("update"),
    seen("redact"),
    seen("react"),
    seen("pin"),
    seen("unpin"),
    messages("pins", Order::Some, "nothing is pinned here"),
    form("changes", RowsForm::Changes, Last::Count { none: "no changes", things: None }),
    messages("history", Order::Conversation, "no messages"),
    messages("search", Order::Anywhere, "nothing was found"),
    messages("mentions", Order::Anywhere, "nobody has mentioned you"),
    messages("export", Order::Anywhere, "you have said nothing"),
    form("read", RowsForm::Absent, Last::Number),
];

impl View<'_> {
    /// A line as it is.
    fn as_is(&self, text: &str) -> StyledLine {
        self.line(Look::Plain, text)
    }

    fn heading(&self, text: &str) -> StyledLine {
        self.line(Look::Faint, &format!("── {text} ──"))
    }

    #[expect(clippy::unused_self, reason = "lines are made for a view")]
    fn line(&self, look: Look, text: &str) -> StyledLine {
        let mut line = StyledLine::default();
        line.put_text(look, text);
        line
    }
}

/// The lines for an answer, or for a part of a long one.
#[must_use]
pub(super) fn lines(answer: &AnswerItem, view: &View<'_>) -> Vec<StyledLine> {
    let AnswerItem { command, rows, end } = answer;
    let form = form_of(command);
    let cleaned: Vec<String> = rows.iter().map(|row| clean(row).into_owned()).collect();
    let mut lines = Vec::new();
    if let (Some(Last::NameAbove), AnswerEnd::Done(name)) = (form.map(|form| form.last), end)
        && !rows.is_empty()
    {
        lines.push(view.heading(&clean(name)));
    }
    if !cleaned.is_empty() {
        lines.extend(row_lines(command, form, &cleaned, view));
    }
    match end {
        AnswerEnd::Done(text) => {
            let last = form.map_or(Last::Sentence, |form| form.last);
            lines.extend(last_line(last, command, rows, &clean(text)).map(|text| view.as_is(&text)));
        }
        AnswerEnd::Refused { code, text } => lines.push(refusal(code, text)),
        AnswerEnd::Open => {}
    }
    lines
}

/// The line for a refusal: its sentence says what to do, and the code word is for programs.
#[must_use]
pub(super) fn refusal(code: &str, text: &str) -> StyledLine {
    let mut line = StyledLine::default();
    let text = references::for_people(if text.is_empty() { code } else { text });
    line.put(Look::Bad, "! ").put(Look::Bad, &clean(&text));
    line
}

fn row_lines(command: &str, form: Option<&Form>, rows: &[String], view: &View<'_>) -> Vec<StyledLine> {
    let as_they_are = || rows.iter().map(|row| view.as_is(row)).collect();
    let Some(form) = form else { return as_they_are() };
    match &form.rows {
        RowsForm::Absent => as_they_are(),
        RowsForm::Messages(order) => messages::messages(rows, *order, view),
        RowsForm::Changes => messages::changes(rows, view),
        RowsForm::List(list) => table::table(list.columns, &cut(list, rows, view), view.columns),
        RowsForm::Keyed(list) => {
            let mut rows = cut(list, rows, view);
            for (row, number) in rows.iter_mut().zip(1..=KEYS_MAX) {
                if let Row::Cells(cells) = row
                    && let Some(key) = cells.first_mut()
                {
                    *key = format!("Alt-{number}");
                }
            }
            table::table(list.columns, &rows, view.columns)
        }
        RowsForm::Members => pairs::members(rows, view),
        RowsForm::Stats => pairs::stats(rows, view),
        RowsForm::Profile => pairs::profile(rows, view),
        RowsForm::Reload => rows.iter().map(|row| view.as_is(&reloaded(row))).collect(),
        RowsForm::Help => help::lines(command, rows, view),
    }
}

fn form_of(command: &str) -> Option<&'static Form> {
    let verb = command.split(' ').next()?;
    FORMS.iter().find(|form| form.verb.eq_ignore_ascii_case(verb))
}

fn cut(list: &ListForm, rows: &[String], view: &View<'_>) -> Vec<Row> {
    let cut = rows.iter().map(|row| (list.cut)(row, &view.clock).map_or_else(|| Row::AsIs(row.clone()), Row::Cells));
    // Without cells there is nothing to show.
    cut.filter(|row| *row != Row::Cells(Vec::new())).collect()
}

/// A row of `/reload`: `WHAT KEY VALUE`.
fn reloaded(row: &str) -> String {
    let mut words = row.splitn(3, ' ');
    match (words.next(), words.next(), words.next()) {
        (Some("changed"), Some(key), Some(value)) => format!("changed: {key} = {value}"),
        (Some("restart"), Some(key), Some(value)) => format!("after a restart: {key} = {value}"),
        (Some(what @ ("certificate" | "warning")), Some("-"), Some(text)) => format!("{what}: {text}"),
        _ => row.to_owned(),
    }
}

#[cfg(test)]
mod tests;
