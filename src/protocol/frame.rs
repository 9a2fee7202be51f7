//! The framer: bytes become lines and deflate frames, with a line's length enforced before its end
//! is seen, and no byte searched twice.
//!
//! Owns the bytes of one connection that are not yet cut. Must not know sockets, telnet, logins or
//! what a line means; runs on the worker (or the client's thread) that owns the connection.
//!
//! Cutting is pulled: the caller hands in a slice of its read buffer, calls [`Framer::cut`] until
//! there is nothing more to cut, and may stop at any line (a barrier, no tokens, a full budget)
//! with [`Framer::keep`]. Lines are cut straight from that slice; only what is left over is copied
//! into the framer's own buffer, which is freed as soon as it is empty, so that an idle connection
//! holds none.

use super::code::{Code, Refusal};
use super::command::LABEL_MAX;
use super::deflate::{BadFrame, HEADER_MAX, Header, PACKED_MAX_CLIENT, PACKED_MAX_SERVER};
use crate::protocol::names::check_text;
use memchr::memchr;

/// How many bytes of a line that is too long are shown: enough for the label that it began with.
pub const HEAD_MAX: usize = "/@".len() + LABEL_MAX + " ".len();

/// A buffer with more unused room than this, in bytes, is shrunk.
const SLACK_MAX: usize = 1024;

const BOM: &[u8] = "\u{feff}".as_bytes();

/// How the next line is cut. It may change from one [`Framer::cut`] to the next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rules {
    /// The most bytes of a line before its end; at least [`HEAD_MAX`].
    pub line_max: usize,
    /// Whether a line that begins with `=` is a deflate frame's header.
    pub frames: Frames,
}

/// See [`Rules::frames`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Frames {
    /// It is a line like any other.
    Off,
    /// It is a header, of at most [`PACKED_MAX_CLIENT`] octets.
    FromClient,
    /// It is a header, of at most [`PACKED_MAX_SERVER`] octets.
    FromServer,
}

