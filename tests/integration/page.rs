//! `docs/PROTOCOL.md` and `README.md` say what is: the table of verbs, the codes, the dictionary and
//! the numbers are the program's own, and the sessions and programs of the page are run.
//!
//! `UPDATE_PAGE=1 cargo test --test integration page` writes the table of verbs anew.

use crate::support::{PASSWORD, Script, Server};
use chitchat::protocol::code::Code;
use chitchat::protocol::command::{KEY_MAX, LIMIT_MAX, LINE_MAX, LINE_MAX_NEW, TABLE};
use chitchat::protocol::deflate::{DICTIONARY_1, PACKED_MAX_CLIENT, PLAIN_MAX, PLAIN_MIN};
use chitchat::protocol::frame::{Cut, Framer, Frames, Rules};
use chitchat::protocol::line::SERVER_LINE_MAX;
use chitchat::protocol::names::NAME_MAX;
use chitchat::protocol::secrets::{PASSWORD_MAX, PASSWORD_MIN};
use chitchat::server::config::{Config, Limits};
use chitchat::server::rooms::{ROOMS_MAX, TELL_MEMBERS_MAX, TOKENS_MAX};
use std::collections::BTreeSet;
use std::fs;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

const TABLE_BEGINS: &str = "<!-- verbs: ";
const TABLE_ENDS: &str = "<!-- verbs end -->";

fn path(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(name)
}

fn text_of(name: &str) -> String {
    fs::read_to_string(path(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

fn page() -> String {
    text_of("docs/PROTOCOL.md")
}

/// What stands in the fence with that info string.
fn fenced<'a>(page: &'a str, info: &str) -> &'a str {
    let begin = format!("\n```{info}\n");
    let (_, rest) = page.split_once(&begin).unwrap_or_else(|| panic!("the page has no ```{info}"));
    let end = rest.find("\n```\n").expect("a fence ends") + 1;
    &rest[..end]
}

#[test]
fn the_table_of_verbs_is_the_programs_own() {
    let page = page();
    let cell = |text: &str| text.replace('|', "\\|");
    let mut table = "| verb | who | what | final line |\n|---|---|---|---|\n".to_owned();
    for verb in TABLE {
        let (form, done) = (cell(&verb.form()), cell(verb.done));
        table += &format!("| `{form}` | {} | {} | `{done}` |\n", verb.who.as_str(), cell(verb.help));
    }
    let begin = page.find(TABLE_BEGINS).expect("the table's first marker");
    let begin = begin + page[begin..].find('\n').expect("the marker is a line") + 1;
    let end = page.find(TABLE_ENDS).expect("the table's last marker");
    if std::env::var_os("UPDATE_PAGE").is_some() {
        fs::write(path("docs/PROTOCOL.md"), format!("{}{table}{}", &page[..begin], &page[end..])).unwrap();
        return;
    }
    assert_eq!(&page[begin..end], table, "UPDATE_PAGE=1 cargo test --test integration page writes it anew");
}

#[test]
fn every_code_is_explained_and_no_other() {
    let page = page();
    let (_, codes) = page.split_once("\n## Codes\n").expect("a section on codes");
    let codes = codes.split("\n## ").next().unwrap_or_default();
    let explained: BTreeSet<&str> =
        codes.lines().filter_map(|line| line.strip_prefix("| `")?.split_once('`').map(|(code, _)| code)).collect();
    assert_eq!(explained, Code::ALL.iter().map(|code| code.as_str()).collect());
}

#[test]
fn the_dictionary_in_the_page_is_the_one_in_use() {
    assert_eq!(fenced(&page(), "text dictionary-1").as_bytes(), DICTIONARY_1);
    assert_eq!(DICTIONARY_1.len(), 5825);
}

#[test]
fn the_frame_in_the_page_is_one() {
    use chitchat::protocol::deflate::{Packer, Unpacker};
    let page = page();
    let plain = fenced(&page, "text frame-plain");
    let digits: Vec<u8> = fenced(&page, "text frame-hex").bytes().filter(u8::is_ascii_hexdigit).collect();
    let frame: Vec<u8> =
        digits.chunks(2).map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap()).collect();
    let (mut framer, mut input) = (Framer::new(), frame.as_slice());
    let rules = Rules { line_max: LINE_MAX, frames: Frames::FromServer };
    let Some(Cut::Frame(header, packed)) = framer.cut(&mut input, rules) else {
        let wanted: Vec<String> = Packer::new()
            .pack(plain.as_bytes())
            .expect("a frame of it is smaller")
            .chunks(32)
            .map(|row| row.iter().map(|byte| format!("{byte:02x}")).collect())
            .collect();
        panic!("no frame; this is one:\n{}", wanted.join("\n"));
    };
    assert_eq!(Unpacker::new().unpack(header, packed).unwrap(), plain.as_bytes());
}

