//! What the fuzz targets in `fuzz/` reach of the client's inside. Compiled for them alone.

use super::args::{Address, Transport};
use super::incoming::{parse_line, parse_row};
use super::item::{EventKind, Item, ShownEvent};
use super::known_hosts::{self, Pin, Record};
use super::screen::timeline::{Now, Timeline};
use super::screen::{Paint, wire};
use super::settings::Settings;
use super::state::{self, KnownLogin, SavedLogin};
use crate::protocol::line::Line;
use crate::protocol::names::UserName;
use crate::protocol::secrets::Secret;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use std::time::Instant;

/// Everything that a line from a server, or a row of an answer, may be shown as.
#[must_use]
pub fn shown(line: &str) -> Vec<String> {
    let me = UserName::parse("alice").ok();
    let parsed = Line::parse(line).ok().and_then(|line| parse_line(&line, me.as_ref()));
    let messages = [parsed, parse_row(line, me.as_ref())];
    let mut items: Vec<Item> = messages.into_iter().flatten().map(Item::Message).collect();
    items.push(Item::Row(line.to_owned()));
    items.push(Item::Refused { code: line.to_owned(), text: line.to_owned() });
    let kind = EventKind::Other(None);
    let text = line.to_owned();
    items.push(Item::Event(ShownEvent { target: None, kind, who: None, own: false, text, at: None }));
    let mut shown: Vec<String> = items.iter().map(|item| wire(item, Paint::Plain)).collect();
    let mut timeline = Timeline::new(UserName::server(), TimeZone::UTC, &Settings::default());
    let now = Now { wall: Timestamp::UNIX_EPOCH, steady: Instant::now() };
    for item in &items {
        let lines = timeline.show(item, now, Some(40));
        shown.extend(lines.iter().flat_map(|line| line.rows(Some(40), Paint::Plain)));
    }
    shown
}

/// Reads and changes a server's record and login in the text of the client's files.
///
/// # Panics
/// If what was written is not what is found, or something else changed.
pub fn files(seed: u8, text: &str) {
    let server = Address { host: "chat.example.org".to_owned(), port: 2428, transport: Transport::Tls }.to_string();
    let record = if seed.is_multiple_of(2) { Record::Authority } else { Record::Pin(Pin([seed; 32])) };
    let _ = known_hosts::find(text, &server);
    let new = known_hosts::with_record(text, &server, record);
    let found = known_hosts::find(&new, &server).and_then(|(_, word)| known_hosts::parse_record(word));
    assert_eq!(found, Some(record));
    let again = known_hosts::with_record(&new, &server, record);
    // `lines` takes a CR off each end of a line.
    let lines = |text: &str| text.lines().map(|line| line.trim_end_matches('\r').to_owned()).collect::<Vec<_>>();
    assert_eq!(lines(&again), lines(&new), "writing it again changes nothing");
    assert!(new.lines().count() <= text.lines().count() + 1);

    let Ok(name) = UserName::parse("alice") else { return };
    let saved = SavedLogin { name, token: Secret::new(&format!("t{seed}")) };
    let of_alice = |text: &str| -> Vec<KnownLogin> {
        let found = text.lines().filter_map(|line| state::parse_login(line, &server));
        found.filter(|login| *login.name() == name).collect()
    };
    let new = state::with_login(text, &server, &name, Some(&KnownLogin::Saved(saved.clone())));
    assert!(matches!(&of_alice(&new)[..], [KnownLogin::Saved(found)] if found.token.expose() == saved.token.expose()));
    let ended = state::with_login(&new, &server, &name, Some(&KnownLogin::Ended(name)));
    assert!(matches!(of_alice(&ended)[..], [KnownLogin::Ended(_)]));
    assert!(of_alice(&state::with_login(&ended, &server, &name, None)).is_empty());
}
