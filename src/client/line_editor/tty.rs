//! The terminal: its modes, its size, its bytes.
//!
//! Owns standard input and output while a line editor is on them, and the signals that concern a terminal. In raw
//! mode each key comes at once and is not echoed; the mode that was found is put back at the end, before the
//! program is suspended and before an editor is started.

use super::view::Size;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::process::{Signal, kill_current_process_group};
use rustix::termios::{
    InputModes, LocalModes, OptionalActions, SpecialCodeIndex, Termios, tcgetattr, tcgetwinsize, tcsetattr,
};
use signal_hook::consts::{SIGCONT, SIGTERM, SIGWINCH};
use signal_hook::{SigId, low_level};
use std::io::{self, Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// The size of a terminal that does not say how large it is.
const USUAL: Size = Size { columns: 80, rows: 24 };
/// How long a suspension may take to happen. Where there is nobody to resume it, there is none.
const SUSPENDED: Duration = Duration::from_millis(200);
/// Pastes come with a mark at both ends.
const PASTES_MARKED: &str = "\x1b[?2004h";
const PASTES_PLAIN: &str = "\x1b[?2004l";

/// Wakes the thread that waits in [`Tty::wait`].
#[derive(Debug, Clone)]
pub(in crate::client) struct Waker {
    woken: Arc<AtomicBool>,
    pipe: Arc<UnixStream>,
}

impl Waker {
    pub(in crate::client) fn wake(&self) {
        if !self.woken.swap(true, Ordering::AcqRel) {
            // A full pipe wakes as well.
            let _ = (&*self.pipe).write(b"w");
        }
    }
}

/// How to treat the terminal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// The cursor can be moved.
    Full,
    /// Lines are all it has; it edits and echoes them itself.
    Dumb,
}

#[derive(Debug)]
pub(super) struct Tty {
    kind: Kind,
    input: io::Stdin,
    output: io::Stdout,
    /// The mode that was found.
    found: Termios,
    waker: Waker,
    woken: UnixStream,
    ending: Arc<AtomicBool>,
    resumed: Arc<AtomicBool>,
    signals: Vec<SigId>,
}

/// Why a wait ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wait {
    Input,
    Woken,
    TimedOut,
}

impl Tty {
    /// The terminal on standard input and output.
    ///
    /// # Errors
    /// If there is none, or no descriptors are left.
    pub(super) fn open() -> io::Result<Self> {
        let (woken, pipe) = UnixStream::pair()?;
        woken.set_nonblocking(true)?;
        pipe.set_nonblocking(true)?;
        let found = tcgetattr(io::stdin())?;
        let kind = kind(std::env::var("TERM").ok().as_deref());
        let mut tty = Self {
            kind,
            input: io::stdin(),
            output: io::stdout(),
            found,
            waker: Waker { woken: Arc::default(), pipe: Arc::new(pipe) },
            woken,
            ending: Arc::default(),
            resumed: Arc::default(),
            signals: Vec::new(),
        };
        if kind == Kind::Full {
            tty.signals.push(signal_hook::flag::register(SIGTERM, Arc::clone(&tty.ending))?);
            tty.signals.push(signal_hook::flag::register(SIGCONT, Arc::clone(&tty.resumed))?);
            for signal in [SIGWINCH, SIGCONT, SIGTERM] {
                tty.signals.push(low_level::pipe::register(signal, tty.waker.pipe.try_clone()?)?);
            }
            tty.enter()?;
        }
        Ok(tty)
    }

    pub(super) fn kind(&self) -> Kind {
        self.kind
    }

    pub(super) fn waker(&self) -> Waker {
        self.waker.clone()
    }

    /// Whether the process was asked to end.
    pub(super) fn is_ending(&self) -> bool {
        self.ending.load(Ordering::Relaxed)
    }

    /// Whether the program was stopped since this was asked last. Then the terminal may be in any mode.
    pub(super) fn was_stopped(&self) -> bool {
        self.resumed.swap(false, Ordering::Relaxed)
    }

