//! Deflate frames: packing lines into one, and unpacking what a peer sends as one, within limits.
//!
//! Owns the frame's header, the preset dictionary and the two zlib states. Must not know who gets
//! a frame or which lines may share one. A [`Packer`] holds 371 KiB and an [`Unpacker`] 46 KiB:
//! they belong to a thread, never to a connection, and start fresh for each frame, so that no frame
//! depends on another and nobody's text shares a window with another's secret.
//!
//! A wrong dictionary can inflate to garbage without an error, hence the frame's own CRC-32.
//!
//! Savings measured by `tools/dictionary` on held-out chat with tags, frame headers included: 5 % for
//! one short line, a fifth for one of 150 octets, 44 % for five lines (36 % without the dictionary),
//! 60 % for 20 lines (55 %), 65 % for 50 rows of history (60 %). Packing took 16 µs for one line, 30
//! for 20 and 43 for 50, on one slow core; unpacking took at most a seventh of that.

use flate2::{Compress, Compression, Crc, Decompress, FlushCompress, FlushDecompress, Status};
use std::io::Write as _;

/// Dictionary number 1, which `docs/PROTOCOL.md` links to. Never changed: a better one gets the
/// next number.
pub const DICTIONARY_1: &[u8] = include_bytes!("dictionary-1.txt");
/// The number by which `/set deflate` asks for [`DICTIONARY_1`].
pub const DICTIONARY: u32 = 1;

/// The most octets that a frame inflates to. More is refused, and never packed into one frame.
pub const PLAIN_MAX: usize = 65_536;
/// Fewer octets are not worth a frame: its header and 15 µs would save at best a tenth of them.
pub const PLAIN_MIN: usize = 96;
/// The most packed octets in a client's frame.
pub const PACKED_MAX_CLIENT: usize = 16_384;
/// The most packed octets in a server's frame: a frame is sent only if it is smaller than its lines.
pub const PACKED_MAX_SERVER: usize = PLAIN_MAX;

/// Longest header in bytes, without its line ending: `=`, two numbers of five digits, eight more digits, two spaces.
pub const HEADER_MAX: usize = 1 + 5 + 1 + 5 + 1 + 8;

/// A malformed deflate frame. The peer's fault; on the wire it is `bad-frame`, and ends the
/// connection, since nobody knows where the next line begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadFrame {
    /// Not `=PACKED PLAIN CRC`.
    #[error("a frame must begin with =PACKED PLAIN CRC")]
    Header,
    /// PACKED is more than this side may send.
    #[error("a frame can have at most {0} packed octets")]
    Packed(usize),
    /// PLAIN is more than [`PLAIN_MAX`].
    #[error("a frame can inflate to at most {PLAIN_MAX} octets")]
    Plain,
    /// The octets are not a deflate stream of exactly PACKED octets that inflates to exactly PLAIN.
    #[error("a frame must be one raw deflate stream of exactly PACKED octets that inflates to exactly PLAIN")]
    Stream,
    /// The CRC-32 differs: most likely a wrong dictionary.
    #[error("the frame's CRC-32 differs; was it made with dictionary {DICTIONARY}?")]
    Checksum,
    /// The last line has no line ending.
    #[error("a frame must hold whole lines")]
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
    /// Reads a header without its line ending; `packed_max` is what the sending side may send.
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

    /// Octets after the header's line.
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

