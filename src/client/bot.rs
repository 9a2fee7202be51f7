//! The library for bots: a connection for a program, which comes back by itself and misses nothing if asked.
//!
//! Owns one account's connection, over any number of them, and how far the bot has read. Writes no files, asks no user
//! and starts no thread: every method runs on the caller's thread and blocks it. The subcommands of `chitchat`
//! ([`scripts`](super::scripts)) are written with it.
//!
//! A bot that answers, and neither misses a question nor answers one twice, however often it is restarted:
//!
//! ```no_run
//! use chitchat::client::bot::{Bot, Event, Start};
//! use chitchat::protocol::secrets::Secret;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let token = Secret::new(&std::env::var("CHITCHAT_TOKEN")?);
//! let mut bot = Bot::connect(&"chat.example.org".parse()?, None, &token)?;
//! bot.follow("ops", Start::Unread)?;
//! loop {
//!     let Event::Message(said) = bot.next_event()? else { continue };
//!     if said.text == "ping" {
//!         bot.post("ops", &format!("pong-{}", said.id), &format!("pong, {}", said.author))?;
//!     }
//!     bot.mark_read("ops", said.id)?;
//! }
//! # }
//! ```
//!
//! When the connection is lost, whatever may be repeated is repeated on the next one ([`Bot::say`], [`Bot::post`],
//! [`Bot::follow`]); [`Bot::ask`] is not, and fails with [`BotError::Lost`], which says that the command is undecided.
//! What the server sends is clean, if it is a good one: pass it through [`clean_lines`](super::clean_lines) before you
//! print it on a terminal.

use super::args::{Address, Fingerprint};
use super::backoff::Backoff;
use super::connection::ConnectionError;
use super::connector::LoggedInConnection;
use super::poller::{Poller, WaitOutcome, WakeHandle};
use crate::protocol::code::Code;
use crate::protocol::names::{NameError, Target, UserName};
use crate::protocol::secrets::{Secret, new_epoch};
use follow::{Follower, Last, Missing, Verdict};
use std::collections::VecDeque;
use std::io;
use std::time::{Duration, Instant};
use wire::Wire;

mod answer;
mod catch_up;
mod dial;
mod error;
mod event;
mod follow;
mod wire;

pub use answer::{Answer, Updated};
use dial::TokenDial;
pub(super) use dial::{Dial, log_in};
pub use error::BotError;
pub use event::{Change, Event, Happening, Message};
pub use follow::Start;

/// How long one wait for a line lasts before the next begins.
const IDLE: Duration = Duration::from_hours(1);

/// See the module.
pub struct Bot {
    dial: Box<dyn Dial>,
    poller: Poller,
    wire: Option<Wire>,
    connected: Instant,
    backoff: Backoff,
    /// How long to go on trying while the server can't be reached; without it, for ever.
    patience: Option<Duration>,
    on_trouble: Box<dyn FnMut(&str) + Send>,
    name: UserName,
    epoch: String,
    follower: Follower,
    follows_all: bool,
    own_too: bool,
    /// What was parsed or fetched, and not taken yet.
    events: VecDeque<Event>,
    /// Makes the keys of this bot's messages different from those of any other run of anything.
    key_prefix: String,
    said: u64,
}

impl Bot {
    /// Connects and logs in. The server is trusted if its certificate has this fingerprint or, without one, if a public
    /// authority trusts it. A server that can't be reached now is an error; later, the bot goes on trying for ever.
    ///
    /// # Errors
    /// [`BotError::Connect`].
    pub fn connect(server: &Address, fingerprint: Option<Fingerprint>, token: &Secret) -> Result<Self, BotError> {
        let mut bot = Self::connect_within(server, fingerprint, token, Duration::ZERO)?;
        bot.patience = None;
        Ok(bot)
    }

    /// The same, but goes on trying for so long while the server can't be reached, now and later: for programs that do
    /// one thing and end.
    ///
    /// # Errors
    /// [`BotError::Connect`].
    pub fn connect_within(
        server: &Address,
        fingerprint: Option<Fingerprint>,
        token: &Secret,
        patience: Duration,
    ) -> Result<Self, BotError> {
        let dial = TokenDial { server: server.clone(), fingerprint, token: token.clone() };
        Self::dialled(Box::new(dial), patience, Box::new(|text| log::info!("{text}")))
    }

