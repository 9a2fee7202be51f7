//! The subcommands: one thing done on a server, for scripts.

use super::address::{ArgumentError, HostPort};
use crate::protocol::names::{NameError, RoomName, Target, UserName};

/// What can be done without chatting.
#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// Say something in a room
    #[command(
        help_template = super::TEMPLATE,
        before_long_help = "Examples:
  chitchat say ops 'the backup is done'
  make 2>&1 | tail -5 | chitchat say ops -
  chitchat say ops --key backup-2026-11-30 'the backup is done'     once, however often this runs
  chitchat say ops --key build --update 'building: 3 of 7'          replaces what was said under the key"
    )]
    Say(SayArgs),
    /// Say something to one person
    #[command(
        help_template = super::TEMPLATE,
        before_long_help = "Examples:
  chitchat msg bob 'the disk of db1 is nearly full'
  df -h | chitchat msg bob -"
    )]
    Msg(MsgArgs),
    /// Show the last lines of a room, or of the conversation with @NAME, and follow them
    #[command(
        help_template = super::TEMPLATE,
        before_long_help = "Examples:
  chitchat tail ops                       the last 10 lines
  chitchat tail ops -n 0 -f               from now on, for ever
  chitchat tail @bob -n 100 --json        the last 100, an object a line
  chitchat tail ops --after 1234          all that was said after the message 1234",
        after_long_help = LINES
    )]
    Tail(TailArgs),
    /// Search what was said, newest first
    #[command(
        help_template = super::TEMPLATE,
        before_long_help = "Examples:
  chitchat search pump
  chitchat search pump --in ops --from bob --since 7d
  chitchat search --from alice --since 2026-11-01 --json",
        after_long_help = LINES
    )]
    Search(SearchArgs),
    /// List the rooms: name, members, topic
    #[command(help_template = super::TEMPLATE)]
    Rooms(RoomsArgs),
    /// List the members of a room: name, here or away, role, why they are away
    #[command(help_template = super::TEMPLATE)]
    Who(WhoArgs),
    /// Pass JSON on, a line each way: for bots in any language
    #[command(help_template = super::TEMPLATE)]
    Pipe(PipeArgs),
    /// List the servers that you have a login on
    #[command(help_template = super::TEMPLATE)]
    List,
    /// Forget a server: its logins, and why it was trusted
    #[command(help_template = super::TEMPLATE)]
    Forget(ForgetArgs),
    /// Print every setting with its explanation
    #[command(help_template = super::TEMPLATE)]
    Config,
}

/// How lines are printed, for `--help`.
const LINES: &str = "Lines on standard output have five fields with TABs between them:
  TIME   when it was said, such as 2026-11-30T10:15:00.000Z
  WHERE  the room, or @NAME
  ID     the number of the message there
  WHO    who said it
  TEXT   all the rest of the line, as it was said
At a terminal they are made for people instead, with local times. With --json each is an object.
What was removed is only in --json, and so is whether something is an answer, was edited, and the like.";

/// What `say` is told.
#[derive(Debug, clap::Args)]
pub struct SayArgs {
    /// Where to say it: a room, which is joined if it is there, or @NAME
    #[arg(value_name = "ROOM", value_parser = said_to)]
    pub target: Target,
    /// What is said, and how.
    #[command(flatten)]
    pub message: MessageArgs,
}

/// What `msg` is told.
#[derive(Debug, clap::Args)]
pub struct MsgArgs {
    /// To whom to say it
    // Not called `name`, which is the global option's id.
    #[arg(value_name = "NAME", value_parser = UserName::parse)]
    pub to: UserName,
    /// What is said, and how.
    #[command(flatten)]
    pub message: MessageArgs,
}

/// What is said, and how.
#[derive(Debug, clap::Args)]
pub struct MessageArgs {
    /// What to say; with - or nothing, each line of standard input. It is on the server's disk when this ends with 0
    pub text: Vec<String>,
    /// Say it once, ever: the same text again under this key is said to nobody. Each further line has -2, -3, … behind the key
    #[arg(long, value_parser = key)]
    pub key: Option<String>,
    /// Replace what was said under the key, if anything was
    #[arg(long, requires = "key")]
    pub update: bool,
    /// Print the number of each message; with --update, change=N of one that was replaced
    #[arg(long)]
    pub id: bool,
}

