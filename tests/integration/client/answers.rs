//! What a person at a terminal is shown for each verb, with a real `chitchatd`. Needs tmux, like
//! [`super::terminal`].

use super::home::Home;
use super::terminal::{Other, RealServer, register};
use chitchat::protocol::command::{TABLE, Who};
use std::process::Command;

/// Where the answer of a command is seen.
enum Seen {
    /// On alice's screen, with this text.
    Here(&'static str),
    /// By bob, on a line that begins so: nothing but what happened is shown.
    ByBob(&'static str),
    /// Nowhere: there is nothing to say.
    Nowhere,
}
use Seen::{ByBob, Here, Nowhere};

/// Commands in the order in which they make sense, and how the answer of each is seen.
const STEPS: &[(&str, Seen)] = &[
    ("/help", Here("All commands; /help reply explains one")),
    ("/ping", Here("pong")),
    ("/whoami", Here("alice - an administrator of this server")),
    ("/create ops", Here("ops created; you own it.")),
    ("/topic ops the big pumps", Here("the topic of ops: the big pumps")),
    ("/rooms", Here("room   members  topic\nlobby        2\nops          1  the big pumps\n2 rooms")),
    ("/invite ops bob", ByBob("* invited: ops by alice.")),
    ("/role ops alice", Here("alice is an owner.")),
    ("/ban ops bob for=1h flooding", Here("bob is banned from ops for 1 hour.")),
    ("/bans ops", Here("name  until      banned by  reason\nbob   in 1 hour  alice      flooding\n1 ban")),
    ("/unban ops bob", Here("bob may come into ops again.")),
    ("/mute lobby bob for=1h", ByBob("[lobby] * bob was muted by alice for 1 hour")),
    ("/who lobby", Here("here (2): alice, bob (muted)\n2 members")),
    ("/unmute lobby bob", ByBob("[lobby] * alice lets bob talk again")),
    ("/slow ops 30s", Here("ops takes one message from each member every 30 seconds.")),
    ("/private ops on", Here("ops is private: only its members")),
    ("/retain ops 30d", Here("ops keeps what is said for 30 days.")),
    ("/rename ops pumps", Here("pumps is what ops is called now.")),
    ("/audit pumps", Here("alice  ban      bob  for=1h flooding")),
    ("/join pumps", Here("pumps")),
    ("/close pumps", Here("pumps is gone: nothing was said there")),
    ("/switch lobby", Here("lobby")),
    ("/say lobby by say", ByBob("[lobby] alice: by say")),
    ("/msg bob by msg", ByBob("(alice > bob) by msg")),
    ("/post lobby key by post", ByBob("[lobby] alice: by post")),
    ("/update lobby key by update", ByBob("[lobby] * alice edited 3: by update")),
    ("/me waves", ByBob("[lobby] alice (me): waves")),
    ("/act @bob bows", ByBob("(alice > bob, me) bows")),
    ("/reply bob yes", ByBob("[lobby] alice (re 1 bob): yes")),
    ("/edit lobby 2 by edit", ByBob("[lobby] * alice edited 2: by edit")),
    ("/react bob +1", ByBob("[lobby] * alice reacted to 1: 1 +1")),
    ("/pin bob", ByBob("[lobby] * alice pinned 1")),
    ("/pins lobby", Here("bob (1 +1): lunch, @alice?\n1 message")),
    ("/unpin bob", ByBob("[lobby] * alice unpinned 1")),
    ("/redact lobby 3 oops", ByBob("[lobby] * alice removed 3: oops")),
    ("/changes lobby", Here("alice reacted to #1: 1 +1")),
    ("/history lobby", Here("alice (removed): oops")),
    ("/search lunch", Here("[lobby] bob (1 +1): lunch, @alice?")),
    ("/mentions", Here("[lobby] bob (1 +1): lunch, @alice?\n1 message")),
    ("/export", Here("(you > bob) by msg")),
    ("/read lobby 2", Nowhere),
    ("/invitations", Here("no invitations")),
    ("/decline bob", Here("! you have no invitation to bob.")),
    ("/profile bob", Here("── bob ──\naccount made  just now\nstate         here")),
    ("/away tea", Here("you are away: tea.")),
    ("/ignore bob", Here("bob is ignored from now on")),
    ("/ignored", Here("name  since\nbob   just now\n1 person")),
    ("/unignore bob", Here("bob is not ignored any more.")),
    ("/sessions", Here("number  since     from       logged in by")),
    ("/token list", Here("token  ")),
    ("/invitecode note=for carol", Here("lets in one person and is valid for 7 days")),
    ("/invites", Here("a member          1  ")),
    ("/stats", Here("running since               ")),
    ("/reload", Here("nothing has changed.")),
    ("/accounts", Here("bob    member  here   just now\n2 accounts")),
    ("/announce the tea is ready", ByBob("* announcement: the tea is ready")),
    ("/block 192.0.2.7 for=1d", Here("192.0.2.7 is blocked for 1 day.")),
    ("/blocks", Here("192.0.2.7  in 1 day  alice\n1 address or network")),
    ("/unblock 192.0.2.7", Here("192.0.2.7 may connect again.")),
    ("/set", Here("/set OPTION VALUE changes one.")),
    ("/conversations", Here("key    conversation\nAlt-1  lobby\nAlt-2  @bob\n2 conversations")),
    ("/kick lobby bob", Here("bob is no longer in lobby.")),
    ("/grant bob admin", Here("bob is an administrator now.")),
    ("/disable bob spam", Here("bob is disabled and has been logged out.")),
    ("/enable bob", Here("bob may log in again.")),
    ("/resetpw bob", Here("is good for a day, once")),
    ("/hook list lobby", Here("no hooks")),
    ("/hook new lobby backup", Here("backup says in lobby.")),
    ("/hook list lobby", Here("hook    address  made      by\nbackup  on       just now  alice\n1 hook")),
    ("/hook revoke lobby backup", Here("backup has no address any more")),
    ("/leave lobby", Here("lobby - you left.")),
    ("/quit", Here("ended with 0")),
];

/// These ask for a password.
const ASKING: &[&str] = &["passwd", "unregister"];

#[test]
#[ignore = "needs tmux"]
fn each_verb_is_answered_for_people() {
    let (home, data) = (Home::new(), tempfile::tempdir().unwrap());
    let server = RealServer::start(data.path(), "127.0.0.1:0", "127.0.0.1:0");
    let tmux = register(&server, &home, "alice");
    let mut bob = Other::connect(server.plain, "/register bob correct horse battery");
    let granted = Command::new(env!("CARGO_BIN_EXE_chitchatd"))
        .arg("--data")
        .arg(data.path())
        .args(["admin", "/grant alice admin"])
        .output()
        .unwrap();
    assert!(granted.status.success(), "{granted:?}");
    bob.send("lunch, @alice?");
    tmux.shows("lunch, @alice?");
    for (command, seen) in STEPS {
        let shown = |screen: &str| match seen {
            Here(text) => screen.matches(text).count(),
            ByBob(_) | Nowhere => 0,
        };
        let before = shown(&tmux.screen());
        tmux.type_line(command);
        match seen {
            Here(text) => _ = tmux.until(&format!("{text:?} after {command}"), |screen| shown(screen) > before),
            ByBob(start) => _ = bob.until(start),
            Nowhere => {}
        }
    }
    // Nothing of it has the form of the wire.
    let screen = tmux.screen();
    let is_of_the_wire = |line: &str| {
        let has_time =
            line.split(' ').any(|word| word.len() == "2026-11-22T09:10:00.000Z".len() && word.ends_with('Z'));
        ["| ", "+ ", "- "].iter().any(|start| line.starts_with(start)) || has_time || line.contains("change=")
    };
    // Before the first prompt the welcome is.
    let (_, answers) = screen.split_once("/help").unwrap();
    assert_eq!(answers.lines().find(|line| is_of_the_wire(line)), None, "{screen}");
    server.stop();
}

#[test]
fn each_verb_has_a_step() {
    for verb in TABLE.iter().filter(|verb| verb.who != Who::New && !ASKING.contains(&verb.name)) {
        let has_step = STEPS.iter().any(|(command, _)| command[1..].split(' ').next() == Some(verb.name));
        assert!(has_step, "/{}", verb.name);
    }
}
