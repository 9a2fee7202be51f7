//! What can be asked, and the rows that answer it.

use super::hooks::Hook;
use super::moderation::{LOOK, MODERATE, READ};
use super::state::{Change, Conversation, Deed, Mark, Message, Place, Room, Sanction, Who};
use super::words::{Words, duration};
use super::{By, Model, Outcome, Refusal, listed};
use std::cmp::Reverse;
use std::collections::BTreeMap;

/// Rows of one answer, unless `limit=` says otherwise.
const ROWS: usize = 50;

impl Model {
    pub(super) fn history(&mut self, by: By, target: &str, options: &str) -> Outcome {
        let place = self.readable(by, target)?;
        let options = Options::new(options);
        let conversation = self.conversation(place);
        let (dropped, all) = (conversation.dropped, conversation.messages.len());
        let limit = options.number("limit").unwrap_or(ROWS);
        if let Some(id) = options.number("around") {
            // The message itself is the first of the newer half; a side that is short leaves room to the other.
            let middle = id.saturating_sub(1).min(all).max(dropped);
            let older = middle - dropped;
            let newer = (all - middle).min(limit.div_ceil(2).max(limit.saturating_sub(older)));
            let first = middle - older.min(limit - newer);
            let more = newer + middle - first < all - dropped;
            return self.page(by, place, first + 1..=middle + newer, more);
        }
        let since = options.ago("since", self.now);
        let until = options.ago("until", self.now);
        let within = |id: &usize| {
            let at = conversation.messages[id - 1].at;
            options.number("after").is_none_or(|after| *id > after)
                && options.number("before").is_none_or(|before| *id < before)
                && since.is_none_or(|since| at >= since)
                && until.is_none_or(|until| at <= until)
        };
        let found: Vec<usize> = (dropped + 1..=all).filter(within).collect();
        let first_ones = options.has("after") || options.has("since");
        let skipped = if first_ones { 0 } else { found.len().saturating_sub(limit) };
        let more = found.len() > limit;
        self.page(by, place, found.into_iter().skip(skipped).take(limit), more)
    }

    /// Where messages were dropped, it says which is the first that was not.
    fn page(&self, by: By, place: Place, ids: impl Iterator<Item = usize>, more: bool) -> Outcome {
        let dropped = self.conversation(place).dropped;
        let mut answer = self.messages(by, place, ids, more)?;
        if dropped > 0 {
            answer.last += &format!(", oldest={}", dropped + 1);
        }
        Ok(answer)
    }

    fn messages(&self, by: By, place: Place, ids: impl Iterator<Item = usize>, more: bool) -> Outcome {
        let rows = ids.map(|id| self.row(by.me, place, id)).collect();
        listed(rows, "message", if more { ", more" } else { "" })
    }

    pub(super) fn pins(&mut self, by: By, target: &str) -> Outcome {
        let place = self.readable(by, target)?;
        let pins = self.conversation(place).pins.clone();
        self.messages(by, place, pins.into_iter(), false)
    }

    pub(super) fn changes(&mut self, by: By, target: &str, options: &str) -> Outcome {
        let place = self.readable(by, target)?;
        let options = Options::new(options);
        let (after, limit) = (options.number("after").unwrap_or(0), options.number("limit").unwrap_or(ROWS));
        let conversation = self.conversation(place);
        let target = self.target(place, by.me);
        let row = |(index, change): (usize, &std::rc::Rc<Change>)| {
            let message = &conversation.messages[change.id - 1];
            let text = match change.word {
                _ if change.id <= conversation.dropped => "",
                "edit" if message.removed => "",
                "edit" | "redact" => &message.text,
                _ => &change.text,
            };
            let text = if text.is_empty() { String::new() } else { format!(": {text}") };
            let (number, who) = (index + 1, self.name(change.by));
            format!("| {target} {number} TIME {who} {} {}{text}", change.word, change.id)
        };
        let rows = conversation.changes.iter().enumerate().skip(after).take(limit).map(row).collect();
        let more = conversation.changes.len().saturating_sub(after) > limit;
        listed(rows, "change", if more { ", more" } else { "" })
    }

    pub(super) fn search(&mut self, by: By, line: &str) -> Outcome {
        self.find(by, line, |_| true)
    }