    pub(super) fn dialled(
        mut dial: Box<dyn Dial>,
        patience: Duration,
        mut on_trouble: Box<dyn FnMut(&str) + Send>,
    ) -> Result<Self, BotError> {
        let (mut poller, mut backoff, since) = (Poller::new()?, Backoff::new(), Instant::now());
        let logged_in = loop {
            match dial.dial(&mut poller) {
                Ok(logged_in) => break logged_in,
                Err(error) if error.is_temporary() && since.elapsed() < patience => {
                    on_trouble(&format!("{error}; trying again"));
                    rest(&mut poller, backoff.next_wait().min(patience))?;
                }
                Err(error) => return Err(error.into()),
            }
        };
        let LoggedInConnection { connection, epoch, me, early, welcome: _ } = logged_in;
        let mut bot = Self {
            dial,
            poller,
            wire: Some(Wire::new(connection, early)),
            connected: Instant::now(),
            backoff: Backoff::new(),
            patience: Some(patience),
            on_trouble,
            name: me,
            epoch,
            follower: Follower::default(),
            follows_all: false,
            own_too: false,
            events: VecDeque::new(),
            key_prefix: new_epoch()?,
            said: 0,
        };
        // If this connection drops already, the next one sets it.
        match bot.once("set echo on") {
            Ok(_) | Err(BotError::Lost(_)) => Ok(bot),
            Err(error) => Err(error),
        }
    }

    /// The bot's own name.
    #[must_use]
    pub fn name(&self) -> &UserName {
        &self.name
    }

    /// Identifies the server's history: as long as it stays the same, an id means the same message.
    #[must_use]
    pub fn epoch(&self) -> &str {
        &self.epoch
    }

    /// From now on, goes on trying for so long while the server can't be reached; without a time, for ever.
    pub fn set_patience(&mut self, patience: Option<Duration>) {
        self.patience = patience;
    }

    /// From now on, what the bot's own account says and changes is told, too, whichever connection it came from.
    pub fn hear_own(&mut self) {
        self.own_too = true;
    }

    /// Sends a command, such as `/who ops`, and waits for its answer. What arrives meanwhile is kept for
    /// [`Bot::next_event`].
    ///
    /// # Errors
    /// [`BotError::NotACommand`] if it is not one line that begins with a slash: what others wrote can't become a second
    /// command. [`BotError::Refused`] if the server refuses; [`BotError::Lost`] if the connection is lost before the
    /// answer.
    pub fn ask(&mut self, command: &str) -> Result<Answer, BotError> {
        self.once(command_words(command)?)
    }

    /// The same for a command that does no harm if it is done twice, such as a question: it is repeated if the connection
    /// is lost, or if the server says that it should be tried again later.
    ///
    /// # Errors
    /// As [`Bot::ask`], but for [`BotError::Lost`].
    pub fn ask_again(&mut self, command: &str) -> Result<Answer, BotError> {
        self.again(command_words(command)?)
    }

    /// Says something in a room, or to `@NAME`, once, and returns its id. A room that the account is not in is joined if
    /// it is there.
    ///
    /// # Errors
    /// [`BotError::Refused`]; [`BotError::NotOneLine`] and [`BotError::Name`] if nothing was sent.
    pub fn say(&mut self, target: &str, text: &str) -> Result<u64, BotError> {
        self.said += 1;
        let key = format!("{}-{}", self.key_prefix, self.said);
        self.post(target, &key, text)
    }

    /// The same under a key of the program's own: said once, ever, however often the program runs. Said again, it is
    /// answered with the first one's id.
    ///
    /// # Errors
    /// As [`Bot::say`]. With [`Code::Conflict`] if something else was said under the key.
    pub fn post(&mut self, target: &str, key: &str, text: &str) -> Result<u64, BotError> {
        self.put("post", target, key, text)?.id()
    }

    /// Replaces what the bot said under a key, or says it if nothing was.
    ///
    /// # Errors
    /// As [`Bot::say`].
    pub fn update(&mut self, target: &str, key: &str, text: &str) -> Result<Updated, BotError> {
        self.put("update", target, key, text)?.updated()
    }

    /// Joins a room that is there; unlike `/join`, it makes none.
    ///
    /// # Errors
    /// [`BotError::Refused`].
    pub fn enter(&mut self, room: &str) -> Result<(), BotError> {
        let Target::Room(room) = Target::parse(room)? else { return Err(NameError::BadCharacter.into()) };
        match self.again(&format!("history {room} limit=1")) {
            Err(error) if error.is(Code::NotAMember) => self.again(&format!("join {room}")).map(drop),
            other => other.map(drop),
        }
    }