#[test]
fn the_numbers_in_the_page_are_the_programs() {
    let limits = Limits::default();
    let flood = limits.flood.expect("there is a limit");
    let kib = |bytes: Option<usize>| format!("{} KiB", bytes.expect("there is a limit") / 1024);
    let mib = |bytes: Option<usize>| format!("{} MiB", bytes.expect("there is a limit") / (1024 * 1024));
    let page = page();
    for wanted in [
        format!("| your line | {LINE_MAX} bytes; {LINE_MAX_NEW} before login |"),
        format!("| server's line | {SERVER_LINE_MAX} bytes |"),
        format!("| name of an account, a room; label | {NAME_MAX} |"),
        format!("| `/post` key | {KEY_MAX} bytes |"),
        format!("| password | {PASSWORD_MIN} to {PASSWORD_MAX} bytes |"),
        format!("| tokens of one account | {TOKENS_MAX} |"),
        format!("| rooms of one account | {ROOMS_MAX} |"),
        format!("`limit=` up to {LIMIT_MAX}, and {}", kib(limits.unread_bytes.map(|bytes| bytes / 2))),
        format!("| your lines | {} at once, {} a second", flood.burst, flood.per_second),
        format!("| connections | {} |", limits.connections.expect("there is a limit")),
        format!("| connections from one address | {} |", limits.per_address.expect("there is a limit")),
        format!("| unanswered lines of one connection | {} |", limits.unanswered.expect("there is a limit")),
        format!("| lines under way in the server | {} |", mib(limits.under_way_bytes)),
        format!("| what you leave unread | {} ", kib(limits.unread_bytes)),
        format!("| what all together leave unread | {} |", mib(limits.unread_total)),
        format!("| a frame | {PLAIN_MAX} octets inflated; yours {PACKED_MAX_CLIENT} packed |"),
        format!("no frame for fewer than {PLAIN_MIN} octets"),
        format!("In a room of **up to {TELL_MEMBERS_MAX} members**"),
    ] {
        assert!(page.contains(&wanted), "the page does not say: {wanted}");
    }
}

#[test]
fn the_sessions_in_the_page_are_what_happens() {
    assert_eq!(play_sessions(&page()), 8);
}

/// Plays each ```session``` against a server of its own, after the steps of a `<!-- before` comment
/// above it. `> ` is what alice sends, `NAME> ` and `NAME< ` what others send and are sent, every
/// other line what alice is sent. One that begins with `$ ` begins with a connection; else alice is
/// in already.
fn play_sessions(page: &str) -> usize {
    let mut sessions = page.split("\n```session\n");
    let mut above = sessions.next().unwrap_or_default();
    let mut played = 0;
    for rest in sessions {
        let (session, below) = rest.split_once("\n```").expect("a fence ends");
        let before = above.rsplit_once("<!-- before\n").and_then(|(_, steps)| steps.strip_suffix("\n-->"));
        let server = Server::start();
        let mut script = Script::new(&server);
        if !session.starts_with("$ ") {
            script.play("alice is in");
        }
        script.play(before.unwrap_or_default());
        let mut others = BTreeSet::new();
        for line in session.lines() {
            script.play(&step(line, &mut others));
        }
        if !session.ends_with("(closed)") {
            script.play("alice hears nothing");
        }
        for other in others {
            script.play(&format!("{other} hears nothing"));
        }
        above = below;
        played += 1;
    }
    played
}

fn step(line: &str, others: &mut BTreeSet<String>) -> String {
    if line.starts_with("$ ") {
        return "alice dials".to_owned();
    }
    if line == "(closed)" {
        return "alice is cut off".to_owned();
    }
    if let Some(sent) = line.strip_prefix('>') {
        return format!("alice >{sent}");
    }
    let name = line.bytes().take_while(u8::is_ascii_lowercase).count();
    if name > 0 && line[name..].starts_with(['<', '>']) {
        others.insert(line[..name].to_owned());
        return format!("{} {}", &line[..name], &line[name..]);
    }
    format!("alice < {line}")
}

