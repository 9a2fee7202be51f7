//! How what accounts say about themselves, and whom they ignore, reaches the database. The dispatcher's thread runs it.

use super::statement::{any, one};
use crate::server::store::db::to_sql;
use crate::server::traffic::PersonalWrite;
use rusqlite::{Connection, Result, params};

pub(super) fn write(db: &Connection, write: &PersonalWrite) -> Result<()> {
    match write {
        PersonalWrite::Away(away) => one(
            db,
            "INSERT INTO away(account, since, text) VALUES(?, ?, ?)
             ON CONFLICT(account) DO UPDATE SET since = excluded.since, text = excluded.text",
            params![away.account.value(), to_sql(away.since), away.text],
        ),
        PersonalWrite::Back(account) => any(db, "DELETE FROM away WHERE account = ?", [account.value()]),
        PersonalWrite::Profile(account, text) if text.is_empty() => {
            any(db, "DELETE FROM profile WHERE account = ?", [account.value()])
        }
        PersonalWrite::Profile(account, text) => one(
            db,
            "INSERT INTO profile(account, text) VALUES(?, ?)
             ON CONFLICT(account) DO UPDATE SET text = excluded.text",
            params![account.value(), text],
        ),
        PersonalWrite::Ignored(ignored) => one(
            db,
            "INSERT INTO ignored(account, other, since) VALUES(?, ?, ?)",
            [ignored.account.value(), ignored.other.value(), to_sql(ignored.since)],
        ),
        PersonalWrite::Unignored(account, other) => {
            one(db, "DELETE FROM ignored WHERE account = ? AND other = ?", [account.value(), other.value()])
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::server::store::test_support::{ALICE, BOB, Dir, open, peopled};
    use crate::server::traffic::{AwayRecord, IgnoredRecord, Write};

    #[test]
    fn what_accounts_say_about_themselves_is_loaded() {
        let dir = Dir::new();
        let mut store = peopled(&dir.settings());
        let away = |account, since| AwayRecord { account, since, text: format!("since {since}") };
        let ignored = |account, other| IgnoredRecord { account, other, since: 7 };
        let writes = [
            PersonalWrite::Profile(ALICE, "one thing".to_owned()),
            PersonalWrite::Profile(ALICE, "another".to_owned()),
            PersonalWrite::Profile(BOB, "nothing much".to_owned()),
            PersonalWrite::Profile(BOB, String::new()),
            PersonalWrite::Away(away(ALICE, 1)),
            PersonalWrite::Back(ALICE),
            PersonalWrite::Away(away(BOB, 2)),
            PersonalWrite::Away(away(BOB, 3)),
            PersonalWrite::Ignored(ignored(ALICE, BOB)),
            PersonalWrite::Ignored(ignored(BOB, ALICE)),
            PersonalWrite::Unignored(ALICE, BOB),
        ];
        store.begin().unwrap();
        writes.into_iter().for_each(|write| store.write(&Write::Personal(write)).unwrap());
        store.commit().unwrap();
        drop(store);
        let (_store, world) = open(&dir.settings());
        assert_eq!(world.profiles, [(ALICE, "another".to_owned())]);
        assert_eq!(world.away, [away(BOB, 3)]);
        assert_eq!(world.ignored, [ignored(BOB, ALICE)]);
    }
}
