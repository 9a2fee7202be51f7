//! What a disk may hold after its power was cut.
//!
//! What was synced before the cut is there. Of what was written to a file since its last sync any part may be:
//! for each sector of 512 bytes, or each page of 4 KiB, its content after any number of the writes since, as the
//! system may have written it out at any time. The file's length is likewise that of any moment since, and what
//! lies within it and never reached the disk is zeros. Names that were created or removed since the directory
//! was last synced are there or not, in the order in which that happened, as every journaling file system
//! has it.

use super::journal::{Event, Record};
use crate::random::Random;
use std::collections::BTreeMap;

const SECTOR: usize = 512;

/// The files of a directory, and what of them is on the disk.
#[derive(Debug, Default)]
pub(super) struct Disk {
    files: Vec<File>,
    /// The file of each name, now.
    names: BTreeMap<String, usize>,
    /// The same as the disk certainly has it.
    synced_names: BTreeMap<String, usize>,
    /// What happened to names since.
    renamed: Vec<(String, Option<usize>)>,
}

#[derive(Debug, Default)]
struct File {
    synced: Vec<u8>,
    since: Vec<Change>,
}

#[derive(Debug)]
enum Change {
    Write(usize, Vec<u8>),
    Length(usize),
}

/// How much of what was not synced is lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Loss {
    Everything,
    Nothing,
    /// All that came after some moment.
    Later,
    /// Any writes, each whole.
    Writes,
    /// Any sectors.
    Sectors,
    /// Any pages of 4 KiB.
    Pages,
}

impl Loss {
    pub(super) const ALL: [Self; 6] =
        [Self::Everything, Self::Nothing, Self::Later, Self::Writes, Self::Sectors, Self::Pages];
}

impl Disk {
    /// Does what the server did.
    pub(super) fn apply(&mut self, record: &Record, journal: &[u8]) {
        let name = &record.name;
        match &record.event {
            Event::Created => {
                self.files.push(File::default());
                self.names.insert(name.clone(), self.files.len() - 1);
                self.renamed.push((name.clone(), Some(self.files.len() - 1)));
            }
            Event::Unlinked => {
                self.names.remove(name);
                self.renamed.push((name.clone(), None));
            }
            Event::Synced if name == "." => {
                self.synced_names = self.names.clone();
                self.renamed.clear();
            }
            Event::Synced => {
                if let Some(&file) = self.names.get(name) {
                    self.files[file].sync();
                }
            }
            Event::Written(offset, data) => {
                self.change(name, Change::Write(*offset as usize, journal[data.clone()].to_vec()));
            }
            Event::Truncated(length) => self.change(name, Change::Length(*length as usize)),
        }
    }

    /// What happens to a file that has lost its name matters no more.
    fn change(&mut self, name: &str, change: Change) {
        if let Some(&file) = self.names.get(name) {
            self.files[file].since.push(change);
        }
    }

    /// What is left after a power cut now, by name.
    pub(super) fn cut(&self, loss: Loss, random: &mut Random) -> BTreeMap<String, Vec<u8>> {
        let mut names = self.synced_names.clone();
        let kept = match loss {
            Loss::Everything => 0,
            Loss::Nothing => self.renamed.len(),
            _ => random.below(self.renamed.len() + 1),
        };
        for (name, file) in &self.renamed[..kept] {
            match file {
                Some(file) => names.insert(name.clone(), *file),
                None => names.remove(name),
            };
        }
        names.into_iter().map(|(name, file)| (name, self.files[file].cut(loss, random))).collect()
    }
}

impl File {
    fn sync(&mut self) {
        let length = self.length_after(self.since.len());
        for change in std::mem::take(&mut self.since) {
            change.apply(&mut self.synced, |_| true);
        }
        self.synced.resize(length, 0);
    }

    fn cut(&self, loss: Loss, random: &mut Random) -> Vec<u8> {
        let all = self.since.len();
        let longest = self.since.iter().map(Change::reaches).max().unwrap_or(0).max(self.synced.len());
        let sectors = longest.div_ceil(SECTOR);
        // For each sector, how many of the changes it has seen.
        let seen: Vec<usize> = match loss {
            Loss::Everything => vec![0; sectors],
            Loss::Nothing => vec![all; sectors],
            Loss::Later => vec![random.below(all + 1); sectors],
            Loss::Writes => self.whole_writes(sectors, random),
            Loss::Sectors => (0..sectors).map(|_| random.below(all + 1)).collect(),
            Loss::Pages => {
                let pages: Vec<usize> = (0..=sectors / 8).map(|_| random.below(all + 1)).collect();
                (0..sectors).map(|sector| pages[sector / 8]).collect()
            }
        };
        let mut content = self.synced.clone();
        for (number, change) in self.since.iter().enumerate() {
            change.apply(&mut content, |sector| seen.get(sector).is_some_and(|&seen| number < seen));
        }
        let length = match loss {
            Loss::Everything => 0,
            Loss::Nothing => all,
            Loss::Later => seen.first().copied().unwrap_or(0),
            _ => random.below(all + 1),
        };
        content.resize(self.length_after(length), 0);
        content
    }

    /// Some of the writes reach the disk, each with all of its sectors; one takes along what was written to the
    /// same sectors before, since they are written out as they are.
    fn whole_writes(&self, sectors: usize, random: &mut Random) -> Vec<usize> {
        let mut seen = vec![0; sectors];
        let percent = 10 + random.below(81);
        for (number, change) in self.since.iter().enumerate() {
            if random.chance(percent) {
                change.sectors(sectors).for_each(|sector| seen[sector] = number + 1);
            }
        }
        seen
    }

    /// The file's length after some of the changes.
    fn length_after(&self, changes: usize) -> usize {
        self.since[..changes].iter().fold(self.synced.len(), |length, change| match change {
            Change::Write(offset, data) => length.max(offset + data.len()),
            Change::Length(length) => *length,
        })
    }
}

impl Change {
    fn reaches(&self) -> usize {
        match self {
            Self::Write(offset, data) => offset + data.len(),
            Self::Length(length) => *length,
        }
    }

    /// The sectors that it touches, of so many.
    fn sectors(&self, all: usize) -> std::ops::Range<usize> {
        match self {
            Self::Write(offset, data) => offset / SECTOR..(offset + data.len()).div_ceil(SECTOR),
            Self::Length(length) => (length / SECTOR).min(all)..all,
        }
    }

    /// Does it to the sectors that have seen it. A shorter length leaves zeros behind it.
    fn apply(&self, content: &mut Vec<u8>, has_seen: impl Fn(usize) -> bool) {
        match self {
            Self::Write(offset, data) => {
                if content.len() < offset + data.len() {
                    content.resize(offset + data.len(), 0);
                }
                let mut at = *offset;
                while at < offset + data.len() {
                    let end = ((at / SECTOR + 1) * SECTOR).min(offset + data.len());
                    if has_seen(at / SECTOR) {
                        content[at..end].copy_from_slice(&data[at - offset..end - offset]);
                    }
                    at = end;
                }
            }
            Self::Length(length) => {
                let longest = content.len();
                let mut at = *length;
                while at < longest {
                    let end = ((at / SECTOR + 1) * SECTOR).min(longest);
                    if has_seen(at / SECTOR) {
                        content[at..end].fill(0);
                    }
                    at = end;
                }
            }
        }
    }
}
