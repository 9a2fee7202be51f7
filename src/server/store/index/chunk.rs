//! Chunks: how the index keeps where the messages of a conversation are. Pure; the indexer writes
//! them and readers read them.
//!
//! A chunk is some messages of one conversation whose ids follow each other without a gap. Of each
//! it holds the author and the place in the order of saying, the latter as the distance from the
//! one before: some three bytes a message. Where ids are missing, a new chunk begins.

use super::varint;

/// Messages in a chunk at most. Whoever wants one of them decodes the chunk, in about a
/// microsecond; and so many fit in a page of the index beside others.
pub(in crate::server::store) const MOST: i64 = 256;

/// A chunk under way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::server::store) struct Chunk {
    /// The id of its first message.
    pub(in crate::server::store) first: i64,
    /// The id of its last one; lower than `first` while there is none.
    pub(in crate::server::store) last: i64,
    /// Place of the last one in the order of saying.
    seq: i64,
    /// The messages, as they are kept.
    pub(in crate::server::store) bytes: Vec<u8>,
}

/// A message in a chunk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::server::store) struct Entry {
    pub(in crate::server::store) id: i64,
    pub(in crate::server::store) author: i64,
    pub(in crate::server::store) seq: i64,
}

impl Chunk {
    /// A chunk that begins with this message.
    pub(in crate::server::store) fn new(entry: Entry) -> Self {
        let mut chunk = Self { first: entry.id, last: entry.id - 1, seq: 0, bytes: Vec::new() };
        chunk.put(entry);
        chunk
    }

    /// Goes on with a chunk that was kept; `None` if it is damaged.
    pub(in crate::server::store) fn resume(first: i64, last: i64, bytes: &[u8]) -> Option<Self> {
        let seq = entries(first, last, bytes)?.last()?.seq;
        Some(Self { first, last, seq, bytes: bytes.to_vec() })
    }

    /// Adds a message; false if it belongs in a new chunk.
    pub(in crate::server::store) fn push(&mut self, entry: Entry) -> bool {
        let fits = entry.id == self.last + 1 && entry.seq > self.seq && self.len() < MOST;
        if fits {
            self.put(entry);
        }
        fits
    }

    /// How many messages it holds.
    pub(in crate::server::store) fn len(&self) -> i64 {
        self.last - self.first + 1
    }

    fn put(&mut self, entry: Entry) {
        varint::put(entry.author.unsigned_abs(), &mut self.bytes);
        varint::put((entry.seq - self.seq).unsigned_abs(), &mut self.bytes);
        (self.last, self.seq) = (entry.id, entry.seq);
    }
}

/// The messages of a chunk that was kept, the oldest first; `None` if it is damaged.
pub(in crate::server::store) fn entries(first: i64, last: i64, mut bytes: &[u8]) -> Option<Vec<Entry>> {
    let count = last.checked_sub(first)?.checked_add(1).filter(|count| (1..=MOST).contains(count))?;
    let mut entries = Vec::with_capacity(usize::try_from(count).ok()?);
    let mut seq = 0i64;
    for id in first..=last {
        let author = i64::try_from(varint::take(&mut bytes)?).ok()?;
        seq = seq.checked_add_unsigned(varint::take(&mut bytes)?)?;
        entries.push(Entry { id, author, seq });
    }
    bytes.is_empty().then_some(entries)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn split(messages: &[Entry]) -> Vec<Chunk> {
        let mut chunks: Vec<Chunk> = Vec::new();
        for &entry in messages {
            if !chunks.last_mut().is_some_and(|chunk| chunk.push(entry)) {
                chunks.push(Chunk::new(entry));
            }
        }
        chunks
    }

    proptest! {
        #[test]
        fn chunks_hold_what_was_put(
            steps in proptest::collection::vec((prop_oneof![9 => Just(1), 1 => 2..2000i64], 1..1i64 << 40, 1..1i64 << 30), 1..700),
            cut in any::<prop::sample::Index>(),
        ) {
            let (mut id, mut seq) = (0, 0);
            let messages: Vec<Entry> = steps.into_iter().map(|(gap, author, distance)| {
                (id, seq) = (id + gap, seq + distance);
                Entry { id, author, seq }
            }).collect();
            let chunks = split(&messages);
            let read: Vec<Entry> =
                chunks.iter().flat_map(|chunk| entries(chunk.first, chunk.last, &chunk.bytes).unwrap()).collect();
            prop_assert_eq!(&read, &messages);
            prop_assert!(chunks.iter().all(|chunk| chunk.len() <= MOST));
            // A chunk that was kept half full goes on as if it had never been.
            let cut = cut.index(messages.len());
            let mut half = split(&messages[..=cut]);
            let kept = half.pop().unwrap();
            let mut chunk = Chunk::resume(kept.first, kept.last, &kept.bytes).unwrap();
            for &entry in &messages[cut + 1..] {
                if !chunk.push(entry) {
                    half.push(std::mem::replace(&mut chunk, Chunk::new(entry)));
                }
            }
            half.push(chunk);
            prop_assert_eq!(half, chunks);
        }

        #[test]
        fn bytes_of_anything_do_no_harm(first in any::<i64>(), last in any::<i64>(), bytes in any::<Vec<u8>>()) {
            let _ = entries(first, last, &bytes);
            let _ = entries(1, 3, &bytes);
        }
    }

    #[test]
    fn a_gap_or_a_full_chunk_begins_a_new_one() {
        let at = |id, seq| Entry { id, author: 2, seq };
        let mut chunk = Chunk::new(at(1, 1));
        assert!(!chunk.push(at(3, 2)) && !chunk.push(at(1, 2)) && !chunk.push(at(2, 1)));
        for id in 2..=MOST {
            assert!(chunk.push(at(id, id)));
        }
        assert!(!chunk.push(at(MOST + 1, MOST + 1)));
        assert_eq!(chunk.bytes.len(), 512);
    }

    #[test]
    fn a_damaged_chunk_is_none() {
        let chunk = Chunk::new(Entry { id: 7, author: 300, seq: 70_000 });
        assert!(entries(7, 7, &chunk.bytes).is_some());
        assert_eq!(entries(7, 8, &chunk.bytes), None);
        assert_eq!(entries(7, 6, &[]), None);
        assert_eq!(entries(7, 7, &chunk.bytes[..2]), None);
        assert_eq!(entries(7, 7, &[1; 3]), None);
        assert_eq!(entries(1, MOST + 1, &[1; 514]), None);
    }
}
