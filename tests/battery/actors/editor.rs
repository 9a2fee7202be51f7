//! Says messages and then edits them, reacts to them and removes them, one after another. What a crash
//! cut off is done again after it, but for reactions, which would take themselves back.

use super::{Account, Run, number, unexpected};
use crate::random::Random;
use crate::text::{Fate, Text};
use crate::told::{Changed, Said};
use crate::wire::{Line, Link, Step, canonical};
use std::collections::VecDeque;

pub(crate) struct Editor {
    pub account: Account,
    random: Random,
    serial: u64,
    todo: VecDeque<Task>,
}

#[derive(Debug, Clone)]
enum Task {
    /// Says it under a key.
    Post(Place, Text),
    Edit(Place, u64, Text),
    React(Place, u64),
    Redact(Place, u64, Text),
    /// `/update`: says it, or edits it. The id, once it is known.
    Update(Place, Option<u64>, Text),
}

/// A conversation as it is named to the server.
type Place = &'static str;

const PLACES: [Place; 3] = ["lobby", "ops", "@m0"];
const WORD: &str = "👍";

impl Editor {
    pub(crate) fn new(account: Account, seed: u64) -> Self {
        Self { account, random: Random::new(seed), serial: 0, todo: VecDeque::new() }
    }

    /// Works until the server is gone.
    ///
    /// # Errors
    /// The promise that it broke.
    pub(crate) fn run(&mut self, run: Run<'_>) -> Result<(), String> {
        // Whether a reaction that was not answered counts is unknown, and so whether another takes it back.
        self.todo.retain(|task| !matches!(task, Task::React(..)));
        let account = self.account.clone();
        run.connected(&account, |link, _| {
            while !run.is_paused() {
                if self.todo.is_empty() {
                    self.plan();
                }
                let task = self.todo[0].clone();
                self.step(run, link, &task)?;
                self.todo.pop_front();
            }
            Ok(())
        })
    }

    fn plan(&mut self) {
        self.serial += 1;
        let place = *self.random.one(&PLACES);
        let fate = if self.random.chance(50) { Fate::Edited } else { Fate::Removed };
        let text = Text::new(&self.account.name, self.serial, fate);
        let update = fate == Fate::Edited && self.random.chance(40);
        self.todo.push_back(if update { Task::Update(place, None, text) } else { Task::Post(place, text) });
    }

    /// One command and its answer.
    fn step(&mut self, run: Run<'_>, link: &mut Link, task: &Task) -> Step<()> {
        let name = &self.account.name;
        let key = |text: &Text| format!("{name}-{}", text.serial);
        let command = match task {
            Task::Post(place, text) => format!("post {place} {} {}", key(text), text.full()),
            Task::Update(place, _, text) => format!("update {place} {} {}", key(text), text.full()),
            Task::Edit(place, id, text) => format!("edit {place} {id} {}", text.full()),
            Task::React(place, id) => format!("react {place} {id} {WORD}"),
            Task::Redact(place, id, _) => format!("redact {place} {id}"),
        };
        match (task, link.ask(&command)?) {
            (Task::Post(place, text) | Task::Update(place, _, text), Line::Done(_, done))
                if !done.starts_with("change=") =>
            {
                self.said(run, place, number(&done, "")?, text);
            }
            (task, Line::Done(_, done)) => self.changed(run, task, number(&done, "change=")?),
            // It was removed before the crash.
            (Task::Redact(_, _, text), Line::Refused(_, why)) if why.starts_with("no-such-message: ") => {
                run.notes.gone(text.token());
            }
            (_, line) => return Err(unexpected(&self.account.name, &line)),
        }
        Ok(())
    }

    fn said(&mut self, run: Run<'_>, place: Place, id: u64, text: &Text) {
        let (target, author) = (canonical(&self.account.name, place), self.account.name.clone());
        run.notes.said(Said { target, id, author, text: text.full(), removed: false });
        let next = match (text.fate, &self.todo[0]) {
            (Fate::Removed, _) => vec![Task::Redact(place, id, text.clone())],
            (_, Task::Update(..)) => vec![Task::Update(place, Some(id), text.edited())],
            _ => vec![Task::Edit(place, id, text.edited()), Task::React(place, id)],
        };
        self.todo.extend(next);
    }

    fn changed(&mut self, run: Run<'_>, task: &Task, change: u64) {
        let (place, about, word, said) = match task {
            Task::Edit(place, id, text) => (*place, Some(*id), "edit", Some(text.full())),
            Task::Update(place, id, text) => (*place, *id, "edit", Some(text.full())),
            Task::React(place, id) => (*place, Some(*id), "react", Some(format!("1 {WORD}"))),
            Task::Redact(place, id, _) => (*place, Some(*id), "redact", None),
            Task::Post(..) => return,
        };
        let (target, by) = (canonical(&self.account.name, place), self.account.name.clone());
        if let Some(about) = about {
            run.notes.changed(Changed { target, change, by, word: word.to_owned(), about, text: said });
        }
        match task {
            Task::Edit(_, _, text) | Task::Update(_, _, text) if text.version > 0 => {
                run.notes.gone(Text { version: text.version - 1, ..text.clone() }.token());
            }
            Task::Redact(_, _, text) => run.notes.gone(text.token()),
            _ => {}
        }
        // Half of what was edited is edited again.
        if self.random.chance(50) {
            match task {
                Task::Edit(place, id, text) => self.todo.push_back(Task::Edit(place, *id, text.edited())),
                Task::Update(place, id, text) => self.todo.push_back(Task::Update(place, *id, text.edited())),
                _ => {}
            }
        }
    }
}
