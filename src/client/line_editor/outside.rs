//! The half-typed line in the user's own editor.

use std::io::{self, Write as _};
use std::process::Command;

/// Runs `$VISUAL`, `$EDITOR` or vi on a text, and returns what it has become. The file is private, and gone
/// afterwards.
///
/// # Errors
/// If the editor can't be run or fails, or the file can't be written or read.
pub(super) fn edit(text: &str) -> io::Result<String> {
    let set = |name| std::env::var(name).ok().filter(|value| !value.trim().is_empty());
    let editor = set("VISUAL").or_else(|| set("EDITOR")).unwrap_or_else(|| "vi".to_owned());
    let mut file = tempfile::Builder::new().prefix("chitchat-").suffix(".txt").tempfile()?;
    writeln!(file, "{text}")?;
    file.flush()?;
    // Through the shell, as others do it, since the variable may have arguments in it.
    let run = Command::new("sh").arg("-c").arg(format!("{editor} \"$1\"")).arg("sh").arg(file.path()).status();
    let status = run.map_err(|error| io::Error::new(error.kind(), format!("can't run {editor}: {error}")))?;
    if !status.success() {
        return Err(io::Error::other(format!("{editor} failed ({status}), so the line is as it was")));
    }
    // By its name: most editors write another file in its place.
    let written = std::fs::read_to_string(file.path())?;
    Ok(written.trim_end_matches(['\n', '\r']).to_owned())
}
