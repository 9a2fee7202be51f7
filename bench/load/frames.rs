//! Deflate frames, as a client reads them: `=PACKED PLAIN CRC` LF and PACKED octets, in place of lines.
//!
//! Written from the protocol's page, not from the server's code, so that the two check each other.

use flate2::{Crc, Decompress, FlushDecompress, Status};

/// The most that one frame may inflate to.
const PLAIN_MAX: usize = 65_536;
/// A header is `=` and three short words.
const HEADER_MAX: usize = 40;

/// The dictionary number 1 that the page prints.
pub fn dictionary() -> &'static [u8] {
    chitchat::protocol::deflate::DICTIONARY_1
}

/// The server sent a damaged frame.
#[derive(Debug, thiserror::Error)]
#[error("a damaged deflate frame: {0}")]
pub struct FrameError(&'static str);

/// One decompressor for all connections: frames do not depend on one another.
pub struct Inflater {
    inflate: Decompress,
    plain: Vec<u8>,
}

impl Default for Inflater {
    fn default() -> Self {
        Self { inflate: Decompress::new(false), plain: vec![0; PLAIN_MAX + 1] }
    }
}

/// Cuts a stream into lines and frames.
#[derive(Default)]
pub struct Unframer {
    pending: Vec<u8>,
    in_line: bool,
}

impl Unframer {
    /// Reads the next bytes and appends their lines, including those in frames.
    pub fn take(&mut self, bytes: &[u8], inflater: &mut Inflater, lines: &mut Vec<u8>) -> Result<(), FrameError> {
        self.pending.extend_from_slice(bytes);
        let pending = std::mem::take(&mut self.pending);
        let mut rest = pending.as_slice();
        while let Some(&first) = rest.first() {
            if self.in_line || first != b'=' {
                let end = rest.iter().position(|&b| b == b'\n').map(|end| end + 1);
                self.in_line = end.is_none();
                let (line, behind) = rest.split_at(end.unwrap_or(rest.len()));
                lines.extend_from_slice(line);
                rest = behind;
                continue;
            }
            let Some(end) = rest.iter().position(|&b| b == b'\n') else {
                if rest.len() > HEADER_MAX {
                    return Err(FrameError("its header is too long"));
                }
                break;
            };
            let (packed, plain, crc) = header(&rest[1..end]).ok_or(FrameError("its header"))?;
            let Some(stream) = rest.get(end + 1..end + 1 + packed) else { break };
            lines.extend_from_slice(inflater.run(stream, plain, crc)?);
            rest = &rest[end + 1 + packed..];
        }
        self.pending = rest.to_vec();
        Ok(())
    }
}

fn header(words: &[u8]) -> Option<(usize, usize, u32)> {
    let mut words = std::str::from_utf8(words).ok()?.split(' ');
    let header = (
        words.next()?.parse().ok()?,
        words.next()?.parse().ok().filter(|&n| n <= PLAIN_MAX)?,
        u32::from_str_radix(words.next()?, 16).ok()?,
    );
    words.next().is_none().then_some(header)
}

impl Inflater {
    fn run(&mut self, stream: &[u8], plain: usize, crc: u32) -> Result<&[u8], FrameError> {
        self.inflate.reset(false);
        self.inflate.set_dictionary(dictionary()).map_err(|_| FrameError("its dictionary"))?;
        let status = self.inflate.decompress(stream, &mut self.plain, FlushDecompress::Finish);
        let whole = self.inflate.total_in() == stream.len() as u64 && self.inflate.total_out() == plain as u64;
        if !matches!(status, Ok(Status::StreamEnd)) || !whole {
            return Err(FrameError("its stream"));
        }
        let mut sum = Crc::new();
        sum.update(&self.plain[..plain]);
        if sum.sum() != crc {
            return Err(FrameError("its CRC"));
        }
        Ok(&self.plain[..plain])
    }
}
