//! The IAC filter: takes telnet commands out of what a peer sends, and says what to answer.
//!
//! Owns telnet's few bytes of state in each connection, carried across reads. Must not know lines,
//! frames or logins; runs on the worker that owns the connection. 0xFF never occurs in UTF-8, so a
//! command is recognised anywhere. While deflate is on, the caller leaves the filter out.
//!
//! Nothing is ever sent to a peer that sent no telnet command: `nc` would print it. Every option is
//! refused, except for the timing mark that Ctrl-C of inetutils and netkit telnet waits for. We ask
//! for BINARY, since inetutils takes the bytes 0x83 and 0x9C of UTF-8 for Ctrl-C and Ctrl-\, and
//! never for SGA, which would put telnet into its character mode.

use memchr::{memchr, memchr2};

const IAC: u8 = 255;
const DONT: u8 = 254;
const DO: u8 = 253;
const WONT: u8 = 252;
const WILL: u8 = 251;
const SB: u8 = 250;
/// The lowest octet that is a command behind IAC (EOF of RFC 1184).
const LOWEST_COMMAND: u8 = 236;

const BINARY: u8 = 0;
const ECHO: u8 = 1;
const TIMING_MARK: u8 = 6;

/// Longest subnegotiation in octets. Beyond it the subnegotiation counts as ended and what follows as
/// data, so that a peer's lost `IAC SE` can't swallow everything that it says from then on.
pub const SUBNEGOTIATION_MAX: u16 = 1024;

/// The most options that are refused on one connection; further offers are consumed without
/// an answer. Telnets offer about ten. This stops two sides that answer each other's answers.
pub const REFUSALS_MAX: u8 = 64;

/// Telnet's state on one connection: eight bytes.
#[derive(Debug, Clone, Copy, Default)]
pub struct Telnet {
    state: ParseState,
    /// Octets of the subnegotiation that is being skipped.
    skipped: u16,
    refusals: u8,
    /// `WILL ECHO`s that the peer has not answered: its answer is not answered again.
    echo_unanswered: u8,
    detected: bool,
    hiding: bool,
}

/// What the bytes read so far end in.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum ParseState {
    #[default]
    Data,
    /// A CR, which ends a line together with NUL.
    Cr,
    Iac,
    Option(Negotiation),
    Subnegotiation,
    SubnegotiationIac,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Negotiation {
    Do,
    Will,
    /// `DONT` and `WONT`: never answered.
    Refusal,
    /// `DONT ECHO` and the like may answer our `WILL`.
    Dont,
}

impl Telnet {
    /// Whether `input` has to go through [`Telnet::filter`]. If not, it is plain data as it is and
    /// need not be copied. Always true once telnet was detected: a person types there, slowly.
    #[must_use]
    pub fn is_needed(&self, input: &[u8]) -> bool {
        self.detected || self.state != ParseState::Data || memchr(IAC, input).is_some()
    }

    /// Whether the peer has sent a telnet command.
    #[must_use]
    pub fn detected(&self) -> bool {
        self.detected
    }

    /// Appends the plain bytes of `input` to `data` and what is to be sent back to `reply`.
    /// Returns how many commands were consumed: they are noise that costs the peer tokens.
    ///
    /// Once telnet was detected, CR NUL becomes CR LF, which is a line ending. `IAC IAC`, and IAC
    /// before an octet that is not a command, are left as data, to be refused as invalid UTF-8.
    pub fn filter(&mut self, mut input: &[u8], data: &mut Vec<u8>, reply: &mut Vec<u8>) -> usize {
        let mut commands = 0;
        while let Some((&byte, rest)) = input.split_first() {
            match self.state {
                ParseState::Data => match self.plain_len(input) {
                    0 => {
                        self.state = if byte == IAC { ParseState::Iac } else { ParseState::Cr };
                        data.extend((byte != IAC).then_some(byte));
                        input = rest;
                    }
                    plain => {
                        data.extend_from_slice(&input[..plain]);
                        input = &input[plain..];
                    }
                },
                ParseState::Cr => {
                    self.state = ParseState::Data;
                    if byte == 0 {
                        data.push(b'\n');
                        input = rest;
                    }
                }
                ParseState::Iac
                | ParseState::Option(_)
                | ParseState::Subnegotiation
                | ParseState::SubnegotiationIac => {
                    commands += usize::from(self.step(byte, data, reply));
                    input = rest;
                }
            }
        }
        commands
    }

