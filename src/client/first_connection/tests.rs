//! What is asked, and what the server is sent: transcripts with a server on the plain port of this machine.

use super::prompts::Prompts;
use super::*;
use crate::client::args::{Address, Transport};
use crate::client::state::StateDir;
use std::collections::VecDeque;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::thread;
use std::time::Duration;

/// Answers from a list, and keeps what was asked and told.
#[derive(Default)]
struct Person {
    answers: VecDeque<&'static str>,
    seen: Vec<String>,
}

impl Prompts for Person {
    fn can_answer(&self) -> bool {
        true
    }

    fn line(&mut self, question: &str) -> io::Result<Option<String>> {
        let answer = self.answers.pop_front();
        self.seen.push(format!("{question}{}", answer.unwrap_or("(end)")));
        Ok(answer.map(str::to_owned))
    }

    fn hidden(&mut self, question: &str) -> io::Result<Option<Secret>> {
        Ok(self.line(question)?.map(|answer| Secret::new(&answer)))
    }

    fn tell(&mut self, text: &str) {
        self.seen.push(text.to_owned());
    }
}

/// One connection: what the client sends, without its label, and what it is answered.
type Talk = &'static [(&'static str, &'static str)];

/// Everything is answered by then.
const DEADLINE: Duration = Duration::from_secs(10);

fn serve(listener: &TcpListener, talk: Talk) {
    let socket = listener.accept().unwrap().0;
    socket.set_read_timeout(Some(DEADLINE)).unwrap();
    let mut lines = BufReader::new(socket);
    writeln!(lines.get_mut(), "* ChitChat at localhost.").unwrap();
    let mut label = String::new();
    let mut answer = |lines: &mut BufReader<TcpStream>, expected: &str, answer: &str| {
        let mut line = String::new();
        lines.read_line(&mut line).unwrap();
        let line = line.trim_end();
        let said = match line.strip_prefix("/@") {
            Some(labelled) => {
                let (new, command) = labelled.split_once(' ').unwrap();
                new.clone_into(&mut label);
                command
            }
            None => line,
        };
        let said = if expected == "token" { said.split(' ').next().unwrap() } else { said };
        assert_eq!(said, expected);
        writeln!(lines.get_mut(), "@re={label} {answer}").unwrap();
    };
    answer(&mut lines, "set tags on", "+ tags on epoch=e protocol=1");
    for (expected, said) in talk {
        answer(&mut lines, expected, said);
    }
}

