//! The body of a request (RFC 9112, sections 6 and 7): how long it is, and what has arrived of it. Sans-IO: knows no
//! socket and no clock, and not what a body says.
//!
//! It is read as strictly as a head: a chunk that another program could take for a longer or a shorter one is refused,
//! and so are extensions of chunks and trailers, which nobody sends.

use super::response::Status;

/// The most bytes of a body.
pub(crate) const BODY_MAX: usize = 16 * 1024;
/// The most bytes that the bodies of all requests may hold together while they arrive. Beyond it, a request that brings
/// one is told to come again: at an address's 256 connections, eight addresses can have that many.
pub(crate) const BODIES_MAX: usize = 32 * 1024 * 1024;
/// The most digits of a chunk's size.
const DIGITS_MAX: usize = 8;

/// How long a body is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Length {
    /// There is none.
    None,
    /// So many bytes, at least one.
    Bytes(usize),
    /// It comes in chunks, which say how long they are.
    Chunked,
}

impl Length {
    /// The most bytes that it may be, as far as is known.
    #[must_use]
    pub(crate) fn most(self) -> usize {
        match self {
            Self::None => 0,
            Self::Bytes(bytes) => bytes,
            Self::Chunked => BODY_MAX,
        }
    }
}

/// A body that arrives.
#[derive(Debug)]
pub(crate) struct Arriving {
    left: Left,
    bytes: Vec<u8>,
}

/// What comes next of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Left {
    /// So many bytes.
    Bytes(usize),
    /// The line that says how long the next chunk is.
    Size,
    /// So many bytes of a chunk.
    Chunk(usize),
    /// The end of a chunk's last line.
    ChunkEnd,
    /// The empty line behind the last chunk.
    LastLine,
    /// Nothing.
    Nothing,
}

impl Arriving {
    /// Nothing of it has arrived.
    #[must_use]
    pub(crate) fn new(length: Length) -> Self {
        let left = match length {
            Length::None => Left::Nothing,
            Length::Bytes(bytes) => Left::Bytes(bytes),
            Length::Chunked => Left::Size,
        };
        Self { left, bytes: Vec::new() }
    }

    /// Takes what belongs to it from what has arrived, and returns how many bytes that were. What is left belongs to it
    /// as well, unless it [is whole](Self::is_whole), and has to be given again together with what follows.
    ///
    /// # Errors
    /// The status of a response, after which nothing more can be read.
    pub(crate) fn take(&mut self, bytes: &[u8]) -> Result<usize, Status> {
        let mut rest = bytes;
        while self.step(&mut rest)? {}
        Ok(bytes.len() - rest.len())
    }

    /// Whether all of it has arrived.
    #[must_use]
    pub(crate) fn is_whole(&self) -> bool {
        self.left == Left::Nothing
    }

    /// What has arrived.
    #[must_use]
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Takes one part. False if more has to arrive first, or nothing is left.
    fn step(&mut self, rest: &mut &[u8]) -> Result<bool, Status> {
        self.left = match self.left {
            Left::Nothing => return Ok(false),
            Left::Bytes(0) => Left::Nothing,
            Left::Chunk(0) => Left::ChunkEnd,
            Left::Bytes(_) | Left::Chunk(_) if rest.is_empty() => return Ok(false),
            Left::Bytes(left) => Left::Bytes(left - self.keep(rest, left)),
            Left::Chunk(left) => Left::Chunk(left - self.keep(rest, left)),
            Left::Size => match size(rest)? {
                None => return Ok(false),
                Some(0) => Left::LastLine,
                Some(size) if self.bytes.len() + size > BODY_MAX => return Err(Status::TooLarge),
                Some(size) => Left::Chunk(size),
            },
            Left::ChunkEnd if line_end(rest)? => Left::Size,
            Left::LastLine if line_end(rest)? => Left::Nothing,
            Left::ChunkEnd | Left::LastLine => return Ok(false),
        };
        Ok(true)
    }

    fn keep(&mut self, rest: &mut &[u8], most: usize) -> usize {
        let (kept, others) = rest.split_at(most.min(rest.len()));
        self.bytes.extend_from_slice(kept);
        *rest = others;
        kept.len()
    }
}

/// Takes the line that says how long a chunk is; `None` if it is not complete.
fn size(rest: &mut &[u8]) -> Result<Option<usize>, Status> {
    let (digits, mut behind) = rest.split_at(rest.iter().take_while(|digit| digit.is_ascii_hexdigit()).count());
    if digits.len() > DIGITS_MAX || (digits.is_empty() && !behind.is_empty()) {
        return Err(Status::BadRequest);
    }
    if !line_end(&mut behind)? {
        return Ok(None);
    }
    *rest = behind;
    let value = |digit: &u8| char::from(*digit).to_digit(16).unwrap_or_default() as usize;
    Ok(Some(digits.iter().fold(0, |size, digit| size * 16 + value(digit))))
}

