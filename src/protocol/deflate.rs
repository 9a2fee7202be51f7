//! Deflate frames: packing lines into one, and unpacking what a peer calls one, within bounds.
//!
//! Owns the frame's header, the preset dictionary and the two zlib states. Must not know who gets
//! a frame or which lines may share one. A [`Packer`] holds 371 KiB and an [`Unpacker`] 46 KiB:
//! they belong to a thread, never to a connection, and are begun afresh for each frame, so that no
//! frame depends on another and nobody's text shares a window with another's secret.
//!
//! A wrong dictionary can inflate to garbage without an error, hence the frame's own CRC-32.

use flate2::{Compress, Compression, Crc, Decompress, FlushCompress, FlushDecompress, Status};
use std::io::Write as _;

/// Dictionary number 1, which `docs/PROTOCOL.md` prints. Never changed: a better one gets the next
/// number.
pub const DICTIONARY_1: &[u8] = include_bytes!("dictionary-1.txt");
/// The number by which `/set deflate` asks for [`DICTIONARY_1`].
pub const DICTIONARY: u32 = 1;

/// The most octets that a frame inflates to. More is refused, and never packed into one frame.
pub const PLAIN_MAX: usize = 65_536;
/// The most octets that a client's frame holds packed.
pub const PACKED_MAX_CLIENT: usize = 16_384;
/// The most octets that a server's frame holds packed: a frame is sent only where it is smaller.
pub const PACKED_MAX_SERVER: usize = PLAIN_MAX;

/// Longest header in bytes, without its line's end: `=`, twice five digits, eight more, two spaces.
pub const HEADER_MAX: usize = 1 + 5 + 1 + 5 + 1 + 8;

/// What was called a deflate frame is none. The peer's fault; on the wire it is `bad-frame`, and
/// ends the connection, since where the next line begins is not known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadFrame {
    /// Not `=PACKED PLAIN CRC`.
    #[error("a frame begins with =PACKED PLAIN CRC")]
    Header,
    /// PACKED is more than this side may send.
    #[error("a frame has at most {0} octets packed")]
    Packed(usize),
    /// PLAIN is more than [`PLAIN_MAX`].
    #[error("a frame has at most {PLAIN_MAX} octets inflated")]
    Plain,
    /// The octets are no deflate stream that ends exactly at PACKED and gives exactly PLAIN.
    #[error("a frame is one raw deflate stream of exactly PACKED octets that inflates to exactly PLAIN")]
    Stream,
    /// The CRC-32 differs: most likely a wrong dictionary.
    #[error("the frame's CRC-32 differs; was it made with dictionary {DICTIONARY}?")]
    Checksum,
    /// The last line has no end.
    #[error("a frame holds whole lines")]
    Unended,
}

/// A frame's header, `=PACKED PLAIN CRC`, within the bounds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    packed: u32,
    plain: u32,
    crc: u32,
}

impl Header {
    /// Reads a header without its line's end; `packed_max` is what the sending side may send.
    ///
    /// # Errors
    /// [`BadFrame::Header`], [`BadFrame::Packed`] or [`BadFrame::Plain`].
    pub fn parse(line: &[u8], packed_max: usize) -> Result<Self, BadFrame> {
        let mut words = line.strip_prefix(b"=").ok_or(BadFrame::Header)?.split(|&b| b == b' ');
        let (Some(packed), Some(plain), Some(crc), None) = (words.next(), words.next(), words.next(), words.next())
        else {
            return Err(BadFrame::Header);
        };
        let (packed, plain) = (decimal(packed)?, decimal(plain)?);
        if packed as usize > packed_max {
            return Err(BadFrame::Packed(packed_max));
        }
        if plain as usize > PLAIN_MAX {
            return Err(BadFrame::Plain);
        }
        Ok(Self { packed, plain, crc: hexadecimal(crc)? })
    }

    /// Octets behind the header's line.
    #[must_use]
    pub fn packed(&self) -> usize {
        self.packed as usize
    }

    /// Octets that they inflate to.
    #[must_use]
    pub fn plain(&self) -> usize {
        self.plain as usize
    }
}