/// Makes frames. 371 KiB of state: one for each thread.
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

    /// The whole frame for these lines, header and octets; `None` if it would not be smaller
    /// than the lines, or if they are not [`PLAIN_MIN`] to [`PLAIN_MAX`] octets.
    pub fn pack(&mut self, lines: &[u8]) -> Option<Box<[u8]>> {
        debug_assert!(lines.is_empty() || lines.ends_with(b"\n"), "a frame must hold whole lines");
        if !(PLAIN_MIN..=PLAIN_MAX).contains(&lines.len()) {
            return None;
        }
        self.deflate.reset();
        self.deflate.set_dictionary(DICTIONARY_1).ok()?;
        // A stream longer than the lines is of no use, so it gets no more room than they take.
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

/// zlib's default. Level 1 sends a quarter more for 20 lines and saves half of 30 µs; level 9 costs
/// a third more for 2 %.
const LEVEL: u32 = 6;

/// Opens frames. 46 KiB of state: one for each thread.
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

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The lines of a frame as it is on the wire.
    fn open(frame: &[u8]) -> Result<Vec<u8>, BadFrame> {
        let end = frame.iter().position(|&b| b == b'\n').ok_or(BadFrame::Header)?;
        let header = Header::parse(&frame[..end], PACKED_MAX_SERVER)?;
        Unpacker::new().unpack(header, &frame[end + 1..])
    }

    /// A frame made without any of the packer's checks.
    fn raw(lines: &[u8], dictionary: &[u8]) -> (Vec<u8>, u32) {
        let mut deflate = Compress::new(Compression::best(), false);
        deflate.set_dictionary(dictionary).unwrap();
        let mut octets = Vec::with_capacity(lines.len() + 100);
        assert_eq!(deflate.compress_vec(lines, &mut octets, FlushCompress::Finish).unwrap(), Status::StreamEnd);
        (octets, crc32(lines))
    }

    fn unpack(packed: &[u8], plain: usize, crc: u32) -> Result<Vec<u8>, BadFrame> {
        let header = Header { packed: packed.len() as u32, plain: plain as u32, crc };
        Unpacker::new().unpack(header, packed)
    }

    const LINES: &[u8] =
        b"@id=12;at=1800000000000 [lobby] alice: one two one two one two\n[lobby] bob: one two one two one two\n";

    #[test]
    fn a_frame_holds_what_was_packed() {
        let mut packer = Packer::new();
        let frame = packer.pack(LINES).unwrap();
        assert!(frame.len() < LINES.len() && frame.starts_with(b"="));
        assert_eq!(open(&frame).unwrap(), LINES);
        assert!(packer.pack(&b"something else\n".repeat(20)).is_some());
        assert_eq!(packer.pack(LINES).unwrap(), frame, "no frame depends on another");
    }

    #[test]
    fn a_frame_made_by_pythons_zlib_is_unpacked() {
        // zlib.compressobj(9, zlib.DEFLATED, -15, zdict=DICTIONARY_1)
        let frame = b"=36 144 a9c0edbc\n\x03\xa9\x33\x87\xa9\x33\x36\x07\x86\x86\xa1\xa1\x91\x31\x86\x3a\x68\xce\x07\x57\x2c\x90\x4a\x11\xd4\x1d\x80\x94\x1f\xa0\x11\x2b\xaa\x99\x03\x00";
        let line = "@id=7;at=1795370281123 [lobby] alice: I think that would be a good idea\n";
        assert_eq!(open(frame).unwrap(), line.repeat(2).as_bytes());
    }

    #[test]
    fn lines_that_would_not_get_smaller_are_not_packed() {
        let mut packer = Packer::new();
        assert_eq!(packer.pack(b""), None);
        assert_eq!(packer.pack(b"+\n"), None);
        let mut noise: Vec<u8> = (0..500u32).flat_map(|n| crc32(&n.to_le_bytes()).to_le_bytes()).collect();
        noise.push(b'\n');
        assert_eq!(packer.pack(&noise), None);
        assert!(packer.pack(&[b'\n'; PLAIN_MIN]).is_some());
        assert_eq!(packer.pack(&[b'\n'; PLAIN_MIN - 1]), None);
        let most = [&vec![b'x'; PLAIN_MAX - 1], &b"\n"[..]].concat();
        assert_eq!(open(&packer.pack(&most).unwrap()).unwrap(), most);
        assert_eq!(packer.pack(&[b"x", &most[..]].concat()), None);
    }

    /// Lines of which ever more can be packed: at some point the frame is exactly as long.
    #[test]
    fn a_frame_is_shorter_than_its_lines() {
        let noise: Vec<u8> = (0..100u32).flat_map(|n| crc32(&n.to_le_bytes()).to_le_bytes()).collect();
        let mut packer = Packer::new();
        let mut packed = 0;
        for same in 0..400 {
            let lines = [&noise[same..], &vec![b'x'; same], b"\n"].concat();
            if let Some(frame) = packer.pack(&lines) {
                assert!(frame.len() < lines.len(), "{same}: {} for {}", frame.len(), lines.len());
                packed += 1;
            }
        }
        assert!((1..400).contains(&packed), "{packed}");
    }

    #[test]
    fn anything_but_exactly_one_stream_is_refused() {
        let (packed, crc) = raw(LINES, DICTIONARY_1);
        assert_eq!(unpack(&packed, LINES.len(), crc).unwrap(), LINES);
        let twice = packed.repeat(2);
        let trailing = [&packed[..], b"\0"].concat();
        let refused = [
            (&packed[..packed.len() - 1], LINES.len()),
            (&packed[..], LINES.len() - 1),
            (&packed[..], LINES.len() + 1),
            (&trailing[..], LINES.len()),
            (&twice[..], LINES.len()),
            (&twice[..], LINES.len() * 2),
            (&b"garbage"[..], 20),
        ];
        for (octets, plain) in refused {
            assert_eq!(unpack(octets, plain, crc), Err(BadFrame::Stream), "{} octets for {plain}", octets.len());
        }
        assert_eq!(unpack(&packed, LINES.len(), crc ^ 1), Err(BadFrame::Checksum));
        let (unended, crc) = raw(b"no end", DICTIONARY_1);
        assert_eq!(unpack(&unended, 6, crc), Err(BadFrame::Unended));
    }

    #[test]
    fn a_wrong_dictionary_is_detected() {
        let lines = &DICTIONARY_1[DICTIONARY_1.len() / 2..];
        let (packed, crc) = raw(lines, DICTIONARY_1);
        assert!(unpack(&packed, lines.len(), crc).is_ok(), "the dictionary ends in a line ending");
        let mut other = DICTIONARY_1.to_vec();
        other.reverse();
        let (packed, crc) = raw(lines, &other);
        assert!(matches!(unpack(&packed, lines.len(), crc), Err(BadFrame::Checksum | BadFrame::Stream)));
    }

    #[test]
    fn a_bomb_is_stopped_at_the_limit() {
        let (packed, crc) = raw(&vec![b'\n'; 10_000_000], DICTIONARY_1);
        assert!(packed.len() < PACKED_MAX_CLIENT);
        assert_eq!(unpack(&packed, PLAIN_MAX, crc), Err(BadFrame::Stream));
    }

    #[test]
    fn an_unpacker_still_works_after_a_bad_frame() {
        let frame = Packer::new().pack(LINES).unwrap();
        let end = frame.iter().position(|&b| b == b'\n').unwrap();
        let header = Header::parse(&frame[..end], PACKED_MAX_CLIENT).unwrap();
        let mut unpacker = Unpacker::new();
        assert!(unpacker.unpack(header, &frame[end + 2..]).is_err());
        assert_eq!(unpacker.unpack(header, &frame[end + 1..]).unwrap(), LINES);
    }

    #[test]
    fn the_dictionary_is_printable_and_never_changes() {
        assert!(DICTIONARY_1.iter().all(|&b| (b' '..0x7f).contains(&b) || b == b'\n'));
        assert_eq!((DICTIONARY_1.len(), crc32(DICTIONARY_1)), (5825, 0x91c5_bbb3));
    }

    proptest! {
        #[test]
        fn unpacking_returns_what_was_packed(lines in "([a-z \u{e9}\u{2603}]{0,30}\n){4,30}") {
            if let Some(frame) = Packer::new().pack(lines.as_bytes()) {
                prop_assert!(frame.len() < lines.len());
                prop_assert_eq!(open(&frame).unwrap(), lines.as_bytes());
            }
        }

        #[test]
        fn garbage_is_refused(packed in prop::collection::vec(any::<u8>(), 1..300), plain in 1usize..=PLAIN_MAX, crc in any::<u32>()) {
            // Nothing random has the right CRC-32.
            prop_assert!(unpack(&packed, plain, crc).is_err());
        }

        #[test]
        fn a_damaged_frame_is_refused(at in 0usize..60, bit in 0u8..8) {
            let (mut packed, crc) = raw(LINES, DICTIONARY_1);
            let at = at % packed.len();
            packed[at] ^= 1 << bit;
            // A flipped bit after the stream's last one changes nothing.
            if let Ok(lines) = unpack(&packed, LINES.len(), crc) {
                prop_assert_eq!((at, &lines[..]), (packed.len() - 1, LINES));
            }
        }
    }
}
