//! Consecutive lines of one room, encoded once for everyone who is sent them.

use crate::protocol::deflate::{PLAIN_MAX, Packer};
use crate::server::traffic::{LineRef, Lines};
use std::cell::OnceCell;

/// Lines of one room that are delivered together. Each connection takes them as one piece, in the
/// form that its options ask for. Each form is built when it is first needed, once per worker.
pub(super) struct LineBatch<'a> {
    lines: &'a Lines,
    line_refs: &'a [LineRef],
    encoded: [Encoded; 2],
}

/// The lines with tags, or without.
#[derive(Default)]
struct Encoded {
    /// Only if the lines are not already in one piece.
    joined: OnceCell<Vec<u8>>,
    packed: OnceCell<Vec<u8>>,
}

impl<'a> LineBatch<'a> {
    /// A batch of at least one line.
    pub(super) fn new(lines: &'a Lines, line_refs: &'a [LineRef]) -> Self {
        Self { lines, line_refs, encoded: Default::default() }
    }

    /// How many lines there are.
    pub(super) fn len(&self) -> usize {
        self.line_refs.len()
    }

    /// What a connection with these options is sent.
    pub(super) fn bytes(&self, tagged: bool, deflate: bool, packer: &mut Packer) -> &[u8] {
        let plain = self.plain(tagged);
        if !deflate {
            return plain;
        }
        self.encoded[usize::from(tagged)].packed.get_or_init(|| {
            let mut packed = Vec::new();
            pack(plain, packer, &mut packed);
            packed
        })
    }

    fn plain(&self, tagged: bool) -> &[u8] {
        let (Some(&first), Some(&last)) = (self.line_refs.first(), self.line_refs.last()) else { return &[] };
        if self.line_refs.len() == 1 {
            return self.lines.line(first, tagged);
        }
        if tagged && self.line_refs.windows(2).all(|pair| pair[1].follows(pair[0])) {
            return self.lines.tagged(first, last);
        }
        self.encoded[usize::from(tagged)].joined.get_or_init(|| {
            let mut joined = Vec::with_capacity(self.lines.tagged(first, last).len());
            self.line_refs.iter().for_each(|&line| joined.extend_from_slice(self.lines.line(line, tagged)));
            joined
        })
    }
}

/// Appends whole lines, in frames where that makes them smaller.
pub(super) fn pack(mut lines: &[u8], packer: &mut Packer, out: &mut Vec<u8>) {
    while !lines.is_empty() {
        let most = lines.len().min(PLAIN_MAX);
        let end = match lines[..most].iter().rposition(|&b| b == b'\n') {
            Some(at) => at + 1,
            // No line is that long; if there were one, it would go out as it is.
            None => lines.len(),
        };
        let (chunk, rest) = lines.split_at(end);
        match packer.pack(chunk) {
            Some(frame) => out.extend_from_slice(&frame),
            None => out.extend_from_slice(chunk),
        }
        lines = rest;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::line::{Body, Line, Tags};

    fn lines(texts: &[&str]) -> (Lines, Vec<LineRef>) {
        let mut lines = Lines::default();
        let said = |(id, text)| Line {
            tags: Tags { id: Some(id), ..Tags::default() },
            body: Body::RoomMessage { room: "lobby", author: "bob", mark: None, text },
        };
        let line_refs = (1..).zip(texts.iter().copied()).map(|line| lines.push(&said(line))).collect();
        (lines, line_refs)
    }

    #[test]
    fn a_batch_is_its_lines_one_after_another() {
        let (lines, line_refs) = lines(&["one", "two", "three"]);
        let mut packer = Packer::new();
        let mut seen = |line_refs: &[LineRef], tagged| {
            String::from_utf8(LineBatch::new(&lines, line_refs).bytes(tagged, false, &mut packer).to_vec()).unwrap()
        };
        assert_eq!(seen(&line_refs, false), "[lobby] bob: one\n[lobby] bob: two\n[lobby] bob: three\n");
        assert_eq!(seen(&line_refs[1..], true), "@id=2 [lobby] bob: two\n@id=3 [lobby] bob: three\n");
        // A line of another room is between them.
        let apart = [line_refs[0], line_refs[2]];
        assert_eq!(seen(&apart, true), "@id=1 [lobby] bob: one\n@id=3 [lobby] bob: three\n");
        assert_eq!(seen(&line_refs[..1], false), "[lobby] bob: one\n");
    }

    #[test]
    fn lines_in_one_frame_are_smaller_than_in_a_frame_each() {
        let text = "the deploy is done, all checks are green, and nobody has to do anything";
        let (lines, line_refs) = lines(&[text; 4]);
        let mut packer = Packer::new();
        let together = LineBatch::new(&lines, &line_refs).bytes(true, true, &mut packer).len();
        let each: usize =
            line_refs.iter().map(|&line| LineBatch::new(&lines, &[line]).bytes(true, true, &mut packer).len()).sum();
        assert!(together * 2 < each, "{together} bytes together, {each} one by one");
    }
}