    /// Messages with the words and options of the line, the newest first.
    pub(super) fn find(&mut self, by: By, line: &str, wanted: impl Fn(&Message) -> bool) -> Outcome {
        let (mut words, mut rest, mut room, mut from, mut limit, mut before) =
            (Vec::new(), Words::new(line), None, None, ROWS, u64::MAX);
        loop {
            let word = rest.next();
            match word.split_once('=') {
                _ if word.is_empty() => break,
                Some(("in", target)) => room = Some(self.readable(by, target)?),
                Some(("from", name)) => from = Some(self.account(name)?),
                Some(("limit", number)) => limit = number.parse().expect("a number"),
                Some(("more", _)) => before = self.connections[&by.conn].searched,
                _ => words.push(word.to_lowercase()),
            }
        }
        let places = self.conversations.keys().copied().filter(|place| match room {
            Some(room) => room == *place,
            None => self.reads(by.me, *place) && (from.is_some() || !self.is_unheard(by.me, *place)),
        });
        let mut found: Vec<(Reverse<u64>, Place, usize)> = Vec::new();
        for place in places {
            let Conversation { messages: said, dropped, .. } = &*self.conversations[&place];
            let hits = said.iter().enumerate().skip(*dropped).filter(|(_, message)| {
                !message.removed
                    && wanted(message)
                    && message.order < before
                    && from.is_none_or(|from| message.author == from)
                    && words.iter().all(|word| message.text.split(' ').any(|other| other.to_lowercase() == *word))
            });
            found.extend(hits.map(|(index, message)| (Reverse(message.order), place, index + 1)));
        }
        found.sort_unstable();
        let more = found.len() > limit;
        found.truncate(limit);
        if let Some((Reverse(last), ..)) = found.last() {
            self.connections.get_mut(&by.conn).expect("it is logged in").searched = *last;
        }
        let rows = found.iter().map(|(_, place, id)| self.row(by.me, *place, *id)).collect();
        listed(rows, "message", if more { ", more=…" } else { "" })
    }

    /// What the account said, wherever it was, the oldest first.
    pub(super) fn export(&mut self, by: By, options: &str) -> Outcome {
        let limit = Options::new(options).number("limit").unwrap_or(ROWS);
        let mut found: Vec<(u64, String)> = Vec::new();
        for (&place, conversation) in &self.conversations {
            let kept = conversation.messages.iter().enumerate().skip(conversation.dropped);
            let own = kept.filter(|(_, message)| message.author == by.me);
            found.extend(own.map(|(index, message)| {
                let (id, reads) = (index + 1, self.reads(by.me, place));
                let row = if reads { self.row(by.me, place, id) } else { self.row_elsewhere(message, id) };
                (message.order, row)
            }));
        }
        found.sort_unstable();
        let more = if found.len() > limit { ", more=…" } else { "" };
        found.truncate(limit);
        listed(found.into_iter().map(|(_, row)| row).collect(), "message", more)
    }

    /// Whether this is the direct conversation with somebody whom the account ignores.
    fn is_unheard(&self, me: Who, place: Place) -> bool {
        let Place::Direct(one, other) = place else { return false };
        [one, other].iter().any(|who| self.accounts[me].ignores.contains(who))
    }

    pub(super) fn reads(&self, me: Who, place: Place) -> bool {
        match place {
            Place::Room(room) => self.rooms[room].members.contains_key(&me),
            Place::Direct(one, other) => me == one || me == other,
        }
    }

    fn readable(&self, by: By, target: &str) -> Result<Place, Refusal> {
        let place = self.place(by.me, target, READ)?;
        if let Place::Room(room) = place {
            self.may(by.me, room, READ)?;
        }
        Ok(place)
    }

    fn row(&self, me: Who, place: Place, id: usize) -> String {
        let message = &self.conversations[&place].messages[id - 1];
        let mut marks = self.how_said(message);
        marks.extend(reactions(message));
        self.row_of(&self.target(place, me), id, message.author, &marks, &message.text)
    }

    /// The row of a message for its author, who may not read there any more: nothing of what others made of it.
    fn row_elsewhere(&self, message: &Message, id: usize) -> String {
        let text = if message.removed { "" } else { &message.text };
        self.row_of("-", id, message.author, &self.how_said(message), text)
    }

    fn row_of(&self, target: &str, id: usize, author: Who, marks: &[String], text: &str) -> String {
        let marks = if marks.is_empty() { String::new() } else { format!(" ({})", marks.join(", ")) };
        format!("| {target} {id} TIME {}{marks}: {text}", self.name(author))
    }

    /// A row of messages as it would be shown now; `None` if the account can't read there any more.
    #[allow(dead_code, reason = "the simulation's, where a read may be answered late")]
    pub(crate) fn row_again(&self, me: Who, row: &str) -> Option<String> {
        let mut words = Words::new(row.strip_prefix("| ")?);
        let place = self.place(me, words.next(), READ).ok()?;
        self.reads(me, place).then(|| self.row(me, place, words.number()))
    }

    fn how_said(&self, message: &Message) -> Vec<String> {
        if message.removed {
            return vec!["removed".to_owned()];
        }
        let mut marks = match message.mark {
            Mark::None => Vec::new(),
            Mark::Me => vec!["me".to_owned()],
            Mark::Reply(id, author) => vec![format!("re {id} {}", self.name(author))],
        };
        if message.edited {
            marks.push("edited".to_owned());
        }
        marks
    }

