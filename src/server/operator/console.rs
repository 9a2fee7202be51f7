//! The administrator's console from outside: what `chitchatd invite` asks the running server.
//!
//! Owns the connection to the Unix socket in the data directory. It speaks the protocol like any
//! client, without tags, as a person would type it. Runs on the main thread of its own process.

use crate::protocol::code::{Code, Refusal};
use crate::protocol::command::{self, Command, LIMIT_MAX};
use crate::protocol::line::{Body, Line, SERVER_LINE_MAX};
use crate::server::config::TLS_PORT;
use crate::server::operator::{json, one_line};
use crate::server::running::{Running, SOCKET_FILE};
use socket2::{Domain, SockAddr, Socket, Type};
use std::io::{self, Read as _, Write as _};
use std::net::{Shutdown, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// How long the server may take to answer.
pub const DEADLINE: Duration = Duration::from_secs(10);

/// The most bytes of one answer: as many rows as can be asked for, each as long as a line may be.
const ANSWER_MAX: usize = LIMIT_MAX as usize * SERVER_LINE_MAX;

/// What kind of invitation to ask for; checked by the server's own rules before it is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InviteRequest(String);

impl InviteRequest {
    /// Takes the options as they were typed; the server decides what is not given.
    ///
    /// # Errors
    /// The refusal that the server would give.
    pub fn new(uses: Option<&str>, lasts: Option<&str>, admin: bool, note: Option<&str>) -> Result<Self, Refusal> {
        let mut arguments = Vec::new();
        for (key, value) in [("uses", uses), ("for", lasts)] {
            if let Some(value) = value {
                // A space would begin another argument.
                if value.contains(char::is_whitespace) {
                    return Err(Refusal::new(Code::BadArgument, format!("--{key} takes a single word.")));
                }
                arguments.push(format!("{key}={value}"));
            }
        }
        if admin {
            arguments.push("admin".to_owned());
        }
        if let Some(note) = note {
            if note.contains(['\n', '\r']) {
                return Err(Refusal::new(Code::BadArgument, "A note is a single line."));
            }
            arguments.push(format!("note={note}"));
        }
        let arguments = format!(" {}", arguments.join(" "));
        // The table has this verb for as long as there are invitations.
        let verb = command::find("invitecode").ok_or_else(|| command::unknown("invitecode"))?;
        match verb.parse(&arguments)? {
            Command::InviteCode(_) => Ok(Self(format!("/invitecode{arguments}").trim_end().to_owned())),
            _ => Err(command::unknown("invitecode")),
        }
    }

    /// The line that asks for it, without its end.
    #[must_use]
    pub fn line(&self) -> &str {
        &self.0
    }
}

/// What the server answered to one command. It controls no terminal, whoever listens in the server's place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The rows, without `| `.
    pub rows: Vec<String>,
    /// The final line, without `+ `.
    pub done: String,
}

/// An invitation from the server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invitation {
    /// The code to pass on.
    pub code: String,
    /// What the server says about it: for how many people, until when. May be empty.
    pub about: String,
}

/// Why there is no invitation.
#[derive(Debug, thiserror::Error)]
pub enum ConsoleError {
    /// Nobody listens on the socket.
    #[error(
        "no server is running on the data directory {data}. Start chitchatd first, or name its data directory with --data DIR."
    )]
    NotRunning {
        /// The data directory.
        data: PathBuf,
    },
    /// The socket exists, but can't be used.
    #[error("can't connect to {path}: {source}")]
    Unreachable {
        /// The socket.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// No answer came in time.
    #[error("the server did not answer within {} seconds", .0.as_secs())]
    Silent(Duration),
    /// The server hung up, or sent what no server sends.
    #[error("the server closed the connection without an answer")]
    HungUp,
    /// A list of pages that never ends.
    #[error(
        "the list that the server sends does not end; its last entry is {last}. Is it chitchatd that listens on {SOCKET_FILE}?"
    )]
    Endless {
        /// What the next page was asked for after.
        last: String,
    },
    /// The server refused.
    #[error("the server refused: {}", .0.text)]
    Refused(Refusal),
}

