//! The line being typed: editing, history, completion.
//!
//! Owns rustyline and the history file. Must not know the network. Runs on the main thread.

use super::interpret::is_secret;
use super::known_names::KnownNames;
use super::printer::Gate;
use crate::protocol::command::TABLE;
use rustyline::completion::Completer;
use rustyline::error::ReadlineError;
use rustyline::highlight::Highlighter;
use rustyline::hint::Hinter;
use rustyline::history::DefaultHistory;
use rustyline::validate::{ValidationContext, ValidationResult, Validator};
use rustyline::{
    Cmd, ColorMode, CompletionType, Config, Context, Editor, EventHandler, ExternalPrinter, Helper, KeyEvent,
};
use std::fs::OpenOptions;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::PathBuf;

/// Lines in the history file.
const HISTORY_MAX: usize = 1000;

pub(super) struct LineEditor {
    editor: Editor<LineHelper, DefaultHistory>,
    history: PathBuf,
}

/// What the user did.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Entered {
    /// A line, or several that were pasted.
    Lines(Vec<String>),
    /// Ctrl-C: the line was cleared.
    Cleared,
    /// Ctrl-D, or the terminal is gone.
    End,
}

impl LineEditor {
    /// An editor on the terminal, with the history of earlier runs.
    ///
    /// # Errors
    /// Rustyline's, if the terminal can't be used.
    pub(super) fn new(history: PathBuf, names: KnownNames) -> rustyline::Result<Self> {
        let config = Config::builder()
            .max_history_size(HISTORY_MAX)?
            .history_ignore_dups(true)?
            .completion_type(CompletionType::List)
            .color_mode(ColorMode::Disabled)
            .build();
        let typed_before = DefaultHistory::with_config(&config);
        let mut editor = Editor::with_history(config, typed_before)?;
        editor.set_helper(Some(LineHelper { names, gate: None }));
        // By default Ctrl-J inserts a newline; here it enters the line, as it does everywhere else.
        editor.bind_sequence(KeyEvent::ctrl('j'), EventHandler::Simple(Cmd::AcceptLine));
        if let Err(error) = editor.load_history(&history) {
            log::debug!("can't load the history file: {error}");
        }
        Ok(Self { editor, history })
    }

    /// Prints above the line being typed.
    ///
    /// # Errors
    /// Rustyline's, if the terminal can't do that.
    pub(super) fn printer(&mut self) -> rustyline::Result<impl ExternalPrinter + Send + use<>> {
        self.editor.create_external_printer()
    }

    /// The gate to open while a line is being typed.
    pub(super) fn set_gate(&mut self, gate: Gate) {
        if let Some(helper) = self.editor.helper_mut() {
            helper.gate = Some(gate);
        }
    }

    /// Waits for the user to enter something.
    ///
    /// # Errors
    /// Rustyline's, if the terminal fails.
    pub(super) fn read(&mut self, prompt: &str) -> rustyline::Result<Entered> {
        let entered = self.editor.readline(prompt);
        if let Some(gate) = self.editor.helper().and_then(|helper| helper.gate.as_ref()) {
            gate.close();
        }
        match entered {
            Ok(text) => {
                let lines: Vec<String> = text.lines().map(str::to_owned).collect();
                for line in &lines {
                    self.remember(line);
                }
                Ok(Entered::Lines(lines))
            }
            Err(ReadlineError::Interrupted) => Ok(Entered::Cleared),
            Err(ReadlineError::Eof) => Ok(Entered::End),
            Err(error) => Err(error),
        }
    }

    /// Asks a question. The answer does not go into the history; `None` if there is none.
    pub(super) fn ask(&mut self, question: &str) -> Option<String> {
        let answer = self.editor.readline(question).ok();
        if let Some(gate) = self.editor.helper().and_then(|helper| helper.gate.as_ref()) {
            gate.close();
        }
        answer.map(|answer| answer.trim().to_owned())
    }

    /// Adds a line to the history, unless it contains or may contain a secret.
    fn remember(&mut self, line: &str) {
        if line.trim().is_empty() || is_secret(line) {
            return;
        }
        if let Err(error) = self.editor.add_history_entry(line) {
            log::debug!("not added to the history: {error}");
        }
    }

