//! `docs/DEPENDENCIES.md` gives the reason for each dependency, and for nothing else.

use std::collections::BTreeSet;

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