/// Asks the server that runs on this data directory for an invitation, and waits [`DEADLINE`] at most.
///
/// # Errors
/// Any [`ConsoleError`]; then there is no invitation, unless only the answer was lost.
pub fn invite(data: &Path, request: &InviteRequest) -> Result<Invitation, ConsoleError> {
    invite_within(data, request, DEADLINE)
}

fn invite_within(data: &Path, request: &InviteRequest, within: Duration) -> Result<Invitation, ConsoleError> {
    let Answer { done, .. } = ask_within(data, request.line(), within)?;
    let (code, about) = done.split_once(' ').unwrap_or((&done, ""));
    Ok(Invitation { code: code.to_owned(), about: about.to_owned() })
}

/// Asks the server that runs on this data directory one command, and waits [`DEADLINE`] at most.
///
/// # Errors
/// Any [`ConsoleError`]; the command may have been done if only the answer was lost.
pub fn ask(data: &Path, line: &str) -> Result<Answer, ConsoleError> {
    ask_within(data, line, DEADLINE)
}

fn ask_within(data: &Path, line: &str, within: Duration) -> Result<Answer, ConsoleError> {
    let path = data.join(SOCKET_FILE);
    let until = Instant::now() + within;
    let unreachable = |source: io::Error| match source.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused => {
            ConsoleError::NotRunning { data: data.to_owned() }
        }
        io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => ConsoleError::Silent(within),
        io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe => ConsoleError::HungUp,
        _ => ConsoleError::Unreachable { path: path.clone(), source },
    };
    let mut socket = connect(&path, within).map_err(unreachable)?;
    socket.write_all(format!("{line}\n").as_bytes()).map_err(unreachable)?;
    // Nothing else comes, so that a prompt is not waited for.
    socket.shutdown(Shutdown::Write).map_err(unreachable)?;
    let mut rows = Vec::new();
    let mut unread = Vec::new();
    let mut chunk = [0; 4096];
    let mut received = 0;
    loop {
        while let Some(end) = unread.iter().position(|&b| b == b'\n') {
            let line: Vec<u8> = unread.drain(..=end).collect();
            match parse(&line) {
                Some(Said::Row(row)) => rows.push(row),
                Some(Said::Done(done)) => return Ok(Answer { rows, done }),
                Some(Said::Refused(refusal)) => return Err(ConsoleError::Refused(refusal)),
                None => {}
            }
        }
        // A server's line and its answer are never longer: whatever is at the other end, it is not a server.
        if unread.len() > SERVER_LINE_MAX || received > ANSWER_MAX {
            return Err(ConsoleError::HungUp);
        }
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(ConsoleError::Silent(within));
        }
        socket.set_read_timeout(Some(left)).map_err(unreachable)?;
        match socket.read(&mut chunk) {
            Ok(0) => return Err(ConsoleError::HungUp),
            Ok(count) => {
                received += count;
                unread.extend_from_slice(&chunk[..count]);
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(unreachable(error)),
        }
    }
}

/// Connects. The write timeout bounds the connecting too: with a server that hangs, its queue full,
/// it would otherwise never end.
fn connect(path: &Path, within: Duration) -> io::Result<Socket> {
    let socket = Socket::new(Domain::UNIX, Type::STREAM, None)?;
    socket.set_write_timeout(Some(within))?;
    socket.connect(&SockAddr::unix(path)?)?;
    Ok(socket)
}

/// What a line says about the answer.
enum Said {
    Row(String),
    Done(String),
    Refused(Refusal),
}

/// `None` for all that is no part of the answer.
fn parse(line: &[u8]) -> Option<Said> {
    let line = std::str::from_utf8(line).ok()?.trim_end_matches('\n');
    match Line::parse(line).ok()?.body {
        Body::Row(text) => Some(Said::Row(one_line(text))),
        Body::Done(text) => Some(Said::Done(one_line(text))),
        Body::Refused(code, text) => {
            // A server of a later version may know more codes than this program.
            let code = Code::parse(code).unwrap_or(Code::Internal);
            Some(Said::Refused(Refusal::new(code, one_line(text))))
        }
        _ => None,
    }
}

