//! The line being typed, in a real terminal: keys, pastes, editors, widths, and what arrives meanwhile.
//!
//! Needs tmux, like [`super::terminal`].

use super::chat::Chat;
use super::home::Home;
use super::terminal::{Other, RealServer};
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;

#[test]
#[ignore = "needs tmux"]
fn up_ctrl_c_and_the_search_lose_nothing_that_was_typed() {
    let chat = Chat::start();
    chat.tmux.type_line("/whoami");
    chat.types("half typed");
    chat.tmux.keys(&["Up"]);
    chat.line_is("[lobby] /whoami");
    chat.tmux.keys(&["Down"]);
    chat.line_is("[lobby] half typed");
    chat.tmux.keys(&["C-r"]);
    chat.types("who");
    chat.line_is("(search) who: /whoami");
    chat.tmux.keys(&["C-g"]);
    chat.line_is("[lobby] half typed");
    chat.tmux.keys(&["C-c"]);
    chat.line_is("[lobby]");
    chat.tmux.keys(&["Up"]);
    chat.line_is("[lobby] half typed");
    chat.tmux.keys(&["C-l"]);
    chat.tmux.until("an empty screen", |_| chat.rows() == ["[lobby] half typed"]);
    chat.tmux.keys(&["C-c", "C-c"]);
    chat.tmux.shows("(Ctrl-D or /quit leaves)");
    chat.tmux.keys(&["C-d"]);
    chat.tmux.shows("ended with 0");
}

#[test]
#[ignore = "needs tmux"]
fn tab_completes_by_place_and_lists_what_is_possible() {
    let mut chat = Chat::start();
    chat.types("bo");
    chat.tmux.keys(&["Tab"]);
    chat.types("hi");
    chat.line_is("[lobby] bob, hi");
    chat.tmux.keys(&["C-u"]);
    chat.types("/search pump fr");
    chat.tmux.keys(&["Tab"]);
    chat.types("b");
    chat.tmux.keys(&["Tab"]);
    chat.types("x");
    chat.line_is("[lobby] /search pump from=bob x");
    chat.tmux.keys(&["C-u"]);
    chat.types("/mu");
    chat.tmux.keys(&["Tab"]);
    chat.line_is("[lobby] /mute");
    chat.tmux.keys(&["C-u"]);
    chat.types("/un");
    chat.tmux.keys(&["Tab"]);
    chat.ends_with(&["/unregister  /unignore    /unblock     /unban       /unmute      /unpin", "[lobby] /un"]);
    // Who spoke last comes first.
    let _bea = Other::connect(chat.server.plain, "/register bea correct horse battery");
    chat.tmux.shows("bea joined");
    chat.bob_says("hi");
    chat.tmux.shows("bob: hi");
    chat.tmux.keys(&["C-u"]);
    chat.types("b");
    chat.tmux.keys(&["Tab"]);
    chat.ends_with(&["bob  bea", "[lobby] b"]);
}

#[test]
#[ignore = "needs tmux"]
fn a_paste_of_many_lines_asks_and_is_sent_whole() {
    let mut chat = Chat::start();
    // Of those that are sent, no more than the server takes in one go: it would make the test slow.
    let lines = |many: u32| (1..=many).map(|n| format!("{n}\tof {many}")).collect::<Vec<String>>();
    chat.types("see ");
    chat.pastes(&lines(1000).join("\n"));
    chat.line_is("Send these 1000 lines? y sends them, n does not, e edits them:");
    chat.tmux.keys(&["n"]);
    chat.tmux.shows("(not sent; Up brings the lines back)");
    chat.line_is("[lobby] see");
    chat.pastes(&format!("{}\n/quit\n\n", lines(20).join("\n")));
    chat.line_is("Send these 21 lines? y sends them, n does not, e edits them:");
    chat.tmux.keys(&["n"]);
    chat.line_is("[lobby] see");
    chat.tmux.keys(&["Up", "Enter"]);
    chat.line_is("Send these 21 lines? y sends them, n does not, e edits them:");
    chat.tmux.keys(&["y"]);
    assert_eq!(chat.bob.until("[lobby] alice: "), "[lobby] alice: see 1\tof 20\n");
    for line in &lines(20)[1..] {
        assert_eq!(chat.bob.until("[lobby] alice: "), format!("[lobby] alice: {line}\n"));
    }
    assert_eq!(chat.bob.until("[lobby] alice: "), "[lobby] alice: /quit\n");
    // One line is typed, not sent.
    chat.pastes("only one\n");
    chat.line_is("[lobby] only one");
    // Where the terminal does not mark a paste, its lines come in one piece.
    chat.tmux.run(&["send-keys", "-H", "0d", "61", "0d", "62", "0d", "63", "0d", "64", "0d", "65"]);
    chat.line_is("Send these 6 lines? y sends them, n does not, e edits them:");
    chat.tmux.keys(&["C-c"]);
    chat.tmux.shows("(not sent");
}