/// A number from 1 to 99999, without leading zeros: nothing larger is within any bound.
fn decimal(word: &[u8]) -> Result<u32, BadFrame> {
    if !matches!(word, [b'1'..=b'9', rest @ ..] if rest.len() < 5 && rest.iter().all(u8::is_ascii_digit)) {
        return Err(BadFrame::Header);
    }
    Ok(word.iter().fold(0, |n, digit| n * 10 + u32::from(digit - b'0')))
}

fn hexadecimal(word: &[u8]) -> Result<u32, BadFrame> {
    if word.len() != 8 {
        return Err(BadFrame::Header);
    }
    word.iter().try_fold(0, |n, &digit| match digit {
        b'0'..=b'9' => Ok(n << 4 | u32::from(digit - b'0')),
        b'a'..=b'f' => Ok(n << 4 | u32::from(digit - b'a' + 10)),
        _ => Err(BadFrame::Header),
    })
}

/// Makes frames. 371 KiB of state: one a thread.
#[derive(Debug)]
pub struct Packer {
    deflate: Compress,
    octets: Vec<u8>,
}

impl Default for Packer {
    fn default() -> Self {
        Self::new()
    }
}

impl Packer {
    /// A packer for frames with [`DICTIONARY_1`].
    #[must_use]
    pub fn new() -> Self {
        Self { deflate: Compress::new(Compression::new(LEVEL), false), octets: Vec::new() }
    }

    /// The whole frame for these lines, header and octets; `None` where it would not be smaller
    /// than the lines, or the lines are more than [`PLAIN_MAX`].
    pub fn pack(&mut self, lines: &[u8]) -> Option<Box<[u8]>> {
        debug_assert!(lines.is_empty() || lines.ends_with(b"\n"), "a frame holds whole lines");
        if lines.is_empty() || lines.len() > PLAIN_MAX {
            return None;
        }
        self.deflate.reset();
        self.deflate.set_dictionary(DICTIONARY_1).ok()?;
        // A stream that needs more room than the lines is of no use: no room for more is given.
        self.octets.clear();
        self.octets.resize(lines.len(), 0);
        let status = self.deflate.compress(lines, &mut self.octets, FlushCompress::Finish).ok()?;
        if status != Status::StreamEnd {
            return None;
        }
        let packed = &self.octets[..self.deflate.total_out() as usize];
        let mut frame = Vec::with_capacity(HEADER_MAX + 1 + packed.len());
        // Writing to a Vec can't fail.
        let _ = writeln!(frame, "={} {} {:08x}", packed.len(), lines.len(), crc32(lines));
        frame.extend_from_slice(packed);
        (frame.len() < lines.len()).then(|| frame.into_boxed_slice())
    }
}

/// zlib's default; see the numbers in `examples/dictionary`.
const LEVEL: u32 = 6;

/// Opens frames. 46 KiB of state: one a thread.
#[derive(Debug)]
pub struct Unpacker {
    inflate: Decompress,
}

impl Default for Unpacker {
    fn default() -> Self {
        Self::new()
    }
}

impl Unpacker {
    /// An unpacker for frames with [`DICTIONARY_1`].
    #[must_use]
    pub fn new() -> Self {
        Self { inflate: Decompress::new(false) }
    }

    /// The lines in a frame. Takes at most PLAIN octets of memory, whatever `packed` holds.
    ///
    /// # Errors
    /// [`BadFrame::Stream`], [`BadFrame::Checksum`] or [`BadFrame::Unended`].
    pub fn unpack(&mut self, header: Header, packed: &[u8]) -> Result<Vec<u8>, BadFrame> {
        self.inflate.reset(false);
        self.inflate.set_dictionary(DICTIONARY_1).map_err(|_| BadFrame::Stream)?;
        let mut lines = vec![0; header.plain()];
        let status = self.inflate.decompress(packed, &mut lines, FlushDecompress::Finish);
        let whole = matches!(status, Ok(Status::StreamEnd))
            && packed.len() == header.packed()
            && self.inflate.total_in() == u64::from(header.packed)
            && self.inflate.total_out() == u64::from(header.plain);
        if !whole {
            return Err(BadFrame::Stream);
        }
        if crc32(&lines) != header.crc {
            return Err(BadFrame::Checksum);
        }
        if !lines.ends_with(b"\n") {
            return Err(BadFrame::Unended);
        }
        Ok(lines)
    }
}

fn crc32(bytes: &[u8]) -> u32 {
    let mut crc = Crc::new();
    crc.update(bytes);
    crc.sum()
}
