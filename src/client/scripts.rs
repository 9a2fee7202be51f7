//! The subcommands: one thing done on a server, for scripts.
//!
//! Data goes to standard output, all talk to standard error, and nothing is asked. Each stands on
//! [`bot`](super::bot), which comes back after a lost connection. A reader of standard output that has seen enough is no
//! failure. Runs on the main thread.

use super::args::{Command, CommandLine};
use super::bot::{Bot, BotError};
use super::clean_lines;
use super::{ClientError, connector_code};
use crate::protocol::code::Code;
use crate::protocol::names::Target;
use login::ScriptDial;
pub(super) use login::log_in_unasked;
use std::io::{self, Write as _};

mod lists;
mod login;
mod output;
mod pipe;
mod say;
mod stdin;
mod tail;

/// Does what a subcommand says.
///
/// # Errors
/// [`ClientError`].
pub(super) fn run(args: &CommandLine, command: &Command) -> Result<(), ClientError> {
    let done = match command {
        Command::Say(say) => say::say(connect(args)?, &say.target, &say.message),
        Command::Msg(msg) => say::say(connect(args)?, &Target::Direct(msg.to), &msg.message),
        Command::Tail(tail) => tail::tail(connect(args)?, tail),
        Command::Search(search) => tail::search(connect(args)?, search),
        Command::Rooms(rooms) => lists::rooms(connect(args)?, rooms.json),
        Command::Who(who) => lists::who(connect(args)?, who),
        Command::Pipe(pipe) => pipe::run(connect(args)?, pipe),
        // Nothing of these is done on a server: the client does them before it comes here.
        Command::List | Command::Forget(_) | Command::Config => Ok(()),
    };
    match done {
        // As in `chitchat tail ops -f | head -1`.
        Err(ClientError::Unseen(error)) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        other => other,
    }
}

fn connect(args: &CommandLine) -> Result<Bot, ClientError> {
    let dial = ScriptDial::new(args)?;
    Ok(Bot::dialled(Box::new(dial), args.patience(), Box::new(tell))?)
}

/// Says something on standard error.
fn tell(text: &str) {
    // If nobody can be told, there is nobody to tell that.
    let _ = writeln!(io::stderr(), "chitchat: {}", clean_lines(text));
}

/// The exit code for an error of a bot.
pub(super) fn exit_code(error: &BotError) -> u8 {
    const NOT_THERE_OR_NOT_ALLOWED: [Code; 7] = [
        Code::NoSuchRoom,
        Code::NoSuchUser,
        Code::NotAMember,
        Code::NotAllowed,
        Code::Banned,
        Code::Muted,
        Code::NoRoom,
    ];
    match error {
        BotError::Connect(error) => connector_code(error),
        BotError::Lost(_) => 3,
        error if NOT_THERE_OR_NOT_ALLOWED.iter().any(|&code| error.is(code)) => 6,
        _ => 1,
    }
}