    /// Hides what the peer types, a password: `WILL ECHO`, but only to a detected telnet. A telnet
    /// that is detected while input is hidden is told then.
    pub fn hide_input(&mut self, reply: &mut Vec<u8>) {
        if !self.hiding {
            self.hiding = true;
            if self.detected {
                self.will_echo(reply);
            }
        }
    }

    /// Ends [`Telnet::hide_input`]; does nothing where nothing is hidden.
    pub fn show_input(&mut self, reply: &mut Vec<u8>) {
        if std::mem::take(&mut self.hiding) && self.detected {
            reply.extend([IAC, WONT, ECHO]);
        }
    }

    fn will_echo(&mut self, reply: &mut Vec<u8>) {
        reply.extend([IAC, WILL, ECHO]);
        self.echo_unanswered = self.echo_unanswered.saturating_add(1);
    }

    /// Bytes of `input` before the next one that means something.
    fn plain_len(&self, input: &[u8]) -> usize {
        let next = if self.detected { memchr2(IAC, b'\r', input) } else { memchr(IAC, input) };
        next.unwrap_or(input.len())
    }

    /// Takes one octet inside a command; true if it ends the command.
    fn step(&mut self, byte: u8, data: &mut Vec<u8>, reply: &mut Vec<u8>) -> bool {
        match self.state {
            ParseState::Data | ParseState::Cr => {}
            ParseState::Iac => return self.command(byte, data, reply),
            ParseState::Option(negotiation) => {
                self.state = ParseState::Data;
                self.answer(negotiation, byte, reply);
                return true;
            }
            ParseState::Subnegotiation => return self.skip(byte == IAC),
            ParseState::SubnegotiationIac => match byte {
                IAC => return self.skip(false),
                // SE ends it, and any other command inside is a subnegotiation cut short.
                _ => return self.command(byte, data, reply),
            },
        }
        false
    }

    fn skip(&mut self, iac: bool) -> bool {
        self.skipped += 1;
        let ended = self.skipped >= SUBNEGOTIATION_MAX;
        self.state = match (iac, ended) {
            (true, _) => ParseState::SubnegotiationIac,
            (false, true) => ParseState::Data,
            (false, false) => ParseState::Subnegotiation,
        };
        !iac && ended
    }

    fn command(&mut self, byte: u8, data: &mut Vec<u8>, reply: &mut Vec<u8>) -> bool {
        self.state = ParseState::Data;
        if byte == IAC {
            data.push(IAC);
            return true;
        }
        if byte < LOWEST_COMMAND {
            // Not telnet, but text in some 8-bit character set: refused later, not eaten.
            data.extend([IAC, byte]);
            return false;
        }
        self.detect(reply);
        match byte {
            DO => self.state = ParseState::Option(Negotiation::Do),
            WILL => self.state = ParseState::Option(Negotiation::Will),
            DONT => self.state = ParseState::Option(Negotiation::Dont),
            WONT => self.state = ParseState::Option(Negotiation::Refusal),
            SB => {
                self.skipped = 0;
                self.state = ParseState::Subnegotiation;
            }
            // SE, NOP, interrupt, are-you-there and the like.
            _ => return true,
        }
        false
    }

    fn detect(&mut self, reply: &mut Vec<u8>) {
        if !std::mem::replace(&mut self.detected, true) {
            reply.extend([IAC, DO, BINARY]);
            if self.hiding {
                self.will_echo(reply);
            }
        }
    }

