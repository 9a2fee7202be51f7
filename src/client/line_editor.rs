//! The line that is being typed: editing, history, completion.
//!
//! Owns rustyline and the file of what was typed. Must not know the network. Runs on the main
//! thread.

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

/// Typed lines that are remembered.
const HISTORY_MAX: usize = 1000;

/// The line editor.
pub struct LineEditor {
    editor: Editor<LineHelper, DefaultHistory>,
    history: PathBuf,
}

/// What the user did.
#[derive(Debug, PartialEq, Eq)]
pub enum Entered {
    /// A line, or several that were pasted.
    Lines(Vec<String>),
    /// Ctrl-C: the line is dropped.
    Dropped,
    /// Ctrl-D, or the terminal is gone.
    End,
}

impl LineEditor {
    /// An editor on the terminal, with what was typed before.
    ///
    /// # Errors
    /// What rustyline says, if the terminal can't be used.
    pub fn new(history: PathBuf, names: KnownNames) -> rustyline::Result<Self> {
        let config = Config::builder()
            .max_history_size(HISTORY_MAX)?
            .history_ignore_dups(true)?
            .completion_type(CompletionType::List)
            .color_mode(ColorMode::Disabled)
            .build();
        let typed_before = DefaultHistory::with_config(&config);
        let mut editor = Editor::with_history(config, typed_before)?;
        editor.set_helper(Some(LineHelper { names, gate: None }));
        // Ctrl-J would put a line end into the line; it ends the line, as everywhere.
        editor.bind_sequence(KeyEvent::ctrl('j'), EventHandler::Simple(Cmd::AcceptLine));
        if let Err(error) = editor.load_history(&history) {
            log::debug!("no history of typed lines: {error}");
        }
        Ok(Self { editor, history })
    }

    /// What prints above the line.
    ///
    /// # Errors
    /// What rustyline says, if this is no terminal.
    pub fn printer(&mut self) -> rustyline::Result<impl ExternalPrinter + Send + use<>> {
        self.editor.create_external_printer()
    }

    /// The gate that is open while a line is typed.
    pub fn set_gate(&mut self, gate: Gate) {
        if let Some(helper) = self.editor.helper_mut() {
            helper.gate = Some(gate);
        }
    }

    /// Reads what the user types.
    ///
    /// # Errors
    /// What rustyline says, if the terminal fails.
    pub fn read(&mut self, prompt: &str) -> rustyline::Result<Entered> {
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
            Err(ReadlineError::Interrupted) => Ok(Entered::Dropped),
            Err(ReadlineError::Eof) => Ok(Entered::End),
            Err(error) => Err(error),
        }
    }

    /// Asks a question whose answer is not remembered; `None` if there is none.
    pub fn ask(&mut self, question: &str) -> Option<String> {
        let answer = self.editor.readline(question).ok();
        if let Some(gate) = self.editor.helper().and_then(|helper| helper.gate.as_ref()) {
            gate.close();
        }
        answer.map(|answer| answer.trim().to_owned())
    }

    /// Keeps what was typed, for the next time; never what is, or may be, a secret.
    fn remember(&mut self, line: &str) {
        if line.trim().is_empty() || is_secret(line) {
            return;
        }
        if let Err(error) = self.editor.add_history_entry(line) {
            log::debug!("not remembered: {error}");
        }
    }

    /// Writes the history file.
    pub fn save(&mut self) {
        // Made here first, so that it is the owner's alone from its first byte on.
        let made = OpenOptions::new().create(true).append(true).mode(0o600).open(&self.history);
        let saved = made.map_err(ReadlineError::Io).and_then(|_| self.editor.append_history(&self.history));
        if let Err(error) = saved {
            log::warn!("what was typed could not be kept: {error}");
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

    // Hints are not used; this is the first thing that the editor asks for once it is ready.
    fn hint(&self, _line: &str, _pos: usize, _ctx: &Context<'_>) -> Option<String> {
        if let Some(gate) = &self.gate {
            gate.open();
        }
        None
    }
}

impl Validator for LineHelper {
    // The last thing that the editor asks for before it lets go of the terminal.
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

/// Where the word at the cursor begins, and what it may become.
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
    // At the start of a text a name is an address.
    let end = if first { ": " } else { " " };
    found.extend(names.people(word).into_iter().map(|name| format!("{name}{end}")));
    (start, found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_completed_by_what_may_stand_there() {
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
