//! Invitation codes to this server: listed by number, revoked, and noted in the audit log.

use super::super::HubSettings;
use super::chat::{Chat, PASSWORD, settings};
use crate::protocol::code::Code;
use crate::server::core::Registration;
use std::time::Duration;

/// A server for which one needs a code; the console makes them.
fn chat() -> Chat {
    let mut chat = Chat::with(HubSettings { registration: Registration::Invite, ..settings() });
    chat.console("console");
    chat
}

/// The code that a line is answered with.
fn code(chat: &mut Chat, line: &str) -> String {
    chat.type_line("console", line);
    let (_, code) = chat.log.rsplit_once("invite=").unwrap();
    code.trim_end().to_owned()
}

/// The rows of a list, without the times.
fn list(chat: &mut Chat, line: &str) -> Vec<String> {
    let start = chat.log.len();
    chat.type_line("console", line);
    let seen = chat.log[start..].lines().filter_map(|line| line.strip_prefix("console< "));
    let row = |line: &str| line.split(' ').filter(|word| !word.ends_with('Z')).collect::<Vec<_>>().join(" ");
    seen.map(row).collect()
}

#[test]
fn codes_are_listed_with_what_is_left_of_them_and_end_when_revoked() {
    let mut chat = chat();
    let first = code(&mut chat, "/invitecode uses=2 note=for the  team");
    let second = code(&mut chat, "/invitecode admin for=1d");
    code(&mut chat, "/invitecode");
    chat.connect("ann");
    chat.does("ann", &format!("/register ann invite={first} {PASSWORD}"));
    assert_eq!(
        list(&mut chat, "/invites"),
        ["| 1 member 1 server for the  team", "| 2 admin 1 server", "| 3 member 1 server", "+ 3 invites"]
    );
    assert_eq!(list(&mut chat, "/invites after=1 limit=1"), ["| 2 admin 1 server", "+ 1 invite, more"]);
    chat.does("console", "/invites revoke 2");
    assert_eq!(chat.refusal("console", "/invites revoke 2"), Some(Code::BadArgument));
    chat.connect("eve");
    assert_eq!(chat.refusal("eve", &format!("/register eve invite={second} {PASSWORD}")), Some(Code::BadInvite));
    chat.does("eve", &format!("/register eve invite={first} {PASSWORD}"));
    assert_eq!(list(&mut chat, "/invites"), ["| 3 member 1 server", "+ 1 invite"]);
    chat.wait(Duration::from_hours(24 * 7));
    assert_eq!(list(&mut chat, "/invites"), ["+ 0 invites"]);
    assert_eq!(chat.refusal("console", "/invites revoke 3"), Some(Code::BadArgument));
    code(&mut chat, "/invitecode");
    chat.does("console", "/invites revoke 4");
    code(&mut chat, "/invitecode");
    assert_eq!(list(&mut chat, "/invites"), ["| 5 member 1 server", "+ 1 invite"], "a number is not given twice");
    let audited = chat.model.audited(None);
    let expected = [
        "server invitecode 5 uses=1 for=7d",
        "server invites 4 revoke",
        "server invitecode 4 uses=1 for=7d",
        "server invites 2 revoke",
        "server invitecode 3 uses=1 for=7d",
        "server invitecode 2 uses=1 for=1d admin",
        "server invitecode 1 uses=2 for=7d note=for the  team",
    ];
    assert_eq!(audited, expected);
}

#[test]
fn members_neither_see_nor_revoke_them() {
    let mut chat = chat();
    let own = code(&mut chat, "/invitecode");
    code(&mut chat, "/invitecode");
    chat.connect("ann");
    chat.does("ann", &format!("/register ann invite={own} {PASSWORD}"));
    for line in ["/invites", "/invites revoke 2", "/invites revoke 9", "/invitecode"] {
        assert_eq!(chat.refusal("ann", line), Some(Code::NotAllowed), "{line}");
    }
}