/// What was cut from the front of the bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cut<'a> {
    /// A line without its LF or CR LF, of at most `line_max` bytes; not yet known to be text
    /// ([`text`]). It may be empty.
    Line(&'a [u8]),
    /// A line that is too long, reported once, as soon as that is known, whether or not its end was
    /// seen. The rest, up to its end, is discarded. `head` is its first [`HEAD_MAX`] bytes.
    TooLong {
        /// Its first bytes.
        head: &'a [u8],
    },
    /// A deflate frame. Its lines are cut next if the caller hands them to [`Framer::unroll`].
    Frame(Header, &'a [u8]),
    /// A malformed header. Nothing more is cut from this connection.
    BadFrame(BadFrame),
}

/// The bytes of one connection that are not yet cut. Holds no heap memory while there are none.
#[derive(Debug, Default)]
pub struct Framer {
    /// Bytes that were kept; those before `at` are cut already.
    kept: Vec<u8>,
    at: usize,
    /// How many bytes from `at` on are known to contain no LF.
    searched: usize,
    state: FramerState,
    /// The lines of an inflated frame, which come before all that is kept.
    unrolled: Option<Box<Unrolled>>,
}

#[derive(Debug, Clone, Copy, Default)]
enum FramerState {
    /// Nothing has arrived yet: a U+FEFF is dropped.
    #[default]
    Opening,
    Lines,
    /// In a line that was too long.
    Skipping,
    /// After a frame's header.
    Octets(Header),
    /// After a bad header.
    Broken,
}

#[derive(Debug)]
struct Unrolled {
    lines: Vec<u8>,
    at: usize,
}

impl Framer {
    /// A framer for a new connection.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Cuts the next line or frame from what is kept and then from `input`, which is advanced past
    /// what was used. `None` says that no whole one is left: all of `input` is used then, and the
    /// unfinished rest is kept, at most `line_max` bytes and a CR, or PACKED octets.
    pub fn cut<'a, 'i: 'a>(&'a mut self, input: &mut &'i [u8], rules: Rules) -> Option<Cut<'a>> {
        debug_assert!(rules.line_max >= HEAD_MAX);
        self.release();
        if let Some(ref mut unrolled) = self.unrolled {
            return Some(unrolled.cut(rules.line_max));
        }
        loop {
            let at_a_line = match self.state {
                FramerState::Lines => true,
                FramerState::Opening => self.opened(input),
                FramerState::Skipping => self.skipped(input),
                FramerState::Octets(header) if self.held() + input.len() < header.packed() => {
                    self.keep_all(input);
                    false
                }
                FramerState::Octets(header) => {
                    self.state = FramerState::Lines;
                    return Some(Cut::Frame(header, self.take(input, header.packed(), 0)));
                }
                FramerState::Broken => {
                    self.discard(input, self.held() + input.len());
                    false
                }
            };
            if !at_a_line {
                self.release();
                return None;
            }
            let end = self.find_end(input);
            let len = end.unwrap_or(self.held() + input.len());
            let cr = len > 0 && self.byte(input, len - 1) == Some(b'\r');
            let content = len - usize::from(cr);
            let header_from = rules.frames.sender_max().filter(|_| self.byte(input, 0) == Some(b'='));
            let max = if header_from.is_some() { HEADER_MAX } else { rules.line_max };
            if end.is_none() && content <= max {
                self.keep_all(input);
                return None;
            }
            match header_from {
                None if content <= max => return Some(Cut::Line(without_cr(self.take(input, len, 1)))),
                None => {
                    self.state = FramerState::Skipping;
                    return Some(Cut::TooLong { head: self.take(input, HEAD_MAX, 0) });
                }
                Some(packed_max) => {
                    let header = match end {
                        Some(len) if content <= max => Header::parse(without_cr(self.take(input, len, 1)), packed_max),
                        _ => Err(BadFrame::Header),
                    };
                    self.state = header.map_or(FramerState::Broken, FramerState::Octets);
                    if let Err(error) = header {
                        return Some(Cut::BadFrame(error));
                    }
                }
            }
        }
    }

    /// Stops cutting: keeps what is left of the input for later. The caller bounds what it keeps by
    /// not reading on ([`Framer::buffered`]).
    pub fn keep(&mut self, input: &[u8]) {
        self.release();
        if self.at > 0 {
            self.kept.drain(..std::mem::take(&mut self.at));
            if self.kept.capacity() - self.kept.len() > SLACK_MAX {
                self.kept.shrink_to_fit();
            }
        }
        self.kept.extend_from_slice(input);
    }

    /// Puts the lines of a frame, inflated, before all that is kept: they are cut next, one by one,
    /// and none of them is taken for a header. They must be whole lines.
    pub fn unroll(&mut self, lines: Vec<u8>) {
        debug_assert!(lines.ends_with(b"\n") && self.unrolled.is_none());
        self.unrolled = Some(Box::new(Unrolled { lines, at: 0 }));
    }

    /// Bytes that are kept and not yet cut. At the end of input they are never acted on.
    #[must_use]
    pub fn buffered(&self) -> usize {
        self.held() + self.unrolled.as_ref().map_or(0, |unrolled| unrolled.lines.len() - unrolled.at)
    }

    fn held(&self) -> usize {
        self.kept.len() - self.at
    }

    /// Frees memory once everything in it is cut.
    fn release(&mut self) {
        if self.at == self.kept.len() {
            self.kept = Vec::new();
            self.at = 0;
        }
        if self.unrolled.as_ref().is_some_and(|unrolled| unrolled.at >= unrolled.lines.len()) {
            self.unrolled = None;
        }
    }

    fn keep_all(&mut self, input: &mut &[u8]) {
        self.keep(input);
        *input = &[];
    }

    /// The byte at `index` of what is kept and then of `input`.
    fn byte(&self, input: &[u8], index: usize) -> Option<u8> {
        match index.checked_sub(self.held()) {
            None => self.kept.get(self.at + index).copied(),
            Some(index) => input.get(index).copied(),
        }
    }

    /// Where the next LF is, counted from the front; bytes that were searched before are skipped.
    fn find_end(&mut self, input: &[u8]) -> Option<usize> {
        let held = self.held();
        let kept = self.kept.get(self.at + self.searched..).unwrap_or_default();
        let end = memchr(b'\n', kept).map(|at| self.searched + at).or_else(|| {
            let from = self.searched.saturating_sub(held);
            memchr(b'\n', input.get(from..)?).map(|at| held + from + at)
        });
        self.searched = end.unwrap_or(held + input.len());
        end
    }

    /// Skips `count` bytes, which must be there.
    fn discard(&mut self, input: &mut &[u8], count: usize) {
        let from_kept = count.min(self.held());
        self.at += from_kept;
        *input = &input[count - from_kept..];
        self.searched = self.searched.saturating_sub(count);
    }

    /// Takes `len` bytes in one piece and skips the `ending` after them, all of which must be there.
    /// A piece is copied only if some of it was kept before.
    fn take<'a, 'i: 'a>(&'a mut self, input: &mut &'i [u8], len: usize, ending: usize) -> &'a [u8] {
        let held = self.held();
        if held == 0 {
            let piece = &input[..len];
            self.discard(input, len + ending);
            return piece;
        }
        if held < len {
            self.keep(&input[..len - held]);
            *input = &input[len - held..];
        }
        let start = self.at;
        self.discard(input, len + ending);
        &self.kept[start..start + len]
    }

    /// Drops a U+FEFF; false while what has arrived may still be the beginning of one.
    fn opened(&mut self, input: &mut &[u8]) -> bool {
        let same = (0..BOM.len()).take_while(|&i| self.byte(input, i) == Some(BOM[i])).count();
        if same < BOM.len() && same == self.held() + input.len() {
            self.keep_all(input);
            return false;
        }
        if same == BOM.len() {
            self.discard(input, same);
        }
        self.state = FramerState::Lines;
        true
    }

    /// Discards a line that was too long; false until its end has arrived.
    fn skipped(&mut self, input: &mut &[u8]) -> bool {
        let end = self.find_end(input);
        self.discard(input, end.map_or(self.held() + input.len(), |end| end + 1));
        if end.is_some() {
            self.state = FramerState::Lines;
        }
        end.is_some()
    }
}

impl Unrolled {
    fn cut(&mut self, line_max: usize) -> Cut<'_> {
        let rest = &self.lines[self.at..];
        let len = memchr(b'\n', rest).unwrap_or(rest.len());
        self.at += len + 1;
        match without_cr(&rest[..len]) {
            line if line.len() <= line_max => Cut::Line(line),
            line => Cut::TooLong { head: &line[..HEAD_MAX] },
        }
    }
}