/// Takes the end of a line. False if it is not complete.
fn line_end(rest: &mut &[u8]) -> Result<bool, Status> {
    match rest {
        [b'\r', b'\n', others @ ..] => {
            *rest = others;
            Ok(true)
        }
        [] | [b'\r'] => Ok(false),
        _ => Err(Status::BadRequest),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// What arrives in pieces of that size; and what is left behind it.
    fn arrives(length: Length, bytes: &[u8], piece: usize) -> Result<(Option<Vec<u8>>, Vec<u8>), Status> {
        let (mut body, mut waiting) = (Arriving::new(length), Vec::new());
        let mut pieces = bytes.chunks(piece);
        loop {
            let taken = body.take(&waiting)?;
            waiting.drain(..taken);
            match pieces.next() {
                Some(piece) if !body.is_whole() => waiting.extend_from_slice(piece),
                Some(piece) => waiting.extend(piece.iter().chain(pieces.by_ref().flatten())),
                None => return Ok((body.is_whole().then(|| body.bytes().to_vec()), waiting)),
            }
        }
    }

    #[test]
    fn what_follows_a_body_is_left_alone() {
        for piece in 1..40 {
            let arrived = |length, text: &str| arrives(length, text.as_bytes(), piece).unwrap();
            assert_eq!(arrived(Length::Bytes(5), "helloGET /"), (Some(b"hello".to_vec()), b"GET /".to_vec()));
            assert_eq!(arrived(Length::Bytes(5), "hell"), (None, Vec::new()));
            assert_eq!(arrived(Length::None, "GET /"), (Some(Vec::new()), b"GET /".to_vec()));
            let chunks = "5\r\nhello\r\n00000a\r\n, everyone\r\n0\r\n\r\nGET /";
            assert_eq!(arrived(Length::Chunked, chunks), (Some(b"hello, everyone".to_vec()), b"GET /".to_vec()));
            assert_eq!(arrived(Length::Chunked, "5\r\nhello\r\n0\r\n\r"), (None, b"\r".to_vec()));
        }
    }

    #[test]
    fn chunks_that_could_be_read_in_two_ways_are_refused() {
        for bad in [
            "5\nhello\r\n0\r\n\r\n",
            "5 \r\nhello\r\n0\r\n\r\n",
            "5;a=b\r\nhello\r\n0\r\n\r\n",
            "0x5\r\nhello\r\n0\r\n\r\n",
            "+5\r\nhello\r\n0\r\n\r\n",
            "-1\r\n",
            "\r\n",
            "5\r\nhello0\r\n\r\n",
            "5\r\nhello\n0\r\n\r\n",
            "4\r\nhello\r\n0\r\n\r\n",
            "5\r\rhello\r\n0\r\n\r\n",
            "000000005\r\nhello\r\n0\r\n\r\n",
            "0\r\nTrailer: x\r\n\r\n",
            "5\r\nhello\r\n0\r\nGET / HTTP/1.1\r\n\r\n",
        ] {
            for piece in [1, 3, 100] {
                assert_eq!(arrives(Length::Chunked, bad.as_bytes(), piece), Err(Status::BadRequest), "{bad:?}");
            }
        }
    }

    #[test]
    fn a_body_has_a_largest_size() {
        let full = "x".repeat(BODY_MAX);
        let chunks = format!("{BODY_MAX:x}\r\n{full}\r\n");
        let (body, _) = arrives(Length::Chunked, format!("{chunks}0\r\n\r\n").as_bytes(), 1000).unwrap();
        assert_eq!(body.unwrap().len(), BODY_MAX);
        let larger = format!("{chunks}1\r\n");
        assert_eq!(arrives(Length::Chunked, larger.as_bytes(), 1000), Err(Status::TooLarge));
        assert_eq!(arrives(Length::Chunked, b"ffffffff\r\n", 1), Err(Status::TooLarge));
    }

    proptest! {
        #[test]
        fn any_split_gives_the_same_body(
            bytes in "([0-3]\r\n[ab]{0,3}\r\n){0,4}(0\r\n\r\n)?[0-9a-f\r\n]{0,6}", piece in 1usize..9,
        ) {
            let whole = arrives(Length::Chunked, bytes.as_bytes(), bytes.len().max(1));
            prop_assert_eq!(arrives(Length::Chunked, bytes.as_bytes(), piece), whole);
        }
    }
}
