//! Edits, removals and messages that are dropped: what is read is the same whatever is indexed, whenever
//! the process ends, and however old the index is; and nothing of what is gone is left in any file.

mod step;

use self::step::{Mentions, Step, WORDS, edit, step};
use super::db::INDEX_FILE;
use super::db::stored_text::StoredText;
use super::test_support::{
    ALICE, BOB, Dir, LOBBY, OPS, ask, conversation_ref, draft, hearer, history, id, mentioning, peopled, search, unread,
};
use super::{Indexer, Reader, Store};
use crate::protocol::names::{AccountId, ConversationId, Text};
use crate::server::traffic::{ChangeKind, ChangeRecord, ConversationRef, Draft, Mark, Mentioned, Read, Write};
use proptest::prelude::*;
use std::path::PathBuf;

#[derive(Debug, Clone)]
struct Said {
    place: ConversationId,
    id: u64,
    author: AccountId,
    me: bool,
    edited: bool,
    removed: bool,
    mentions: Mentions,
    text: String,
}

impl Said {
    fn row(&self) -> String {
        let name = if self.author == ALICE { "Alice" } else { "bob" };
        let marks = match (self.removed, self.me, self.edited) {
            (true, ..) => " (removed)",
            (_, true, true) => " (me, edited)",
            (_, true, false) => " (me)",
            (_, false, true) => " (edited)",
            (_, false, false) => "",
        };
        format!("| {} {} {name}{marks}: {}", conversation_ref(self.place).target, self.id, self.text)
    }

    /// Whether it mentions the account, which did not say it.
    fn mentions(&self, account: AccountId) -> bool {
        let all = [Mentioned::Account(account), Mentioned::Everyone];
        self.author != account && !self.removed && all.iter().any(|one| self.mentions.contains(one))
    }

    fn has(&self, word: &str) -> bool {
        !self.removed && (word.is_empty() || self.text.split(' ').any(|one| one == word))
    }
}

/// A store with its indexer, and what they should hold.
struct Run {
    dir: Dir,
    parts: Option<(Store, Indexer, Reader)>,
    open: bool,
    said: Vec<Said>,
    changes: [u64; 2],
    /// How many were dropped.
    dropped: [u64; 2],
    /// The same before the transaction.
    committed: (Vec<Said>, [u64; 2], [u64; 2]),
    /// Every word of its own that a text had.
    words: Vec<String>,
    copy: Option<PathBuf>,
}

impl Run {
    fn new() -> Self {
        let dir = Dir::new();
        let parts = Some(Self::parts(peopled(&dir.settings()), &dir));
        let (said, changes, dropped) = (Vec::new(), [0; 2], [0; 2]);
        let committed = (Vec::new(), changes, dropped);
        Self { dir, parts, open: false, said, changes, dropped, committed, words: Vec::new(), copy: None }
    }

    fn parts(store: Store, dir: &Dir) -> (Store, Indexer, Reader) {
        let indexer = Indexer::open(&dir.settings(), &mut |_, _| {}).unwrap();
        (store, indexer, Reader::open(&dir.settings()).unwrap())
    }

    fn store(&mut self) -> &mut Store {
        &mut self.parts.as_mut().unwrap().0
    }

    fn begin(&mut self) {
        if !self.open {
            self.committed = (self.said.clone(), self.changes, self.dropped);
            self.store().begin().unwrap();
            self.open = true;
        }
    }

    fn commit(&mut self) {
        if std::mem::take(&mut self.open) {
            self.store().commit().unwrap();
        }
    }

    /// A text with a word of its own.
    fn text(&mut self, text: &str) -> String {
        let word = format!("secret{}word", self.words.len());
        self.words.push(word.clone());
        format!("{word} {text}").trim_end().to_owned()
    }

    fn change(&mut self, n: usize, kind: ChangeKind) -> Option<&mut Said> {
        let at = self.said.len().checked_sub(n + 1)?;
        if self.said[at].removed {
            return None;
        }
        self.begin();
        let (conversation, number) = (self.said[at].place, &mut self.changes[usize::from(self.said[at].place == OPS)]);
        *number += 1;
        let change = ChangeRecord {
            conversation,
            number: *number,
            at: 1_700_000_000_000,
            by: BOB,
            id: id(self.said[at].id),
            kind,
        };
        self.store().write(&Write::Change(change)).unwrap();
        Some(&mut self.said[at])
    }