impl Frames {
    /// The most PACKED octets that the sender may send; `None` if there are no frames.
    fn sender_max(self) -> Option<usize> {
        match self {
            Frames::Off => None,
            Frames::FromClient => Some(PACKED_MAX_CLIENT),
            Frames::FromServer => Some(PACKED_MAX_SERVER),
        }
    }
}

fn without_cr(line: &[u8]) -> &[u8] {
    line.strip_suffix(b"\r").unwrap_or(line)
}

/// Reads a line as text.
///
/// # Errors
/// The refusal of a line that is not UTF-8, or contains characters that can't be sent.
pub fn text(line: &[u8]) -> Result<&str, Refusal> {
    let text = std::str::from_utf8(line)
        .map_err(|_| Refusal::new(Code::BadUtf8, "that line is not UTF-8 and was not sent."))?;
    check_text(text).map_err(|error| Refusal::new(Code::BadText, format!("{error}; that line was not sent.")))?;
    Ok(text)
}

/// The refusal that answers [`Cut::TooLong`].
#[must_use]
pub fn too_long(line_max: usize) -> Refusal {
    Refusal::new(
        Code::LineTooLong,
        format!("a line can have at most {line_max} bytes; that one was not sent. Split it up."),
    )
}

#[cfg(test)]
mod tests;
