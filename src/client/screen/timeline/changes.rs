//! What happened to a message after it was said, so that one understands it without looking back.

use super::Timeline;
use super::messages::QUOTE_MAX;
use crate::client::item::{ChangeKind, Quote, ShownChange, ShownEvent};
use crate::client::screen::layout::{StyledLine, cut, isolated, quoted};
use crate::client::screen::{Look, clean};

impl Timeline {
    pub(super) fn put_change(&self, line: &mut StyledLine, event: &ShownEvent, change: &ShownChange) {
        let Some(who) = &event.who else {
            line.put_text(Look::Faint, &clean(&event.text));
            return;
        };
        let who = if event.own { "you".to_owned() } else { isolated(&clean(who)).into_owned() };
        line.put(Look::Faint, &format!("{who} "));
        let original = change.original.as_ref();
        let id = change.about.to_string();
        match change.kind {
            ChangeKind::Edited => {
                match original {
                    Some(original) => {
                        let before = quoted(&cut(&clean(&original.text), QUOTE_MAX));
                        line.put(Look::Faint, &format!("edited: {before} → "));
                    }
                    None => _ = line.put(Look::Faint, &format!("edited #{id}: ")),
                }
                line.put_text(Look::Plain, &quoted(&clean(&change.text)));
            }
            ChangeKind::Removed => {
                line.put(Look::Faint, "removed ");
                self.put_changed(line, event, original, &id);
                if !change.text.is_empty() {
                    line.put_text(Look::Faint, &format!(": {}", clean(&change.text)));
                }
            }
            ChangeKind::Reacted | ChangeKind::ReactionTakenBack => {
                let (count, word) = change.text.split_once(' ').unwrap_or(("1", &change.text));
                let word = clean(word);
                let word = isolated(&word);
                if change.kind == ChangeKind::Reacted {
                    line.put(Look::Faint, "reacted ").put(Look::Plain, &word);
                    // How many say so, if it is not this one alone.
                    if count != "1" {
                        line.put(Look::Faint, &format!(" ({})", clean(count)));
                    }
                    line.put(Look::Faint, " to ");
                } else {
                    line.put(Look::Faint, "took back ").put(Look::Plain, &word).put(Look::Faint, " from ");
                }
                self.put_changed(line, event, original, &id);
            }
            ChangeKind::Pinned | ChangeKind::Unpinned => {
                let did = if change.kind == ChangeKind::Pinned { "pinned " } else { "unpinned " };
                line.put(Look::Faint, did);
                self.put_changed(line, event, original, &id);
            }
        }
    }
    /// What was changed: the user's own line is not somebody's whose name they have to read.
    fn put_changed(&self, line: &mut StyledLine, event: &ShownEvent, original: Option<&Quote>, id: &str) {
        match original.filter(|original| event.own && self.is_me(&original.author) && !original.text.is_empty()) {
            Some(own) => {
                let text = quoted(&cut(&clean(&own.text), QUOTE_MAX));
                line.put(Look::Own, "your own line").put(Look::Plain, ": ").put(Look::Faint, &text);
            }
            None => self.put_reference(line, original, None, id),
        }
    }
}
