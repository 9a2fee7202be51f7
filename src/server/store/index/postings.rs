//! Postings: which lines of a block a token is in, as the index keeps it. Pure; the indexer gathers
//! and writes them, readers look tokens up.
//!
//! A block is some thousand messages in a row, and a line is the number of one of them within it.
//! The tokens of a block stand sorted in leaves. A leaf is entry after entry: the token's length and
//! bytes, the length of its list, and the list: each line as the distance from the one before. A
//! block is written once and never changed.

use super::varint;
use rustc_hash::FxHasher;
use std::hash::Hasher as _;

/// Bytes of a leaf, unless one entry is larger: four fit in a page of the index. A look-up reads
/// half of one.
const LEAF: usize = 900;

/// Gathers the postings of a block. Most tokens of a talk are in one line of it, so such a one
/// costs some thirty bytes and nothing on the heap of its own.
#[derive(Debug, Default)]
pub(in crate::server::store) struct Postings {
    /// All tokens, one behind the other.
    names: String,
    terms: Vec<Term>,
    /// A hash table: 0, or the number of a term plus one.
    slots: Vec<u32>,
    /// The lines of a token but its first.
    lists: Vec<Vec<u8>>,
    used: usize,
}

#[derive(Debug, Clone, Copy)]
struct Term {
    hash: u32,
    /// Where its name begins; it ends with the next one's beginning.
    name: u32,
    first: u32,
    last: u32,
    /// 0, or the number of its list plus one.
    list: u32,
}

impl Postings {
    /// Forgets all, but for the memory.
    pub(in crate::server::store) fn clear(&mut self) {
        self.names.clear();
        self.terms.clear();
        self.slots.fill(0);
        self.lists.iter_mut().for_each(Vec::clear);
        self.used = 0;
    }

    /// Notes that a line holds a token. Lines come in order; a token may come more than once.
    pub(in crate::server::store) fn note(&mut self, token: &str, line: u32) {
        if self.terms.len() * 2 >= self.slots.len() {
            self.grow();
        }
        let hash = hash(token);
        let mask = self.slots.len() - 1;
        let mut at = hash as usize & mask;
        while let Some(term) = self.slots[at].checked_sub(1) {
            let term = term as usize;
            if self.terms[term].hash == hash && self.name(term) == token {
                self.again(term, line);
                return;
            }
            at = (at + 1) & mask;
        }
        let Ok(name) = u32::try_from(self.names.len()) else { return };
        self.names.push_str(token);
        self.terms.push(Term { hash, name, first: line, last: line, list: 0 });
        self.slots[at] = number(self.terms.len());
    }

