//! Comes back as the page says, after a crash and also in between: with its token, its ids, its changes
//! and its epoch. It misses nothing and sees nothing twice.

use super::{Account, Run};
use crate::random::Random;
use crate::wire::{Line, Link, Step, Stop, canonical};
use std::collections::BTreeMap;

pub(crate) struct Resumer {
    pub account: Account,
    random: Random,
    epoch: Option<String>,
    /// The conversations, as it names them, each with the last id and the last change.
    places: BTreeMap<String, (u64, u64)>,
}

impl Resumer {
    pub(crate) fn new(account: Account, targets: &[&str], seed: u64) -> Self {
        let places = targets.iter().map(|&target| (target.to_owned(), (0, 0))).collect();
        Self { account, random: Random::new(seed), epoch: None, places }
    }

    /// Follows until the server is gone, over several connections.
    ///
    /// # Errors
    /// A gap, something twice, or another epoch.
    pub(crate) fn run(&mut self, run: Run<'_>) -> Result<(), String> {
        loop {
            match self.connection(run) {
                Ok(()) => {}
                Err(Stop::Gone) => return Ok(()),
                Err(Stop::Broken(why)) => return Err(why),
            }
        }
    }

    /// One connection, which it drops after some lines.
    fn connection(&mut self, run: Run<'_>) -> Step<()> {
        let (mut link, epoch) = Link::log_in(run.address, &self.account)?;
        let before = self.epoch.replace(epoch.clone());
        if before.as_ref().is_some_and(|before| *before != epoch) {
            return Err(format!("the epoch was {before:?} and is {epoch}").into());
        }
        for target in self.places.keys().cloned().collect::<Vec<_>>() {
            self.catch_up(run, &mut link, &target)?;
        }
        let mut lines = 5 + self.random.below(150);
        while lines > 0 || run.is_paused() {
            let line = link.next()?;
            self.live(run, line)?;
            lines = lines.saturating_sub(1);
        }
        Ok(())
    }

    fn catch_up(&mut self, run: Run<'_>, link: &mut Link, target: &str) -> Step<()> {
        let (id, change) = self.places[target];
        let (rows, changes) = (link.history(target, id)?, link.changes(target, change)?);
        self.places.insert(target.to_owned(), (id + rows.len() as u64, change + changes.len() as u64));
        rows.into_iter().for_each(|row| run.notes.line(Line::Said(row.said)));
        changes.into_iter().for_each(|changed| run.notes.line(Line::Changed(changed)));
        Ok(())
    }

    /// A live line: one that was fetched already is dropped, and any other is the next one.
    fn live(&mut self, run: Run<'_>, line: Line) -> Result<(), String> {
        let (target, is_change, number) = match &line {
            Line::Said(said) => (&said.target, false, said.id),
            Line::Changed(changed) => (&changed.target, true, changed.change),
            _ => return Ok(()),
        };
        let name = &self.account.name;
        let Some((_, place)) = self.places.iter_mut().find(|(place, _)| canonical(name, place) == *target) else {
            return Ok(());
        };
        let last = if is_change { &mut place.1 } else { &mut place.0 };
        if number <= *last {
            return Ok(());
        }
        if number != *last + 1 {
            return Err(format!("{name} came to {last}, and then was shown {line:?}"));
        }
        *last = number;
        run.notes.line(line);
        Ok(())
    }
}
