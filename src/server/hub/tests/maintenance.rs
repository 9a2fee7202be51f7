//! Settings that change while the server runs, what administrators are warned of, and what the log says.

use super::chat::{Chat, PASSWORD, WORKERS, settings};
use crate::protocol::code::Code;
use crate::protocol::line::{Final, Rows};
use crate::server::flood::Rate;
use crate::server::traffic::{HubSettings, Limits, Maintenance, PaceLimits, Registration};
use std::time::Duration;

/// Two at once, and one a minute.
const RATE: Option<Rate> = Some(Rate { per_second: 1.0 / 60.0, burst: 2 });

#[test]
fn other_settings_hold_from_the_next_request_on() {
    let mut chat = Chat::of(&["bob"]);
    (0..5).for_each(|n| chat.does("bob", &format!("/create before{n}")));
    let changed = HubSettings {
        registration: Registration::Closed,
        logins: RATE,
        pace: PaceLimits { rooms: RATE, ..PaceLimits::default() },
        answer_bytes: 4096,
        ..settings()
    };
    assert_eq!(chat.maintains("bob", Some(changed), Maintenance::default()), [""; 0]);
    assert_eq!(chat.hub.answer_bytes(), 4096);
    (0..2).for_each(|n| chat.does("bob", &format!("/create after{n}")));
    assert_eq!(chat.refusal("bob", "/create after2"), Some(Code::SlowDown));
    chat.connect("eve");
    assert_eq!(chat.refusal("eve", &format!("/register eve {PASSWORD}")), Some(Code::RegistrationClosed));
    for expected in [Code::BadCredentials, Code::BadCredentials, Code::Throttled] {
        assert_eq!(chat.refusal("eve", "/login bob wrong-password"), Some(expected));
    }
    let changed = HubSettings { registrations: RATE, ..settings() };
    chat.maintains("bob", Some(changed), Maintenance::default());
    for (label, expected) in [("e1", None), ("e2", None), ("e3", Some(Code::Throttled))] {
        chat.beside(label, "eve");
        assert_eq!(chat.refusal(label, &format!("/register {label} {PASSWORD}")), expected);
    }
}

#[test]
fn every_connection_has_another_tap_if_the_rate_of_accounts_changed() {
    let mut chat = Chat::of(&["ann", "bob"]);
    chat.console("console");
    let changed = HubSettings { account_flood: RATE, ..settings() };
    let taps = ["ann has a tap", "bob has a tap", "console has none"];
    assert_eq!(chat.maintains("ann", Some(changed.clone()), Maintenance::default()), taps);
    // Only then.
    assert_eq!(chat.maintains("ann", Some(changed), Maintenance::default()), [""; 0]);
    // Two changes of which the dispatcher hears in one turn, the second of something else.
    let now = chat.now;
    chat.hub.reconfigure(now, settings());
    let changed = HubSettings { edit_for: None, ..settings() };
    let none = ["ann has none", "bob has none", "console has none"];
    assert_eq!(chat.maintains("ann", Some(changed), Maintenance::default()), none);
    let pace = PaceLimits { new_account: Some(Duration::from_hours(1)), ..PaceLimits::default() };
    let changed = HubSettings { pace, ..settings() };
    assert_eq!(chat.maintains("ann", Some(changed), Maintenance::default()), none);
}

#[test]
fn each_worker_has_the_limits_however_many_the_settings_name() {
    let mut chat = Chat::of(&["ann"]);
    let limits = Limits { flood: None, unread_bytes: 1, unread_total: 1, unanswered: 7 };
    let changed = HubSettings { workers: WORKERS + 5, ..settings() };
    let seen = chat.maintains("ann", Some(changed), Maintenance { limits: Some(limits), ..Maintenance::default() });
    assert_eq!(seen, ["worker 0: 7 unanswered", "worker 1: 7 unanswered"]);
}

#[test]
fn administrators_are_warned_at_once_and_when_they_log_in() {
    let mut chat = Chat::of(&["bob"]);
    chat.administrator("ann");
    chat.log.clear();
    let answer = Some((Rows::default(), Final::Done("1 setting changed.".to_owned())));
    let warns = Maintenance {
        notices: vec!["the certificate ends today.".to_owned()],
        at_login: Some(vec!["it has ended.".to_owned()]),
        answer,
        ..Maintenance::default()
    };
    chat.maintains("ann", None, warns);
    let said = "ann< * warning: the certificate ends today.\nann< + 1 setting changed.\n";
    assert_eq!(chat.log.replace("console< * warning: the certificate ends today.\n", ""), said);
    // What was to be told at a login stays so, until something else is.
    chat.maintains("ann", None, Maintenance::default());
    chat.log.clear();
    for name in ["ann", "bob"] {
        let label = format!("{name}2");
        chat.connect(&label);
        chat.does(&label, &format!("/login {name} {PASSWORD}"));
    }
    assert_eq!(chat.log.matches("< * warning: it has ended.").count(), 1, "{}", chat.log);
    assert!(chat.log.contains("ann2< * warning: it has ended."), "{}", chat.log);
    chat.maintains("ann", None, Maintenance { at_login: Some(Vec::new()), ..Maintenance::default() });
    chat.log.clear();
    chat.device("ann3", "ann");
    assert!(!chat.log.contains("warning"), "{}", chat.log);
}

#[test]
fn the_log_says_who_came_and_who_failed_from_where() {
    let mut chat = Chat::of(&["bob"]);
    chat.logged.clear();
    chat.connect("eve");
    assert_eq!(chat.refusal("eve", "/login bob wrong-password"), Some(Code::BadCredentials));
    assert_eq!(chat.refusal("eve", "/login nobody wrong-password"), Some(Code::BadCredentials));
    chat.does("eve", &format!("/login bob {PASSWORD}"));
    ["/passwd", PASSWORD, "another-password", "another-password"].iter().for_each(|line| chat.type_line("eve", line));
    let said: Vec<String> = chat.logged.iter().map(ToString::to_string).collect();
    let id = chat.conns[chat.at("eve")].id;
    assert_eq!(
        said,
        [
            format!("login failed for bob from 192.0.2.2, connection {id}: wrong password"),
            format!("login failed for an unknown name from 192.0.2.2, connection {id}: wrong password"),
            format!("bob logged in from 192.0.2.2, connection {id}"),
            format!("bob changed the password from 192.0.2.2, connection {id}"),
        ]
    );
}