    /// Marks a conversation as read up to a message, for [`Start::Unread`].
    ///
    /// # Errors
    /// [`BotError::Refused`].
    pub fn mark_read(&mut self, target: &str, id: u64) -> Result<(), BotError> {
        let target = Target::parse(target)?;
        self.again(&format!("read {target} {id}")).map(drop)
    }

    /// Waits for the next event in the conversations that the bot [follows](Bot::follow), however long that takes, and
    /// comes back if the connection is lost.
    ///
    /// # Errors
    /// [`BotError::Connect`] if there is no way back: the login was revoked, the server is not trusted, or could not be
    /// reached for as long as the bot's patience lasts.
    pub fn next_event(&mut self) -> Result<Event, BotError> {
        loop {
            if let Some(event) = self.next_before(Instant::now() + IDLE)? {
                return Ok(event);
            }
        }
    }

    /// The same, but waits for so long at most. With [`Duration::ZERO`] everything that is there already comes.
    ///
    /// # Errors
    /// As [`Bot::next_event`].
    pub fn next_event_within(&mut self, time: Duration) -> Result<Option<Event>, BotError> {
        let until = Instant::now() + time;
        loop {
            let event = self.next_before(until)?;
            if event.is_some() || Instant::now() >= until {
                return Ok(event);
            }
        }
    }

    /// Says goodbye. Everything that was sent is answered first.
    ///
    /// # Errors
    /// As [`Bot::ask`].
    pub fn quit(mut self) -> Result<(), BotError> {
        self.once("quit")?;
        if let Some(wire) = self.wire.take() {
            wire.close();
        }
        Ok(())
    }

    /// Ends [`Bot::next_before`] from another thread.
    pub(super) fn wake_handle(&self) -> WakeHandle {
        self.poller.wake_handle()
    }

    fn put(&mut self, verb: &str, target: &str, key: &str, text: &str) -> Result<Answer, BotError> {
        if text.contains(['\n', '\r']) || key.is_empty() || key.contains(|c: char| c == ' ' || c.is_control()) {
            return Err(BotError::NotOneLine);
        }
        let target = Target::parse(target)?.check_accepts_messages()?;
        let command = format!("{verb} {target} {key} {text}");
        match self.again(&command) {
            Err(error) if error.is(Code::NotAMember) && matches!(target, Target::Room(_)) => {
                self.again(&format!("join {target}"))?;
                self.again(&command)
            }
            other => other,
        }
    }

    /// Asks once, on a connection that is made if there is none.
    fn once(&mut self, words: &str) -> Result<Answer, BotError> {
        self.come_back()?;
        self.on_this_connection(words).inspect_err(|error| self.note(error))
    }

    fn on_this_connection(&mut self, words: &str) -> Result<Answer, BotError> {
        let Some(wire) = &mut self.wire else { return Err(ConnectionError::Closed.into()) };
        wire.ask(words, &mut self.poller)
    }

    /// Asks until there is an answer.
    fn again(&mut self, words: &str) -> Result<Answer, BotError> {
        let since = Instant::now();
        loop {
            let answer = self.once(words);
            let Err(error) = &answer else { return answer };
            let left = self.patience.map_or(IDLE, |patience| patience.saturating_sub(since.elapsed()));
            match error {
                BotError::Lost(_) if !left.is_zero() => {}
                error => match error.retry() {
                    Some(wait) if wait <= left && !left.is_zero() => {
                        (self.on_trouble)(&format!("{error}; trying again in {} s", wait.as_secs()));
                        self.rest_connected(wait);
                    }
                    _ => return answer,
                },
            }
        }
    }

    fn rest_connected(&mut self, time: Duration) {
        let Some(wire) = &mut self.wire else { return };
        if let Err(error) = wire.rest(Instant::now() + time, &mut self.poller) {
            self.note(&error.into());
        }
    }

    /// Takes note of an error: one that ended the connection has the next method make another.
    fn note(&mut self, error: &BotError) {
        if let BotError::Lost(why) = error
            && self.wire.take().is_some()
        {
            self.backoff.connection_lived(self.connected.elapsed());
            (self.on_trouble)(&format!("connection lost: {why}; reconnecting"));
        }
    }
}

/// Sleeps, whoever wakes this thread.
fn rest(poller: &mut Poller, time: Duration) -> io::Result<()> {
    let until = Instant::now() + time;
    while poller.sleep(until)? == WaitOutcome::Woken {}
    Ok(())
}

/// A command without its slash.
fn command_words(command: &str) -> Result<&str, BotError> {
    let words = command.strip_prefix('/').filter(|words| !words.starts_with(['/', '@']));
    words.filter(|words| !words.contains(['\n', '\r'])).ok_or(BotError::NotACommand)
}
