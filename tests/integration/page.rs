//! `docs/PROTOCOL.md` and `README.md` match the program: the table of verbs, the codes, the
//! dictionary and the numbers are its own, and the sessions and programs in the page are run.
//!
//! `UPDATE_PAGE=1 cargo test --test integration page` rewrites the tables of verbs and permissions.

use crate::support::{Script, Server};
use chitchat::protocol::code::Code;
use chitchat::protocol::command::{
    AWAY_MAX, KEY_MAX, LABEL_MAX, LIMIT_MAX, LINE_MAX, LINE_MAX_NEW, NOTE_MAX, PROFILE_MAX, REASON_MAX, TABLE,
};
use chitchat::protocol::deflate::{DICTIONARY_1, PACKED_MAX_CLIENT, PLAIN_MAX, PLAIN_MIN};
use chitchat::protocol::frame::{Cut, Framer, Frames, Rules};
use chitchat::protocol::line::SERVER_LINE_MAX;
use chitchat::protocol::names::NAME_MAX;
use chitchat::protocol::secrets::{PASSWORD_MAX, PASSWORD_MIN};
use chitchat::server::config::{Config, Limits, Rate};
use chitchat::server::{
    FORMER_NAMES_MAX, HOOKS_MAX, IGNORED_MAX, INVITATIONS_BY_ONE_MAX, INVITATIONS_MAX, INVITES_MAX, MENTIONS_MAX,
    PERMISSIONS, PINS_MAX, REACTIONS_MAX, ROOMS_MAX, SANCTIONS_MAX, TELL_MEMBERS_MAX, TOKENS_MAX,
};
use sha2::Digest as _;
use std::collections::BTreeSet;
use std::fs;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

fn path(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(name)
}

