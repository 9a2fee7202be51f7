//! What `auth` and the readers do, in memory.

use super::super::count;
use super::chat::Chat;
use crate::protocol::line::{Final, Rows};
use crate::protocol::names::{ConnId, MessageId};
use crate::server::traffic::{Answer, AuthJob, AuthOutcome, AuthWork, Read, ReadPosition, Request, RequestKind};

/// Plays `auth`; here a password's hash is the password itself.
pub(super) fn check(job: AuthJob) -> Request {
    let AuthJob { conn, viewer, work, .. } = job;
    let outcome = match work {
        AuthWork::Verify { account, name, hash, password, from } => match account {
            Some((account, generation)) if hash.as_deref() == Some(password.expose()) => {
                AuthOutcome::Right { account, generation, from }
            }
            _ => AuthOutcome::Wrong { name, from },
        },
        AuthWork::Hash { name, invite, password, from } => {
            AuthOutcome::Hashed { name, invite, hash: password.expose().into(), from }
        }
        AuthWork::Recover { name, code, password, from } => {
            AuthOutcome::Recovered { name, code, hash: password.expose().into(), from }
        }
        AuthWork::Unregister { hash, password, .. } if *hash != *password.expose() => AuthOutcome::WrongOwn,
        AuthWork::Unregister { account, generation, all, .. } => AuthOutcome::Unregister { account, generation, all },
        AuthWork::Change { hash, old, .. } if *hash != *old.expose() => AuthOutcome::WrongOld,
        AuthWork::Change { account, generation, new, .. } => {
            AuthOutcome::Changed { account, generation, hash: new.expose().into() }
        }
    };
    Request { conn, viewer, kind: RequestKind::AuthDone(outcome), bytes: 0 }
}

impl Chat {
    /// Plays a reader; times are left out.
    pub(super) fn read(&self, conn: ConnId, read: Read) -> Answer {
        let mut rows = Rows::default();
        let last = match read {
            Read::Around { conversation: place, id, limit, .. } => {
                Final::Done(format!("{limit} messages around {id} in {}", place.target))
            }
            // The model does not keep times.
            Read::History { conversation: place, times, .. } if !times.is_all() => {
                Final::Done(format!("messages of {times:?} in {}", place.target))
            }
            Read::History { conversation: place, before, after, limit, .. } => {
                let found = self.model.rows(&place, after.unwrap_or_default(), before);
                let limit = limit as usize;
                let found = match after {
                    Some(_) => &found[..limit.min(found.len())],
                    None => &found[found.len().saturating_sub(limit)..],
                };
                found.iter().for_each(|row| rows.push(row));
                let oldest = match place.dropped {
                    MessageId::ZERO => String::new(),
                    dropped => format!(", oldest={}", dropped.value() + 1),
                };
                Final::Done(count(found.len(), "message") + &oldest)
            }
            Read::Changes { conversation: place, after, last, limit } => {
                let found = self.model.change_rows(&place, after, last);
                let found = &found[..found.len().min(limit as usize)];
                found.iter().for_each(|row| rows.push(row));
                Final::Done(count(found.len(), "change"))
            }
            Read::Pins(place) => {
                let found = self.model.pinned(&place);
                found.iter().for_each(|row| rows.push(row));
                Final::Done(count(found.len(), "message"))
            }
            Read::Search { conversations: places, mentioned: Some(hearer), limit, .. } => {
                let found = self.model.mentioning(&hearer, &places);
                let shown = found.iter().take(limit as usize);
                shown.clone().for_each(|row| rows.push(row));
                Final::Done(count(shown.count(), "message"))
            }
            Read::Search { conversations: places, words, .. } => {
                let targets: Vec<&str> = places.iter().map(|(place, _)| &*place.target).collect();
                let words = words.as_ref().map_or("any words", |words| words.as_str());
                Final::Done(format!("0 messages with {words} in {}", targets.join(" ")))
            }
            Read::Audit { conversation, limit, .. } => {
                let entries = self.model.audited(conversation);
                let shown = entries.iter().take(limit as usize);
                shown.clone().for_each(|row| rows.push(row));
                Final::Done(count(shown.count(), "action"))
            }
            Read::Export { author, conversations: places, .. } => {
                let found = self.model.said_by_one(author, &places);
                found.iter().for_each(|row| rows.push(row));
                Final::Done(count(found.len(), "message"))
            }
            Read::Conversations { hearer, conversations: places } => {
                for unread in &places {
                    let (news, mentions) = self.model.news(&hearer, unread);
                    let ReadPosition { conversation, last, read, changes, .. } = unread;
                    rows.push(&format!("{} {last} {read} {news} {mentions} {changes}", conversation.target));
                }
                Final::Done(count(places.len(), "conversation"))
            }
            Read::Welcome { hearer, room, replay, others, last } => {
                if let Some(unread) = &room {
                    let end = unread.last.next().unwrap_or(MessageId::MAX);
                    let heard = self.model.heard_rows(&unread.conversation, unread.read, end, &hearer.ignores);
                    heard[heard.len().saturating_sub(replay as usize)..].iter().for_each(|row| rows.push(row));
                }
                for unread in &others {
                    rows.push(&format!("{}: {} new", unread.conversation.target, self.model.news(&hearer, unread).0));
                }
                last
            }
        };
        Answer { conn, rows, last }
    }
}
