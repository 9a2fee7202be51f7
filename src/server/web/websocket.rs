//! WebSocket (RFC 6455), as far as lines need it: frames of a browser are taken apart while they arrive, and what
//! is sent gets a frame's header. Sans-IO: knows no socket, and holds no text.
//!
//! A message is text and holds whole lines; the last one needs no LF. It may come in any number of frames, of any
//! length, since a line's length is bounded where lines are cut.
//!
//! It is our own, since a worker has buffers and a connection has none: tungstenite keeps one for each connection
//! and whole messages besides. websocket-sans-io 0.1 keeps none, but panics, where overflow is checked, on the second
//! piece of a payload if that has 254 bytes. The tests hold this against tungstenite.

use arrayvec::ArrayVec;

/// The most bytes of a control frame's payload: RFC 6455, section 5.5.
const CONTROL_MAX: usize = 125;
/// The most bytes of a frame's header.
const HEADER_MAX: usize = 14;

const CONTINUATION: u8 = 0;
const TEXT: u8 = 1;
const BINARY: u8 = 2;
const CLOSE: u8 = 8;
const PING: u8 = 9;
const PONG: u8 = 10;
/// The bit of the last frame of a message.
const FIN: u8 = 0x80;
/// The bit of a payload that is masked, as a browser's is.
const MASKED: u8 = 0x80;

/// What has been taken from the bytes of a browser.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Event<'a> {
    /// The next bytes of a message.
    Text(&'a [u8]),
    /// A message is complete.
    MessageEnd,
    /// It asks for a pong with the same payload.
    Ping(ArrayVec<u8, CONTROL_MAX>),
    /// It sends no more.
    Close,
}

/// Why a WebSocket ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CloseCode {
    /// All is said.
    Normal = 1000,
    /// The server stops.
    GoingAway = 1001,
    /// The browser's frames are not those of RFC 6455.
    ProtocolError = 1002,
    /// A browser's message is not text.
    Unsupported = 1003,
}

/// Takes frames apart.
#[derive(Debug)]
pub(crate) struct Decoder {
    state: DecoderState,
    /// A message has begun and not ended.
    in_message: bool,
    /// The payload of a control frame.
    control: ArrayVec<u8, CONTROL_MAX>,
}

#[derive(Debug, Clone, Copy)]
enum DecoderState {
    /// In a header, of which this much has arrived.
    Header { bytes: [u8; HEADER_MAX], length: usize },
    /// In a payload.
    Payload(Frame),
    /// After a close.
    Closed,
}

#[derive(Debug, Clone, Copy)]
struct Frame {
    opcode: u8,
    is_last: bool,
    mask: [u8; 4],
    /// How many bytes of the payload have not arrived.
    left: u64,
}

const BEFORE_A_HEADER: DecoderState = DecoderState::Header { bytes: [0; HEADER_MAX], length: 0 };

impl Decoder {
    /// For a connection that has just become a WebSocket.
    #[must_use]
    pub(crate) fn new() -> Self {
        Self { state: BEFORE_A_HEADER, in_message: false, control: ArrayVec::new() }
    }

