//! What the pages say of the tree: each dependency has its reason, and each test that a page names exists.

use std::collections::BTreeSet;
use std::path::Path;

#[test]
fn each_dependency_has_its_reason() {
    let root = env!("CARGO_MANIFEST_DIR");
    let manifest: toml::Table = std::fs::read_to_string(format!("{root}/Cargo.toml")).unwrap().parse().unwrap();
    let used: BTreeSet<String> = manifest["dependencies"].as_table().unwrap().keys().cloned().collect();
    let page = std::fs::read_to_string(format!("{root}/docs/DEPENDENCIES.md")).unwrap();
    // The first cell of each row, but for the heads and the lines under them.
    let cells = page.lines().filter_map(|line| line.strip_prefix("| ")?.split(" | ").next());
    let explained: BTreeSet<String> = cells.filter(|cell| *cell != "crate").map(str::to_owned).collect();
    assert_eq!(used, explained);
    let mut cells =
        page.lines().filter(|line| line.starts_with("| ")).flat_map(|line| line.trim_matches(['|', ' ']).split('|'));
    let reasons = cells.all(|cell| !cell.trim().is_empty());
    assert!(reasons, "a cell is empty");
}

/// All Rust sources below a directory, one after another.
fn sources(dir: &Path) -> String {
    let entries = std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path());
    let read = |path: std::path::PathBuf| match path.extension() {
        _ if path.is_dir() => sources(&path),
        Some(extension) if extension == "rs" => std::fs::read_to_string(path).unwrap(),
        _ => String::new(),
    };
    entries.map(read).collect()
}

#[test]
fn the_tests_that_reliability_names_exist() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let page = std::fs::read_to_string(root.join("docs/RELIABILITY.md")).unwrap();
    let sources = sources(&root.join("tests")) + &sources(&root.join("src"));
    // Within backticks, where words are joined by `_` as in a test's name; `battery: ` says where it is.
    let names: BTreeSet<&str> = page
        .split('`')
        .skip(1)
        .step_by(2)
        .map(|code| code.trim_start_matches("battery: "))
        .filter(|code| {
            code.len() > 1
                && code.contains('_')
                && code.bytes().all(|b| b.is_ascii_lowercase() || b == b'_' || b.is_ascii_digit())
        })
        .collect();
    assert!(names.len() > 30, "{names:?}");
    let missing: Vec<&&str> = names.iter().filter(|name| !sources.contains(&format!("fn {name}("))).collect();
    assert!(missing.is_empty(), "{missing:?}");
}