#[test]
fn the_readme_names_settings_and_flags_that_there_are() {
    let (readme, example) = (text_of("README.md"), Config::example());
    let mut group = String::new();
    let mut keys = BTreeSet::new();
    for line in example.lines() {
        if let Some(name) = line.strip_prefix('[').and_then(|line| line.strip_suffix(']')) {
            group = format!("{name}.");
        } else if let Some((key, _)) = line.strip_prefix('#').and_then(|line| line.split_once(" = ")) {
            keys.insert(format!("{group}{key}"));
        }
    }
    let (_, settings) = readme.split_once("\n## Settings\n").expect("a section on settings");
    let settings = settings.split("\n## ").next().unwrap_or_default();
    let named: BTreeSet<String> = settings
        .lines()
        .filter_map(|line| line.strip_prefix("| `")?.split_once("` |").map(|(keys, _)| keys))
        .flat_map(|keys| keys.split("`, `").map(str::to_owned).collect::<Vec<String>>())
        .collect();
    assert_eq!(named, keys);

    let help = Command::new(env!("CARGO_BIN_EXE_chitchatd")).args(["invite", "--help"]).output().unwrap();
    let help = String::from_utf8(help.stdout).unwrap();
    let serve = Command::new(env!("CARGO_BIN_EXE_chitchatd")).arg("--help").output().unwrap();
    let help = help + &String::from_utf8(serve.stdout).unwrap();
    let calls = readme.lines().filter(|line| line.contains("chitchatd ") && !line.contains("Exec"));
    let flags = calls.flat_map(str::split_whitespace).map(|word| word.trim_matches('`'));
    let flags: BTreeSet<&str> = flags.filter(|word| word.starts_with("--") && word.len() > 2).collect();
    assert!(flags.contains("--admin"), "{flags:?}");
    for flag in flags {
        assert!(help.contains(flag), "chitchatd has no {flag}");
    }
}

/// Ends the program when the test does.
struct Program(Child);

impl Drop for Program {
    fn drop(&mut self) {
        // It may have ended already, and that is as well.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
#[ignore = "needs python3"]
fn the_bot_in_the_page_answers() {
    let server = Server::start();
    let mut script = Script::new(&server);
    script.play("alice is in\nbot is in\nbot > /token new test\nbot < + {token} is shown only this once…\nbot drops");
    // The bot is no member of this room yet, so that its coming is seen.
    script.play("alice > /join ops\nalice < + ops…");
    let file = tempfile::NamedTempFile::new().unwrap();
    file.as_file().write_all(fenced(&page(), "python bot").as_bytes()).unwrap();
    let address = server.tls();
    let program = Command::new("python3")
        .arg(file.path())
        .args([address.ip().to_string(), address.port().to_string(), server.fingerprint(), "#Ops".to_owned()])
        .env("CHITCHAT_TOKEN", script.word("token"))
        .stdin(Stdio::null())
        .spawn()
        .expect("python3 can be started");
    let _program = Program(program);
    script.play("alice <~ [ops] * bot joined\nalice > ping\nalice < [ops] bot: pong, alice");
}

#[test]
#[ignore = "needs python3"]
fn the_pages_python_opens_and_makes_frames() {
    const TRY: &str = r#"
import hashlib, socket, sys
page = open(sys.argv[1], encoding="utf-8").read()
dictionary = cut_dictionary(page)
assert len(dictionary) == 5825 and "%08x" % zlib.crc32(dictionary) == "91c5bbb3"
assert hashlib.sha256(dictionary).hexdigest() in page
socket = socket.create_connection(("127.0.0.1", int(sys.argv[2])), timeout=10)
wire = socket.makefile("rb")
def ask(*sent):
    socket.sendall(b"".join(sent))
def until(last):
    got = []
    for line in incoming:
        got.append(line.decode())
        if line.startswith(last):
            return got
incoming = lines(wire, dictionary)
ask(b"/set tags on\n/login alice " + sys.argv[3].encode() + b"\n")
until(b"+ welcome")
switch(b"1", ask, incoming)
said = b"".join(b"/say lobby I think we should meet tomorrow, number %d\n" % n for n in range(20))
frame = pack(said, dictionary)
assert len(frame) < len(said) / 2
ask(frame)
until(b"+ 20")
ask(b"/history lobby\n")
rows = until(b"+ 20 messages")
assert len(rows) == 21 and rows[0].endswith("alice: I think we should meet tomorrow, number 0\n"), rows
assert switch(b"off", ask, incoming) == []
ask(b"/ping =1 2 3\n")
assert until(b"+ =1") == ["+ =1 2 3\n"]
print("good")
"#;
    let server = Server::start();
    Script::new(&server).play("alice is in\nalice drops");
    let file = tempfile::NamedTempFile::new().unwrap();
    write!(file.as_file(), "{}{TRY}", fenced(&page(), "python deflate")).unwrap();
    let output = Command::new("python3")
        .args([file.path().as_os_str(), path("docs/PROTOCOL.md").as_os_str()])
        .args([&server.plain().port().to_string(), PASSWORD])
        .output()
        .expect("python3 can be started");
    assert_eq!(String::from_utf8_lossy(&output.stdout), "good\n", "{}", String::from_utf8_lossy(&output.stderr));
}
