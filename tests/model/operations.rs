//! Operations at random, as people might type them: most make sense where they are said, some don't.

use super::moderation::READ;
use super::random::Random;
use super::state::{Conn, Model, Place, Who};

/// How often something is done, and how it is typed.
type Operation = (usize, fn(&mut Picker) -> String);

/// One place for each operation.
const OPERATIONS: &[Operation] = &[
    (120, |p| format!("/say {} {}", p.target(), p.text())),
    (20, |p| format!("/msg {} {}", p.name(), p.text())),
    (25, |p| format!("/post {} {} {}", p.target(), p.key(), p.repeated())),
    (15, |p| format!("/update {} {} {}", p.target(), p.key(), p.repeated())),
    (10, |p| format!("/me {}", p.text())),
    (10, |p| format!("/act {} {}", p.target(), p.text())),
    (20, |p| format!("{} {}", p.about("reply"), p.text())),
    (25, |p| format!("{} {}", p.about("edit"), p.text())),
    (20, |p| format!("{}{}", p.about("redact"), p.reason())),
    (30, |p| format!("{} {}", p.about("react"), p.reaction())),
    (10, |p| p.about("pin")),
    (8, |p| p.about("unpin")),
    (30, |p| p.about("read")),
    (4, |p| format!("/create {}{}", p.new_room(), p.one(&["", " private"]))),
    (25, |p| format!("/join {}", p.any_room())),
    (2, |p| format!("/join {}", p.new_room())),
    (8, |p| format!("/leave {}", p.room())),
    (8, |p| format!("/switch {}", p.room())),
    (6, |p| format!("/topic {} {}", p.room(), p.text())),
    (2, |p| format!("/topic {} -", p.room())),
    (2, |p| format!("/topic {}", p.room())),
    (20, |p| format!("/invite {} {}", p.room(), p.name())),
    (4, |p| format!("/decline {}", p.any_room())),
    (2, |p| format!("/decline @{}", p.name())),
    (6, |p| format!("/role {} {}", p.room(), p.name())),
    (14, |p| format!("/role {} {} {}", p.room(), p.name(), p.one(&["owner", "moderator", "moderator", "member"]))),
    (6, |p| format!("/kick {} {}{}", p.room(), p.name(), p.reason())),
    (10, |p| format!("/ban {} {}{}{}", p.room(), p.name(), p.time(), p.reason())),
    (8, |p| format!("/unban {} {}", p.room(), p.name())),
    (6, |p| format!("/mute {} {}{}{}", p.room(), p.name(), p.time(), p.reason())),
    (8, |p| format!("/unmute {} {}", p.room(), p.name())),
    (2, |p| format!("/slow {} {}", p.room(), p.one(&["7d", "12h"]))),
    (4, |p| format!("/slow {} off", p.room())),
    (2, |p| format!("/retain {} {}", p.room(), p.one(&["7d", "30d", "off"]))),
    (6, |p| format!("/hook new {}", p.hook())),
    (6, |p| format!("/hook revoke {}", p.hook())),
    (4, |p| format!("/hook list {}", p.room())),
    (3, |p| format!("/private {} {}", p.room(), p.one(&["on", "off"]))),
    (3, |p| format!("/rename {} {}", p.room(), p.new_room())),
    (1, |p| format!("/rename {} {}", p.room(), p.any_room())),
    (1, |p| format!("/close {}", p.room())),
    (1, |p| format!("/disable {}{}", p.name(), p.reason())),
    (4, |p| format!("/enable {}", p.name())),
    (2, |p| format!("/grant {} {}", p.name(), p.one(&["admin", "none", "none"]))),
    (1, |p| format!("/announce {}", p.text())),
    (4, |p| format!("/away {}", p.words())),
    (3, |_| "/away".to_owned()),
    (2, |p| format!("/profile text {}", p.words())),
    (1, |_| "/profile text -".to_owned()),
    (3, |p| format!("/profile {}", p.name())),
    (4, |p| format!("/ignore {}", p.name())),
    (6, |p| format!("/unignore {}", p.name())),
    (2, |_| "/ignored".to_owned()),
    (2, |_| "/sessions".to_owned()),
    (1, |_| "/sessions end others".to_owned()),
    (6, |_| "/mentions".to_owned()),
    (2, |_| "/mentions limit=3".to_owned()),
    (3, |p| format!("/export{}", p.one(&["", " limit=5", " limit=1000"]))),
    (12, |p| format!("/history {}", p.target())),
    (12, bounded_history),
    (8, |p| format!("/search {}", p.words())),
    (4, |p| format!("/search {} in={} limit=5", p.words(), p.target())),
    (4, |p| format!("/search from={} {}", p.name(), p.words())),
    (6, changes_after),
    (4, |p| format!("/changes {}", p.target())),
    (4, |p| format!("/pins {}", p.target())),
    (6, |p| format!("/who {}", p.room())),
    (5, |p| format!("/bans {}", p.room())),
    (3, |p| format!("/audit {}", p.any_room())),
    (1, |_| "/audit".to_owned()),
    (3, |_| "/rooms".to_owned()),
    (8, |_| "/conversations".to_owned()),
    (3, |_| "/invitations".to_owned()),
    (1, |_| "/accounts".to_owned()),
    (2, |p| format!("/set {} {}", p.one(&["echo", "presence"]), p.one(&["on", "off"]))),
];

