//! Power cuts with `history.sync = "normal"`, where the page promises less: the last moments may be lost, and then
//! the epoch is another one. What is left is an unbroken beginning of what there was.

use super::{CONTROL_CUTS, Cut, Setup};
use crate::check::{Snapshot, check};
use crate::promises::integrity;
use crate::text::Text;
use crate::told::What;
use std::collections::HashMap;

const NORMAL: &[&str] = &["history.sync=normal"];

/// The server starts, under a new epoch, and whatever somebody was told after something that is left, and said
/// before it, is left, too.
fn keeps_a_beginning(cut: &Cut<'_>) -> Result<(), String> {
    let server = cut.start(NORMAL)?;
    // Accounts may be lost like anything else: then nobody can look.
    if cut.at >= cut.history.began
        && let Ok(now) = cut.history.people.snapshot(&server)
    {
        if now.epoch == cut.history.epoch {
            return Err("the epoch is the old one".to_owned());
        }
        check(&Snapshot::default(), &now, &[])?;
        unbroken(cut, &now)?;
    }
    integrity(&server.data())
}

/// Each author's messages are stored in the order of their numbers, wherever they were said: none that was answered
/// is missing before one that is there.
fn unbroken(cut: &Cut<'_>, now: &Snapshot) -> Result<(), String> {
    let mut last: HashMap<String, u64> = HashMap::new();
    let rows = || now.places.values().flat_map(|place| &place.rows);
    for text in rows().filter_map(|row| Text::parse(&row.said.text)) {
        let last = last.entry(text.author).or_default();
        *last = text.serial.max(*last);
    }
    for told in cut.told() {
        let What::Said(said) = &told.what else { continue };
        let Some(text) = Text::parse(&said.text) else { continue };
        let there = now.places[&said.target].rows.len() as u64 >= said.id;
        if !there && last.get(&text.author).is_some_and(|&last| last > text.serial) {
            return Err(format!("{said:?} is missing, but something that its author said later is there"));
        }
    }
    Ok(())
}

#[test]
fn with_normal_sync_an_unbroken_beginning_survives_under_a_new_epoch() {
    let cuts = crate::variable("CHITCHAT_POWER_CUTS", 100) / 4;
    let seed = crate::seed();
    let history = Setup { settings: NORMAL, runs: 1, told: 500, ..Setup::default() }.run(seed);
    let done = history.cuts(cuts, seed, &keeps_a_beginning);
    done.unwrap_or_else(|why| panic!("CHITCHAT_BATTERY_SEED={seed}: {why}"));
    // A control as well: the full promise does not hold there.
    let found = history.cuts(CONTROL_CUTS, seed, &|cut| cut.keeps_everything());
    println!("{cuts} power cuts; found out: {}", found.expect_err("the cuts lost nothing"));
}