    fn answer(&mut self, negotiation: Negotiation, option: u8, reply: &mut Vec<u8>) {
        if option == ECHO && matches!(negotiation, Negotiation::Do | Negotiation::Dont) && self.echo_unanswered > 0 {
            self.echo_unanswered -= 1;
            return;
        }
        match (negotiation, option) {
            (Negotiation::Do, TIMING_MARK) => reply.extend([IAC, WILL, TIMING_MARK]),
            (Negotiation::Do, ECHO) if self.hiding => {}
            // The answer to our DO.
            (Negotiation::Will, BINARY) => {}
            (Negotiation::Do, _) => self.refuse(WONT, option, reply),
            (Negotiation::Will, _) => self.refuse(DONT, option, reply),
            (Negotiation::Dont | Negotiation::Refusal, _) => {}
        }
    }

    fn refuse(&mut self, verb: u8, option: u8, reply: &mut Vec<u8>) {
        if self.refusals < REFUSALS_MAX {
            self.refusals += 1;
            reply.extend([IAC, verb, option]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// What the filter makes of these reads: data, replies, commands consumed.
    fn filter<'a>(telnet: &mut Telnet, reads: impl IntoIterator<Item = &'a [u8]>) -> (Vec<u8>, Vec<u8>, usize) {
        let (mut data, mut reply, mut commands) = (vec![], vec![], 0);
        for read in reads {
            if telnet.is_needed(read) {
                commands += telnet.filter(read, &mut data, &mut reply);
            } else {
                data.extend_from_slice(read);
            }
        }
        (data, reply, commands)
    }

    fn once(bytes: &[u8]) -> (Vec<u8>, Vec<u8>, usize) {
        filter(&mut Telnet::default(), [bytes])
    }

    const DO_BINARY: [u8; 3] = [IAC, DO, BINARY];

    #[test]
    fn the_state_is_small() {
        assert!(size_of::<Telnet>() <= 8);
    }

    #[test]
    fn a_peer_that_does_not_speak_telnet_is_sent_no_command() {
        let mut telnet = Telnet::default();
        let mut reply = vec![];
        assert!(!telnet.is_needed("h\u{e9}llo\r\0\n".as_bytes()));
        telnet.hide_input(&mut reply);
        telnet.show_input(&mut reply);
        assert_eq!(filter(&mut telnet, [&b"\xff\xff caf\xffes\r\0"[..]]), (b"\xff caf\xffes\r\0".to_vec(), vec![], 1));
        assert!(reply.is_empty() && !telnet.detected());
    }

    #[test]
    fn commands_begin_with_eof() {
        assert_eq!(once(b"a\xff\xecb"), (b"ab".to_vec(), DO_BINARY.to_vec(), 1));
        assert_eq!(once(b"a\xff\xebb"), (b"a\xff\xebb".to_vec(), vec![], 0));
    }

    #[test]
    fn ctrl_c_is_answered_with_a_timing_mark() {
        let (data, reply, commands) = once(b"ab\xff\xf4\xff\xfd\x06c\r\n");
        assert_eq!((&data[..], commands), (&b"abc\r\n"[..], 2));
        assert_eq!(reply, [&DO_BINARY[..], &[IAC, WILL, TIMING_MARK]].concat());
    }

    #[test]
    fn options_are_refused_and_refusals_are_not_answered() {
        let offers = [IAC, WILL, 24, IAC, DO, 3, IAC, WONT, 1, IAC, DONT, 1, IAC, WILL, BINARY];
        let (data, reply, commands) = once(&offers);
        assert_eq!((data.len(), commands), (0, 5));
        assert_eq!(reply, [&DO_BINARY[..], &[IAC, DONT, 24, IAC, WONT, 3]].concat());
    }

    #[test]
    fn two_sides_that_answer_each_answer_stop() {
        let (_, reply, commands) = once(&[IAC, WILL, 24].repeat(1000));
        assert_eq!((reply.len(), commands), (3 + 3 * usize::from(REFUSALS_MAX), 1000));
        let (_, marks, _) = once(&[IAC, DO, TIMING_MARK].repeat(1000));
        assert_eq!(marks.len(), 3 + 3 * 1000, "a person may press Ctrl-C as often as they like");
    }

    #[test]
    fn cr_nul_ends_a_line_once_telnet_is_detected() {
        let mut telnet = Telnet::default();
        let reads = [&b"a\r\0"[..], b"\xff\xf1", b"b\r", b"\0c\r\r\0d\r\n"];
        assert_eq!(filter(&mut telnet, reads).0, b"a\r\0b\r\nc\r\r\nd\r\n");
        assert!(telnet.detected());
    }

    #[test]
    fn a_password_is_hidden_on_the_telnets_screen() {
        let mut telnet = Telnet::default();
        filter(&mut telnet, [&[IAC, 241][..]]);
        let mut reply = vec![];
        telnet.hide_input(&mut reply);
        assert_eq!(filter(&mut telnet, [&[IAC, DO, ECHO][..]]).1, b"");
        assert_eq!(filter(&mut telnet, [&[IAC, DO, ECHO][..]]).1, b"", "it asks for what we do already");
        telnet.show_input(&mut reply);
        assert_eq!(filter(&mut telnet, [&[IAC, DONT, ECHO][..]]).1, b"");
        assert_eq!(reply, [IAC, WILL, ECHO, IAC, WONT, ECHO]);
        assert_eq!(filter(&mut telnet, [&[IAC, DO, ECHO][..]]).1, [IAC, WONT, ECHO], "unasked");
    }

    #[test]
    fn a_late_answer_to_will_echo_is_not_answered() {
        let mut telnet = Telnet::default();
        let mut reply = vec![];
        telnet.hide_input(&mut reply);
        assert_eq!(filter(&mut telnet, [&[IAC, 241][..]]).1, [IAC, DO, BINARY, IAC, WILL, ECHO], "told when detected");
        telnet.show_input(&mut reply);
        assert_eq!(filter(&mut telnet, [&[IAC, DO, ECHO, IAC, DONT, ECHO][..]]).1, b"");
    }

    #[test]
    fn subnegotiations_are_skipped_up_to_their_limit() {
        assert_eq!(once(b"a\xff\xfa\x18\xff\xff\x00x\xff\xf0b"), (b"ab".to_vec(), DO_BINARY.to_vec(), 1));
        assert_eq!(once(b"a\xff\xfa\x18\xff\xf1b"), (b"ab".to_vec(), DO_BINARY.to_vec(), 1), "cut short");
        let endless = [b"\xff\xfa", &[b'x'; SUBNEGOTIATION_MAX as usize][..], b"back"].concat();
        assert_eq!(once(&endless), (b"back".to_vec(), DO_BINARY.to_vec(), 1));
        let escapes = [b"\xff\xfa", &b"\xff\xff".repeat(70_000)[..], b"\xff\xf0"].concat();
        assert!(once(&escapes).0.len() <= 70_000);
    }

    proptest! {
        #[test]
        fn any_split_gives_the_same(
            bytes in prop::collection::vec(prop_oneof![4 => 236u8..=255, 2 => 0u8..7, 2 => Just(b'\r'), 3 => any::<u8>()], 0..200),
            cut in 1usize..7,
        ) {
            let (mut one, mut many) = (Telnet::default(), Telnet::default());
            prop_assert_eq!(filter(&mut one, [&bytes[..]]), filter(&mut many, bytes.chunks(cut)));
            prop_assert_eq!(one.detected(), many.detected());
        }

        #[test]
        fn text_between_commands_is_never_lost(words in prop::collection::vec("[a-z\u{e9}\u{2603}]{0,9}", 0..9)) {
            let bytes: Vec<u8> = words.iter().flat_map(|word| [word.as_bytes(), &[IAC, WILL, 24]].concat()).collect();
            let (data, reply, commands) = once(&bytes);
            prop_assert_eq!(data, words.concat().into_bytes());
            prop_assert_eq!(commands, words.len());
            prop_assert_eq!(reply.is_empty(), words.is_empty());
        }
    }
}