impl Invitation {
    /// The code and what is said about it, as JSON in one line.
    #[must_use]
    pub fn json(&self) -> String {
        json::code(&self.code, &self.about)
    }

    /// How to use the code: for how many people it is, and what to pass on to them.
    #[must_use]
    pub fn how_to_use(&self, server: &Running) -> String {
        let code = &self.code;
        // The server ends with how to use it, for those who are connected already.
        let about = self.about.split(": /").next().unwrap_or_default();
        let about = if about.is_empty() { String::new() } else { format!("This code {about}. ") };
        let name = one_line(&server.name);
        // A machine's own name without its domain is known to nobody else.
        let (host, note) = if name.contains(':') {
            (format!("[{name}]"), "")
        } else if name.contains('.') {
            (name.clone(), "")
        } else {
            let note = "HOST is the name or address by which people reach this machine. If the setting name says it, it stands here.\n";
            ("HOST".to_owned(), note)
        };
        let register = format!("/register NAME invite={code}");
        if let (None, Some(plain)) = (server.tls.first(), server.plain.first()) {
            let host = host.trim_matches(['[', ']']);
            return format!("{about}To pass on:\n\n  nc {host} {}\n  {register}\n\n{note}", plain.port());
        }
        // A server always listens somewhere; the usual port is a good guess.
        let port = server.tls.first().map_or(TLS_PORT, SocketAddr::port);
        let address = if port == TLS_PORT { host.clone() } else { format!("{host}:{port}") };
        format!(
            "{about}To pass on:\n\n  chitchat {address} --invite {code}\n\n\
             Or, for people without the program chitchat, in a browser:\n\n  \
             https://{host}:{port}/#invite={code}\n\n\
             Or in a terminal:\n\n  \
             openssl s_client -quiet -connect {host}:{port}\n  {register}\n\n{note}"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{BufRead as _, BufReader};
    use std::os::unix::net::UnixListener;
    use std::thread::JoinHandle;

    const PATIENCE: Duration = Duration::from_secs(10);

    fn request() -> InviteRequest {
        InviteRequest::new(None, Some("7d"), true, None).unwrap()
    }

    /// A server for one connection: greets, reads a line, sends `says`, hangs up.
    fn server(data: &Path, says: &'static [u8]) -> JoinHandle<String> {
        let listener = UnixListener::bind(data.join(SOCKET_FILE)).unwrap();
        std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            stream.set_read_timeout(Some(PATIENCE)).unwrap();
            stream.write_all(b"* ChitChat at here: the console.\n").unwrap();
            let mut line = String::new();
            BufReader::new(stream.try_clone().unwrap()).read_line(&mut line).unwrap();
            // The client may have gone away already.
            let _ = stream.write_all(says);
            line
        })
    }

    fn answered(says: &'static [u8]) -> (String, Result<Invitation, ConsoleError>) {
        let directory = tempfile::tempdir().unwrap();
        let server = server(directory.path(), says);
        let result = invite_within(directory.path(), &request(), PATIENCE);
        (server.join().unwrap(), result)
    }

    #[test]
    fn a_code_is_requested_and_received() {
        let (asked, invitation) =
            answered(b"* announcement: hello\n| a row\n[lobby] bob: + x\n+ BDFG-HJMN once, for 7d\n");
        assert_eq!(asked, "/invitecode for=7d admin\n");
        let invitation = invitation.unwrap();
        assert_eq!((invitation.code.as_str(), invitation.about.as_str()), ("BDFG-HJMN", "once, for 7d"));
        assert_eq!(answered(b"+ BDFG\n").1.unwrap().about, "");
    }