    /// Takes the next event from the bytes, which are advanced past what was used; `None` if all are. Nothing comes
    /// after [`Event::Close`].
    ///
    /// # Errors
    /// What to close the connection with.
    #[expect(clippy::mut_mut, reason = "the slice is advanced, and its bytes are unmasked where they are")]
    pub(crate) fn next<'a>(&mut self, bytes: &mut &'a mut [u8]) -> Result<Option<Event<'a>>, CloseCode> {
        loop {
            match &mut self.state {
                DecoderState::Closed => return Ok(None),
                DecoderState::Header { bytes: header, length } => {
                    let wanted = header_length(&header[..*length]);
                    if *length == wanted {
                        let frame = Frame::parse(&header[..wanted], self.in_message)?;
                        self.in_message |= frame.opcode == TEXT;
                        self.state = DecoderState::Payload(frame);
                        continue;
                    }
                    let Some(&byte) = bytes.first() else { return Ok(None) };
                    (header[*length], *length) = (byte, *length + 1);
                    *bytes = &mut std::mem::take(bytes)[1..];
                }
                DecoderState::Payload(frame) if frame.left > 0 => {
                    if bytes.is_empty() {
                        return Ok(None);
                    }
                    let length = usize::try_from(frame.left).unwrap_or(usize::MAX).min(bytes.len());
                    let (payload, rest) = std::mem::take(bytes).split_at_mut(length);
                    *bytes = rest;
                    frame.unmask(payload);
                    if is_control(frame.opcode) {
                        self.control.extend(payload.iter().copied());
                    } else {
                        return Ok(Some(Event::Text(payload)));
                    }
                }
                DecoderState::Payload(frame) => {
                    let Frame { opcode, is_last, .. } = *frame;
                    let control = self.control.take();
                    self.state = BEFORE_A_HEADER;
                    match opcode {
                        CLOSE if !is_close(&control) => return Err(CloseCode::ProtocolError),
                        CLOSE => {
                            self.state = DecoderState::Closed;
                            return Ok(Some(Event::Close));
                        }
                        PING => return Ok(Some(Event::Ping(control))),
                        TEXT | CONTINUATION if is_last => {
                            self.in_message = false;
                            return Ok(Some(Event::MessageEnd));
                        }
                        _ => {}
                    }
                }
            }
        }
    }
}

impl Frame {
    /// Reads a header that is complete.
    fn parse(header: &[u8], in_message: bool) -> Result<Self, CloseCode> {
        let (flags, rest) = header.split_at(2);
        let (length, mask) = rest.split_at(rest.len().saturating_sub(4));
        let (opcode, is_last) = (flags[0] & 0x0f, flags[0] & FIN != 0);
        // Each frame of a browser is masked, and no extension was agreed on.
        let Some(mask) = mask.first_chunk().filter(|_| flags[1] & MASKED != 0 && flags[0] & 0x70 == 0) else {
            return Err(CloseCode::ProtocolError);
        };
        let left = match length.len() {
            0 => u64::from(flags[1] & !MASKED),
            _ => length.iter().fold(0, |length, byte| length << 8 | u64::from(*byte)),
        };
        // A length is said in the shortest form that has room for it, and has 63 bits.
        let shortest = match length.len() {
            0 => 0,
            2 => 126,
            _ => 1 << 16,
        };
        if left < shortest || left > i64::MAX as u64 {
            return Err(CloseCode::ProtocolError);
        }
        match opcode {
            TEXT if !in_message => {}
            CONTINUATION if in_message => {}
            BINARY => return Err(CloseCode::Unsupported),
            _ if is_control(opcode) && is_last && left <= CONTROL_MAX as u64 => {}
            _ => return Err(CloseCode::ProtocolError),
        }
        Ok(Self { opcode, is_last, mask: *mask, left })
    }

    /// Unmasks the next bytes of the payload.
    fn unmask(&mut self, payload: &mut [u8]) {
        // From here on `mask` begins with the byte for the first byte of what comes.
        for chunk in payload.chunks_mut(4) {
            chunk.iter_mut().zip(self.mask).for_each(|(byte, mask)| *byte ^= mask);
        }
        self.mask.rotate_left(payload.len() % 4);
        self.left -= payload.len() as u64;
    }
}

/// Whether a close says nothing, or a code that a peer may send and a reason: RFC 6455, section 7.4.
fn is_close(payload: &[u8]) -> bool {
    let Some((code, reason)) = payload.split_first_chunk() else { return payload.is_empty() };
    let may_be_sent = matches!(u16::from_be_bytes(*code), 1000..=1003 | 1007..=1014 | 3000..=4999);
    may_be_sent && std::str::from_utf8(reason).is_ok()
}

fn is_control(opcode: u8) -> bool {
    matches!(opcode, CLOSE | PING | PONG)
}

/// How many bytes the header has that begins so; at least one more than there are, if that can't be seen yet.
fn header_length(start: &[u8]) -> usize {
    let Some(second) = start.get(1) else { return 2 };
    let length = match second & !MASKED {
        126 => 2,
        127 => 8,
        _ => 0,
    };
    2 + length + if second & MASKED == 0 { 0 } else { 4 }
}

