//! The current room: which lines are about it without naming it, and what is said when it is lost.

use super::Context;
use super::refusals::no_room;
use crate::protocol::code::{Code, Refusal};
use crate::protocol::command::{AfterRoom, Command, RoomWord, Verb, is_mistyped};
use crate::protocol::names::{ConversationId, RoomName, UserName};
use crate::server::core::RoomAction;

/// Reads a command whose ROOM was left out, or may have been.
pub(super) fn read(cx: &Context<'_>, verb: &'static Verb, rest: &str) -> Result<Command, Refusal> {
    let left_out = match (verb.room_word(rest), cx.current_room()) {
        (RoomWord::LeftOut, None) => return Err(no_room()),
        (RoomWord::LeftOut, Some((_, here))) => Some(here),
        (RoomWord::Named, _) | (RoomWord::Unclear { .. }, None) => None,
        (RoomWord::Unclear { word, alone }, Some(here)) => {
            cx.is_left_out(verb, rest, word, alone, here)?.then_some(here.1)
        }
    };
    match left_out {
        Some(here) => verb.parse(&Verb::with_room(here.as_str(), rest)),
        None => verb.parse(rest),
    }
}

impl Context<'_> {
    fn current_room(&self) -> Option<(ConversationId, RoomName)> {
        let id = self.hub.connections.current(self.conn)?;
        Some((id, self.hub.state.room(id)?.name))
    }

    /// Whether the first word of a line is no ROOM. Where one could be mistaken for the other, the
    /// refusal says what to type.
    fn is_left_out(
        &self,
        verb: &Verb,
        rest: &str,
        word: &str,
        alone: bool,
        here: (ConversationId, RoomName),
    ) -> Result<bool, Refusal> {
        let (state, (id, here)) = (&self.hub.state, here);
        let Ok(room) = RoomName::parse_existing(word) else { return Ok(true) };
        let in_here = format!("/{} #{here}{}", verb.name, shortened(rest));
        let person = UserName::parse(word).ok().and_then(|name| state.find_account(&name));
        if state.room_for(RoomAction::Look, &room, self.account).is_ok() {
            let is_here = person.is_some_and(|person| state.room(id).is_some_and(|room| room.has_member(person)));
            if verb.after_room == Some(AfterRoom::WordAndMore) && is_here && room != here {
                let text = format!(
                    "{word} is a room and also somebody in {here}. /{} #{room} … for the room, {in_here} for {word}.",
                    verb.name
                );
                return Err(Refusal::new(Code::BadArgument, text));
            }
            return Ok(false);
        }
        if verb.after_room == Some(AfterRoom::WordAndMore) && person.is_some() {
            return Ok(true);
        }
        let like = self.mistyped(&room);
        if like.is_none() && !(alone && verb.after_room == Some(AfterRoom::Text) && word != "-") {
            return Ok(true);
        }
        let like = like.map_or(String::new(), |like| format!(" Did you mean {like}?"));
        let text = format!("there is no room {room}.{like} If you mean {here}, where you are: {in_here}");
        Err(Refusal::new(Code::NoSuchRoom, text))
    }

    /// One of the account's rooms whose name this is but for a slip.
    fn mistyped(&self, typed: &RoomName) -> Option<RoomName> {
        let rooms = self.hub.state.account(self.account).into_iter().flat_map(|account| &account.rooms);
        let mut names = rooms.filter_map(|&room| Some(self.hub.state.room(room)?.name));
        names.find(|name| is_mistyped(typed.as_str(), name.as_str()))
    }

    /// A `/join` or `/switch` was refused, so there is no current room: bare text is better not said
    /// than said in the wrong room. The refusal says how to go back.
    pub(super) fn leave_current_room(&mut self, mut refusal: Refusal) -> Refusal {
        if let Some((_, was)) = self.current_room() {
            let back = format!("You're not in a room now; /switch {was} goes back.");
            refusal.text = match refusal.code {
                // These end in the verb's usage.
                Code::BadArgument => format!("{back} {}", refusal.text),
                _ => format!("{} {back}", refusal.text),
            };
        }
        self.hub.connections.set_current_room(self.conn, None);
        refusal
    }
}

/// As much of the arguments as a sentence should quote.
fn shortened(rest: &str) -> String {
    const MOST: usize = 40;
    let mut shown: String = rest.chars().take(MOST).collect();
    if shown.len() < rest.len() {
        shown.push('…');
    }
    shown
}
