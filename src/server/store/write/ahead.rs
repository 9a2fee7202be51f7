//! Messages whose times lie ahead of now: a clock was wrong when they were said. They would hold up all that was said
//! after them when what is too old goes, so they are taken to be as old as what was said once the clock was right
//! again. The dispatcher's thread runs it.

use super::Store;
use rusqlite::OptionalExtension as _;

/// The most eras that are looked at for one message. There is one for each time that a clock was set back between two
/// runs, and for each import.
const ERAS_MOST: i64 = 64;

/// How old messages are taken to be; asked for them in order of arrival.
pub(super) struct Ages<'a> {
    store: &'a Store,
    /// Nothing was said later, in milliseconds of Unix time.
    now: i64,
    /// Up to this sequence number all are ahead of now that are behind the last one that was.
    until: i64,
    /// When those were said at the latest, if anybody knows.
    latest: Option<i64>,
}

impl<'a> Ages<'a> {
    pub(super) fn new(store: &'a Store, now: i64) -> Self {
        Self { store, now, until: 0, latest: None }
    }

    /// When the message of that sequence number and time was said at the latest; `None` if nobody knows.
    pub(super) fn said(&mut self, seq: i64, at: i64) -> rusqlite::Result<Option<i64>> {
        if at <= self.now {
            return Ok(Some(at));
        }
        if seq >= self.until {
            let next = self.next_not_ahead(seq)?;
            (self.until, self.latest) = (next.map_or(i64::MAX, |(seq, _)| seq), next.map(|(_, at)| at));
        }
        Ok(self.latest)
    }

    /// The first message behind one that is ahead of now which is not, and its time. Within an era times never fall,
    /// so another one begins with it. What was imported is older than it arrived, and begins with the first message of
    /// its room, so such an era does not count.
    fn next_not_ahead(&self, seq: i64) -> rusqlite::Result<Option<(i64, i64)>> {
        let Some(index) = self.store.opened_index() else { return Ok(None) };
        let mut eras = index.prepare_cached("SELECT seq FROM era WHERE seq > ? ORDER BY seq LIMIT ?")?;
        let mut first = self.store.db.prepare_cached("SELECT at FROM message WHERE seq = ? AND id > 1")?;
        let mut rows = eras.query([seq, ERAS_MOST])?;
        while let Some(row) = rows.next()? {
            let seq: i64 = row.get(0)?;
            let at: Option<i64> = first.query_row([seq], |row| row.get(0)).optional()?;
            if let Some(at) = at.filter(|&at| at <= self.now) {
                return Ok(Some((seq, at)));
            }
        }
        Ok(None)
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::Indexer;
    use super::super::super::Store;
    use super::super::super::test_support::{ALICE, Dir, LOBBY, OPS, id, peopled, readers, say_all_at};
    use crate::protocol::names::{ConversationId, MessageId};
    use crate::server::traffic::{Expiry, Oldest, Surplus, Write};

    const MOST: usize = 256;

    fn stored(said: &[(ConversationId, &[u64])]) -> (Dir, Store, Indexer) {
        let dir = Dir::new();
        let mut store = peopled(&dir.settings());
        for (place, times) in said {
            say_all_at(&mut store, *place, ALICE, times, "x");
        }
        let (mut indexer, _) = readers(&dir.settings());
        while indexer.step(99_999).unwrap() > 0 {}
        (dir, store, indexer)
    }

    /// Up to which message of the lobby and of ops everything goes, and when the next one was said.
    fn surplus(store: &mut Store, before: u64, now: u64) -> ([u64; 2], Option<u64>) {
        let Surplus { through, next_at, .. } = store.surplus(Some(Expiry { before, now }), None, MOST).unwrap();
        ([LOBBY, OPS].map(|place| through.get(&place).map_or(0, |id| id.value())), next_at)
    }

    fn oldest(store: &mut Store, before: u64, now: u64) -> (Option<MessageId>, Option<u64>) {
        let Oldest { expired, next_at, .. } =
            store.oldest(LOBBY, MessageId::ZERO, Expiry { before, now }, MOST).unwrap();
        (expired, next_at)
    }

    #[test]
    fn messages_that_a_wrong_clock_dated_ahead_go_with_what_was_said_when_it_was_right_again() {
        let (_dir, mut store, _indexer) =
            stored(&[(LOBBY, &[10, 20, 9_000]), (OPS, &[9_001, 9_500]), (LOBBY, &[21, 40]), (OPS, &[41])]);
        // While nothing behind them is too old, they stay.
        assert_eq!(surplus(&mut store, 21, 100), ([2, 0], Some(21)));
        assert_eq!(surplus(&mut store, 22, 100), ([4, 2], Some(40)));
        assert_eq!(surplus(&mut store, 50, 100), ([5, 3], None));
        // Once their time has come, nobody knows any more that it was wrong.
        assert_eq!(surplus(&mut store, 50, 9_500), ([2, 0], Some(9_000)));
        assert_eq!(oldest(&mut store, 21, 100), (MessageId::new(2), Some(21)));
        assert_eq!(oldest(&mut store, 22, 100), (MessageId::new(4), Some(40)));
    }

    #[test]
    fn while_nothing_was_said_since_the_clock_was_right_they_stay() {
        let (_dir, mut store, mut indexer) = stored(&[(LOBBY, &[10, 9_000, 9_001])]);
        assert_eq!(surplus(&mut store, 50, 100), ([1, 0], None));
        assert_eq!(oldest(&mut store, 50, 100), (MessageId::new(1), None));
        say_all_at(&mut store, LOBBY, ALICE, &[60], "x");
        while indexer.step(99).unwrap() > 0 {}
        assert_eq!(surplus(&mut store, 50, 100), ([1, 0], Some(60)));
        assert_eq!(surplus(&mut store, 61, 200), ([4, 0], None));
    }

    /// It is older than what arrived before it, and must take nothing along.
    #[test]
    fn an_import_does_not_say_how_old_others_are() {
        let (_dir, mut store, _indexer) = stored(&[(LOBBY, &[9_000]), (OPS, &[1, 2, 60])]);
        assert_eq!(surplus(&mut store, 50, 100), ([0, 0], None));
        assert_eq!(oldest(&mut store, 50, 100), (None, None));
    }

    #[test]
    fn however_many_are_ahead_they_go_a_bounded_number_at_once() {
        let (_dir, mut store, _indexer) = stored(&[(LOBBY, &vec![9_000; 3_000]), (LOBBY, &[20])]);
        let expiry = Expiry { before: 50, now: 100 };
        for from in (0..2_560).step_by(MOST) {
            let through = store.surplus(Some(expiry), None, MOST).unwrap().through;
            let last = id(from + MOST as u64);
            assert_eq!(through.get(&LOBBY), Some(&last));
            assert_eq!(
                store.oldest(LOBBY, MessageId::new(from).unwrap_or(MessageId::ZERO), expiry, MOST).unwrap().expired,
                Some(last)
            );
            store.begin().unwrap();
            store.write(&Write::Dropped(LOBBY, last)).unwrap();
            store.commit().unwrap();
        }
    }
}
