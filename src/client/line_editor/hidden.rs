//! A question whose answer is not shown, where no chat goes on: before it, and on a terminal that can't move its
//! cursor, where arriving lines wait for the answer.
//!
//! rpassword reads the answer. The terminal's mode is ours: rpassword turns the echo off when its prompt is on the
//! screen already, so that what comes at once is shown, and it ends the program at Ctrl-C with the echo still off.
//!
//! During a chat the line editor takes such an answer itself, key by key: see `asking`. rpassword returns when the
//! answer is whole, and until then nothing that arrives could be shown.

use super::tty;
use rpassword::{ConfigBuilder, read_password_with_config};
use rustix::io::{read, retry_on_intr};
use rustix::termios::{LocalModes, SpecialCodeIndex, tcgetattr};
use signal_hook::consts::SIGINT;
use signal_hook::low_level::emulate_default_handler;
use std::io::{self, ErrorKind, Read, Write as _};
use zeroize::Zeroizing;

/// Ctrl-C.
const INTERRUPT: u8 = 3;

/// Asks a question and reads the answer, which is not shown. Nothing is shown of an answer that comes with the
/// question either: the echo is off before the question appears. `None` at the end of the input.
///
/// # Errors
/// The system's, if standard input is no terminal or fails.
pub(in crate::client) fn ask_hidden(question: &str) -> io::Result<Option<Zeroizing<String>>> {
    let found = tcgetattr(io::stdin())?;
    let mut hidden = found.clone();
    hidden.local_modes.remove(LocalModes::ECHO | LocalModes::ECHONL | LocalModes::ICANON | LocalModes::ISIG);
    hidden.special_codes[SpecialCodeIndex::VMIN] = 1;
    hidden.special_codes[SpecialCodeIndex::VTIME] = 0;
    tty::set(&hidden)?;
    let keys = ConfigBuilder::new().input_reader(Keys).output_discard().build();
    let answer = write!(io::stderr(), "{question}").and_then(|()| read_password_with_config(keys));
    tty::set(&found)?;
    writeln!(io::stderr())?;
    match answer {
        Ok(answer) => Ok(Some(Zeroizing::new(answer))),
        Err(error) if error.kind() == ErrorKind::Interrupted => {
            emulate_default_handler(SIGINT)?;
            Ok(None)
        }
        // Ctrl-D, or the terminal has hung up.
        Err(error) if matches!(error.kind(), ErrorKind::UnexpectedEof | ErrorKind::BrokenPipe) => Ok(None),
        Err(error) => Err(error),
    }
}

/// What is typed, up to Ctrl-C. Reads no more than it is asked for: what follows the answer is not part of it.
struct Keys;

impl Read for Keys {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        let read = retry_on_intr(|| read(io::stdin(), &mut *bytes))?;
        match bytes[..read] {
            // To rpassword the end of the input is the end of the answer; half an answer is none.
            [] => Err(ErrorKind::BrokenPipe.into()),
            [INTERRUPT, ..] => Err(ErrorKind::Interrupted.into()),
            _ => Ok(read),
        }
    }
}
