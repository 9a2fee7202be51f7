//! `/export`: what one account said, wherever it was, oldest first. A reader's thread runs it.
//!
//! The messages are looked at in order of arrival, a bounded number for one answer, whoever said them: the
//! index is not needed, and whoever asks for the rest pays for it page by page.

use super::page::{MessageRows, Page, ReadError, number_of};
use crate::protocol::line::Rows;
use crate::protocol::names::AccountId;
use crate::server::store::db::stored_text::is_kept;
use crate::server::store::db::to_sql;
use crate::server::traffic::ConversationRef;
use rusqlite::{Connection, OptionalExtension as _};
use rustc_hash::FxHashMap;

/// Messages that are looked at for one answer: some ten milliseconds.
const LOOKS_MOST: i64 = 20_000;

/// The TARGET of a message where the account may not read any more: a room may be private now, and have
/// another name. What others made of it there is not shown either.
const ELSEWHERE: &str = "-";

/// Rows as of `/history`, behind a sequence number.
pub(super) fn export(
    db: &Connection,
    mut page: Page,
    author: AccountId,
    conversations: &[ConversationRef],
    after: u64,
) -> Result<(Rows, String), ReadError> {
    let targets: FxHashMap<i64, &str> = conversations.iter().map(|one| (one.id.value(), &*one.target)).collect();
    let after = to_sql(after);
    let _state = db.unchecked_transaction()?;
    let mut end = db.prepare_cached("SELECT seq FROM message WHERE seq > ? ORDER BY seq LIMIT 1 OFFSET ?")?;
    let end: Option<i64> = end.query_row([after, LOOKS_MOST - 1], |row| row.get(0)).optional()?;
    let mut messages = db.prepare_cached(SAID_BY)?;
    let mut found = messages.query([author.value(), after, end.unwrap_or(i64::MAX)])?;
    let rows = MessageRows::new(db);
    // All that was looked at, if the page does not end before.
    let mut cursor = end;
    let mut last = after;
    while let Some(row) = found.next()? {
        let said = match targets.get(&row.get(5)?) {
            Some(target) => rows.row(target, row)?,
            None => rows.row_elsewhere(ELSEWHERE, row)?,
        };
        if !page.put(said) {
            cursor = Some(last);
            break;
        }
        last = row.get(4)?;
    }
    let more = cursor.map_or(String::new(), |cursor| format!(", more={cursor}"));
    let text = number_of(page.len(), "message") + &more;
    Ok((page.forwards(), text))
}

const SAID_BY: &str = concat!(
    "SELECT m.id, m.at, a.name, m.text, m.seq, m.conversation
     FROM message m CROSS JOIN account a ON a.id = m.author
     WHERE m.author = ? AND m.seq > ? AND m.seq <= ? AND m.conversation <> 0 AND ",
    is_kept!("m.text"),
    " ORDER BY m.seq"
);

#[cfg(test)]
mod tests {
    use super::super::super::test_support::{
        ALICE, BOB, Dir, LOBBY, OPS, PAIR, ask, conversation_ref, draft, peopled, readers, say,
    };
    use super::*;
    use crate::protocol::names::Text;
    use crate::protocol::reaction::ReactionWord;
    use crate::server::traffic::{ChangeKind, ChangeRecord, Draft, Mark, Read, Write};

    fn export(author: AccountId, after: u64, limit: u32) -> Read {
        let conversations = [LOBBY, PAIR].map(conversation_ref).to_vec();
        Read::Export { author, conversations, after, limit }
    }

    #[test]
    fn what_one_said_is_shown_everywhere_as_it_is_now_and_page_by_page() {
        let dir = Dir::new();
        let mut store = peopled(&dir.settings());
        say(&mut store, LOBBY, ALICE, &["one"]);
        say(&mut store, PAIR, BOB, &["not hers"]);
        say(&mut store, PAIR, ALICE, &["two"]);
        say(&mut store, OPS, ALICE, &["where she is no more"]);
        say(&mut store, LOBBY, ALICE, &["three"]);
        store.begin().unwrap();
        let id = crate::protocol::names::MessageId::new(1).unwrap();
        let kind = ChangeKind::Redact(None);
        store
            .write(&Write::Change(ChangeRecord { conversation: LOBBY, number: 1, at: 5, by: ALICE, id, kind }))
            .unwrap();
        store.commit().unwrap();
        let (_, mut reader) = readers(&dir.settings());
        let rows = [
            "| lobby 1 Alice (removed): ",
            "| @bob 2 Alice: two",
            "| - 1 Alice: where she is no more",
            "| lobby 2 Alice: three",
        ];
        assert_eq!(ask(&mut reader, export(ALICE, 0, 9)), [&rows[..], &["+ 4 messages"]].concat());
        assert_eq!(ask(&mut reader, export(ALICE, 0, 2)), [rows[0], rows[1], "+ 2 messages, more=3"]);
        assert_eq!(ask(&mut reader, export(ALICE, 3, 2)), [rows[2], rows[3], "+ 2 messages"]);
        assert_eq!(ask(&mut reader, export(ALICE, 99, 2)), ["+ 0 messages"]);
    }

    #[test]
    fn what_others_made_of_a_message_is_not_shown_where_one_may_not_read_any_more() {
        let dir = Dir::new();
        let mut store = peopled(&dir.settings());
        store.begin().unwrap();
        for conversation in [LOBBY, OPS] {
            let id = |id| crate::protocol::names::MessageId::new(id).unwrap();
            store.append(&Draft { mark: Mark::Me, ..draft(conversation, ALICE, "waves") }).unwrap();
            store.append(&draft(conversation, ALICE, "a slip")).unwrap();
            let react = ChangeKind::React { word: ReactionWord::parse("+1").unwrap(), count: 1 };
            let reason = Text::parse("she is a spy").unwrap();
            for (number, message, kind) in [(1, 1, react), (2, 2, ChangeKind::Redact(reason))] {
                let change = ChangeRecord { conversation, number, at: 5, by: BOB, id: id(message), kind };
                store.write(&Write::Change(change)).unwrap();
            }
        }
        store.commit().unwrap();
        let (_, mut reader) = readers(&dir.settings());
        let rows = [
            "| lobby 1 Alice (me, 1 +1): waves",
            "| lobby 2 Alice (removed): she is a spy",
            "| - 1 Alice (me): waves",
            "| - 2 Alice (removed): ",
            "+ 4 messages",
        ];
        assert_eq!(ask(&mut reader, export(ALICE, 0, 9)), rows);
    }

    #[test]
    fn an_answer_looks_at_a_bounded_number_of_messages() {
        let dir = Dir::new();
        let mut store = peopled(&dir.settings());
        say(&mut store, LOBBY, ALICE, &["first"]);
        say(&mut store, LOBBY, BOB, &vec!["x"; usize::try_from(LOOKS_MOST).unwrap() * 2]);
        say(&mut store, LOBBY, ALICE, &["last"]);
        let (_, mut reader) = readers(&dir.settings());
        assert_eq!(ask(&mut reader, export(ALICE, 0, 9)), ["| lobby 1 Alice: first", "+ 1 message, more=20000"]);
        assert_eq!(ask(&mut reader, export(ALICE, 20_000, 9)), ["+ 0 messages, more=40000"]);
        assert_eq!(ask(&mut reader, export(ALICE, 40_000, 9)), ["| lobby 40002 Alice: last", "+ 1 message"]);
    }
}