#[test]
#[ignore = "needs tmux"]
fn the_half_typed_line_goes_through_ones_own_editor() {
    let mut chat = Chat::start();
    let dir = chat.home.0.path();
    let (editor, go, seen) = (dir.join("editor"), dir.join("go"), dir.join("seen"));
    let script = format!(
        "#!/bin/sh\nstat -c %a \"$2\" >{seen}; cat \"$2\" >>{seen}; echo \"$2\" >>{seen}; echo editing\n\
         n=0; while [ ! -e {go} ] && [ $n -lt 200 ]; do sleep 0.1; n=$((n + 1)); done; echo \"$1\" >\"$2\"\n",
        seen = seen.display(),
        go = go.display(),
    );
    fs::write(&editor, script).unwrap();
    fs::set_permissions(&editor, fs::Permissions::from_mode(0o700)).unwrap();
    chat.again(&format!("VISUAL='{} edited'", editor.display()));
    chat.types("half typed");
    chat.tmux.keys(&["C-x", "C-e"]);
    chat.line_is("editing");
    chat.bob_says("while you edit");
    assert!(!chat.tmux.screen().contains("while you edit"));
    fs::write(&go, "").unwrap();
    let screen = chat.line_is("[lobby] edited");
    assert!(screen.contains("while you edit"), "{screen}");
    let seen = fs::read_to_string(seen).unwrap();
    let seen: Vec<&str> = seen.lines().collect();
    assert_eq!(seen[..2], ["600", "half typed"]);
    assert!(!std::path::Path::new(seen[2]).exists(), "{} is left", seen[2]);
    chat.tmux.keys(&["Enter"]);
    chat.bob.until("[lobby] alice: edited");
}

#[test]
#[ignore = "needs tmux"]
fn ctrl_z_suspends_and_the_shell_has_its_terminal() {
    let mut chat = Chat::start();
    chat.tmux.keys(&["C-d"]);
    chat.tmux.shows("ended with 0");
    chat.tmux.run(&["respawn-pane", "-k", "env PS1='shell ' bash --norc -i"]);
    chat.line_is("shell");
    chat.tmux.type_line(&format!("{} {}", env!("CARGO_BIN_EXE_chitchat"), chat.server.tls));
    chat.line_is("[lobby]");
    chat.types("half typed");
    chat.tmux.keys(&["C-z"]);
    chat.line_is("shell");
    chat.bob_says("are you there?");
    chat.tmux.type_line("stty -a | grep -o -- '-*icanon'");
    chat.tmux.until("the shell's mode", |screen| screen.ends_with("\nicanon\nshell"));
    chat.tmux.type_line("fg");
    let screen = chat.line_is("[lobby] half typed");
    assert!(screen.contains("are you there?"), "{screen}");
    chat.tmux.keys(&["Enter"]);
    chat.bob.until("[lobby] alice: half typed");
    chat.tmux.keys(&["C-d"]);
    chat.line_is("shell");
}