    pub(super) fn who(&mut self, by: By, name: &str) -> Outcome {
        let id = self.room(by.me, name, LOOK)?;
        self.may(by.me, id, LOOK)?;
        let room = &self.rooms[id];
        let mut rows: Vec<(bool, String, String)> = Vec::new();
        for (&who, role) in &room.members {
            let here = if self.online(who) { "here" } else { "away" };
            let role = if *role == super::state::Role::Member { String::new() } else { format!(" {}", role.word()) };
            let muted = if Room::holds(&room.mutes, who, self.now).is_some() { " muted" } else { "" };
            let hook = if self.hook(who).is_some() { " hook" } else { "" };
            let why = self.anyone(who).away.as_ref().map_or_else(String::new, |text| format!(" - {text}"));
            let row = format!("| {} {here}{role}{hook}{muted}{why}…", self.name(who));
            rows.push((!self.online(who), self.name(who).to_lowercase(), row));
        }
        rows.sort_unstable();
        listed(rows.into_iter().map(|(.., row)| row).collect(), "member", "")
    }

    pub(super) fn bans(&mut self, by: By, name: &str) -> Outcome {
        let id = self.room(by.me, name, MODERATE)?;
        self.may(by.me, id, MODERATE)?;
        let bans =
            self.rooms[id].bans.iter().filter(|(who, _)| Room::holds(&self.rooms[id].bans, **who, self.now).is_some());
        let mut rows: Vec<(String, String)> =
            bans.map(|(who, ban)| (self.sorted(*who), self.ban_row(*who, ban))).collect();
        rows.sort_unstable();
        listed(rows.into_iter().map(|(_, row)| row).collect(), "ban", "")
    }

    fn sorted(&self, who: Who) -> String {
        self.name(who).to_lowercase()
    }

    fn ban_row(&self, who: Who, ban: &Sanction) -> String {
        let until = if ban.until.is_some() { "TIME" } else { "-" };
        format!("| {} {until} {} {}", self.name(who), self.name(ban.by), ban.reason).trim_end().to_owned()
    }

    /// Of a room, or of the whole server.
    pub(super) fn audit(&mut self, by: By, name: &str) -> Outcome {
        if name.is_empty() {
            self.administers(by)?;
            return self.deeds(&self.deeds);
        }
        let closed = self.rooms.iter().position(|room| room.closed && room.name == name);
        let id = match closed {
            Some(id) if self.accounts[by.me].admin => id,
            _ => self.room(by.me, name, MODERATE)?,
        };
        self.may(by.me, id, MODERATE)?;
        self.deeds(&self.rooms[id].deeds)
    }

    fn deeds(&self, deeds: &[Deed]) -> Outcome {
        let row = |deed: &Deed| {
            let whom = deed.whom.map_or("-", |whom| self.name(whom));
            format!("| TIME {} {} {whom} {}", self.name(deed.by), deed.verb, deed.reason).trim_end().to_owned()
        };
        let rows = deeds.iter().rev().take(ROWS).map(row).collect();
        listed(rows, "action", if deeds.len() > ROWS { ", more=…" } else { "" })
    }

    pub(super) fn list_rooms(&mut self, by: By) -> Outcome {
        let mut rows: Vec<(String, String)> = Vec::new();
        for (id, room) in self.rooms.iter().enumerate().filter(|(id, _)| self.sees(by.me, *id)) {
            let row = format!("| {} {} - {}", room.name, room.members.len(), self.rooms[id].topic);
            rows.push((room.name.clone(), row.trim_end().to_owned()));
        }
        rows.sort_unstable();
        listed(rows.into_iter().map(|(_, row)| row).collect(), "room", "")
    }

    pub(super) fn list_conversations(&mut self, by: By) -> Outcome {
        let mut rows: Vec<(bool, String, String)> = Vec::new();
        let rooms = (0..self.rooms.len()).map(Place::Room).filter(|place| self.reads(by.me, *place));
        let directs = self.conversations.keys().copied();
        let directs = directs.filter(|place| matches!(place, Place::Direct(..)) && self.reads(by.me, *place));
        for place in rooms.chain(directs) {
            let conversation = self.conversation(place);
            let last = conversation.messages.len();
            let read = conversation.read.get(&by.me).copied().unwrap_or(0);
            let target = self.target(place, by.me);
            let (unread, changes) = (conversation.unread(by.me), conversation.changes.len());
            let ignores = &self.accounts[by.me].ignores;
            let mentions =
                unread.clone().filter(|message| message.mentions.include(by.me) && !ignores.contains(&message.author));
            let mentions = mentions.count();
            let direct = matches!(place, Place::Direct(..));
            let unread = unread.filter(|message| !direct || !ignores.contains(&message.author)).count();
            let row = format!("| {target} {last} {read} {unread} {mentions} {changes}…");
            rows.push((matches!(place, Place::Direct(..)), target.to_lowercase(), row));
        }
        rows.sort_unstable();
        listed(rows.into_iter().map(|(.., row)| row).collect(), "conversation", "")
    }