    fn play(&mut self, step: Step) {
        match step {
            Step::Say { place, text, mentions, me, key } => {
                let text = self.text(&text);
                self.begin();
                let author = if me { ALICE } else { BOB };
                let key = key.then(|| format!("key{}", self.words.len()).into());
                let mark = if me { Mark::Me } else { Mark::None };
                let draft = Draft { mark, key, mentions: mentions.clone(), ..draft(place, author, &text) };
                self.store().append(&draft).unwrap();
                let kept = self.said.iter().filter(|said| said.place == place).count() as u64;
                let id = self.dropped[usize::from(place == OPS)] + kept + 1;
                self.said.push(Said { place, id, author, me, edited: false, removed: false, mentions, text });
            }
            Step::Edit(n, text, mentions) => {
                let text = self.text(&text);
                if let Some(said) = self.change(n, edit(&text, mentions.clone())) {
                    (said.text, said.mentions, said.edited) = (text, mentions, true);
                }
            }
            Step::Redact(n, reason) => {
                let reason = reason.map(|reason| self.text(&reason));
                let text = reason.as_deref().map(|reason| Text::parse(reason).unwrap().unwrap());
                if let Some(said) = self.change(n, ChangeKind::Redact(text)) {
                    (said.text, said.removed) = (reason.unwrap_or_default(), true);
                }
            }
            Step::Drop(place, n) => {
                let oldest: Vec<u64> =
                    self.said.iter().filter(|said| said.place == place).map(|said| said.id).take(n).collect();
                let Some(&through) = oldest.last() else { return };
                self.begin();
                self.store().write(&Write::Dropped(place, id(through))).unwrap();
                self.said.retain(|said| said.place != place || said.id > through);
                self.dropped[usize::from(place == OPS)] = through;
            }
            Step::RollBack => {
                if std::mem::take(&mut self.open) {
                    self.store().rollback().unwrap();
                    (self.said, self.changes, self.dropped) = self.committed.clone();
                }
            }
            Step::Commit => self.commit(),
            Step::Index(most) => {
                self.parts.as_mut().unwrap().1.step(most).unwrap();
            }
            Step::Idle => {
                self.store().idle();
            }
            Step::Kill => {
                self.play(Step::RollBack);
                self.restart(|_| {});
            }
            Step::CopyIndex => {
                self.commit();
                let copy = self.dir.file("index.copy");
                self.copy = Some(copy.clone());
                self.restart(|index| {
                    std::fs::copy(index, &copy).unwrap();
                });
            }
            Step::OldIndex => {
                self.commit();
                let copy = self.copy.clone();
                self.restart(|index| {
                    if let Some(copy) = copy {
                        std::fs::copy(copy, index).unwrap();
                    }
                });
            }
            Step::LoseIndex => {
                self.commit();
                self.copy = None;
                self.restart(|index| std::fs::remove_file(index).unwrap());
            }
        }
    }

    /// Ends everything without a word, and starts again. The last connection to the index checkpoints
    /// it, so its file is complete in between.
    fn restart(&mut self, meanwhile: impl FnOnce(PathBuf)) {
        self.parts = None;
        meanwhile(self.dir.file(INDEX_FILE));
        let (store, snapshot) = Store::open(&self.dir.settings()).unwrap();
        let changes = [LOBBY, OPS].map(|place| snapshot.conversations.iter().find(|c| c.id == place).unwrap().changes);
        assert_eq!(changes, self.changes);
        let dropped = |place| snapshot.retentions.iter().find(|one| one.conversation == place);
        assert_eq!([LOBBY, OPS].map(|place| dropped(place).map_or(0, |one| one.dropped.value())), self.dropped);
        self.parts = Some(Self::parts(store, &self.dir));
    }

    /// History and search say what was committed.
    fn check(&mut self) {
        let (said, dropped) =
            if self.open { (&self.committed.0, self.committed.2) } else { (&self.said, self.dropped) };
        let reader = &mut self.parts.as_mut().unwrap().2;
        for place in [LOBBY, OPS] {
            let rows: Vec<String> = said.iter().filter(|said| said.place == place).map(Said::row).collect();
            // Asked before the last ones were dropped, and after.
            for dropped in [0, dropped[usize::from(place == OPS)]] {
                let Read::History { conversation, before, after, times, limit } = history(place, None, None, 1000)
                else {
                    panic!()
                };
                let conversation = ConversationRef { dropped: id(dropped), ..conversation };
                let read = ask(reader, Read::History { conversation, before, after, times, limit });
                let oldest = if dropped > 0 { format!(", oldest={}", dropped + 1) } else { String::new() };
                assert_eq!(read[..read.len() - 1], rows);
                assert!(
                    read[rows.len()].ends_with(&format!("message{}{oldest}", if rows.len() == 1 { "" } else { "s" }))
                );
            }
        }
        // Without a word everything is found that is not removed.
        for word in WORDS.into_iter().chain([""]) {
            let rows: Vec<String> = said.iter().rev().filter(|said| said.has(word)).map(Said::row).collect();
            let read = ask(reader, search(&[LOBBY, OPS], word));
            assert_eq!(read[..read.len() - 1], rows[..rows.len().min(50)], "{word}");
            // Page by page.
            let (mut paged, mut more) = (Vec::new(), None);
            loop {
                let mut page = search(&[LOBBY, OPS], word);
                if let Read::Search { limit, more: cursor, .. } = &mut page {
                    (*limit, *cursor) = (2, more);
                }
                let mut read = ask(reader, page);
                let last = read.pop().unwrap();
                paged.extend(read);
                let Some((_, cursor)) = last.split_once("more=") else { break };
                more = Some(cursor.parse().unwrap());
            }
            assert_eq!(paged, rows, "{word}");
        }
    }