pub(crate) fn text_of(name: &str) -> String {
    fs::read_to_string(path(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

fn page() -> String {
    text_of("docs/PROTOCOL.md")
}

/// The contents of the code block with that info string.
pub(crate) fn fenced<'a>(page: &'a str, info: &str) -> &'a str {
    let begin = format!("\n```{info}\n");
    let (_, rest) = page.split_once(&begin).unwrap_or_else(|| panic!("the page has no ```{info}"));
    let end = rest.find("\n```\n").expect("a fence ends") + 1;
    &rest[..end]
}

#[test]
fn the_pages_table_of_verbs_matches_the_program() {
    let page = page();
    let cell = |text: &str| text.replace('|', "\\|");
    let mut table = "| verb | who | what | final line |\n|---|---|---|---|\n".to_owned();
    for verb in TABLE {
        let (form, done) = (cell(&verb.form()), cell(verb.done));
        table += &format!("| `{form}` | {} | {} | `{done}` |\n", verb.who.as_str(), cell(verb.help));
    }
    check_table(&page, "verbs", &table);
}

#[test]
fn the_pages_table_of_permissions_matches_the_program() {
    let mut table = "| to | verbs | lowest role | administrators | while muted |\n|---|---|---|---|---|\n".to_owned();
    for permission in PERMISSIONS {
        let verbs: Vec<String> = permission.verbs.iter().map(|verb| format!("`/{verb}`")).collect();
        let administrators = if permission.from_outside { "in every room" } else { "where they are in" };
        let (verbs, least) = (verbs.join(" "), permission.least);
        let muted = if permission.voice { "no" } else { "yes" };
        table += &format!("| {} | {verbs} | {least} | {administrators} | {muted} |\n", permission.what);
    }
    check_table(&page(), "permissions", &table);
}

/// Compares the table between its two markers in the page; with `UPDATE_PAGE`, writes it there.
fn check_table(page: &str, name: &str, table: &str) {
    if std::env::var_os("UPDATE_PAGE").is_some() {
        // Another test may be writing its own table.
        static WRITING: std::sync::Mutex<()> = std::sync::Mutex::new(());
        let _writing = WRITING.lock().unwrap();
        let page = self::page();
        let at = between_markers(&page, name);
        fs::write(path("docs/PROTOCOL.md"), format!("{}{table}{}", &page[..at.start], &page[at.end..])).unwrap();
        return;
    }
    let shown = &page[between_markers(page, name)];
    assert_eq!(shown, table, "UPDATE_PAGE=1 cargo test --test integration page rewrites it");
}

fn between_markers(page: &str, name: &str) -> std::ops::Range<usize> {
    let begin = page.find(&format!("<!-- {name}: ")).expect("the table's first marker");
    let begin = begin + page[begin..].find('\n').expect("the marker is a line") + 1;
    begin..page.find(&format!("<!-- {name} end -->")).expect("the table's last marker")
}

#[test]
fn the_page_explains_every_code_and_no_other() {
    let page = page();
    let (_, codes) = page.split_once("\n## Codes\n").expect("a section on codes");
    let codes = codes.split("\n## ").next().unwrap_or_default();
    // A row's first cell may name several.
    let cells = codes.lines().filter_map(|line| line.strip_prefix("| `")?.split_once("` |").map(|(codes, _)| codes));
    let explained: BTreeSet<&str> = cells.flat_map(|codes| codes.split("`, `")).collect();
    assert_eq!(explained, Code::ALL.iter().map(|code| code.as_str()).collect());
}

#[test]
fn the_page_identifies_the_dictionary_in_use() {
    let mut crc = flate2::Crc::new();
    crc.update(DICTIONARY_1);
    let digest: String = sha2::Sha256::digest(DICTIONARY_1).iter().map(|byte| format!("{byte:02x}")).collect();
    let wanted = format!("**{} bytes**, CRC-32 `{:08x}`, SHA-256 `{digest}`", DICTIONARY_1.len(), crc.sum());
    let page = page();
    assert!(page.contains(&wanted), "the page does not say: {wanted}");
    let (_, link) = page.split_once("[dictionary-1.txt](").expect("the page links to the dictionary");
    let (file, _) = link.split_once(')').expect("a link ends");
    assert_eq!(fs::read(path("docs").join(file)).unwrap(), DICTIONARY_1);
}

#[test]
fn the_frame_in_the_page_inflates_to_its_line() {
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
fn the_pages_numbers_match_the_program() {
    let limits = Limits::default();
    let flood = limits.flood.expect("there is a limit");
    let account_flood = limits.account_flood.expect("there is a limit");
    let kib = |bytes: Option<usize>| format!("{} KiB", bytes.expect("there is a limit") / 1024);
    let mib = |bytes: Option<usize>| format!("{} MiB", bytes.expect("there is a limit") / (1024 * 1024));
    let paced = |what: &str, rate: Option<Rate>, unit, seconds: f64| {
        let rate = rate.expect("there is a limit");
        format!("| {what} | {} at once, {} {unit} | `slow-down` |", rate.burst, (rate.per_second * seconds).round())
    };
    let page = page();
    for wanted in [
        format!("Your line may have **{LINE_MAX}** bytes before its end, {LINE_MAX_NEW} before login."),
        format!("has at most **{SERVER_LINE_MAX}** bytes"),
        format!("A room's name is 1–{NAME_MAX} of"),
        format!("label   = 1*{LABEL_MAX}( ALPHA"),
        format!("| `/post` key | {KEY_MAX} bytes |"),
        format!("| NOTE on an invitation code | {NOTE_MAX} bytes |"),
        format!("| invitation codes that are good | {INVITES_MAX} |"),
        format!("| different reactions to one message | {REACTIONS_MAX} |"),
        format!("| pinned messages of one conversation | {PINS_MAX} |"),
        format!("| accounts that one message mentions | {MENTIONS_MAX} |"),
        format!("| password | {PASSWORD_MIN} to {PASSWORD_MAX} bytes |"),
        format!("| tokens of one account | {TOKENS_MAX} |"),
        format!("| rooms of one account | {ROOMS_MAX} |"),
        format!("| rooms that one account made, closed ones too | {} |", limits.rooms_made.expect("there is a limit")),
        format!(
            "| open invitations of one account to rooms | {INVITATIONS_MAX}, {INVITATIONS_BY_ONE_MAX} by one person |"
        ),
        format!("| REASON | {REASON_MAX} bytes |"),
        format!("| text of `/away` | {AWAY_MAX} bytes |"),
        format!("| text of a profile | {PROFILE_MAX} bytes |"),
        format!("| bans of one room, and mutes | {SANCTIONS_MAX} |"),
        format!("| people whom one account ignores | {IGNORED_MAX} |"),
        format!("A room has at most {SANCTIONS_MAX}."),
        format!("| other names that a room had | {FORMER_NAMES_MAX} |"),
        format!("A room can have {FORMER_NAMES_MAX} other names."),
        format!("| hooks of one room, without an address too | {HOOKS_MAX} |"),
        format!("`limit=` up to {LIMIT_MAX}, and {}", kib(limits.unread_bytes.map(|bytes| bytes / 2))),
        format!("| your lines | {} at once, {} a second", flood.burst, flood.per_second),
        paced("rooms that one account makes", limits.new_rooms, "an hour", 3600.0),
        paced(
            "rooms that one account joins, and those that it leaves, which is never refused",
            limits.joins,
            "a minute",
            60.0,
        ),
        paced("people that one account writes to for the first time", limits.first_messages, "an hour", 3600.0),
        paced("invitations to rooms by one account", limits.invitations, "an hour", 3600.0),
        paced(
            "one of an account's last 8 texts said again in another room or to somebody else",
            limits.repeats,
            "a minute",
            60.0,
        ),
        paced("what is posted at the address of one hook", limits.hook, "a minute", 60.0),
        format!(
            "| the lines of all your account's connections | {} at once, {} a second;",
            account_flood.burst, account_flood.per_second
        ),
        format!("| connections | {} |", limits.connections.expect("there is a limit")),
        format!("| connections from one address | {} |", limits.per_address.expect("there is a limit")),
        format!("| unanswered lines of one connection | {} |", limits.unanswered.expect("there is a limit")),
        format!("| lines under way in the server | {} |", mib(limits.under_way_bytes)),
        format!("| what you leave unread | {} ", kib(limits.unread_bytes)),
        format!("| what all together leave unread | {} of memory |", mib(limits.unread_total)),
        format!("| a frame | {PLAIN_MAX} octets inflated; yours {PACKED_MAX_CLIENT} packed |"),
        format!("no frame for fewer than {PLAIN_MIN} octets"),
        format!("In a room of **up to {TELL_MEMBERS_MAX} members**"),
    ] {
        assert!(page.contains(&wanted), "the page does not say: {wanted}");
    }
}

#[test]
fn the_sessions_in_the_page_are_real() {
    assert_eq!(play_sessions(&page()), 1 + 12);
}

/// Plays each ```session``` against its own server, after the steps of the `<!-- before` comment
/// above it, if there is one. `> ` is what alice sends, `NAME> ` and `NAME< ` what others send and
/// are sent; every other line is sent to alice. A session whose first line starts with `$ ` starts
/// with a new connection; in all others alice is logged in already.
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
fn the_readme_names_the_settings_and_flags_that_exist() {
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

    let help = [&["--help"][..], &["invite", "--help"], &["backup", "--help"], &["restore", "--help"]].map(|words| {
        let help = Command::new(env!("CARGO_BIN_EXE_chitchatd")).args(words).output().unwrap();
        String::from_utf8(help.stdout).unwrap()
    });
    let help = help.join("\n");
    let calls = readme.lines().filter(|line| line.contains("chitchatd ") && !line.contains("Exec"));
    let flags = calls.flat_map(str::split_whitespace).map(|word| word.trim_matches('`'));
    let flags: BTreeSet<&str> = flags.filter(|word| word.starts_with("--") && word.len() > 2).collect();
    assert!(flags.contains("--admin"), "{flags:?}");
    for flag in flags {
        assert!(help.contains(flag), "chitchatd has no {flag}");
    }
}

#[test]
fn the_readmes_backup_works_and_can_be_restored_as_it_says() {
    let readme = text_of("README.md");
    let blocks = readme.split("\n```\n");
    let commands: Vec<&str> = blocks
        .filter(|block| ["chitchatd backup", "chitchatd restore"].iter().any(|word| block.contains(word)))
        .collect();
    assert_eq!(commands.len(), 2, "{commands:?}");
    let server = Server::start();
    let mut script = Script::new(&server);
    script.play("alice is in\nalice > /say lobby line 1\nalice < + 1");
    let directory = tempfile::tempdir().unwrap();
    let mut again = Server::not_started(&[]);
    for (commands, data) in commands.iter().zip([server.data(), again.data()]) {
        // The user is whoever runs the test.
        let commands = commands
            .replace("sudo -u chitchat ", "")
            .replace("sudo ", "")
            .replace("-o chitchat -g chitchat ", "")
            .replace("chitchatd ", concat!(env!("CARGO_BIN_EXE_chitchatd"), " "))
            .replace("/var/lib/chitchat", data.to_str().unwrap());
        let status = Command::new("sh").args(["-e", "-c", &commands]).current_dir(&directory).status().unwrap();
        assert!(status.success(), "{commands}");
    }
    assert_eq!(fs::metadata(directory.path().join("monday.tar")).unwrap().permissions().mode() & 0o777, 0o600);
    again.restart();
    let mut console = again.console();
    console.ask("/join lobby");
    let rows = console.ask("/history lobby");
    assert!(rows[0].ends_with(" alice: line 1"), "{rows:?}");
}

/// Kills the program when the test ends.
struct Program(Child);

impl Drop for Program {
    fn drop(&mut self) {
        // It may have ended already; then there is nothing to kill.
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
    // The bot is not a member of this room yet, so that its arrival is seen.
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
fn the_pages_python_reads_and_writes_frames() {
    const TRY: &str = r#"
import socket, sys
wire = socket.create_connection(("127.0.0.1", int(sys.argv[1])), timeout=10)
token = sys.argv[2].encode()
USE
def until(last):
    got = []
    for line in incoming:
        got.append(line.decode())
        if line.startswith(last):
            return got
assert len(until(b"@re=2 + ")) >= 2
said = b"".join(b"/say lobby I think we should meet tomorrow, number %d\n" % n for n in range(20))
frame = pack(said, dictionary)
assert len(frame) < len(said) / 2
wire.sendall(frame)
until(b"+ 21")
wire.sendall(b"/history lobby after=1\n")
rows = until(b"+ 20 messages")
assert len(rows) == 21 and rows[0].endswith("alice: I think we should meet tomorrow, number 0\n"), rows
wire.sendall(b"/set deflate off\n")
until(b"+ deflate off")
wire.sendall(b"/ping =1 2 3\n")
assert until(b"+ =1") == ["+ =1 2 3\n"]
print("good")
"#;
    let server = Server::start();
    let mut script = Script::new(&server);
    script.play("alice is in\nalice > /token new test\nalice < + {token} is shown only this once…\nalice drops");
    let page = page();
    let file = tempfile::NamedTempFile::new().unwrap();
    let program = TRY.replace("USE", fenced(&page, "python deflate-use"));
    write!(file.as_file(), "{}{program}", fenced(&page, "python deflate")).unwrap();
    let output = Command::new("python3")
        .arg(file.path())
        .args([&server.plain().port().to_string(), script.word("token")])
        .current_dir(path("src/protocol"))
        .output()
        .expect("python3 can be started");
    assert_eq!(String::from_utf8_lossy(&output.stdout), "good\n", "{}", String::from_utf8_lossy(&output.stderr));
}