    pub(super) fn invitations(&mut self, by: By) -> Outcome {
        let open = (0..self.rooms.len()).filter_map(|id| Some((&self.rooms[id].name, self.inviter(by.me, id)?)));
        let mut rows: Vec<String> =
            open.map(|(room, inviter)| format!("| {room} by {} until TIME", self.name(inviter))).collect();
        rows.sort_unstable();
        let count = rows.len();
        let plural = if count == 1 { "" } else { "s" };
        Ok(super::Answer { last: format!("+ {count} invitation{plural}…"), rows, told: Vec::new() })
    }

    pub(super) fn list_accounts(&mut self, by: By) -> Outcome {
        self.administers(by)?;
        let mut rows: Vec<(String, String)> = Vec::new();
        for (who, account) in self.accounts.iter().enumerate().skip(1) {
            let rank = if account.admin { "admin" } else { "member" };
            let here = if self.online(who) { "here" } else { "away" };
            let state = if account.disabled.is_some() { "disabled" } else { here };
            let why = account.disabled.as_deref().unwrap_or("");
            let row = format!("| {} {rank} {state} TIME - {why}", account.name);
            rows.push((account.name.to_lowercase(), row.trim_end().to_owned()));
        }
        for Hook { account, .. } in &self.hooks {
            rows.push((account.name.to_lowercase(), format!("| {} hook away TIME -", account.name)));
        }
        rows.sort_unstable();
        listed(rows.into_iter().map(|(_, row)| row).collect(), "account", "")
    }

    /// Everything that an account can ask, in full: what must be the same after a restart.
    pub(crate) fn questions(&self, me: Who, messages: usize) -> Vec<String> {
        let mut lines: Vec<String> =
            ["/conversations", "/rooms", "/invitations", "/accounts", "/audit", "/search the limit=20", "/mentions"]
                .map(str::to_owned)
                .into();
        for (id, room) in self.rooms.iter().enumerate().filter(|(_, room)| !room.name.is_empty()) {
            let name = &room.name;
            lines.push(format!("/who {name}"));
            if self.sees(me, id) {
                lines.extend(["/role", "/bans", "/audit", "/topic", "/hook list"].map(|verb| match verb {
                    "/role" => format!("/role {name} {}", self.name(me)),
                    verb => format!("{verb} {name}"),
                }));
            }
        }
        let places = (0..self.rooms.len()).map(Place::Room).chain(self.conversations.keys().copied());
        let places: std::collections::BTreeSet<Place> = places.filter(|place| self.reads(me, *place)).collect();
        for place in places {
            let (target, conversation) = (self.target(place, me), self.conversation(place));
            lines.push(format!("/pins {target}"));
            let pages = |all: usize| (all.saturating_sub(messages)..=all).step_by(500);
            lines.extend(
                pages(conversation.messages.len()).map(|from| format!("/history {target} after={from} limit=500")),
            );
            lines.extend(
                pages(conversation.changes.len()).map(|from| format!("/changes {target} after={from} limit=500")),
            );
        }
        lines
    }
}

/// `COUNT WORD` of each reaction to a message, the most said first.
fn reactions(message: &Message) -> impl Iterator<Item = String> {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    message.reactions.iter().for_each(|(word, _)| *counts.entry(word).or_default() += 1);
    let mut counts: Vec<_> = counts.into_iter().map(|(word, count)| (Reverse(count), word)).collect();
    counts.sort_unstable();
    counts.into_iter().map(|(Reverse(count), word)| format!("{count} {word}"))
}

/// The options of a line, each once.
struct Options<'a>(BTreeMap<&'a str, &'a str>);

impl<'a> Options<'a> {
    fn new(text: &'a str) -> Self {
        Self(text.split(' ').filter_map(|word| word.split_once('=')).collect())
    }

    fn has(&self, key: &str) -> bool {
        self.0.contains_key(key)
    }

    fn number(&self, key: &str) -> Option<usize> {
        self.0.get(key).map(|value| value.parse().expect("the operations have numbers there"))
    }

    /// A time that is said as a duration, which is that long ago.
    fn ago(&self, key: &str, now: u64) -> Option<u64> {
        self.0.get(key).map(|value| now.saturating_sub(duration(value)))
    }
}
