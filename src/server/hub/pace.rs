//! How often an account may do what many people notice: make rooms, come and go, write to people for
//! the first time, invite, and say one text in many places.
//!
//! Each has a token bucket by account. Nothing waits here: at a limit the verb is refused, with when to
//! go on, while lines in general are slowed down and never refused (see `flood`). A new account has a
//! quarter of each. Administrators and the console are not held back. It is all in memory, so a restart
//! forgets it.
//!
//! Must not know connections or what a text means; the time is an argument.

use super::{Context, Now};
use crate::protocol::code::{Code, Refusal};
use crate::protocol::names::{AccountId, ConversationId, Text};
use crate::protocol::spans;
use crate::server::flood::{Bucket, Rate};
use crate::server::traffic::PaceLimits;
use rustc_hash::{FxHashMap, FxHasher};
use std::hash::{Hash as _, Hasher as _};
use std::time::{Duration, Instant};

/// How many of an account's last texts are remembered.
const TEXTS: usize = 8;
/// What full buckets hold is forgotten this often.
const SWEEP: Duration = Duration::from_mins(1);
/// The texts are forgotten this often.
const FORGET_TEXTS: Duration = Duration::from_hours(1);

/// What an account may do only so often.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Paced {
    /// Making a room.
    Room,
    /// Joining one. Leaving counts as well, and is never refused.
    Join,
    /// Writing to somebody with whom there is no direct conversation yet.
    FirstMessage,
    /// Inviting somebody to a room.
    Invitation,
    /// Saying something that it said elsewhere.
    Repeat,
    /// Posting at a hook's address, which is the account's.
    Hook,
}

impl Paced {
    fn rate(self, limits: &PaceLimits) -> Option<Rate> {
        match self {
            Self::Room => limits.rooms,
            Self::Join => limits.joins,
            Self::FirstMessage => limits.first_messages,
            Self::Invitation => limits.invitations,
            Self::Repeat => limits.repeats,
            Self::Hook => limits.hook,
        }
    }

    /// What was done too often.
    fn done(self) -> &'static str {
        match self {
            Self::Room => "made many rooms",
            Self::Join => "joined and left many rooms",
            Self::FirstMessage => "written to many people for the first time",
            Self::Invitation => "invited many people",
            Self::Repeat => "said that in many places",
            Self::Hook => "posted many messages",
        }
    }
}

/// An account, as far as its limits depend on it.
#[derive(Debug, Clone, Copy)]
struct Paces {
    account: AccountId,
    new: bool,
}

#[derive(Debug)]
pub(super) struct Pace {
    limits: PaceLimits,
    buckets: FxHashMap<(AccountId, Paced), Bucket>,
    sweep: Option<Instant>,
    /// By account.
    texts: Vec<Option<Box<LastTexts>>>,
    forget_texts: Option<Instant>,
    /// How often something was refused.
    refused: u64,
}

impl Pace {
    pub(super) fn new(limits: PaceLimits) -> Self {
        Self { limits, buckets: FxHashMap::default(), sweep: None, texts: Vec::new(), forget_texts: None, refused: 0 }
    }

    /// From now on these are the limits. What was counted stays counted.
    pub(super) fn set_limits(&mut self, limits: PaceLimits) {
        self.limits = limits;
    }

    /// How often something was refused.
    pub(super) fn refused(&self) -> u64 {
        self.refused
    }

    fn rate(&self, what: Paced, new: bool) -> Option<Rate> {
        let rate = what.rate(&self.limits)?;
        Some(if new { rate.quarter() } else { rate })
    }

    /// How long until it may be done again; `None` if it may be done now.
    fn wait(&self, what: Paced, whose: Paces, now: Instant) -> Option<Duration> {
        let rate = self.rate(what, whose.new)?;
        let mut bucket = self.buckets.get(&(whose.account, what)).copied()?;
        bucket.take(rate, now).err()
    }

    /// It was done once more.
    fn count(&mut self, what: Paced, whose: Paces, now: Instant) {
        let Some(rate) = self.rate(what, whose.new) else { return };
        if self.sweep.is_none_or(|due| now >= due) {
            self.sweep = Some(now + SWEEP);
            let limits = self.limits;
            self.buckets.retain(|(_, what), bucket| what.rate(&limits).is_some_and(|rate| !bucket.is_full(rate, now)));
        }
        let bucket = self.buckets.entry((whose.account, what)).or_insert_with(|| Bucket::full(rate, now));
        bucket.pay(1.0, rate, now);
    }

    /// The account's last texts, if any is remembered.
    fn texts(&self, account: AccountId) -> Option<&LastTexts> {
        self.texts.get(index(account))?.as_deref()
    }

    /// The account said this text here.
    fn remember(&mut self, account: AccountId, text: TextDigest, here: ConversationId, now: Instant) {
        if self.forget_texts.is_none_or(|due| now >= due) {
            self.forget_texts = Some(now + FORGET_TEXTS);
            self.texts.clear();
        }
        if self.texts.len() <= index(account) {
            self.texts.resize_with(index(account) + 1, || None);
        }
        self.texts[index(account)].get_or_insert_default().push(text, here);
    }
}

fn index(account: AccountId) -> usize {
    usize::try_from(account.value()).unwrap_or(0)
}

/// What stands for a text. Two may have the same; then one is taken for a repeat of the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct TextDigest(u64);

impl TextDigest {
    /// Of no text.
    const NONE: Self = Self(0);

    fn of(text: &Text) -> Self {
        let mut hasher = FxHasher::default();
        text.as_str().hash(&mut hasher);
        Self(hasher.finish().max(1))
    }
}

