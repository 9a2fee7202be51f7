//! Letting a connection in, what it is shown then, and ending it.

use super::live::Arrival;
use super::{Asker, Effects, Now, Rooms};
use crate::protocol::code::{Code, Refusal};
use crate::protocol::line::{Body, Final, Line, Rows};
use crate::protocol::names::{AccountId, AddressGroup, ConnId, ConversationId, RoomName};
use crate::protocol::secrets::Digest;
use crate::server::traffic::{Delivery, Read, Recipients, Unread, Viewer, Write};

/// Invitations that a login is told of, one by one: were there no bound, strangers who invite could
/// fill the connection with them until it is closed for not reading.
const INVITATIONS_SHOWN: usize = 20;

impl Rooms {
    /// Ends a connection of an account from here.
    pub(super) fn end(&mut self, now: Now, conn: ConnId, why: &str, effects: &mut Effects) {
        effects.deliver(conn.worker(), Delivery::End(conn, Refusal::new(Code::NotLoggedIn, why)));
        let departed = self.live.end(conn, &self.world);
        self.departed(now, departed);
    }

    pub(super) fn attach(&mut self, now: Now, conn: ConnId, arrival: Arrival, effects: &mut Effects) {
        let id = arrival.account;
        let Some(account) = self.world.account(id) else { return };
        let (name, rooms) = (account.name, account.rooms.clone());
        if self.live.add(conn, arrival, &rooms) {
            self.presence_changed(id, true, now);
        }
        effects.deliver(conn.worker(), Delivery::Attached { conn, account: id, name, rooms });
    }

    /// Lets a connection in and welcomes it.
    #[expect(clippy::too_many_arguments, reason = "each is one fact of a login; a struct would name them no better")]
    pub(super) fn enter(
        &mut self,
        now: Now,
        conn: ConnId,
        viewer: Viewer,
        id: AccountId,
        from: AddressGroup,
        token: Option<Digest>,
        effects: &mut Effects,
    ) {
        if self.live.account(conn).is_some() {
            effects.refuse(conn, Refusal::new(Code::AlreadyLoggedIn, "you are logged in already."));
            return;
        }
        if self.world.know(id, from) {
            effects.write(Write::Known(id, from));
        }
        let lobby = self.world.find_room(&RoomName::lobby());
        let current =
            lobby.filter(|&lobby| self.world.account(id).is_some_and(|account| account.rooms.contains(&lobby)));
        self.attach(now, conn, Arrival { account: id, from, since: now.wall, token, current }, effects);
        let last = Final::Done(format!("welcome {}", self.greeting(id, current)));
        let asker = Asker { conn, account: id, viewer };
        match viewer {
            Viewer::Person { replay } => self.welcome(asker, current, replay, last, effects),
            Viewer::Program => effects.answer(conn, Rows::default(), last),
        }
        self.remind_of_invitations(conn, id, effects);
    }

    /// `NAME - you are in lobby; bob and carol are here. …`
    fn greeting(&self, id: AccountId, current: Option<ConversationId>) -> String {
        let name = self.world.name(id);
        let Some(room) = current.and_then(|room| self.world.room(room)) else {
            return format!("{name} - you are in no room yet. /rooms lists them, /join ROOM enters one.");
        };
        let here = match current.map_or(0, |room| self.live.here(room)) {
            0 | 1 => "nobody else is here just now".to_owned(),
            2..=4 if room.members.len() <= super::TELL_MEMBERS_MAX => {
                let mut others: Vec<&str> = room
                    .members
                    .keys()
                    .filter(|&&member| member != id && self.live.is_here(member))
                    .map(|&member| self.world.name(member))
                    .collect();
                others.sort_unstable();
                match others.as_slice() {
                    [one] => format!("{one} is here"),
                    [rest @ .., last] => format!("{} and {last} are here", rest.join(", ")),
                    [] => "nobody else is here just now".to_owned(),
                }
            }
            here => format!("{} others are here", here - 1),
        };
        format!("{name} - you are in {}; {here}. Type to talk.", room.name)
    }

    /// What a person is shown before the final line of a login or `/join`.
    pub(super) fn welcome(
        &mut self,
        asker: Asker,
        current: Option<ConversationId>,
        replay: u32,
        last: Final,
        effects: &mut Effects,
    ) {
        let news: Vec<Unread> =
            self.places(asker.account).into_iter().filter(|unread| unread.last > unread.read).collect();
        let (room, others): (Vec<Unread>, Vec<Unread>) =
            news.into_iter().partition(|unread| replay > 0 && Some(unread.conversation.id) == current);
        let room = room.into_iter().next();
        self.live.set_behind(asker.conn, others.iter().map(|unread| unread.conversation.id).collect());
        if let Some(room) = &room {
            self.seen(asker, room.conversation.id, room.last, effects);
        }
        if room.is_none() && others.is_empty() {
            effects.answer(asker.conn, Rows::default(), last);
        } else {
            effects.read_job(asker.conn, Read::Welcome { account: asker.account, room, replay, others, last });
        }
    }

    fn remind_of_invitations(&self, conn: ConnId, id: AccountId, effects: &mut Effects) {
        let mut tell = |code, text: &str| {
            let line = effects.out.encode(&Line::plain(Body::Notice(code, text)));
            effects.deliver(conn.worker(), Delivery::Notice { account: id, recipients: Recipients::Only(conn), line });
        };
        let Some(account) = self.world.account(id) else { return };
        let rooms = account.invitations.iter().filter_map(|&room| self.world.room(room));
        let mut invited = rooms.filter_map(|room| Some((room, room.invited.get(&id)?)));
        for (room, &by) in invited.by_ref().take(INVITATIONS_SHOWN) {
            tell(Some(Code::Invited), &invitation(room.name.as_str(), self.world.name(by)));
        }
        let more = invited.count();
        if more > 0 {
            let text = format!("you are invited to {more} more rooms. /rooms lists them among all that you may see.");
            tell(None, &text);
        }
    }
}

/// The text of `* invited: …`.
pub(super) fn invitation(room: &str, by: &str) -> String {
    format!("{room} by {by}. /join {room}")
}