/// Comes to a server that answers like this on each connection.
fn visit(visitor: &Visitor, answers: &[&'static str], talks: &'static [Talk]) -> (Vec<String>, Result<String, String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let server = thread::spawn(move || talks.iter().for_each(|talk| serve(&listener, talk)));
    let dir = tempfile::tempdir().unwrap();
    let server_address = Address { host: "127.0.0.1".to_owned(), port, transport: Transport::Plain };
    let state = StateDir::at(dir.path().to_owned()).unwrap();
    let connector = Connector { server: server_address, state, fingerprint: None };
    let mut person = Person { answers: answers.iter().copied().collect(), ..Person::default() };
    let outcome = connect(visitor, &connector, &mut Poller::new().unwrap(), &mut person);
    server.join().unwrap();
    assert!(person.answers.is_empty(), "not asked for: {:?}", person.answers);
    (person.seen, outcome.map(|login| login.me.to_string()).map_err(|error| error.to_string()))
}

const LOGGED_IN: (&str, &str) = ("token", "+ ttoken is shown only this once.");
const NO_DEFLATE: (&str, &str) = ("set deflate 1", "- bad-argument: no.");
const STAYS: &str = "You stay logged in on this machine: next time, chitchat alone is enough.";

#[test]
fn a_newcomer_is_asked_for_the_password_last_and_for_a_wrong_answer_alone_again() {
    let (seen, outcome) = visit(
        &Visitor::default(),
        &[
            "",
            "bob",
            "dave",
            "9f3d xm2t",
            "/register NAME invite=9f3dxm2u",
            "short",
            "a few words",
            "a few",
            "a few words",
            "a few words",
        ],
        &[&[
            ("register bob x", "- name-taken: bob is taken. Choose another name."),
            ("register dave x", "- bad-invite: you need an invitation: /register NAME invite=CODE."),
            ("register dave invite=9f3dxm2t x", "- bad-invite: that invitation is unknown."),
            ("register dave invite=9f3dxm2u x", "- weak-password: too short."),
            ("register dave invite=9f3dxm2u", "? a password for dave"),
            ("a few words", "+ welcome dave - you are in lobby."),
            LOGGED_IN,
            NO_DEFLATE,
        ]],
    );
    assert_eq!(outcome, Ok("dave".to_owned()));
    assert_eq!(
        seen,
        [
            "Your name here, or Enter if you are new: ",
            "Choose a name: bob",
            "bob is taken. Choose another name.",
            "Choose a name: dave",
            "You need an invitation here; whoever runs the server can give you one.",
            "Invitation (Enter leaves): 9f3d xm2t",
            "That invitation is unknown, already used or expired.",
            "Invitation (Enter leaves): /register NAME invite=9f3dxm2u",
            "Choose a password, 8 characters or more: short",
            "a password needs at least 8 bytes; that one has 5. A few words make a good one.",
            "Choose a password, 8 characters or more: a few words",
            "The same again: a few",
            "The passwords don't match.",
            "Choose a password, 8 characters or more: a few words",
            "The same again: a few words",
            STAYS,
        ]
    );
}

#[test]
fn a_regular_may_mistype_the_password_or_go_back_to_the_name() {
    const WRONG: &str = "- bad-credentials: wrong name or password.";
    let (seen, outcome) = visit(
        &Visitor::default(),
        &["alise", "my password", "", "alice", "my pasword", "my password"],
        &[&[
            ("login alise", "? password for alise"),
            ("my password", WRONG),
            ("login alice", "? password for alice"),
            ("my pasword", WRONG),
            ("login alice", "? password for alice"),
            ("my password", "+ welcome Alice - you are in lobby."),
            LOGGED_IN,
            NO_DEFLATE,
        ]],
    );
    assert_eq!(outcome, Ok("Alice".to_owned()));
    assert_eq!(
        seen,
        [
            "Your name here, or Enter if you are new: alise",
            "Password for alise: my password",
            "That is not alise's password, or there is no alise here. Enter goes back to the name.",
            "Password for alise: ",
            "Your name here, or Enter if you are new: alice",
            "Password for alice: my pasword",
            "That is not alice's password, or there is no alice here. Enter goes back to the name.",
            "Password for alice: my password",
            STAYS,
        ]
    );
}

#[test]
fn whoever_types_for_longer_than_the_server_waits_is_not_asked_again() {
    let (seen, outcome) = visit(
        &Visitor { name: UserName::parse("dave").ok(), invite: Some(Secret::new("9f3d")), is_new: true },
        &["a few words", "a few words"],
        &[
            // The server closes each connection.
            &[("register dave invite=9f3d x", "- weak-password: too short.")],
            &[
                ("register dave invite=9f3d", "? a password for dave"),
                ("a few words", "+ welcome dave - you are in lobby."),
                LOGGED_IN,
                NO_DEFLATE,
            ],
        ],
    );
    assert_eq!(outcome, Ok("dave".to_owned()));
    let asked = ["Choose a password, 8 characters or more: a few words", "The same again: a few words", STAYS];
    assert_eq!(seen, asked);
}

#[test]
fn what_no_other_answer_mends_ends_the_visit() {
    const CLOSED: Talk = &[("register dave x", "- registration-closed: this server doesn't accept new accounts.")];
    let (_, outcome) = visit(&Visitor::default(), &["", "dave"], &[CLOSED]);
    assert_eq!(
        outcome,
        Err("the server refused: this server doesn't accept new accounts. (registration-closed)".to_owned())
    );
    let named = Visitor { name: UserName::parse("bob").ok(), is_new: true, ..Visitor::default() };
    let (_, outcome) = visit(&named, &[], &[&[("register bob x", "- name-taken: bob is taken.")]]);
    assert_eq!(outcome, Err("the server refused: bob is taken. (name-taken)".to_owned()));
    // Ctrl-D, and Enter where there is no other way.
    let (seen, outcome) = visit(&Visitor::default(), &[], &[&[]]);
    assert_eq!((seen.len(), outcome), (1, Err("cancelled".to_owned())));
    let alice = Visitor { name: UserName::parse("alice").ok(), ..Visitor::default() };
    let (_, outcome) = visit(&alice, &[""], &[&[]]);
    assert_eq!(outcome, Err("cancelled".to_owned()));
}