/// An account's last texts, and where each was said; a text is there once for each place.
#[derive(Debug)]
struct LastTexts {
    texts: [TextDigest; TEXTS],
    places: [ConversationId; TEXTS],
    next: usize,
}

impl Default for LastTexts {
    fn default() -> Self {
        Self { texts: [TextDigest::NONE; TEXTS], places: [ConversationId::new(0); TEXTS], next: 0 }
    }
}

impl LastTexts {
    fn has(&self, text: TextDigest) -> bool {
        self.texts.contains(&text)
    }

    fn has_here(&self, text: TextDigest, here: Option<ConversationId>) -> bool {
        self.texts.iter().zip(&self.places).any(|(&other, &place)| other == text && Some(place) == here)
    }

    fn push(&mut self, text: TextDigest, place: ConversationId) {
        self.texts[self.next] = text;
        self.places[self.next] = place;
        self.next = (self.next + 1) % TEXTS;
    }
}

/// What has to be counted once a text is said.
#[derive(Debug, Clone, Copy)]
pub(super) enum Saying {
    /// Nothing.
    Again,
    /// A text that was not said before.
    New(TextDigest),
    /// One that was said elsewhere.
    Repeat(TextDigest),
}

impl Context<'_> {
    /// Whether the account may do that now, or has to wait.
    ///
    /// # Errors
    /// `slow-down`, with when to try again.
    pub(super) fn check_pace(&mut self, what: Paced) -> Result<(), Refusal> {
        let Some(whose) = self.paces() else { return Ok(()) };
        let Some(wait) = self.hub.pace.wait(what, whose, self.now.instant) else { return Ok(()) };
        self.hub.pace.refused += 1;
        // Without the bucket's millisecond for rounding, which would be a second more to read.
        let wait = wait.saturating_sub(Duration::from_millis(1));
        let newcomers = match self.hub.pace.limits.new_account {
            Some(span) if whose.new => format!(" New accounts can do less for {}.", spans::exactly(span)),
            _ => String::new(),
        };
        let text =
            format!("you have {} in a short time. Try again in {}.{newcomers}", what.done(), spans::roughly(wait));
        Err(Refusal::new(Code::SlowDown, text).retry_after(spans::seconds_up(wait)))
    }

    /// Whether the account may do what new ones may not do at all.
    ///
    /// # Errors
    /// `not-allowed`, with when it may.
    pub(super) fn check_not_new(&self) -> Result<(), Refusal> {
        let Some(span) = self.hub.pace.limits.new_account else { return Ok(()) };
        if !self.paces().is_some_and(|whose| whose.new) {
            return Ok(());
        }
        let made = self.hub.state.account(self.account).map_or(0, |account| account.at);
        let wait = span.saturating_sub(Duration::from_millis(self.now.wall.saturating_sub(made)));
        let text = format!("your account is too new for that. Try again in {}.", spans::roughly(wait));
        Err(Refusal::new(Code::NotAllowed, text).retry_after(spans::seconds_up(wait)))
    }

    /// The account did that once more.
    pub(super) fn count_pace(&mut self, what: Paced) {
        if let Some(whose) = self.paces() {
            self.hub.pace.count(what, whose, self.now.instant);
        }
    }

    /// Whether the account may say this text in a conversation, or has said it in too many places.
    ///
    /// # Errors
    /// As [`Context::check_pace`].
    pub(super) fn check_repeat(
        &mut self,
        text: &Text,
        here: impl FnOnce(&Self) -> Option<ConversationId>,
    ) -> Result<Saying, Refusal> {
        if self.hub.pace.limits.repeats.is_none() {
            return Ok(Saying::Again);
        }
        let text = TextDigest::of(text);
        let Some(texts) = self.hub.pace.texts(self.account).filter(|texts| texts.has(text)) else {
            return Ok(Saying::New(text));
        };
        if texts.has_here(text, here(self)) {
            return Ok(Saying::Again);
        }
        self.check_pace(Paced::Repeat).map(|()| Saying::Repeat(text))
    }

    /// The account said it there.
    pub(super) fn count_repeat(&mut self, saying: Saying, here: ConversationId) {
        if let Saying::Repeat(_) = saying {
            self.count_pace(Paced::Repeat);
        }
        if let Saying::New(text) | Saying::Repeat(text) = saying {
            self.hub.pace.remember(self.account, text, here, self.now.instant);
        }
    }

    /// `None` if the account is not held back.
    fn paces(&self) -> Option<Paces> {
        let account = self.hub.state.account(self.account).filter(|account| !account.admin)?;
        // A hook is no newcomer, however new it is.
        let newcomer = |span| account.hash.is_some() && is_new(account.at, span, self.now);
        let new = self.hub.pace.limits.new_account.is_some_and(newcomer);
        Some(Paces { account: self.account, new })
    }
}

/// Whether an account that was made then is new.
pub(super) fn is_new(made: u64, span: Duration, now: Now) -> bool {
    u128::from(now.wall.saturating_sub(made)) < span.as_millis()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn full_buckets_are_forgotten_once_a_minute() {
        // Full again after 30 s.
        let rate = Some(Rate { per_second: 1.0 / 30.0, burst: 4 });
        let (mut pace, start) =
            (Pace::new(PaceLimits { rooms: rate, joins: rate, ..PaceLimits::default() }), Instant::now());
        let mut after = |seconds, account, what| {
            let whose = Paces { account: AccountId::new(account), new: false };
            pace.count(what, whose, start + Duration::from_secs(seconds));
            pace.buckets.len()
        };
        assert_eq!([after(0, 1, Paced::Room), after(0, 2, Paced::Join), after(45, 3, Paced::Room)], [1, 2, 3]);
        assert_eq!(after(59, 4, Paced::Join), 4);
        assert_eq!(after(60, 4, Paced::Join), 2);
    }
}