    pub(super) fn size(&self) -> Size {
        match tcgetwinsize(&self.output) {
            Ok(size) if size.ws_col > 1 && size.ws_row > 0 => {
                Size { columns: usize::from(size.ws_col), rows: usize::from(size.ws_row) }
            }
            _ => USUAL,
        }
    }

    /// Sets raw mode.
    pub(super) fn enter(&self) -> io::Result<()> {
        if self.kind == Kind::Dumb {
            return Ok(());
        }
        set(&raw(&self.found))?;
        self.write(PASTES_MARKED)
    }

    /// Puts the mode back that was found.
    pub(super) fn leave(&self) -> io::Result<()> {
        if self.kind == Kind::Dumb {
            return Ok(());
        }
        self.write(PASTES_PLAIN)?;
        set(&self.found)
    }

    /// Stops the program until the shell resumes it; then raw mode is to be set again.
    pub(super) fn suspend(&self) -> io::Result<()> {
        self.leave()?;
        kill_current_process_group(Signal::TSTP)?;
        // The signal may reach another thread a little later.
        self.wait(Some(SUSPENDED))?;
        Ok(())
    }

    /// Waits for input or a wake-up.
    pub(super) fn wait(&self, timeout: Option<Duration>) -> io::Result<Wait> {
        let timeout = timeout.and_then(|timeout| Timespec::try_from(timeout).ok());
        let mut sources = [PollFd::new(&self.input, PollFlags::IN), PollFd::new(&self.woken, PollFlags::IN)];
        match poll(&mut sources, timeout.as_ref()) {
            Ok(0) => Ok(Wait::TimedOut),
            Ok(_) if !sources[1].revents().is_empty() => {
                let mut bytes = [0; 64];
                while (&self.woken).read(&mut bytes).is_ok_and(|read| read > 0) {}
                // Only now: whoever wakes from here on writes again, and what came before is seen after this.
                self.waker.woken.store(false, Ordering::Release);
                Ok(Wait::Woken)
            }
            Ok(_) => Ok(Wait::Input),
            Err(Errno::INTR) => Ok(Wait::Woken),
            Err(error) => Err(error.into()),
        }
    }

    /// Reads what is there. None at all is the end.
    pub(super) fn read<'a>(&self, bytes: &'a mut [u8]) -> io::Result<&'a [u8]> {
        match rustix::io::read(&self.input, &mut *bytes) {
            Ok(read) => Ok(&bytes[..read]),
            // The terminal has hung up.
            Err(Errno::IO) => Ok(&[]),
            Err(error) => Err(error.into()),
        }
    }

    pub(super) fn write(&self, text: &str) -> io::Result<()> {
        if text.is_empty() {
            return Ok(());
        }
        let mut out = self.output.lock();
        out.write_all(text.as_bytes())?;
        out.flush()
    }
}

impl Drop for Tty {
    fn drop(&mut self) {
        if let Err(error) = self.leave() {
            log::debug!("can't put the terminal's mode back: {error}");
        }
        for signal in self.signals.drain(..) {
            low_level::unregister(signal);
        }
    }
}

pub(super) fn set(mode: &Termios) -> io::Result<()> {
    Ok(tcsetattr(io::stdin(), OptionalActions::Drain, mode)?)
}

/// Keys one by one, unechoed, and none that sends a signal. What is written stays as it is: a line feed goes to the
/// first column.
fn raw(found: &Termios) -> Termios {
    let mut mode = found.clone();
    mode.input_modes.remove(
        InputModes::BRKINT
            | InputModes::ICRNL
            | InputModes::INLCR
            | InputModes::INPCK
            | InputModes::ISTRIP
            | InputModes::IXON,
    );
    mode.local_modes.remove(LocalModes::ECHO | LocalModes::ICANON | LocalModes::IEXTEN | LocalModes::ISIG);
    mode.special_codes[SpecialCodeIndex::VMIN] = 1;
    mode.special_codes[SpecialCodeIndex::VTIME] = 0;
    mode
}

fn kind(term: Option<&str>) -> Kind {
    match term {
        None | Some("" | "dumb" | "emacs" | "cons25") => Kind::Dumb,
        Some(_) => Kind::Full,
    }
}