    /// Gives each leaf, with its first token, in order.
    pub(in crate::server::store) fn leaves<E>(
        &self,
        mut put: impl FnMut(&str, &[u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut order: Vec<u32> = (0..number(self.terms.len())).collect();
        order.sort_unstable_by(|&a, &b| self.name(a as usize).cmp(self.name(b as usize)));
        let (mut first, mut leaf, mut list) = ("", Vec::with_capacity(LEAF), Vec::new());
        for term in order {
            let (name, term) = (self.name(term as usize), self.terms[term as usize]);
            list.clear();
            varint::put(u64::from(term.first), &mut list);
            if let Some(more) = term.list.checked_sub(1) {
                list.extend_from_slice(&self.lists[more as usize]);
            }
            if !leaf.is_empty() && leaf.len() + name.len() + list.len() + 8 > LEAF {
                put(first, &leaf)?;
                leaf.clear();
            }
            if leaf.is_empty() {
                first = name;
            }
            varint::put(name.len() as u64, &mut leaf);
            leaf.extend_from_slice(name.as_bytes());
            varint::put(list.len() as u64, &mut leaf);
            leaf.extend_from_slice(&list);
        }
        if leaf.is_empty() { Ok(()) } else { put(first, &leaf) }
    }

    fn again(&mut self, term: usize, line: u32) {
        let term = &mut self.terms[term];
        let Some(distance) = line.checked_sub(term.last).filter(|&distance| distance > 0) else { return };
        if term.list == 0 {
            if self.used == self.lists.len() {
                self.lists.push(Vec::new());
            }
            self.used += 1;
            term.list = number(self.used);
        }
        varint::put(u64::from(distance), &mut self.lists[term.list as usize - 1]);
        term.last = line;
    }

    fn name(&self, term: usize) -> &str {
        let end = self.terms.get(term + 1).map_or(self.names.len(), |next| next.name as usize);
        &self.names[self.terms[term].name as usize..end]
    }

    fn grow(&mut self) {
        let size = (self.slots.len() * 2).max(1024);
        self.slots.clear();
        self.slots.resize(size, 0);
        for (n, term) in self.terms.iter().enumerate() {
            let mut at = term.hash as usize & (size - 1);
            while self.slots[at] != 0 {
                at = (at + 1) & (size - 1);
            }
            self.slots[at] = number(n + 1);
        }
    }
}

/// A block has far fewer than 2^32 of anything: its lines are some ten thousand, of some kilobytes.
fn number(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

fn hash(token: &str) -> u32 {
    let mut hasher = FxHasher::default();
    hasher.write(token.as_bytes());
    let hash = hasher.finish();
    number((hash >> 32 ^ hash & 0xffff_ffff) as usize)
}

/// What a leaf is not.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::server::store) struct Damaged;

/// Replaces `out` by the lines that a leaf has for a token, the oldest first; by none if it does
/// not have the token. All are below `lines`.
pub(in crate::server::store) fn find(leaf: &[u8], token: &str, lines: u32, out: &mut Vec<u32>) -> Result<(), Damaged> {
    out.clear();
    let mut left = leaf;
    while !left.is_empty() {
        let name = run(&mut left)?;
        let mut list = run(&mut left)?;
        if name != token.as_bytes() {
            if name > token.as_bytes() {
                break;
            }
            continue;
        }
        let mut line = None::<u64>;
        while !list.is_empty() {
            let distance = varint::take(&mut list).ok_or(Damaged)?;
            let next = match line {
                None => Some(distance),
                Some(line) => line.checked_add(distance).filter(|&next| next > line),
            };
            line = next;
            let next = next.and_then(|next| u32::try_from(next).ok()).filter(|&next| next < lines).ok_or(Damaged)?;
            out.push(next);
        }
        break;
    }
    Ok(())
}

/// A length, and so many bytes.
fn run<'a>(left: &mut &'a [u8]) -> Result<&'a [u8], Damaged> {
    let length = varint::take(left).and_then(|length| usize::try_from(length).ok()).ok_or(Damaged)?;
    let (run, rest) = left.split_at_checked(length).ok_or(Damaged)?;
    *left = rest;
    Ok(run)
}

/// Keeps of `lines` those that are also in `others`; both are in order.
pub(in crate::server::store) fn intersect(lines: &mut Vec<u32>, others: &[u32]) {
    let mut others = others.iter().peekable();
    lines.retain(|line| {
        while others.next_if(|other| *other < line).is_some() {}
        others.peek() == Some(&line)
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::{BTreeMap, BTreeSet};

    /// The leaves by their first tokens, as the index keeps them.
    fn leaves(postings: &Postings) -> BTreeMap<String, Vec<u8>> {
        let mut leaves = BTreeMap::new();
        let put = |first: &str, leaf: &[u8]| {
            assert_eq!(leaves.insert(first.to_owned(), leaf.to_vec()), None);
            Ok::<_, ()>(())
        };
        postings.leaves(put).unwrap();
        leaves
    }

    fn look(leaves: &BTreeMap<String, Vec<u8>>, token: &str) -> Vec<u32> {
        let mut lines = Vec::new();
        if let Some((_, leaf)) = leaves.range(..=token.to_owned()).next_back() {
            find(leaf, token, 100_000, &mut lines).unwrap();
        }
        lines
    }

    proptest! {
        #[test]
        fn what_was_noted_is_found(texts in proptest::collection::vec((1..300u32, "[a-d]{1,3}( [a-f]{1,6}){0,9}( é)?"), 0..300)) {
            let mut postings = Postings::default();
            // A block before this one leaves nothing behind.
            postings.note("zz", 1);
            postings.note("zz", 2);
            postings.clear();
            let mut wanted = BTreeMap::<&str, BTreeSet<u32>>::new();
            let mut line = 0;
            for (distance, text) in &texts {
                line += distance;
                for token in text.split(' ') {
                    postings.note(token, line);
                    wanted.entry(token).or_default().insert(line);
                }
            }
            let leaves = leaves(&postings);
            for (token, lines) in &wanted {
                prop_assert_eq!(&look(&leaves, token), &lines.iter().copied().collect::<Vec<_>>());
            }
            for missing in ["zz", "", "aé", "c_1"] {
                prop_assert_eq!(look(&leaves, missing), []);
            }
        }

        #[test]
        fn bytes_of_anything_do_no_harm(leaf in any::<Vec<u8>>(), token in "[a-b]?") {
            let _ = find(&leaf, &token, 1000, &mut Vec::new());
        }

        #[test]
        fn intersections_are_those_of_sets(a in any::<BTreeSet<u8>>(), b in any::<BTreeSet<u8>>()) {
            let list = |set: &BTreeSet<u8>| set.iter().map(|&n| u32::from(n)).collect::<Vec<_>>();
            let mut lines = list(&a);
            intersect(&mut lines, &list(&b));
            prop_assert_eq!(lines, list(&a.intersection(&b).copied().collect()));
        }
    }

    #[test]
    fn a_long_list_has_a_leaf_to_itself() {
        let mut postings = Postings::default();
        for line in 0..5000 {
            postings.note(&format!("n{line}"), line);
            postings.note("common", line);
        }
        let leaves = leaves(&postings);
        assert_eq!(look(&leaves, "common"), (0..5000).collect::<Vec<_>>());
        assert!(leaves.iter().all(|(first, leaf)| first == "common" || leaf.len() <= LEAF));
        assert!((0..5000).all(|line| look(&leaves, &format!("n{line}")) == [line]));
    }

    #[test]
    fn a_damaged_leaf_is_told_from_one_without_the_token() {
        let mut postings = Postings::default();
        postings.note("ab", 3);
        postings.note("ab", 9);
        let leaf = leaves(&postings).remove("ab").unwrap();
        assert_eq!(leaf, [2, b'a', b'b', 2, 3, 6]);
        let mut lines = Vec::new();
        assert_eq!((find(&leaf, "ab", 10, &mut lines), &*lines), (Ok(()), &[3, 9][..]));
        assert_eq!((find(&leaf, "b", 10, &mut lines), &*lines), (Ok(()), &[][..]));
        assert_eq!(find(&leaf, "ab", 9, &mut lines), Err(Damaged));
        assert_eq!(find(&leaf[..5], "ab", 10, &mut lines), Err(Damaged));
        assert_eq!(find(&[2, b'a', b'b', 2, 3, 0], "ab", 10, &mut lines), Err(Damaged));
    }
}
