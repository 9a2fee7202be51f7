//! Lines that were entered before, and the file that keeps them.
//!
//! Each line is appended to the file when it is entered, so that a crash loses none. The form of the file is that
//! of earlier versions: `#V2` in the first line, then a line for each entry, with `\\` and `\n` escaped.

use std::fs::OpenOptions;
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

/// Lines that are kept.
const HISTORY_MAX: usize = 1000;
/// Lines in the file at which it is cut to `HISTORY_MAX`.
const FILE_MAX: usize = 2 * HISTORY_MAX;
const HEADER: &str = "#V2";

/// The lines, and where one is among them.
#[derive(Debug)]
pub(super) struct History {
    path: PathBuf,
    entries: Vec<String>,
    /// Which entry is shown; the line being typed comes after the last one.
    at: usize,
    /// The half-typed line, while an entry is shown.
    typed: String,
}

impl History {
    /// The history in a file. If it can't be read, it is empty.
    pub(super) fn open(path: PathBuf) -> Self {
        let entries = load(&path).unwrap_or_else(|error| {
            if error.kind() != io::ErrorKind::NotFound {
                log::debug!("can't load the history file: {error}");
            }
            Vec::new()
        });
        Self { path, at: entries.len(), entries, typed: String::new() }
    }

    /// Adds a line, unless it is the last one.
    pub(super) fn add(&mut self, line: &str) {
        if self.keep(line)
            && let Err(error) = append(&self.path, line)
        {
            // The user can do nothing about it, and a line of the log would be in the way.
            log::debug!("can't save the history file: {error}");
        }
    }

    /// As `add`, but only until the program ends. Whether it was not the last one already.
    pub(super) fn keep(&mut self, text: &str) -> bool {
        let is_new = self.entries.last().is_none_or(|last| last != text);
        if is_new {
            if self.entries.len() == HISTORY_MAX {
                self.entries.remove(0);
            }
            self.entries.push(text.to_owned());
        }
        self.leave();
        is_new
    }

    /// The entry before the shown one. `line` is what is in the line now.
    pub(super) fn earlier(&mut self, line: &str) -> Option<String> {
        self.go(self.at.checked_sub(1)?, line)
    }

    /// The entry after the shown one, or the half-typed line.
    pub(super) fn later(&mut self, line: &str) -> Option<String> {
        if self.at == self.entries.len() {
            return None;
        }
        self.go(self.at + 1, line)
    }

    /// The first entry.
    pub(super) fn first(&mut self, line: &str) -> Option<String> {
        if self.entries.is_empty() { None } else { self.go(0, line) }
    }

    /// The half-typed line.
    pub(super) fn last(&mut self, line: &str) -> Option<String> {
        self.go(self.entries.len(), line)
    }

    fn go(&mut self, to: usize, line: &str) -> Option<String> {
        if self.at == self.entries.len() {
            line.clone_into(&mut self.typed);
        }
        self.at = to;
        Some(self.entries.get(to).unwrap_or(&self.typed).clone())
    }

    /// The line is no longer one of the history.
    pub(super) fn leave(&mut self) {
        self.at = self.entries.len();
    }

    /// The latest entry before the one numbered `before` that contains `part`, and its number.
    pub(super) fn search(&self, part: &str, before: Option<usize>) -> Option<(usize, &str)> {
        let before = before.unwrap_or(self.entries.len());
        let mut earlier = self.entries[..before].iter().enumerate().rev();
        earlier.find(|(_, entry)| entry.contains(part)).map(|(at, entry)| (at, entry.as_str()))
    }
}

fn load(path: &Path) -> io::Result<Vec<String>> {
    let text = std::fs::read_to_string(path)?;
    let escaped = text.lines().next() == Some(HEADER);
    let mut lines: Vec<&str> = text.lines().skip(usize::from(escaped)).filter(|line| !line.is_empty()).collect();
    let too_many = lines.len().saturating_sub(HISTORY_MAX);
    let is_long = lines.len() > FILE_MAX;
    lines.drain(..too_many);
    if is_long && escaped {
        let kept = format!("{HEADER}\n{}\n", lines.join("\n"));
        crate::files::replace(path, 0o600, kept.as_bytes())?;
    }
    Ok(lines.into_iter().map(|line| if escaped { unescape(line) } else { line.to_owned() }).collect())
}

fn append(path: &Path, line: &str) -> io::Result<()> {
    // Private from the first byte on.
    let mut file = OpenOptions::new().create(true).append(true).mode(0o600).open(path)?;
    let header = if file.metadata()?.len() == 0 { format!("{HEADER}\n") } else { String::new() };
    let escaped = line.replace('\\', "\\\\").replace('\n', "\\n");
    // In one piece, so that it is whole between those of another client.
    file.write_all(format!("{header}{escaped}\n").as_bytes())
}

fn unescape(line: &str) -> String {
    let mut out = String::with_capacity(line.len());
    let mut chars = line.chars();
    while let Some(c) = chars.next() {
        match (c, if c == '\\' { chars.next() } else { None }) {
            ('\\', Some('n')) => out.push('\n'),
            ('\\', Some(other)) => out.push(other),
            _ => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn opened(dir: &tempfile::TempDir) -> History {
        History::open(dir.path().join("history"))
    }

    #[test]
    fn lines_outlive_the_program_and_are_private() {
        use std::os::unix::fs::PermissionsExt as _;
        let dir = tempfile::tempdir().unwrap();
        let mut history = opened(&dir);
        for line in ["one", r"C:\new", "two\nlines", "two\nlines"] {
            history.add(line);
        }
        assert_eq!(opened(&dir).entries, ["one", r"C:\new", "two\nlines"]);
        let path = dir.path().join("history");
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "#V2\none\nC:\\\\new\ntwo\\nlines\n");
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }

    #[test]
    fn the_half_typed_line_comes_back() {
        let dir = tempfile::tempdir().unwrap();
        let mut history = opened(&dir);
        ["one", "two"].iter().for_each(|line| history.add(line));
        assert_eq!(history.later("half"), None);
        assert_eq!(history.earlier("half").as_deref(), Some("two"));
        assert_eq!(history.earlier("two").as_deref(), Some("one"));
        assert_eq!(history.earlier("one"), None);
        assert_eq!(history.later("one").as_deref(), Some("two"));
        assert_eq!(history.later("two").as_deref(), Some("half"));
        assert_eq!(history.first("half").as_deref(), Some("one"));
        assert_eq!(history.last("one").as_deref(), Some("half"));
    }

    #[test]
    fn the_search_goes_backwards() {
        let dir = tempfile::tempdir().unwrap();
        let mut history = opened(&dir);
        ["say one", "say two", "other"].iter().for_each(|line| history.add(line));
        assert_eq!(history.search("say", None), Some((1, "say two")));
        assert_eq!(history.search("say", Some(1)), Some((0, "say one")));
        assert_eq!(history.search("say", Some(0)), None);
    }

    #[test]
    fn the_file_stays_small() {
        let dir = tempfile::tempdir().unwrap();
        let lines: Vec<String> = (0..=FILE_MAX).map(|n| format!("line {n}")).collect();
        std::fs::write(dir.path().join("history"), format!("#V2\n{}\n", lines.join("\n"))).unwrap();
        assert_eq!(opened(&dir).entries.len(), HISTORY_MAX);
        let kept = std::fs::read_to_string(dir.path().join("history")).unwrap();
        assert_eq!(kept.lines().count(), HISTORY_MAX + 1);
        assert!(kept.ends_with(&format!("line {FILE_MAX}\n")));
    }
}