/// Appends the header of a text message of this many bytes, which follow it as they are.
pub(crate) fn text_header(length: usize, out: &mut impl Extend<u8>) {
    header(TEXT, length, out);
}

/// Appends the answer to a ping.
pub(crate) fn pong(payload: &[u8], out: &mut Vec<u8>) {
    header(PONG, payload.len(), out);
    out.extend_from_slice(payload);
}

/// Appends the last frame of a connection.
pub(crate) fn close(code: CloseCode, out: &mut Vec<u8>) {
    header(CLOSE, 2, out);
    out.extend((code as u16).to_be_bytes());
}

fn header(opcode: u8, length: usize, out: &mut impl Extend<u8>) {
    out.extend([FIN | opcode]);
    match length {
        0..=125 => out.extend([length as u8]),
        126..=0xffff => {
            out.extend([126]);
            out.extend((length as u16).to_be_bytes());
        }
        _ => {
            out.extend([127]);
            out.extend((length as u64).to_be_bytes());
        }
    }
}

/// The most bytes that [`frame_length`] needs to see.
pub(crate) const SENT_HEADER_MAX: usize = 10;

/// How many bytes the frame has that begins so, header included; `None` if the header is not complete. It is one of
/// the server's: not masked.
#[must_use]
pub(crate) fn frame_length(start: &[u8]) -> Option<usize> {
    let header = header_length(start);
    let length = start.get(2..header)?;
    let payload = match length.len() {
        0 => usize::from(start[1] & !MASKED),
        _ => length.iter().fold(0, |length, byte| length << 8 | usize::from(*byte)),
    };
    Some(header.saturating_add(payload))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use tungstenite::protocol::frame::coding::{Control, Data, OpCode};
    use tungstenite::protocol::frame::{Frame as TheirFrame, FrameHeader};

    /// A frame as a browser sends it, by tungstenite.
    fn frame(opcode: OpCode, is_final: bool, payload: &[u8]) -> Vec<u8> {
        let header = FrameHeader { is_final, opcode, mask: Some([1, 20, 3, 200]), ..FrameHeader::default() };
        let mut bytes = Vec::new();
        TheirFrame::from_payload(header, payload.to_vec().into()).format(&mut bytes).unwrap();
        bytes
    }

    fn text(is_final: bool, payload: &[u8]) -> Vec<u8> {
        frame(OpCode::Data(Data::Text), is_final, payload)
    }

    fn more(is_final: bool, payload: &[u8]) -> Vec<u8> {
        frame(OpCode::Data(Data::Continue), is_final, payload)
    }

    fn ping(is_final: bool, payload: &[u8]) -> Vec<u8> {
        frame(OpCode::Control(Control::Ping), is_final, payload)
    }

    #[derive(Debug, Default, Clone, PartialEq, Eq)]
    struct Heard {
        messages: Vec<Vec<u8>>,
        unfinished: Vec<u8>,
        pings: Vec<Vec<u8>>,
        closed: bool,
    }

    fn decode(bytes: &[u8], piece: usize) -> (Heard, Option<CloseCode>) {
        let (mut decoder, mut heard) = (Decoder::new(), Heard::default());
        for piece in bytes.chunks(piece) {
            let mut piece = piece.to_vec();
            let mut rest = piece.as_mut_slice();
            loop {
                match decoder.next(&mut rest) {
                    Ok(Some(Event::Text(text))) => heard.unfinished.extend(text),
                    Ok(Some(Event::MessageEnd)) => heard.messages.push(std::mem::take(&mut heard.unfinished)),
                    Ok(Some(Event::Ping(payload))) => heard.pings.push(payload.to_vec()),
                    Ok(Some(Event::Close)) => heard.closed = true,
                    Ok(None) => break,
                    Err(code) => return (heard, Some(code)),
                }
            }
        }
        (heard, None)
    }

    #[test]
    fn messages_arrive_whole_however_they_are_cut() {
        let long: Vec<u8> = (0..70_000).map(|n| n as u8).collect();
        let bytes = [
            text(true, b"one"),
            text(false, b"t"),
            ping(true, b"there?"),
            more(false, b""),
            frame(OpCode::Control(Control::Pong), true, b"unasked"),
            more(true, b"wo"),
            text(true, b""),
            text(true, &long),
            text(true, &long[..300]),
            frame(OpCode::Control(Control::Close), true, &[3, 232]),
            text(true, b"after the end"),
        ]
        .concat();
        for piece in [1, 2, 3, 254, 1000, 1_000_000] {
            let (heard, code) = decode(&bytes, piece);
            assert_eq!(heard.messages, [&b"one"[..], b"two", b"", &long, &long[..300]], "{piece}");
            assert_eq!((heard.pings, heard.closed, code), (vec![b"there?".to_vec()], true, None));
        }
    }

    #[test]
    fn anything_but_masked_text_is_an_error() {
        use CloseCode::{ProtocolError, Unsupported};
        let mut reserved = text(true, b"x");
        reserved[0] |= 0x40;
        for (bytes, code) in [
            (vec![0x81, 1, b'x'], ProtocolError),
            (reserved, ProtocolError),
            (frame(OpCode::Data(Data::Binary), true, b"x"), Unsupported),
            (more(true, b"x"), ProtocolError),
            ([text(false, b"x"), text(true, b"x")].concat(), ProtocolError),
            (ping(true, &[0; 126]), ProtocolError),
            (ping(false, b"x"), ProtocolError),
            (vec![0x83, 0x80, 0, 0, 0, 0], ProtocolError),
            // Five bytes in the form for 126 and more, and more than there can be.
            (vec![0x81, 0xfe, 0, 5, 0, 0, 0, 0], ProtocolError),
            (vec![0x81, 0xff, 0x80, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4], ProtocolError),
            (frame(OpCode::Control(Control::Close), true, &[3]), ProtocolError),
            (frame(OpCode::Control(Control::Close), true, &1005_u16.to_be_bytes()), ProtocolError),
            (frame(OpCode::Control(Control::Close), true, b"\x03\xe8\xff"), ProtocolError),
        ] {
            assert_eq!(decode(&bytes, 3).1, Some(code), "{bytes:?}");
        }
    }

    #[test]
    fn what_is_sent_is_what_others_read() {
        for length in [0, 1, 125, 126, 65_535, 65_536, 1 << 20] {
            let mut bytes = Vec::new();
            text_header(length, &mut bytes);
            let mut cursor = std::io::Cursor::new(&bytes);
            let (read, payload) = FrameHeader::parse(&mut cursor).unwrap().unwrap();
            assert_eq!((read.opcode, read.is_final, read.mask), (OpCode::Data(Data::Text), true, None));
            assert_eq!((payload, cursor.position()), (length as u64, bytes.len() as u64));
            assert_eq!(frame_length(&bytes), Some(bytes.len() + length));
            assert!((0..bytes.len()).all(|short| frame_length(&bytes[..short]).is_none()));
        }
        let mut bytes = Vec::new();
        close(CloseCode::GoingAway, &mut bytes);
        pong(b"hi", &mut bytes);
        assert_eq!(bytes, *b"\x88\x02\x03\xe9\x8a\x02hi");
    }

    proptest! {
        #[test]
        fn any_bytes_are_events_or_an_error(bytes in prop::collection::vec(any::<u8>(), 0..300), piece in 1..40_usize) {
            prop_assert_eq!(decode(&bytes, piece), decode(&bytes, 1000));
        }

        #[test]
        fn any_message_arrives_as_it_was_sent(
            parts in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..600), 1..5),
            piece in 1..700_usize,
        ) {
            let last = parts.len() - 1;
            let frames = parts.iter().enumerate().flat_map(|(n, part)| {
                if n == 0 { text(n == last, part) } else { more(n == last, part) }
            });
            let (heard, code) = decode(&frames.collect::<Vec<u8>>(), piece);
            prop_assert_eq!((heard.messages, code), (vec![parts.concat()], None));
        }
    }
}
