//! Operations that are decided later than what they rest on was found out: a password that has changed
//! since it was proven, messages that a sweep took for others. Each is refused, and changes nothing.

use super::chat::Chat;
use crate::protocol::code::Code;
use crate::protocol::names::{AccountId, ConversationId, MessageId, UserName};
use crate::server::core::{AccountAction, OperationKind};

fn account(chat: &Chat, name: &str) -> AccountId {
    chat.hub.state.find_account(&UserName::parse(name).unwrap()).unwrap()
}

/// What comes of an operation that nobody typed.
fn apply(chat: &mut Chat, kind: OperationKind) -> Result<(), Code> {
    chat.hub.apply(chat.now, kind, &mut chat.model).map(|_| ()).map_err(|refusal| refusal.code)
}

fn id(id: u64) -> MessageId {
    MessageId::new(id).unwrap()
}

#[test]
fn a_password_that_has_changed_since_proves_nothing() {
    let mut chat = Chat::of(&["bob"]);
    chat.administrator("root");
    let bob = account(&chat, "bob");
    let change =
        |generation| OperationKind::Account(bob, AccountAction::ChangePassword { generation, hash: "hash".into() });
    let end = |generation| OperationKind::Account(bob, AccountAction::Unregister { generation, all: false });

    assert_eq!(apply(&mut chat, change(0)), Ok(()));
    assert_eq!(apply(&mut chat, change(0)), Err(Code::BadCredentials), "it was changed");
    assert_eq!(apply(&mut chat, end(0)), Err(Code::BadCredentials), "it was changed");

    chat.does("root", "/resetpw bob");
    assert_eq!(apply(&mut chat, change(1)), Err(Code::BadCredentials), "it was reset");
    assert_eq!(apply(&mut chat, end(1)), Err(Code::BadCredentials), "it was reset");

    let code = chat.hub.state.account(bob).unwrap().recovery.unwrap().digest;
    let recover = OperationKind::Recover { name: UserName::parse("bob").unwrap(), code, hash: "hash".into() };
    assert_eq!(apply(&mut chat, recover), Ok(()));
    assert_eq!(apply(&mut chat, change(1)), Err(Code::BadCredentials), "there is another one");
    assert_eq!(apply(&mut chat, end(1)), Err(Code::BadCredentials), "there is another one");
    assert_eq!(apply(&mut chat, end(2)), Ok(()));
    chat.plays("");
}

#[test]
fn only_what_an_account_said_itself_is_removed_with_it() {
    let mut chat = Chat::of(&["alice", "bob"]);
    chat.does("alice", "/say lobby mine");
    chat.does("bob", "/say lobby his");
    let (alice, lobby) = (account(&chat, "alice"), ConversationId::new(1));
    let erase = || {
        let messages = vec![(lobby, id(1)), (lobby, id(2))];
        OperationKind::Erase { author: alice, messages, last: true }
    };
    let before = chat.model.messages();
    assert!(apply(&mut chat, erase()).is_err(), "it has not ended");
    assert_eq!(chat.model.messages(), before);
    let end = AccountAction::Unregister { generation: 0, all: true };
    assert_eq!(apply(&mut chat, OperationKind::Account(alice, end)), Ok(()));
    assert_eq!(apply(&mut chat, erase()), Ok(()));
    chat.log.clear();
    chat.does("bob", "/history lobby");
    assert!(chat.log.contains("| lobby 1 alice (removed): \n"), "{}", chat.log);
    assert!(chat.log.contains("| lobby 2 bob: his\n"), "{}", chat.log);
}

#[test]
fn messages_are_dropped_once_and_only_those_that_were_said() {
    let mut chat = Chat::of(&["alice"]);
    for _ in 0..3 {
        chat.does("alice", "/say lobby hello");
    }
    let drop = |through| OperationKind::Drop([(ConversationId::new(1), id(through))].into());
    assert!(apply(&mut chat, drop(4)).is_err(), "nobody has said it");
    assert_eq!(apply(&mut chat, drop(2)), Ok(()));
    for through in [0, 1, 2] {
        assert!(apply(&mut chat, drop(through)).is_err(), "{through} is gone");
    }
    assert_eq!(apply(&mut chat, drop(3)), Ok(()));
    chat.plays("");
}