    /// Writes the history file.
    pub(super) fn save(&mut self) {
        // Created here first, so that it is private from the first byte on.
        let made = OpenOptions::new().create(true).append(true).mode(0o600).open(&self.history);
        let saved = made.map_err(ReadlineError::Io).and_then(|_| self.editor.append_history(&self.history));
        if let Err(error) = saved {
            log::warn!("can't save the history file: {error}");
        }
    }
}

struct LineHelper {
    names: KnownNames,
    gate: Option<Gate>,
}

impl Helper for LineHelper {}

impl Highlighter for LineHelper {}

impl Hinter for LineHelper {
    type Hint = String;

    // There are no hints, but this is the first method that the editor calls when it is ready.
    fn hint(&self, _line: &str, _pos: usize, _ctx: &Context<'_>) -> Option<String> {
        if let Some(gate) = &self.gate {
            gate.open();
        }
        None
    }
}

impl Validator for LineHelper {
    // The last method that the editor calls before it gives the terminal back.
    fn validate(&self, _ctx: &mut ValidationContext<'_>) -> rustyline::Result<ValidationResult> {
        if let Some(gate) = &self.gate {
            gate.close();
        }
        Ok(ValidationResult::Valid(None))
    }
}

impl Completer for LineHelper {
    type Candidate = String;

    fn complete(&self, line: &str, pos: usize, _ctx: &Context<'_>) -> rustyline::Result<(usize, Vec<String>)> {
        Ok(complete(line, pos, &self.names))
    }
}

/// Where the word at the cursor begins, and its completions.
fn complete(line: &str, pos: usize, names: &KnownNames) -> (usize, Vec<String>) {
    let before = line.get(..pos).unwrap_or(line);
    let start = before.rfind(' ').map_or(0, |space| space + 1);
    let word = &before[start..];
    let first = before[..start].trim().is_empty();
    if let (true, Some(verb)) = (first, word.strip_prefix('/')) {
        let verb = verb.to_lowercase();
        let verbs = TABLE.iter().filter(|known| known.name.starts_with(&verb));
        return (start, verbs.map(|known| format!("/{} ", known.name)).collect());
    }
    if let Some(name) = word.strip_prefix('@') {
        return (start, names.people(name).into_iter().map(|name| format!("@{name} ")).collect());
    }
    if let Some(room) = word.strip_prefix('#') {
        return (start, names.rooms(room).into_iter().map(|room| format!("#{room} ")).collect());
    }
    if word.is_empty() {
        return (start, Vec::new());
    }
    let mut found: Vec<String> = Vec::new();
    if before.starts_with('/') {
        found.extend(names.rooms(word).into_iter().map(|room| format!("{room} ")));
    }
    // At the start of a message a name addresses somebody.
    let end = if first { ": " } else { " " };
    found.extend(names.people(word).into_iter().map(|name| format!("{name}{end}")));
    (start, found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_completed_by_their_place() {
        let names = KnownNames::default();
        ["lobby", "ops"].iter().for_each(|room| names.room(room));
        ["Bob", "bonnie", "oscar"].iter().for_each(|name| names.person(name));
        let found = |line: &str| complete(line, line.len(), &names);
        assert_eq!(found("/jo"), (0, vec!["/join ".to_owned()]));
        assert_eq!(found("/join o"), (6, vec!["ops ".to_owned(), "oscar ".to_owned()]));
        assert_eq!(found("/msg @bo"), (5, vec!["@Bob ".to_owned(), "@bonnie ".to_owned()]));
        assert_eq!(found("/say #LO"), (5, vec!["#lobby ".to_owned()]));
        assert_eq!(found("bo"), (0, vec!["Bob: ".to_owned(), "bonnie: ".to_owned()]));
        assert_eq!(found("hi BO"), (3, vec!["Bob ".to_owned(), "bonnie ".to_owned()]));
        assert_eq!(found("hi "), (3, vec![]));
        assert_eq!(complete("é/j", 1, &names).1, Vec::<String>::new());
    }
}
