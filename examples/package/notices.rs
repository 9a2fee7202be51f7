//! The licences of the crates that the programs are built from: they ask to be passed on with the programs.

use std::collections::{BTreeMap, BTreeSet};
use std::env;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Each text once, below the crates that have it.
pub(crate) fn collect(tree: &Path) -> io::Result<String> {
    let mut texts: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (name, licence) in crates(tree)? {
        let files = licence_files(&source(&name)?)?;
        if files.is_empty() {
            return Err(io::Error::other(format!("{name} has no file with its licence")));
        }
        for file in files {
            // Some have names of people in an older encoding than UTF-8.
            let text = String::from_utf8_lossy(&fs::read(file)?).trim().to_owned();
            texts.entry(text).or_default().insert(format!("{name} ({licence})"));
        }
    }
    let mut texts: Vec<_> = texts.into_iter().map(|(text, crates)| (crates, text)).collect();
    texts.sort();
    let line = "-".repeat(79);
    let notice = |(crates, text): (BTreeSet<String>, String)| {
        let crates: Vec<String> = crates.into_iter().collect();
        format!("{line}\n{}\n\n{text}\n", crates.join("\n"))
    };
    let head = "ChitChat's programs are built from these crates, beside Rust's standard library.\n".to_owned();
    Ok(head + &texts.into_iter().map(notice).collect::<String>())
}

/// What a package is built from, by cargo: `name-version`, and under which licence.
fn crates(tree: &Path) -> io::Result<BTreeMap<String, String>> {
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let arguments = "tree --locked --edges normal --prefix none --features post-quantum --format {p}|{l}";
    let output = Command::new(cargo).args(arguments.split(' ')).current_dir(tree).output()?;
    if !output.status.success() {
        return Err(io::Error::other(String::from_utf8_lossy(&output.stderr).trim().to_owned()));
    }
    Ok(String::from_utf8_lossy(&output.stdout).lines().filter_map(crate_of).collect())
}

/// `zeroize v1.9.0|Apache-2.0 OR MIT (*)`; nothing for ChitChat itself.
fn crate_of(line: &str) -> Option<(String, String)> {
    let (package, licence) = line.trim_end_matches(" (*)").split_once('|')?;
    let mut words = package.split(' ');
    let (name, version) = (words.next()?, words.next()?.trim_start_matches('v'));
    (name != env!("CARGO_PKG_NAME")).then(|| (format!("{name}-{version}"), licence.to_owned()))
}

/// Where cargo has unpacked a crate.
fn source(name: &str) -> io::Result<PathBuf> {
    let home = env::var_os("CARGO_HOME").map(PathBuf::from);
    let home = home.or_else(|| Some(env::home_dir()?.join(".cargo"))).unwrap_or_default();
    for registry in fs::read_dir(home.join("registry/src"))? {
        let path = registry?.path().join(name);
        if path.is_dir() {
            return Ok(path);
        }
    }
    Err(io::Error::other(format!("{name} is not in {}", home.join("registry/src").display())))
}

fn licence_files(source: &Path) -> io::Result<Vec<PathBuf>> {
    let paths = fs::read_dir(source)?.map(|entry| entry.map(|entry| entry.path())).collect::<io::Result<Vec<_>>>()?;
    let is_licence = |path: &PathBuf| {
        let name = path.file_name().unwrap_or_default().to_string_lossy().to_lowercase();
        let begins = ["licen", "unlicen", "copy", "notice"].iter().any(|word| name.starts_with(word));
        begins && path.is_file()
    };
    Ok(paths.into_iter().filter(is_licence).collect())
}

#[cfg(test)]
mod tests {
    use super::crate_of;

    #[test]
    fn cargos_lines_are_understood() {
        let of = |name: &str, licence: &str| Some((name.to_owned(), licence.to_owned()));
        assert_eq!(crate_of("zeroize v1.9.0|Apache-2.0 OR MIT"), of("zeroize-1.9.0", "Apache-2.0 OR MIT"));
        assert_eq!(crate_of("thiserror-impl v2.0.1 (proc-macro)|MIT (*)"), of("thiserror-impl-2.0.1", "MIT"));
        assert_eq!(crate_of("chitchat v0.1.0 (/home/alice/chitchat)|MIT"), None);
    }
}