/// What `tail` is told.
#[derive(Debug, clap::Args)]
pub struct TailArgs {
    /// Which conversation: a room, which is joined if it is there, or @NAME
    #[arg(value_name = "ROOM", value_parser = Target::parse)]
    pub target: Target,
    /// How many lines to begin with
    #[arg(short = 'n', long, value_name = "N", default_value_t = 10, conflicts_with = "after")]
    pub lines: u32,
    /// Begin with all that was said after this message
    #[arg(long, value_name = "ID")]
    pub after: Option<u64>,
    /// Go on with what is said from now on, over restarts of the server, without a gap
    #[arg(short, long)]
    pub follow: bool,
    /// Print an object a line
    #[arg(long)]
    pub json: bool,
}

/// What `search` is told.
#[derive(Debug, clap::Args)]
pub struct SearchArgs {
    /// All of them must be in the message, as whole words
    #[arg(required_unless_present_any = ["room", "from", "since", "until"])]
    pub words: Vec<String>,
    /// Only in this room, or with @NAME
    #[arg(long = "in", value_name = "ROOM", value_parser = Target::parse)]
    pub room: Option<Target>,
    /// Only what this person said
    #[arg(long, value_name = "NAME", value_parser = UserName::parse)]
    pub from: Option<UserName>,
    /// Only since then: a time, a date such as 2026-11-30, or a duration such as 7d
    #[arg(long, value_name = "TIME", value_parser = time)]
    pub since: Option<String>,
    /// Only until then
    #[arg(long, value_name = "TIME", value_parser = time)]
    pub until: Option<String>,
    /// At most so many messages
    #[arg(short = 'n', long, value_name = "N", default_value_t = 50)]
    pub limit: u32,
    /// Print an object a line
    #[arg(long)]
    pub json: bool,
}

/// What `rooms` is told.
#[derive(Debug, clap::Args)]
pub struct RoomsArgs {
    /// Print an object a line
    #[arg(long)]
    pub json: bool,
}

/// What `who` is told.
#[derive(Debug, clap::Args)]
pub struct WhoArgs {
    /// Which room; it must be one of yours
    #[arg(value_parser = RoomName::parse, default_value = "lobby")]
    pub room: RoomName,
    /// Print an object a line
    #[arg(long)]
    pub json: bool,
}

/// What `pipe` is told.
#[derive(Debug, clap::Args)]
pub struct PipeArgs {
    /// Rooms to follow, which are joined if they are there, and @NAMEs; without any, all of yours
    #[arg(value_name = "ROOM", value_parser = Target::parse)]
    pub targets: Vec<Target>,
    /// Begin at the read marker, which {"command": "/read ROOM ID"} moves, so that a bot misses nothing while it is down
    #[arg(long)]
    pub unread: bool,
}

/// What `forget` is told.
#[derive(Debug, clap::Args)]
pub struct ForgetArgs {
    #[arg(value_name = "HOST[:PORT]", help = "The server to forget")]
    /// Its port, too, if only one of several on that host is meant.
    pub host: HostPort,
}

fn said_to(typed: &str) -> Result<Target, NameError> {
    Target::parse(typed)?.check_accepts_messages()
}

fn key(typed: &str) -> Result<String, ArgumentError> {
    let fits = !typed.is_empty() && !typed.contains(|c: char| c == ' ' || c.is_control());
    if fits { Ok(typed.to_owned()) } else { Err(ArgumentError::Key) }
}

fn time(typed: &str) -> Result<String, ArgumentError> {
    // The server knows which times there are; here, what could be taken for another option is kept out.
    let fits = !typed.is_empty() && !typed.contains(|c: char| c.is_whitespace() || c.is_control());
    if fits { Ok(typed.to_owned()) } else { Err(ArgumentError::Time) }
}
