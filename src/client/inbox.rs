//! Received bytes that were not read as lines yet.
//!
//! Owns the limits of what a server may send: lines of at most [`SERVER_LINE_MAX`] bytes, and
//! frames within the protocol's limits. Anything else ends the connection. Lines are cut one by
//! one as they are read, so that a small frame of many lines does not become a large list. Must
//! not know sockets.

use crate::protocol::deflate::{BadFrame, Unpacker};
use crate::protocol::frame::{Cut, Framer, Frames, Rules};
use crate::protocol::line::SERVER_LINE_MAX;

/// What a line that is kept costs besides its bytes: the string, its place in a queue that grows by doubling,
/// and what the allocator adds. A server may send short ones.
pub(super) const LINE_COST: usize = 96;

/// The server sent something that the protocol does not allow. Its fault, and the end of the
/// connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InboxError {
    /// A line that is too long.
    #[error("the server sent a line of more than {SERVER_LINE_MAX} bytes")]
    TooLong,
    /// A damaged frame.
    #[error("the server sent a damaged frame: {0}")]
    BadFrame(#[from] BadFrame),
}

#[derive(Debug)]
pub(super) struct Inbox {
    framer: Framer,
    frames: Frames,
    /// 46 KiB, created for the first frame.
    unpacker: Option<Box<Unpacker>>,
    next: Option<String>,
}

impl Inbox {
    #[must_use]
    pub(super) fn new() -> Self {
        Self { framer: Framer::new(), frames: Frames::Off, unpacker: None, next: None }
    }

    /// From now on a line that begins with `=` is a deflate frame's header.
    pub(super) fn expect_frames(&mut self) {
        self.frames = Frames::FromServer;
    }

    /// Adds bytes from the socket.
    pub(super) fn feed(&mut self, bytes: &[u8]) {
        self.framer.keep(bytes);
    }

    /// Bytes that are not cut into lines yet. The caller stops feeding at a limit above the largest
    /// frame.
    #[must_use]
    pub(super) fn buffered(&self) -> usize {
        self.framer.buffered()
    }

    /// Takes the oldest line, with invalid UTF-8 replaced; `None` if there is no complete one.
    ///
    /// # Errors
    /// [`InboxError`]; the connection is then unusable.
    pub(super) fn pop(&mut self) -> Result<Option<String>, InboxError> {
        let found = self.has_line()?;
        Ok(if found { self.next.take() } else { None })
    }

    /// Whether there is a complete line.
    ///
    /// # Errors
    /// [`InboxError`]; the connection is then unusable.
    pub(super) fn has_line(&mut self) -> Result<bool, InboxError> {
        let rules = Rules { line_max: SERVER_LINE_MAX, frames: self.frames };
        while self.next.is_none() {
            match self.framer.cut(&mut &[][..], rules) {
                None => return Ok(false),
                Some(Cut::Line([])) => {}
                Some(Cut::Line(line)) => self.next = Some(String::from_utf8_lossy(line).into_owned()),
                Some(Cut::TooLong { .. }) => return Err(InboxError::TooLong),
                Some(Cut::Frame(header, octets)) => {
                    let lines = self.unpacker.get_or_insert_default().unpack(header, octets)?;
                    self.framer.unroll(lines);
                }
                Some(Cut::BadFrame(error)) => return Err(error.into()),
            }
        }
        Ok(true)
    }
}

impl Default for Inbox {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::deflate::Packer;
    use proptest::prelude::*;

    fn lines(inbox: &mut Inbox) -> Vec<String> {
        std::iter::from_fn(|| inbox.pop().unwrap()).collect()
    }

    #[test]
    fn lines_and_frames_stay_in_order() {
        let mut inbox = Inbox::new();
        inbox.feed(b"+ deflate 1\n");
        inbox.expect_frames();
        let many: String = (0..100).fold(String::new(), |text, n| text + &format!("[lobby] bob: line number {n}\n"));
        let frame = Packer::new().pack(many.as_bytes()).unwrap();
        let (head, tail) = frame.split_at(frame.len() / 2);
        inbox.feed(head);
        assert_eq!(lines(&mut inbox), ["+ deflate 1"]);
        inbox.feed(tail);
        inbox.feed(b"* bye\n* half");
        let got = lines(&mut inbox);
        assert_eq!((got.len(), got[99].as_str(), got[100].as_str()), (101, "[lobby] bob: line number 99", "* bye"));
    }

    #[test]
    fn anything_but_lines_is_an_error() {
        let mut inbox = Inbox::new();
        inbox.feed(&[b'a'; SERVER_LINE_MAX + 2]);
        assert_eq!(inbox.pop(), Err(InboxError::TooLong));
        let mut inbox = Inbox::new();
        inbox.expect_frames();
        inbox.feed(b"=3 3 00000000\nabc");
        assert!(matches!(inbox.pop(), Err(InboxError::BadFrame(_))));
    }

    proptest! {
        #[test]
        fn any_bytes_are_lines_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..200), frames: bool) {
            let mut inbox = Inbox::new();
            if frames {
                inbox.expect_frames();
            }
            for part in bytes.chunks(7) {
                inbox.feed(part);
                while let Ok(Some(line)) = inbox.pop() {
                    prop_assert!(!line.contains('\n'));
                }
            }
        }
    }
}