    /// Mentions are found where they are now, and those above a marker are counted.
    fn check_mentions(&mut self) {
        let said = if self.open { &self.committed.0 } else { &self.said };
        let reader = &mut self.parts.as_mut().unwrap().2;
        for account in [ALICE, BOB] {
            let rows: Vec<String> = said.iter().rev().filter(|said| said.mentions(account)).map(Said::row).collect();
            let read = ask(reader, mentioning(&[LOBBY, OPS], account));
            assert_eq!(read[..read.len() - 1], rows[..rows.len().min(50)], "{account:?}");
            for read in [0, 2, 7] {
                let counts = [LOBBY, OPS].map(|place| {
                    let news = said.iter().filter(|said| said.place == place && said.id > read);
                    news.filter(|said| said.mentions(account)).count()
                });
                let conversations = vec![unread(LOBBY, 99, read), unread(OPS, 99, read)];
                let rows = ask(reader, Read::Conversations { hearer: hearer(account, &[]), conversations });
                let found = [0, 1].map(|n: usize| -> usize { rows[n].split(' ').nth(5).unwrap().parse().unwrap() });
                assert_eq!(found, counts, "{account:?} above {read}");
            }
        }
    }

    /// Once there is nothing to do any more, no file has what no message has.
    fn settle(&mut self) {
        self.commit();
        let (store, indexer, _) = self.parts.as_mut().unwrap();
        while indexer.step(3).unwrap() > 0 {}
        assert!(!store.idle(), "nobody reads, so the log can be emptied");
        if let Some(copy) = self.copy.take() {
            std::fs::remove_file(copy).unwrap();
        }
        self.check();
        let mut files = Vec::new();
        for file in std::fs::read_dir(self.dir.file("")).unwrap() {
            files.push(std::fs::read(file.unwrap().path()).unwrap());
        }
        let found =
            |word: &str| files.iter().any(|bytes| bytes.windows(word.len()).any(|part| part == word.as_bytes()));
        for word in &self.words {
            assert_eq!(found(word), self.said.iter().any(|said| said.text.contains(word)), "{word}");
        }
        let forgotten: i64 = rusqlite::Connection::open(self.dir.file("chitchat.db"))
            .unwrap()
            .query_row("SELECT (SELECT count(*) FROM forget) + (SELECT count(*) FROM dropped)", [], |row| row.get(0))
            .unwrap();
        assert_eq!(forgotten, 0);
    }
}

/// The index has the words of every present text, and no others.
fn check_words(run: &mut Run) {
    let index = rusqlite::Connection::open(run.dir.file(INDEX_FILE)).unwrap();
    index.execute_batch("CREATE VIRTUAL TABLE temp.term USING fts5vocab('main', 'word', 'instance')").unwrap();
    let mut found: Vec<(i64, String)> = index
        .prepare("SELECT doc, group_concat(term, ' ') FROM (SELECT * FROM term ORDER BY doc, offset) GROUP BY doc")
        .unwrap()
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))
        .unwrap()
        .map(Result::unwrap)
        .collect();
    found.sort();
    let store = rusqlite::Connection::open(run.dir.file("chitchat.db")).unwrap();
    let seqs: Vec<i64> = store
        .prepare("SELECT seq FROM message WHERE conversation > 0 AND unicode(text) <> 2 ORDER BY seq")
        .unwrap()
        .query_map([], |row| row.get(0))
        .unwrap()
        .map(Result::unwrap)
        .collect();
    let mut document = super::index::document::Document::default();
    let wanted: Vec<(i64, String)> = seqs
        .iter()
        .zip(&run.said)
        .filter(|(_, said)| !said.removed)
        .map(|(&seq, said)| {
            let stored = StoredText::said(Mark::None, &said.mentions, &said.text);
            (seq, document.of(said.place.value(), said.author.value(), &stored).to_owned())
        })
        .collect();
    assert_eq!(found, wanted);
    // Nor anything else of what was dropped.
    let places: Vec<i64> = index
        .prepare("SELECT seq FROM position ORDER BY seq")
        .unwrap()
        .query_map([], |row| row.get(0))
        .unwrap()
        .map(Result::unwrap)
        .collect();
    assert_eq!(places, seqs);
    let held: i64 = index
        .query_row("SELECT count(*) FROM held WHERE seq NOT IN (SELECT seq FROM position)", [], |row| row.get(0))
        .unwrap();
    assert_eq!(held, 0);
}

fn runs(steps: Vec<Step>) -> Run {
    let mut run = Run::new();
    for step in steps {
        run.play(step);
        run.check();
        run.check_mentions();
    }
    run.settle();
    run.check_mentions();
    run
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_read_is_what_was_said_last_and_nothing_else_is_left(
        steps in prop::collection::vec(step(), 1..60)
    ) {
        runs(steps);
    }

    #[test]
    fn the_index_has_each_present_text_once(
        steps in prop::collection::vec(step().prop_filter("keeps its index", |step| {
            !matches!(step, Step::OldIndex | Step::LoseIndex | Step::CopyIndex)
        }), 1..60)
    ) {
        let mut run = runs(steps);
        check_words(&mut run);
    }
}
