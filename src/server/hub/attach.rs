//! Attaching a connection to its account, what it is shown then, and ending it.

use super::connections::Login;
use super::effects::Effects;
use super::log_entry::Did;
use super::reading::{hearer, read_positions};
use super::{Answered, Context, Guest, Hub, Now, TELL_MEMBERS_MAX, count};
use crate::protocol::code::{Code, Refusal};
use crate::protocol::line::{Body, Final, Line, Rows};
use crate::protocol::names::{AccountId, AddressGroup, ConnId, ConversationId, RoomName};
use crate::protocol::secrets::Digest;
use crate::server::core::{AccountAction, State};
use crate::server::traffic::{Delivery, Read, ReadPosition, Viewer};

/// Invitations that a login lists one by one. Without a bound, strangers could send so many that
/// the connection is closed for not reading them.
const INVITATIONS_SHOWN: usize = 5;

impl Hub {
    /// Ends a connection of an account, and tells it why.
    pub(super) fn end(&mut self, now: Now, conn: ConnId, why: &str, effects: &mut Effects) {
        effects.deliver(conn.worker(), Delivery::End(conn, Refusal::new(Code::NotLoggedIn, why)));
        let departed = self.connections.end(conn, &self.state);
        self.presence.departed(departed, now.instant);
    }

    /// The connection is gone.
    pub(super) fn detach(&mut self, now: Now, conn: ConnId, effects: &mut Effects) {
        if self.password_checks.forget(conn) {
            effects.gone.push(conn);
        }
        let departed = self.connections.detach(conn, &self.state);
        self.presence.departed(departed, now.instant);
    }

    /// Attaches the connection to an account: from here on it is sent what is said in its rooms.
    pub(super) fn attach(&mut self, now: Now, conn: ConnId, login: Login, effects: &mut Effects) {
        let id = login.account;
        let Some(account) = self.state.account(id) else { return };
        let rooms: Vec<ConversationId> = account.rooms.iter().copied().collect();
        let tap = self.taps.of(id, account, now);
        if self.connections.add(conn, login, &rooms) {
            self.presence.arrived(id, now.instant);
        }
        effects.deliver(conn.worker(), Delivery::Attached { conn, account: id, rooms, tap });
    }
}

impl Guest<'_> {
    /// Refuses if the connection is already logged in.
    fn check_new(&self) -> Answered {
        if self.hub.connections.account(self.conn).is_some() {
            return Err(Refusal::new(Code::AlreadyLoggedIn, "you are logged in already."));
        }
        Ok(())
    }
}

impl Context<'_> {
    /// The same connection, as it was before the login.
    pub(super) fn guest(&mut self) -> Guest<'_> {
        Guest {
            now: self.now,
            conn: self.conn,
            viewer: self.viewer,
            hub: self.hub,
            storage: self.storage,
            effects: self.effects,
        }
    }

    /// Lets the connection in and welcomes it.
    pub(super) fn enter(&mut self, from: AddressGroup, token: Option<Digest>) -> Answered {
        self.guest().check_new()?;
        self.apply(AccountAction::UseAddress(from))?;
        self.log(Did::LoggedIn, from);
        let account = self.account;
        let lobby = self.hub.state.find_room(&RoomName::lobby());
        let current = lobby.filter(|&lobby| self.hub.state.room(lobby).is_some_and(|room| room.has_member(account)));
        let login = Login { account, from, since: self.now.wall, token, current };
        self.hub.attach(self.now, self.conn, login, self.effects);
        let last = Final::Done(format!("welcome {}", self.greeting(current)));
        match self.viewer {
            Viewer::Person { replay } => self.show_unread(current, replay, last)?,
            Viewer::Program => self.effects.answer(self.conn, Rows::default(), last),
        }
        self.forget_expired_invitations()?;
        self.remind_of_invitations();
        self.remind_of_absence();
        let account = self.account;
        self.guest().warn(account);
        Ok(())
    }

    /// `NAME - you are in lobby; bob and carol are here. …`
    fn greeting(&self, current: Option<ConversationId>) -> String {
        let state = &self.hub.state;
        let name = state.name(self.account);
        let Some((id, room)) = current.and_then(|id| Some((id, state.room(id)?))) else {
            return format!("{name} - you're not in a room. /rooms lists them, /join ROOM enters one.");
        };
        let here = match self.hub.connections.here(id) {
            0 | 1 => "nobody else is here just now".to_owned(),
            2..=4 if room.members.len() <= TELL_MEMBERS_MAX => {
                let mut others: Vec<&str> = room
                    .members
                    .keys()
                    .filter(|&&member| member != self.account && self.hub.connections.is_here(member))
                    .map(|&member| state.name(member))
                    .collect();
                others.sort_unstable_by_key(|name| name.to_ascii_lowercase());
                match others.as_slice() {
                    [one] => format!("{one} is here"),
                    [rest @ .., last] => format!("{} and {last} are here", rest.join(", ")),
                    [] => "nobody else is here just now".to_owned(),
                }
            }
            2 => "1 other is here".to_owned(),
            here => format!("{} others are here", here - 1),
        };
        format!("{name} - you are in {}; {here}. Type to talk.", room.name)
    }

    /// What a person is shown before the final line of a login or `/join`.
    pub(super) fn show_unread(&mut self, current: Option<ConversationId>, replay: u32, last: Final) -> Answered {
        let news: Vec<ReadPosition> =
            read_positions(&self.hub.state, self.account).into_iter().filter(ReadPosition::has_news).collect();
        let (room, others): (Vec<ReadPosition>, Vec<ReadPosition>) =
            news.into_iter().partition(|unread| replay > 0 && Some(unread.conversation.id) == current);
        let room = room.into_iter().next();
        let unseen = others.iter().map(|unread| unread.conversation.id).collect();
        self.hub.connections.set_unseen(self.conn, unseen);
        if let Some(room) = &room {
            self.shown(room.conversation.id, room.last)?;
        }
        if room.is_none() && others.is_empty() {
            self.effects.answer(self.conn, Rows::default(), last);
        } else {
            let hearer = hearer(&self.hub.state, self.account);
            self.effects.read_job(self.conn, Read::Welcome { hearer, room, replay, others, last });
        }
        Ok(())
    }

    fn remind_of_invitations(&mut self) {
        let (id, conn, effects) = (self.account, self.conn, &mut *self.effects);
        let mut tell = |code, text: &str| {
            effects.tell(id, conn, &Line::plain(Body::Notice(code, text)));
        };
        let mut invitations = invitations(&self.hub.state, id);
        for text in invitations.by_ref().take(INVITATIONS_SHOWN) {
            tell(Some(Code::Invited), &text);
        }
        let more = invitations.count();
        if more > 0 {
            let more = count(more, "more room");
            let text =
                format!("you are invited to {more}: /invitations lists all, /decline @NAME drops those by one person.");
            tell(None, &text);
        }
    }
}

/// The room invitations that a login is told about.
fn invitations(state: &State, account: AccountId) -> impl Iterator<Item = String> + '_ {
    let rooms = state.account(account).into_iter().flat_map(|account| &account.invitations);
    rooms.filter_map(move |&id| {
        let room = state.room(id)?;
        Some(invitation(room.name.as_str(), state.name(state.invitation(room, account)?.by)))
    })
}

/// The text of `* invited: …`.
pub(super) fn invitation(room: &str, by: &str) -> String {
    format!("{room} by {by}. /join {room}")
}