#[test]
#[ignore = "needs tmux"]
fn wide_characters_and_widths_keep_the_line_in_order() {
    let mut chat = Chat::start();
    chat.resize("40");
    let typed = "日本語 e\u{301} שלום 👩\u{200d}🚀 and a row more of it";
    chat.types(typed);
    chat.tmux.keys(&["Left", "Left"]);
    chat.ends_with(&["[lobby] 日本語 e\u{301} שלום 👩🚀 and a row mor", "e of it"]);
    chat.bob_says("narrow");
    chat.tmux.shows("bob: narrow");
    chat.resize("25");
    chat.ends_with(&["[lobby] 日本語 e\u{301} שלום 👩", "🚀 and a row more of it"]);
    chat.bob_says("narrower");
    chat.tmux.shows("bob: narrower");
    chat.resize("80");
    chat.bob_says("wide");
    chat.tmux.until("all of it", |_| {
        let rows = chat.rows();
        let said = ["narrow", "narrower", "wide"].map(|word| rows.iter().filter(|row| row.ends_with(word)).count());
        said == [1, 1, 1] && rows.iter().filter(|row| row.contains("日本語")).count() == 1
    });
    // The cursor is still before the last two characters.
    chat.types("<");
    chat.line_is("[lobby] 日本語 e\u{301} שלום 👩🚀 and a row more of <it");
    chat.tmux.keys(&["Enter"]);
    chat.bob.until(&format!("[lobby] alice: {}", typed.replace("it", "<it")));
}

/// A screen reader speaks what is written: each line once, whole and in order, and no line anew for each key.
#[test]
#[ignore = "needs tmux"]
fn what_is_written_makes_sense_when_it_is_read_aloud() {
    let mut chat = Chat::start();
    let stream = chat.home.0.path().join("stream");
    chat.tmux.run(&["pipe-pane", &format!("cat >>{}", stream.display())]);
    let typed = "typed slowly";
    let read = || fs::read_to_string(&stream).unwrap_or_default();
    for c in typed.chars() {
        chat.types(&c.to_string());
    }
    chat.line_is("[lobby] typed slowly");
    chat.tmux.until("the stream", |_| read().contains("slowly"));
    assert_eq!(read(), typed);
    for n in 1..=5 {
        chat.bob_says(&format!("line {n} of five"));
        chat.tmux.shows(&format!("line {n} of five"));
    }
    chat.tmux.until("the stream", |_| read().contains("line 5 of five"));
    let text = read();
    let places: Vec<usize> = (1..=5).filter_map(|n| text.find(&format!("line {n} of five"))).collect();
    assert!(places.len() == 5 && places.is_sorted(), "{text:?}");
    assert_eq!(text.matches(" of five").count(), 5, "{text:?}");
    // The line is drawn again below what arrives, and at no other time.
    assert!(text.matches("[lobby] typed slowly").count() <= 5, "{text:?}");
}

#[test]
#[ignore = "needs tmux"]
fn ones_own_line_comes_back_with_its_time_and_a_command_stays() {
    let mut chat = Chat::start();
    chat.tmux.type_line("hello, everyone in this room: this line is longer than one row of the terminal");
    chat.bob.until("[lobby] alice: hello");
    let screen = chat.tmux.until("own line", |screen| screen.contains("alice: hello"));
    assert_eq!(screen.matches("hello, everyone").count(), 1, "{screen}");
    chat.tmux.type_line("/whoami");
    let screen =
        chat.tmux.until("answer", |screen| screen.contains("[lobby] /whoami\n") && screen.ends_with("\n[lobby]"));
    assert_eq!(screen.matches("hello, everyone").count(), 1, "{screen}");
}

#[test]
#[ignore = "needs tmux"]
fn the_prompt_counts_while_a_line_is_half_typed_and_keys_go_there() {
    let mut chat = Chat::start();
    for room in ["kitchen", "ops"] {
        chat.tmux.type_line(&format!("/join {room}"));
        chat.line_is(&format!("[{room}]"));
        chat.bob.send(&format!("/join {room}"));
        chat.bob.until(&format!("+ {room}"));
    }
    chat.tmux.type_line("/switch lobby");
    chat.line_is("[lobby]");
    chat.types("half typed");
    chat.bob_says_in("ops", "one");
    chat.line_is("[lobby] 1 ops > half typed");
    chat.bob_says_in("ops", "two");
    chat.bob_says_in("kitchen", "three");
    chat.bob_says_in("kitchen", "@alice four");
    chat.line_is("[lobby] 1+1@ kitchen, 2 ops > half typed");
    chat.tmux.keys(&["M-a"]);
    chat.line_is("[kitchen] 2 ops > half typed");
    chat.tmux.shows("bob: three\n");
    // The conversations in order: kitchen, lobby, ops.
    chat.tmux.keys(&["M-3"]);
    chat.line_is("[ops] half typed");
    chat.tmux.until("what was said in ops", |screen| screen.contains("bob: one\n") && screen.contains("bob: two\n"));
}

