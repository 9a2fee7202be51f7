//! Transcripts as data.
//!
//! ```text
//! alice is in                      connects, registers, reads the welcome
//! bob is in with tags              the same, and sets tags on
//! root is the console               connects to the administrator's console
//! carol connects                   reads the greeting only; "connects with TLS" as well
//! carol dials                      connects, and reads nothing yet
//! alice > hello {id}               is sent
//! bob < [lobby] alice: …           must be the next line that bob is shown
//! bob <~ + ops…                    must be a line that bob is shown; the lines before it are skipped
//! bob hears nothing                no line is waiting
//! carol ends input                 the sending side ends
//! carol is cut off                 the server ends the connection, with no further line
//! carol drops                      the connection is dropped without a word
//! # a comment
//! ```
//!
//! Patterns are those of `pattern.rs`; what they remember is shared by all connections.

use super::{Client, Server};
use std::collections::BTreeMap;

/// Connections by name, and the words that patterns have remembered.
pub(crate) struct Script<'a> {
    server: &'a Server,
    clients: BTreeMap<String, Client>,
    words: super::pattern::Words,
}

impl<'a> Script<'a> {
    /// Nobody is connected yet.
    pub(crate) fn new(server: &'a Server) -> Self {
        Self { server, clients: BTreeMap::new(), words: BTreeMap::new() }
    }

    /// Plays the lines; panics at the first that does not match.
    #[track_caller]
    pub(crate) fn play(&mut self, transcript: &str) -> &mut Self {
        for line in transcript.lines().map(str::trim_start) {
            if !line.is_empty() && !line.starts_with('#') {
                self.step(line);
            }
        }
        self
    }

    /// A connection, for what a transcript can't express.
    #[track_caller]
    pub(crate) fn client(&mut self, name: &str) -> &mut Client {
        self.clients.get_mut(name).unwrap_or_else(|| panic!("{name} is not connected"))
    }

    /// A word that a pattern has remembered.
    #[track_caller]
    pub(crate) fn word(&self, name: &str) -> &str {
        self.words.get(name).unwrap_or_else(|| panic!("nothing is remembered as {name}"))
    }

    /// Remembers a word.
    pub(crate) fn remember(&mut self, name: &str, word: &str) -> &mut Self {
        self.words.insert(name.to_owned(), word.to_owned());
        self
    }

    #[track_caller]
    fn step(&mut self, line: &str) {
        let (name, step) = line.split_once(' ').unwrap_or_else(|| panic!("not a step: {line}"));
        let connected = match step.trim_end() {
            "connects" => Some(self.server.connect()),
            "connects with TLS" => Some(self.server.connect_tls()),
            "is the console" => Some(self.server.console()),
            "dials" => Some(Client::plain(self.server.plain())),
            "is in" => Some(member(self.server, name)),
            "is in with tags" => {
                let mut client = member(self.server, name);
                client.send("/set tags on");
                client.expect("+ tags on…");
                Some(client)
            }
            _ => None,
        };
        if let Some(client) = connected {
            self.clients.insert(name.to_owned(), client);
            return;
        }
        if step == "drops" {
            assert!(self.clients.remove(name).is_some(), "{name} is not connected");
            return;
        }
        let words = self.words.clone();
        let client = self.client(name);
        client.words = words;
        if let Some(sent) = step.strip_prefix('>') {
            client.send(sent.strip_prefix(' ').unwrap_or(sent));
        } else if let Some(awaited) = step.strip_prefix("<~ ") {
            client.read_until(awaited);
        } else if let Some(expected) = step.strip_prefix("< ") {
            client.expect(expected);
        } else {
            match step {
                "hears nothing" => client.expect_nothing(),
                "ends input" => client.end_input(),
                "is cut off" => client.expect_end(),
                _ => panic!("not a step: {line}"),
            }
        }
        let words = client.words.clone();
        self.words = words;
    }
}

#[track_caller]
fn member(server: &Server, name: &str) -> Client {
    let mut client = server.connect();
    client.register(name);
    client
}