const WORDS: &[&str] = &[
    "the", "pump", "is", "green", "again", "who", "broke", "it", "we", "meet", "at", "five", "lunch", "tomorrow",
    "Übung", "naïve", "日本", "don't", "build", "512", "red",
];
/// What hooks are called.
pub(super) const LABELS: &[&str] = &[
    "alerts", "backup", "bell", "boiler", "calendar", "camera", "ci", "clock", "cron", "deploy", "disk", "door",
    "feed", "gate", "heater", "mail", "meter", "news", "printer", "probe", "sync", "tests", "tides", "weather", "wiki",
];
const REACTIONS: &[&str] = &["👍", ":)", "yes", "no", "🎉"];

/// An operation for a connection.
pub(crate) fn operation(model: &Model, conn: Conn, random: &mut Random, serial: &mut u64) -> String {
    let mut picker = Picker { model, me: model.connections[&conn].account, random, serial };
    let all: usize = OPERATIONS.iter().map(|(weight, _)| weight).sum();
    let mut at = picker.random.below(all);
    let chosen = OPERATIONS.iter().find(|(weight, _)| {
        let found = at < *weight;
        at = at.saturating_sub(*weight);
        found
    });
    let (_, make) = chosen.expect("the weights say so");
    make(&mut picker)
}

fn changes_after(p: &mut Picker) -> String {
    let target = p.target();
    format!("/changes {target} after={} limit={}", p.id(&target), p.random.below(30) + 1)
}

fn bounded_history(p: &mut Picker) -> String {
    let target = p.target();
    let limit = p.random.below(30) + 1;
    let bounds = match p.random.below(7) {
        0 => format!("after={}", p.id(&target)),
        1 => format!("before={}", p.id(&target)),
        2 => format!("after={} before={}", p.id(&target), p.id(&target)),
        3 => format!("around={}", p.id(&target)),
        4 => format!("since=1h after={}", p.id(&target)),
        5 => format!("since=30d before={}", p.id(&target)),
        _ => p.one(&["until=1h", "until=1h since=1d", "since=1h"]).to_owned(),
    };
    format!("/history {target} {bounds} limit={limit}")
}

/// Picks what stands in a line.
struct Picker<'a> {
    model: &'a Model,
    me: Who,
    random: &'a mut Random,
    /// Makes texts differ from one another.
    serial: &'a mut u64,
}