    #[test]
    fn an_invitation_is_a_command_to_pass_on() {
        let about = "lets in one person and is valid for 7 days: /register NAME invite=BDFG-HJMN";
        let invitation = Invitation { code: "BDFG-HJMN".to_owned(), about: about.to_owned() };
        let tls = vec!["[::]:2428".parse().unwrap()];
        let plain = vec!["127.0.0.1:2427".parse().unwrap()];
        let mut server = Running::here("chat.example.org".to_owned(), tls, plain);
        assert_eq!(
            invitation.how_to_use(&server),
            "\
This code lets in one person and is valid for 7 days. To pass on:

  chitchat chat.example.org --invite BDFG-HJMN

Or, for people without the program chitchat, in a browser:

  https://chat.example.org:2428/#invite=BDFG-HJMN

Or in a terminal:

  openssl s_client -quiet -connect chat.example.org:2428
  /register NAME invite=BDFG-HJMN

"
        );
        let has = |server: &Running, lines: &[&str]| {
            let text = invitation.how_to_use(server);
            lines.iter().for_each(|line| assert!(text.contains(line), "{line}: {text}"));
        };
        // Where people come to is not always known, and not always the usual port.
        server.name = "vm".to_owned();
        has(
            &server,
            &["  chitchat HOST --invite BDFG-HJMN\n", "connect HOST:2428\n", "HOST is the name or address by"],
        );
        (server.name, server.tls) = ("2001:db8::1".to_owned(), vec!["[::]:2500".parse().unwrap()]);
        has(&server, &["  chitchat [2001:db8::1]:2500 --invite BDFG-HJMN\n", "connect [2001:db8::1]:2500\n"]);
        server.tls.clear();
        has(&server, &["  nc 2001:db8::1 2427\n  /register NAME invite=BDFG-HJMN\n"]);
        server.plain.clear();
        has(&server, &["  chitchat [2001:db8::1] --invite BDFG-HJMN\n"]);
        let silent = Invitation { about: String::new(), ..invitation.clone() };
        assert!(silent.how_to_use(&server).starts_with("To pass on:\n"));
    }

    #[test]
    fn a_refusal_is_reported() {
        let (_, result) = answered(b"- storage: the disk is full\n");
        assert_eq!(result.unwrap_err().to_string(), "the server refused: the disk is full");
    }

    #[test]
    fn an_answer_controls_no_terminal_and_has_an_end() {
        let forged = answered(b"+ BDFG\x1b[2J once\n").1.unwrap();
        assert_eq!((forged.code.as_str(), forged.about.as_str()), (r"BDFG\u{1b}[2J", "once"));
        let refused = answered(b"- storage: \x1b[2J\x07full\n").1.unwrap_err();
        assert_eq!(refused.to_string(), r"the server refused: \u{1b}[2J\u{7}full");
        let rows = b"| row\n".repeat(ANSWER_MAX / 6 + 1_000);
        assert!(matches!(answered(rows.leak()).1, Err(ConsoleError::HungUp)));
    }

    #[test]
    fn a_dropped_or_garbled_answer_is_told_from_no_server() {
        assert!(matches!(answered(b"+ half a li").1, Err(ConsoleError::HungUp)));
        assert!(matches!(answered([b'x'; 10_000].repeat(2).leak()).1, Err(ConsoleError::HungUp)));
        let directory = tempfile::tempdir().unwrap();
        assert!(matches!(invite(directory.path(), &request()), Err(ConsoleError::NotRunning { .. })));
        // A socket whose server has ended.
        drop(UnixListener::bind(directory.path().join(SOCKET_FILE)).unwrap());
        let error = invite(directory.path(), &request()).unwrap_err();
        assert!(matches!(error, ConsoleError::NotRunning { .. }), "{error}");
        let deep = directory.path().join("x".repeat(200));
        assert!(matches!(invite(&deep, &request()), Err(ConsoleError::Unreachable { .. })));
    }

    #[test]
    fn a_silent_server_times_out() {
        let directory = tempfile::tempdir().unwrap();
        // Its backlog accepts the connection; nobody ever answers.
        let _listener = UnixListener::bind(directory.path().join(SOCKET_FILE)).unwrap();
        let result = invite_within(directory.path(), &request(), Duration::from_millis(50));
        assert!(matches!(result, Err(ConsoleError::Silent(_))), "{result:?}");
    }

    #[test]
    fn no_option_can_carry_another() {
        assert_eq!(InviteRequest::new(None, None, false, None).unwrap().line(), "/invitecode");
        assert!(InviteRequest::new(Some("1 admin"), None, false, None).is_err());
        assert!(InviteRequest::new(None, Some("1d\n/quit"), false, None).is_err());
        assert!(InviteRequest::new(Some("1001"), None, false, None).is_err());
    }
}
