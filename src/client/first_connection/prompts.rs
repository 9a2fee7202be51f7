//! Asking the user, on the terminal, before the chat.

use crate::client::display::sentences_for;
use crate::client::line_editor::ask_hidden;
use crate::protocol::secrets::Secret;
use std::io::{self, BufRead as _, IsTerminal as _, Write as _};

/// Asks the user.
pub(in crate::client) trait Prompts {
    /// Whether there is anyone to answer.
    fn can_answer(&self) -> bool;
    /// Asks for a line; `None` at the end of input.
    ///
    /// # Errors
    /// If the terminal fails.
    fn line(&mut self, question: &str) -> io::Result<Option<String>>;
    /// Asks for a line without showing what is typed; `None` at the end of input.
    ///
    /// # Errors
    /// If the terminal fails.
    fn hidden(&mut self, question: &str) -> io::Result<Option<Secret>>;
    /// Shows a text.
    fn tell(&mut self, text: &str);
}

/// Asks on the terminal, if standard input is one.
#[derive(Debug, Default)]
pub(in crate::client) struct TerminalPrompts;

impl Prompts for TerminalPrompts {
    fn can_answer(&self) -> bool {
        io::stdin().is_terminal()
    }

    fn line(&mut self, question: &str) -> io::Result<Option<String>> {
        let mut err = io::stderr();
        write!(err, "{}", sentences_for(&err, question))?;
        err.flush()?;
        let mut line = String::new();
        let taken = io::stdin().lock().read_line(&mut line)?;
        if taken == 0 {
            // What is printed next begins a line of its own.
            writeln!(err)?;
        }
        Ok((taken > 0).then(|| line.trim().to_owned()))
    }

    fn hidden(&mut self, question: &str) -> io::Result<Option<Secret>> {
        Ok(ask_hidden(&sentences_for(io::stderr(), question))?.map(|typed| Secret::new(&typed)))
    }

    fn tell(&mut self, text: &str) {
        if let Err(error) = writeln!(io::stderr(), "{}", sentences_for(io::stderr(), text)) {
            log::debug!("can't write to standard error: {error}");
        }
    }
}