impl Picker<'_> {
    fn one<'w>(&mut self, words: &[&'w str]) -> &'w str {
        self.random.one::<&str>(words)
    }

    /// Mostly one that they are in.
    fn room(&mut self) -> String {
        let rooms = self.model.rooms.iter().filter(|room| room.members.contains_key(&self.me));
        let mine: Vec<&str> = rooms.map(|room| room.name.as_str()).collect();
        if mine.is_empty() || self.random.chance(12) {
            return self.any_room();
        }
        self.random.one(&mine).to_string()
    }

    /// Any that there is, and now and then one that there was.
    fn any_room(&mut self) -> String {
        let closed = self.random.chance(10);
        let rooms = self.model.rooms.iter().filter(|room| !room.name.is_empty() && (closed || !room.closed));
        let mut names: Vec<&str> = rooms.map(|room| room.name.as_str()).collect();
        if closed {
            names.extend(self.model.rooms.iter().flat_map(|room| room.others.iter().map(String::as_str)));
        }
        self.random.one(&names).to_string()
    }

    /// A name that no room has, if there are few rooms.
    fn new_room(&mut self) -> String {
        if self.model.rooms.iter().filter(|room| !room.closed).count() > 8 {
            return self.any_room();
        }
        *self.serial += 1;
        format!("room-{}", self.serial)
    }

    fn name(&mut self) -> String {
        if self.random.chance(2) {
            return "nobody".to_owned();
        }
        if self.random.chance(4) {
            return self.label().to_owned();
        }
        let name = self.random.one(&self.model.accounts[1..]).name;
        if self.random.chance(10) { name.to_uppercase() } else { name.to_owned() }
    }

    fn label(&mut self) -> &'static str {
        self.one(LABELS)
    }

    /// A room and a label: mostly those of a hook that was made lately.
    fn hook(&mut self) -> String {
        let model = self.model;
        if model.hooks.is_empty() || self.random.chance(40) {
            return format!("{} {}", self.room(), self.label());
        }
        let hook = self.random.one(&model.hooks[model.hooks.len().saturating_sub(4)..]);
        format!("{} {}", model.rooms[hook.room].name, hook.account.name)
    }

    fn target(&mut self) -> String {
        if self.random.chance(70) { self.room() } else { format!("@{}", self.name()) }
    }

    /// The beginning of a line about one message.
    fn about(&mut self, verb: &str) -> String {
        let target = self.target();
        format!("/{verb} {target} {}", self.id(&target))
    }

    /// Mostly of one of the last messages there.
    fn id(&mut self, target: &str) -> usize {
        let place = self.model.place(self.me, target, READ).ok();
        let last = place.map_or(3, |place: Place| self.model.conversation(place).messages.len());
        match self.random.below(20) {
            0 => last + 1,
            1 => self.random.below(last + 1),
            _ => last.saturating_sub(self.random.below(12)),
        }
    }

    fn text(&mut self) -> String {
        *self.serial += 1;
        let mention = match self.random.below(12) {
            0 => " @room".to_owned(),
            1 => format!(" @{}, @{}!", self.name(), self.name()),
            2 => format!(" @{}", self.name()),
            3 => format!(" mail@{}", self.name()),
            _ => String::new(),
        };
        format!("{} n{}{mention}", self.words(), self.serial)
    }

    fn words(&mut self) -> String {
        let count = self.random.below(4) + 1;
        (0..count).map(|_| self.one(WORDS)).collect::<Vec<_>>().join(" ")
    }

    /// A text that comes again.
    fn repeated(&mut self) -> &'static str {
        self.one(&["the build is green", "the build is red", "lunch"])
    }

    fn key(&mut self) -> String {
        let recent = (*self.serial / 50).to_string();
        if self.random.chance(80) {
            format!("k{recent}-{}", self.random.below(3))
        } else {
            format!("k{}", self.random.below(9))
        }
    }

    fn reaction(&mut self) -> String {
        self.one(REACTIONS).to_owned()
    }

    fn time(&mut self) -> &'static str {
        self.one(&["", " for=20m", " for=1h", " for=7d"])
    }

    fn reason(&mut self) -> String {
        if self.random.chance(50) { String::new() } else { format!(" {}", self.words()) }
    }
}
