//! Where the newest messages are, in memory: a message that is not indexed yet is then found without
//! reading the others from the database. The dispatcher's thread runs it.

use std::collections::VecDeque;

/// How many are remembered: 1 MiB. The indexer is some seconds behind, so while it works this is enough
/// for 10,000 messages a second.
const MOST: usize = 65_536;

/// The conversation and the id of each of the newest messages, by sequence number.
#[derive(Debug)]
pub(super) struct Recent {
    places: VecDeque<[i64; 2]>,
    /// The sequence number after the last one.
    end: i64,
}

/// What is known of a message.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Known {
    /// It has this sequence number.
    At(i64),
    /// No message has this place.
    Nowhere,
    /// If there is such a message, its sequence number is below this one.
    Below(i64),
}

impl Recent {
    /// Nothing is known of messages below this sequence number.
    pub(super) fn from(end: i64) -> Self {
        Self { places: VecDeque::new(), end }
    }

    /// Remembers the next message: its conversation and id.
    pub(super) fn push(&mut self, place: [i64; 2]) {
        if self.places.len() == MOST {
            self.places.pop_front();
        }
        self.places.push_back(place);
        self.end += 1;
    }

    /// Forgets the messages from this sequence number on: they were rolled back.
    pub(super) fn roll_back(&mut self, end: i64) {
        let gone = usize::try_from(self.end - end).unwrap_or(0);
        self.places.truncate(self.places.len().saturating_sub(gone));
        self.end = end;
    }

    /// Looks for a message above a sequence number.
    pub(super) fn find(&self, place: [i64; 2], above: i64) -> Known {
        let newest_first = (above + 1..self.end).rev().zip(self.places.iter().rev());
        for (seq, known) in newest_first {
            if *known == place {
                return Known::At(seq);
            }
        }
        let first = self.end - i64::try_from(self.places.len()).unwrap_or(i64::MAX);
        if first <= above + 1 { Known::Nowhere } else { Known::Below(first) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_pushed_is_found_until_it_is_rolled_back_or_there_are_too_many() {
        let mut recent = Recent::from(10);
        for id in 1..=3 {
            recent.push([7, id]);
        }
        assert_eq!(recent.find([7, 2], 9), Known::At(11));
        assert_eq!(recent.find([7, 2], 11), Known::Nowhere);
        assert_eq!(recent.find([7, 4], 9), Known::Nowhere);
        assert_eq!(recent.find([7, 4], 5), Known::Below(10));
        recent.roll_back(12);
        assert_eq!(recent.find([7, 3], 9), Known::Nowhere);
        recent.push([8, 1]);
        assert_eq!(recent.find([8, 1], 9), Known::At(12));
        let most = i64::try_from(MOST).unwrap();
        (0..most).for_each(|id| recent.push([9, id]));
        assert_eq!((recent.find([9, 0], 0), recent.find([8, 1], 0)), (Known::At(13), Known::Below(13)));
        recent.roll_back(10);
        assert_eq!((recent.find([9, 0], 0), recent.find([7, 1], 0)), (Known::Below(10), Known::Below(10)));
    }
}
