//! What must hold after a crash: the history and the changes as a client reads them, against what was
//! told and against what they were before.

use crate::text::{Fate, Text};
use crate::told::{Changed, Said, Told, What};
use crate::wire::Row;
use std::collections::{BTreeMap, BTreeSet, HashSet};

/// Everything that can be read at one time.
#[derive(Debug, Clone, Default)]
pub(crate) struct Snapshot {
    pub epoch: String,
    pub places: BTreeMap<String, Place>,
}

/// A conversation: a row for each id from 1, and for each change from 1.
#[derive(Debug, Clone, Default)]
pub(crate) struct Place {
    pub rows: Vec<Row>,
    pub changes: Vec<Changed>,
}

type Checked = Result<(), String>;

/// Everything: what was there before, what was told since, and that it is consistent in itself.
///
/// # Errors
/// The first promise that is broken.
pub(crate) fn check(before: &Snapshot, now: &Snapshot, told: &[Told]) -> Checked {
    consistent(now)?;
    kept(before, now)?;
    for told in told {
        match &told.what {
            What::Said(said) => check_said(now, said)?,
            What::Changed(changed) => check_changed(now, changed)?,
            What::Gone { .. } => {}
        }
    }
    let gone: HashSet<&str> = told
        .iter()
        .filter_map(|told| match &told.what {
            What::Gone { token } => Some(token.as_str()),
            _ => None,
        })
        .collect();
    check_gone(now, &gone)
}

/// Nothing is there twice, each writer's messages are in their order, and rows agree with changes.
fn consistent(now: &Snapshot) -> Checked {
    let mut seen = BTreeSet::new();
    for (target, place) in &now.places {
        let mut last: BTreeMap<&str, u64> = BTreeMap::new();
        for row in place.rows.iter().filter(|row| !row.said.removed) {
            let said = &row.said;
            let text = Text::parse(&said.text).filter(|text| text.author == said.author);
            let text = text.ok_or_else(|| format!("nobody said this: {said:?}"))?;
            let last = last.entry(&said.author).or_insert(0);
            if text.serial <= *last || !seen.insert((text.author, text.serial)) {
                return Err(format!("this is there twice, or out of order: {said:?} comes after {last}"));
            }
            *last = text.serial;
        }
        agree(target, place)?;
    }
    Ok(())
}

/// A row is marked as edited or removed if a change says so, and shows the text of the last one.
fn agree(target: &str, place: &Place) -> Checked {
    let (mut edits, mut removed) = (BTreeMap::new(), BTreeSet::new());
    for change in &place.changes {
        match change.word.as_str() {
            "edit" => drop(edits.insert(change.about, change.text.as_deref())),
            "redact" => drop(removed.insert(change.about)),
            _ => {}
        }
    }
    for row in &place.rows {
        let said = &row.said;
        let edit = edits.get(&said.id);
        let as_changed = said.removed == removed.contains(&said.id)
            && (said.removed || row.edited == edit.is_some())
            && edit.is_none_or(|text| said.removed || *text == Some(said.text.as_str()));
        if !as_changed {
            return Err(format!("{target} has {said:?}, but its changes say {edit:?}, removed: {removed:?}"));
        }
    }
    Ok(())
}

/// What was there is there still, at its id, as it was or changed since.
pub(crate) fn kept(before: &Snapshot, now: &Snapshot) -> Checked {
    for (target, old) in &before.places {
        let new = now.places.get(target).ok_or_else(|| format!("{target} is gone"))?;
        if new.rows.len() < old.rows.len() || new.changes.len() < old.changes.len() {
            return Err(format!("{target} had {} rows and has {}", old.rows.len(), new.rows.len()));
        }
        for (old, new) in old.rows.iter().zip(&new.rows) {
            if !is_later(&old.said, &new.said) || old.time != new.time {
                return Err(format!("{target} had {old:?} and has {new:?}"));
            }
        }
        for (old, new) in old.changes.iter().zip(&new.changes) {
            if !is_same_change(old, new) {
                return Err(format!("{target} had {old:?} and has {new:?}"));
            }
        }
    }
    Ok(())
}

/// Whether one can be the other a while later.
fn is_later(old: &Said, new: &Said) -> bool {
    if (old.id, &old.author) != (new.id, &new.author) || (old.removed && !new.removed) {
        return false;
    }
    if old.removed || old.text == new.text {
        return old.removed || !new.removed;
    }
    let Some(old) = Text::parse(&old.text) else { return false };
    match Text::parse(&new.text) {
        _ if new.removed => old.fate == Fate::Removed,
        Some(new) => old.fate == Fate::Edited && old.serial == new.serial && old.version <= new.version,
        None => false,
    }
}

/// The text of an edit is what the message says now, and none if it is removed.
fn is_same_change(old: &Changed, new: &Changed) -> bool {
    let head = |change: &Changed| (change.change, change.by.clone(), change.word.clone(), change.about);
    if head(old) != head(new) {
        return false;
    }
    match (&old.text, &new.text) {
        (Some(old), Some(new)) if old == new => true,
        (Some(old), Some(new)) => Text::parse(old)
            .zip(Text::parse(new))
            .is_some_and(|(old, new)| old.serial == new.serial && old.version <= new.version),
        (_, None) => true,
        (None, Some(_)) => old.word != "edit",
    }
}

fn check_said(now: &Snapshot, told: &Said) -> Checked {
    let place = now.places.get(&told.target).ok_or_else(|| format!("{} is gone", told.target))?;
    match place.rows.get((told.id as usize).wrapping_sub(1)) {
        Some(row) if is_later(told, &row.said) => Ok(()),
        found => Err(format!("{told:?} was answered or shown; the history has {found:?} there")),
    }
}

fn check_changed(now: &Snapshot, told: &Changed) -> Checked {
    let place = now.places.get(&told.target).ok_or_else(|| format!("{} is gone", told.target))?;
    match place.changes.get((told.change as usize).wrapping_sub(1)) {
        Some(change) if is_same_change(told, change) => Ok(()),
        found => Err(format!("{told:?} was answered or shown; the changes have {found:?} there")),
    }
}

/// No row has a text that is gone.
fn check_gone(now: &Snapshot, gone: &HashSet<&str>) -> Checked {
    let rows = now.places.values().flat_map(|place| place.rows.iter().map(|row| row.said.text.as_str()));
    let changes =
        now.places.values().flat_map(|place| place.changes.iter().filter_map(|change| change.text.as_deref()));
    for text in rows.chain(changes) {
        if text.split(' ').nth(4).is_some_and(|token| gone.contains(token)) {
            return Err(format!("this was removed or edited, and is there still: {text}"));
        }
    }
    Ok(())
}
