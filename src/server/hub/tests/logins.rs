//! Logins with a password, and what is remembered of them.

use super::chat::{Chat, PASSWORD};
use crate::protocol::code::Code;
use crate::protocol::names::{AddressGroup, UserName};
use crate::server::core::{AccountAction, OperationKind};
use crate::server::traffic::KNOWN_MAX;

/// Where the first and the second connection of a chat come from.
const HOME: AddressGroup = AddressGroup::V4([192, 0, 2, 1]);
const ELSEWHERE: AddressGroup = AddressGroup::V4([192, 0, 2, 2]);

/// Bob, who has registered from home.
fn bob() -> Chat {
    let mut chat = Chat::new();
    chat.connect("bob");
    chat.does("bob", &format!("/register bob {PASSWORD}"));
    chat
}

#[test]
fn a_password_that_was_reset_meanwhile_lets_nobody_in() {
    let mut chat = bob();
    chat.administrator("root");
    chat.connect("phone");
    let login = format!("/login bob {PASSWORD}");
    chat.type_at_once(&[("phone", &login), ("root", "/resetpw bob")]);
    assert!(chat.log.contains("phone< - bad-credentials: "), "{}", chat.log);
}

#[test]
fn a_right_password_is_not_counted_against_its_address() {
    let mut chat = bob();
    chat.connect("phone");
    chat.does("phone", &format!("/login bob {PASSWORD}"));
    assert_eq!(chat.hub.throttle.stranger(ELSEWHERE, chat.now.instant).rank, 1);
}

#[test]
fn who_gives_wrong_old_passwords_loses_precedence() {
    let mut chat = bob();
    let account = chat.hub.state.find_account(&UserName::parse("bob").unwrap()).unwrap();
    for command in ["/passwd", "/passwd", "/passwd", "/unregister", "/unregister"] {
        assert_eq!(chat.hub.throttle.familiar(account, HOME, chat.now.instant).rank, 0);
        chat.does("bob", command);
        if command == "/passwd" {
            chat.does("bob", "a wrong password");
            assert_eq!(chat.refusal("bob", "another password"), Some(Code::BadCredentials));
        } else {
            assert_eq!(chat.refusal("bob", "a wrong password"), Some(Code::BadCredentials));
        }
    }
    assert!(chat.hub.throttle.familiar(account, HOME, chat.now.instant).rank > 0);
}

#[test]
fn an_account_is_known_at_the_last_addresses_that_were_new_to_it() {
    let mut chat = Chat::of(&["alice"]);
    let alice = chat.hub.state.find_account(&UserName::parse("alice").unwrap()).unwrap();
    let address = |n| AddressGroup::V4([198, 51, 100, n]);
    let known = |chat: &Chat| chat.hub.state.account(alice).unwrap().known.clone();
    let use_it = |chat: &mut Chat, n| {
        let kind = OperationKind::Account(alice, AccountAction::UseAddress(address(n)));
        assert!(chat.hub.apply(chat.now, kind, &mut chat.model).is_ok());
    };
    for n in 1..=KNOWN_MAX {
        use_it(&mut chat, n);
        use_it(&mut chat, n);
        assert_eq!(known(&chat).last(), Some(&address(n)));
    }
    assert_eq!(known(&chat), (1..=KNOWN_MAX).map(address).collect::<Vec<_>>());
    use_it(&mut chat, 0);
    assert_eq!(known(&chat)[0], address(2), "the oldest gives way");
    chat.plays("");
}