#[test]
#[ignore = "needs tmux"]
fn after_a_refused_join_one_is_where_the_prompt_says() {
    let mut chat = Chat::start();
    chat.tmux.type_line("/join two words");
    chat.tmux.shows("Unexpected: words.");
    chat.tmux.type_line("/switch lobyb");
    let screen = chat.tmux.until("the refusal", |screen| screen.contains("there is no room lobyb"));
    assert!(!screen.contains("not in a room"), "{screen}");
    chat.line_is("[lobby]");
    chat.tmux.type_line("still here");
    chat.bob.until("[lobby] alice: still here");
}

#[test]
#[ignore = "needs tmux"]
fn no_color_means_text_alone() {
    let mut chat = Chat::start();
    chat.again("NO_COLOR=1");
    chat.bob_says("grey");
    chat.tmux.shows("bob: grey");
    let screen = chat.tmux.run(&["capture-pane", "-p", "-e"]);
    assert!(!screen.contains('\u{1b}'), "{screen:?}");
}

#[test]
#[ignore = "needs tmux"]
fn secrets_do_not_stay_on_the_screen() {
    let chat = Chat::start();
    chat.tmux.type_line("/login alice hunter22");
    let screen = chat.tmux.shows("[lobby] /login …");
    assert!(!screen.contains("hunter22"), "{screen}");
    chat.tmux.keys(&["C-d"]);
    chat.tmux.shows("ended with 0");
    assert!(!fs::read_to_string(chat.home.path("history")).unwrap_or_default().contains("hunter22"));
}

/// A new account's first questions at a terminal of its own, up to the password; then what `script` does there.
fn at_the_password(script: &str) {
    let (home, data) = (Home::new(), tempfile::tempdir().unwrap());
    let server = RealServer::start(data.path(), "127.0.0.1:0", "127.0.0.1:0");
    let start = r#"
import os, pty, signal, sys, termios
pid, fd = pty.fork()
if pid == 0:
    os.execv(sys.argv[1], sys.argv[1:])
seen = b""
def until(text):
    global seen
    while text not in seen:
        seen += os.read(fd, 1024)
    seen = seen[seen.index(text) + len(text):]
def echo():
    return bool(termios.tcgetattr(fd)[3] & termios.ECHO)
def end():
    while True:
        try:
            if not os.read(fd, 1024): break
        except OSError: break
    status = os.waitpid(pid, 0)[1]
    assert echo(), "the echo is not on again"
    return os.waitstatus_to_exitcode(status)
until(b"[y/N] "); os.write(fd, b"y\n")
until(b"name: "); os.write(fd, b"alice\n")
until(b"or more: ")
assert not echo()
"#;
    let (script, program) = (format!("{start}{script}"), env!("CARGO_BIN_EXE_chitchat"));
    let mut command = Command::new("timeout");
    command.args(["30", "python3", "-c", &script, program, &server.tls.to_string(), "--register"]);
    command.env("XDG_STATE_HOME", home.0.path()).env("TERM", "xterm");
    let out = command.output().unwrap();
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    server.stop();
}

/// Whoever sends a password the instant its prompt appears does not see it. Keys that move and erase are no part of it.
#[test]
#[ignore = "needs python3"]
fn the_echo_is_off_before_a_password_is_asked_for() {
    at_the_password(
        r#"
os.write(fd, b"correct horse battery\n")
until(b"The same again: ")
assert not echo()
os.write(fd, b"wrong\x15correct horse\x1b[D batteri\x7fy\n")
until(b"[lobby] ")
assert b"horse" not in seen
os.write(fd, b"/quit\r")
sys.exit(end())
"#,
    );
}

#[test]
#[ignore = "needs python3"]
fn whoever_gives_up_at_a_password_has_the_echo_back() {
    at_the_password("os.write(fd, b'half\\x03'); assert end() == -signal.SIGINT");
    at_the_password("os.write(fd, b'\\x04'); assert end() > 0");
}
