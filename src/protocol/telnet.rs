//! The IAC filter: takes telnet commands out of what a peer sends, and says what to answer.
//!
//! Owns telnet's few bytes of state in each connection, carried across reads. Must not know lines,
//! frames or logins; runs on the worker that owns the connection. 0xFF never occurs in UTF-8, so a
//! command is recognised wherever it comes, but not while deflate is on: the caller then leaves
//! the filter out.
//!
//! Nothing is ever sent to a peer that sent no telnet command: `nc` would print it. Every option is
//! refused, but for the timing mark that Ctrl-C of inetutils and netkit telnet waits for. We ask
//! for BINARY, since inetutils takes the bytes 0x83 and 0x9C of UTF-8 for Ctrl-C and Ctrl-\, and
//! never for SGA, which would put telnet into its character mode.

use memchr::{memchr, memchr2};

const IAC: u8 = 255;
const DONT: u8 = 254;
const DO: u8 = 253;
const WONT: u8 = 252;
const WILL: u8 = 251;
const SB: u8 = 250;
const SE: u8 = 240;
/// The lowest octet that is a command behind IAC (EOF of RFC 1184).
const LOWEST_COMMAND: u8 = 236;

const BINARY: u8 = 0;
const ECHO: u8 = 1;
const TIMING_MARK: u8 = 6;

/// Longest subnegotiation in octets. At the bound it is taken for ended and what follows for plain
/// data, so that a peer's lost `IAC SE` can't swallow all that it says from then on.
pub const SUBNEGOTIATION_MAX: u16 = 1024;

/// The most options that are refused on one connection; those offered beyond are consumed without
/// an answer. Telnets offer about ten. Two sides that answer each other's answers end here.
pub const REFUSALS_MAX: u8 = 64;

/// Telnet's state on one connection: eight bytes.
#[derive(Debug, Clone, Copy, Default)]
pub struct Telnet {
    place: Place,
    /// Octets of the subnegotiation that is being skipped.
    skipped: u16,
    refusals: u8,
    /// `WILL ECHO`s that the peer has not answered: its answer is not answered again.
    echo_unanswered: u8,
    detected: bool,
    hiding: bool,
}

/// Where in a command the bytes read so far end.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Place {
    #[default]
    Data,
    /// Behind a CR, which with NUL is a line's end.
    Cr,
    Iac,
    Option(Request),
    Subnegotiation,
    SubnegotiationIac,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Request {
    Do,
    Will,
    /// `DONT` and `WONT`: never answered.
    Refusal,
    /// `DONT ECHO` and the like may answer our `WILL`.
    Dont,
}

impl Telnet {
    /// Whether `input` has to go through [`Telnet::filter`]; if not, it is plain data as it
    /// stands, and need not be copied. Always true of a detected telnet, at whose other end a
    /// person types.
    #[must_use]
    pub fn is_needed(&self, input: &[u8]) -> bool {
        self.detected || self.place != Place::Data || memchr(IAC, input).is_some()
    }

    /// Whether the peer has sent a telnet command.
    #[must_use]
    pub fn detected(&self) -> bool {
        self.detected
    }

    /// Appends the plain bytes of `input` to `data` and what is to be sent back to `reply`.
    /// Returns how many commands were consumed: they are noise that costs the peer tokens.
    ///
    /// Once telnet was detected, CR NUL becomes CR LF, which is a line's end. `IAC IAC`, and IAC
    /// before an octet that is no command, are left as data, to be refused as invalid UTF-8.
    pub fn filter(&mut self, mut input: &[u8], data: &mut Vec<u8>, reply: &mut Vec<u8>) -> usize {
        let mut commands = 0;
        while let Some((&byte, rest)) = input.split_first() {
            match self.place {
                Place::Data => match self.plain_len(input) {
                    0 => {
                        self.place = if byte == IAC { Place::Iac } else { Place::Cr };
                        data.extend((byte != IAC).then_some(byte));
                        input = rest;
                    }
                    plain => {
                        data.extend_from_slice(&input[..plain]);
                        input = &input[plain..];
                    }
                },
                Place::Cr => {
                    self.place = Place::Data;
                    if byte == 0 {
                        data.push(b'\n');
                        input = rest;
                    }
                }
                Place::Iac | Place::Option(_) | Place::Subnegotiation | Place::SubnegotiationIac => {
                    commands += usize::from(self.step(byte, data, reply));
                    input = rest;
                }
            }
        }
        commands
    }

    /// Hides what the peer types, a password: `WILL ECHO`, to a detected telnet alone. A telnet
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
        match self.place {
            Place::Data | Place::Cr => {}
            Place::Iac => return self.command(byte, data, reply),
            Place::Option(request) => {
                self.place = Place::Data;
                self.answer(request, byte, reply);
                return true;
            }
            Place::Subnegotiation => return self.skip(byte == IAC),
            Place::SubnegotiationIac => match byte {
                SE => {
                    self.place = Place::Data;
                    return true;
                }
                IAC => return self.skip(false),
                // Another command inside is a subnegotiation cut short.
                _ => return self.command(byte, data, reply),
            },
        }
        false
    }

    fn skip(&mut self, iac: bool) -> bool {
        self.skipped += 1;
        let ended = self.skipped >= SUBNEGOTIATION_MAX;
        self.place = match (iac, ended) {
            (true, _) => Place::SubnegotiationIac,
            (false, true) => Place::Data,
            (false, false) => Place::Subnegotiation,
        };
        !iac && ended
    }

    fn command(&mut self, byte: u8, data: &mut Vec<u8>, reply: &mut Vec<u8>) -> bool {
        self.place = Place::Data;
        if byte == IAC {
            data.push(IAC);
            return true;
        }
        if byte < LOWEST_COMMAND {
            // No telnet, but text in some 8-bit character set: refused later, not eaten.
            data.extend([IAC, byte]);
            return false;
        }
        self.detect(reply);
        match byte {
            DO => self.place = Place::Option(Request::Do),
            WILL => self.place = Place::Option(Request::Will),
            DONT => self.place = Place::Option(Request::Dont),
            WONT => self.place = Place::Option(Request::Refusal),
            SB => {
                self.skipped = 0;
                self.place = Place::Subnegotiation;
            }
            // NOP, interrupt, are-you-there and their like.
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

    fn answer(&mut self, request: Request, option: u8, reply: &mut Vec<u8>) {
        if option == ECHO && matches!(request, Request::Do | Request::Dont) && self.echo_unanswered > 0 {
            self.echo_unanswered -= 1;
            return;
        }
        match (request, option) {
            (Request::Do, TIMING_MARK) => reply.extend([IAC, WILL, TIMING_MARK]),
            (Request::Do, ECHO) if self.hiding => {}
            // The answer to our DO.
            (Request::Will, BINARY) => {}
            (Request::Do, _) => self.refuse(WONT, option, reply),
            (Request::Will, _) => self.refuse(DONT, option, reply),
            (Request::Dont | Request::Refusal, _) => {}
        }
    }

    fn refuse(&mut self, verb: u8, option: u8, reply: &mut Vec<u8>) {
        if self.refusals < REFUSALS_MAX {
            self.refusals += 1;
            reply.extend([IAC, verb, option]);
        }
    }
}
