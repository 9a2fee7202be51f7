//! What conversations no longer keep. The page leaves open when exactly it goes, so the model is told, and
//! says whether it may.

use super::Model;
use super::state::{Conversation, Place};
use std::collections::BTreeMap;
use std::rc::Rc;

/// How long `/retain` can be taken back before anything goes, in milliseconds.
const GRACE: u64 = 10 * 60 * 1000;

/// How long, and in how many bytes, all conversations keep what is said.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Keep {
    /// In milliseconds.
    pub lasts: Option<u64>,
    /// What that many bytes hold, the model can't know: only that the oldest go first.
    pub bytes: Option<u64>,
}

impl Model {
    /// What was said there, up to those ids, is gone, for a room or for two accounts; returns how many
    /// messages that were.
    ///
    /// # Errors
    /// What may not be gone.
    #[allow(dead_code, reason = "the simulation's, which is told what went")]
    pub(crate) fn drop_messages(
        &mut self,
        dropped: &[(Vec<String>, usize)],
        keep: Keep,
        now: u64,
    ) -> Result<usize, String> {
        let mut throughs = BTreeMap::new();
        for (names, through) in dropped {
            throughs.insert(self.place_named(names)?, *through);
        }
        let mut count = 0;
        // The order of the newest message that went only since there were too many.
        let mut surplus = None;
        for (&place, &through) in &throughs {
            let conversation = self.conversation(place);
            let Some(gone) = conversation.messages.get(conversation.dropped..through).filter(|gone| !gone.is_empty())
            else {
                return Err(format!("{place:?} has no messages up to {through} to drop"));
            };
            count += gone.len();
            let of_room = match place {
                Place::Room(room) => self.rooms[room].retain,
                Place::Direct(..) => None,
            };
            let is_old = |at: u64| [of_room, keep.lasts].into_iter().flatten().any(|lasts| at + lasts < now);
            surplus = surplus.max(gone.iter().filter(|message| !is_old(message.at)).map(|message| message.order).max());
        }
        if surplus.is_some() && keep.bytes.is_none() {
            return Err(format!("what is not old was dropped: {dropped:?}"));
        }
        for (&place, &through) in &throughs {
            let conversation = self.conversation_mut(place);
            conversation.dropped = through;
            conversation.pins.retain(|id| *id > through);
            conversation.keys.retain(|_, (id, _)| *id > through);
        }
        let oldest = |conversation: &Rc<Conversation>| Some(conversation.messages.get(conversation.dropped)?.order);
        match (surplus, self.conversations.values().filter_map(oldest).min()) {
            (Some(gone), Some(kept)) if kept < gone => {
                Err(format!("message {gone} of all was dropped, and the older {kept} was not: {dropped:?}"))
            }
            _ => Ok(count),
        }
    }

    /// The first message that was due to go at that time and is still there, if there is one.
    #[allow(dead_code, reason = "the simulation's, where hours pass")]
    pub(crate) fn overdue(&self, keep: Keep, at: u64) -> Option<String> {
        self.conversations.iter().find_map(|(&place, conversation)| {
            let oldest = conversation.messages.get(conversation.dropped)?;
            let said = oldest.at + oldest.ahead;
            let of_room = match place {
                Place::Room(room) => {
                    let room = &self.rooms[room];
                    room.retain.map(|lasts| (said + lasts).max(room.retain_since + GRACE))
                }
                Place::Direct(..) => None,
            };
            let of_all = keep.lasts.map(|lasts| said + lasts);
            let due = [of_room, of_all].into_iter().flatten().min()?;
            let id = conversation.dropped + 1;
            (due < at).then(|| format!("message {id} of {place:?} is still there, {} ms after its time", at - due))
        })
    }

    fn place_named(&self, names: &[String]) -> Result<Place, String> {
        let unknown = || format!("there is no conversation {names:?}");
        let account = |name: &String| self.account(name).map_err(|_| unknown());
        match names {
            // A closed one goes on dropping.
            [name] => self.rooms.iter().position(|room| room.name == *name).map(Place::Room).ok_or_else(unknown),
            [one, other] => Ok(Place::direct(account(one)?, account(other)?)),
            _ => Err(unknown()),
        }
    }
}
