//! What administrators do with accounts.

use super::chat::Chat;
use crate::protocol::code::Code;
use crate::protocol::names::{AddressGroup, UserName};
use crate::server::core::BLOCKS_MAX;
use crate::server::traffic::HubFigures;
use std::time::Duration;

/// Alice and Bob are people, root is an administrator.
fn chat() -> Chat {
    let mut chat = Chat::of(&["alice", "bob"]);
    chat.administrator("root");
    chat.log.clear();
    chat
}

#[test]
fn all_of_it_is_for_administrators() {
    let mut chat = chat();
    for line in ["/accounts", "/disable bob", "/enable bob", "/resetpw bob", "/grant alice admin", "/blocks"] {
        assert_eq!(chat.refusal("alice", line), Some(Code::NotAllowed), "{line}");
    }
    chat.does("root", "/grant alice admin");
    chat.does("alice", "/disable bob");
    chat.does("console", "/enable bob");
}

#[test]
fn accounts_are_listed_by_name() {
    let mut chat = chat();
    chat.does("root", "/disable bob he is on holiday");
    chat.does("root", "/disable alice");
    chat.plays(
        "
        root> /accounts
        root< | alice member disabled 2023-11-14T22:13:20.002Z -
        root< | bob member disabled 2023-11-14T22:13:20.004Z - he is on holiday
        root< | root admin here 2023-11-14T22:13:30.008Z -
        root< + 3 accounts
        root> /accounts after=Alice limit=1
        root< | bob member disabled 2023-11-14T22:13:20.004Z - he is on holiday
        root< + 1 account, more
        root> /accounts after=root
        root< + 0 accounts
    ",
    );
}

#[test]
fn a_disabled_account_is_out_until_it_is_enabled() {
    let mut chat = chat();
    chat.does("bob", "/token new phone");
    let token = chat.log.split("bob< + ").nth(1).unwrap().split(' ').next().unwrap().to_owned();
    chat.device("bob2", "bob");
    chat.plays(
        "
        root> /disable bob see /rules
        root< + bob is disabled and has been logged out. /enable bob lets it log in again.
        bob< * not-logged-in: an administrator has disabled this account: see /rules
        bob2< * not-logged-in: an administrator has disabled this account: see /rules
        root> /disable bob
        root< + bob is disabled already. /enable bob lets it log in again.
    ",
    );
    chat.connect("bob");
    chat.plays(
        "
        bob> /login bob password1
        bob< - disabled: an administrator has disabled this account: see /rules
        bob> /login bob wrong
        bob< - bad-credentials: wrong name or password. /login NAME to try again.
    ",
    );
    assert_eq!(chat.refusal("bob", &format!("/resume {token}")), Some(Code::Disabled));
    chat.plays(
        "
        root> /enable bob
        root< + bob may log in again.
        root> /enable bob
        root< + bob was not disabled.
    ",
    );
    chat.does("bob", &format!("/resume {token}"));
}

#[test]
fn the_figures_of_the_server_are_shown_to_administrators_alone() {
    let mut chat = Chat::of(&["alice", "bob"]);
    chat.administrator("root");
    chat.device("phone", "alice");
    chat.does("alice", "/create ops");
    chat.does("alice", "/msg bob hi");
    chat.does("bob", "hello");
    assert_eq!(chat.refusal("alice", "/stats"), Some(Code::NotAllowed));
    chat.log.clear();
    chat.type_line("root", "/stats");
    let figures = chat.figures.take().unwrap();
    assert_eq!(figures.since / 1000, 1_700_000_000);
    let HubFigures { accounts, here, connections, rooms, messages, last_minute, refused, .. } = figures;
    assert_eq!((accounts, here, connections, rooms), (3, 3, 5, 2));
    assert_eq!((messages, last_minute, refused), (2, 0, 0));
    chat.wait(std::time::Duration::from_mins(1));
    chat.type_line("root", "/stats");
    assert_eq!(chat.figures.take().unwrap().last_minute, 2);
}

#[test]
fn what_administrators_did_is_kept() {
    let mut chat = chat();
    chat.does("root", "/disable bob too loud");
    chat.does("root", "/disable bob");
    chat.does("console", "/enable bob");
    chat.does("root", "/grant alice admin");
    chat.does("alice", "/resetpw bob");
    assert_eq!(chat.refusal("alice", "/disable nobody"), Some(Code::NoSuchUser));
    chat.plays(
        "
        root> /audit
        root< | alice resetpw bob
        root< | root grant alice admin
        root< | server enable bob
        root< | root disable bob too loud
        root< | server invitecode 1 uses=1 for=7d admin
        root< + 5 actions
    ",
    );
    chat.does("root", "/grant alice none");
    assert_eq!(chat.refusal("alice", "/audit"), Some(Code::NotAllowed));
}

#[test]
fn the_last_administrator_stays_one() {
    let mut chat = chat();
    for line in ["/grant root none", "/disable root"] {
        assert_eq!(chat.refusal("root", line), Some(Code::NotAllowed), "{line}");
        assert_eq!(chat.refusal("console", line), Some(Code::NotAllowed), "{line}");
    }
    chat.plays(
        "
        root> /grant alice admin
        root< + alice is an administrator now.
        root> /grant alice admin
        root< + alice is an administrator already.
        root> /grant root none
        root< + root is a member now.
        root> /grant alice none
        root< - not-allowed: only an administrator of this server can do that.
        alice> /whoami
        alice< + alice - an administrator of this server; you talk in lobby.
    ",
    );
    // One who can't log in does not count.
    chat.does("alice", "/grant root admin");
    chat.does("alice", "/disable root");
    assert_eq!(chat.refusal("alice", "/grant alice none"), Some(Code::NotAllowed));
    assert_eq!(chat.refusal("console", "/disable server"), Some(Code::BadName));
}

#[test]
fn a_lost_password_is_recovered_with_a_code_that_works_once() {
    let mut chat = chat();
    chat.does("bob", "/token new phone");
    let token = chat.log.split("bob< + ").nth(1).unwrap().split(' ').next().unwrap().to_owned();
    chat.type_line("root", "/resetpw bob");
    let code = chat.log.rsplit_once("/recover bob ").unwrap().1.split(' ').next().unwrap().to_owned();
    let why = "an administrator has reset this account's password. Ask for the code, then /recover NAME CODE.";
    assert!(chat.log.ends_with(&format!(
        "root< + {code} is good for a day, once: /recover bob {code} sets a new password.\nbob< * not-logged-in: {why}\n"
    )), "{}", chat.log);
    chat.connect("bob");
    assert_eq!(chat.refusal("bob", "/login bob password1"), Some(Code::BadCredentials));
    assert_eq!(chat.refusal("bob", &format!("/resume {token}")), Some(Code::BadCredentials));
    assert_eq!(chat.refusal("bob", "/recover bob HRST0 password2"), Some(Code::BadCredentials));
    assert_eq!(chat.refusal("bob", &format!("/recover alice {code} password2")), Some(Code::BadCredentials));
    assert_eq!(chat.refusal("bob", &format!("/recover bob {code} short")), Some(Code::WeakPassword));
    chat.plays(&format!(
        "
        bob> /recover bob {code}
        bob< ? a new password for bob, at least 8 characters (your terminal may show it)
        bob> password2
        bob< + welcome bob - you are in lobby; alice and root are here. Type to talk.
        bob> /recover bob {code}
        bob< ? password (your terminal may show it)
        bob> a secret that must not be said in a room
        bob< - already-logged-in: you are logged in already. /quit, then come back.
    "
    ));
    chat.connect("again");
    assert_eq!(chat.refusal("again", &format!("/recover bob {code} password3")), Some(Code::BadCredentials));
    assert_eq!(chat.refusal("again", "/login bob password1"), Some(Code::BadCredentials));
    chat.does("again", "/login bob password2");
}

#[test]
fn a_code_lasts_for_a_day_and_a_new_one_replaces_it() {
    let mut chat = chat();
    let code_of = |chat: &mut Chat| {
        chat.type_line("root", "/resetpw bob");
        chat.log.rsplit_once("/recover bob ").unwrap().1.split(' ').next().unwrap().to_owned()
    };
    let (first, second) = (code_of(&mut chat), code_of(&mut chat));
    chat.connect("bob");
    assert_eq!(chat.refusal("bob", &format!("/recover bob {first} password2")), Some(Code::BadCredentials));
    chat.wait(Duration::from_hours(25));
    assert_eq!(chat.refusal("bob", &format!("/recover bob {second} password2")), Some(Code::BadCredentials));
    let third = code_of(&mut chat);
    chat.does("root", "/disable bob");
    assert_eq!(chat.refusal("bob", &format!("/recover bob {third} password2")), Some(Code::Disabled));
    chat.does("root", "/enable bob");
    chat.does("bob", &format!("/recover bob {third} password2"));
}

#[test]
fn an_administrator_who_resets_the_own_password_is_answered_first() {
    let mut chat = chat();
    chat.type_line("root", "/resetpw root");
    let (answer, end) = (chat.log.find("root< + HRST"), chat.log.find("root< * not-logged-in: "));
    assert!(answer.is_some() && answer < end, "{}", chat.log);
}

/// A batch that is refused by the disk has done nothing to anyone.
#[test]
fn what_could_not_be_saved_did_not_happen() {
    let mut chat = chat();
    chat.refused_by_the_disk(&[("root", "/disable bob"), ("root", "/grant alice admin")]);
    assert_eq!(chat.refusal("alice", "/accounts"), Some(Code::NotAllowed));
    chat.connect("again");
    chat.does("again", "/login bob password1");
}

#[test]
fn a_blocked_address_is_out_until_its_time_is_over() {
    let mut chat = chat();
    let list = chat.hub.blocklist(chat.now);
    let (alice, bob) = (AddressGroup::V4([192, 0, 2, 1]), AddressGroup::V4([192, 0, 2, 2]));
    chat.plays(
        "
        root> /block 192.0.2.1 for=1h scans
        alice< * blocked
        root< + 192.0.2.1 is blocked for 1 hour. /unblock 192.0.2.1 ends that.
        root> /block 198.51.100.9/24
        root< + 198.51.100.0/24 is blocked until you lift it. /unblock 198.51.100.0/24 ends that.
        root> /blocks
        root< | 192.0.2.1 2023-11-14T23:13:40.002Z root scans
        root< | 198.51.100.0/24 - root
        root< + 2 blocks
        root> /blocks after=192.0.2.1 limit=1
        root< | 198.51.100.0/24 - root
        root< + 1 block
        root> /unblock 198.51.100.0
        root< + 198.51.100.0 was not blocked as such. /blocks lists what is.
        root> /unblock 198.51.100.0/24
        root< + 198.51.100.0/24 may connect again.
    ",
    );
    assert!(list.blocks(alice, chat.now.instant) && !list.blocks(bob, chat.now.instant));
    chat.wait(Duration::from_hours(1));
    assert!(!list.blocks(alice, chat.now.instant));
    chat.plays(
        "
        root> /blocks
        root< + 0 blocks
    ",
    );
}

#[test]
fn nobody_blocks_this_machine_or_themselves() {
    let mut chat = chat();
    for line in ["/block 127.0.0.1", "/block ::1", "/block 192.0.2.1/4", "/block here"] {
        assert_eq!(chat.refusal("console", line), Some(Code::BadArgument), "{line}");
    }
    // All of them have addresses in there.
    assert_eq!(chat.refusal("root", "/block 192.0.2.0/24"), Some(Code::NotAllowed));
    assert_eq!(chat.refusal("alice", "/block 203.0.113.1"), Some(Code::NotAllowed));
    chat.does("console", "/block 192.0.2.0/24");
    assert!(chat.log.contains("root< * blocked") && chat.log.contains("bob< * blocked"), "{}", chat.log);
    chat.does("console", "/whoami");
}

#[test]
fn a_block_that_could_not_be_saved_blocks_nobody() {
    let mut chat = chat();
    let list = chat.hub.blocklist(chat.now);
    chat.refused_by_the_disk(&[("root", "/block 203.0.113.7")]);
    chat.does("root", "/whoami");
    assert!(!list.blocks(AddressGroup::V4([203, 0, 113, 7]), chat.now.instant));
    chat.does("root", "/block 203.0.113.7");
    assert!(list.blocks(AddressGroup::V4([203, 0, 113, 7]), chat.now.instant));
}

#[test]
fn everyone_hears_an_announcement() {
    let mut chat = chat();
    chat.connect("guest");
    chat.plays(
        "
        root> /announce back at noon
        bob< * announcement: back at noon
        root< * announcement: back at noon
        alice< * announcement: back at noon
        console< * announcement: back at noon
        root< + told 4 connections.
    ",
    );
    assert_eq!(chat.refusal("alice", "/announce hello"), Some(Code::NotAllowed));
}

#[test]
fn guesses_are_slowed_down_by_address_and_said_so() {
    let logins = Some(crate::server::flood::Rate { per_second: 0.1, burst: 2 });
    let mut chat = Chat::with(crate::server::traffic::HubSettings { logins, ..super::chat::settings() });
    chat.connect("bob");
    chat.type_line("bob", "/register bob password1");
    chat.connect("eve");
    chat.plays(
        "
        eve> /login bob password2
        eve< - bad-credentials: wrong name or password. /login NAME to try again.
        eve> /login bob password3
        eve< - bad-credentials: wrong name or password. /login NAME to try again.
        eve> /login bob password1
        eve< - throttled: too many logins from your address. Try again in 11 s.
        -- 11 s
        eve> /login bob password1
        eve< + welcome bob - you are in lobby; nobody else is here just now. Type to talk.
    ",
    );
}

/// An address that the account was used from is not delayed by what strangers try.
#[test]
fn strangers_delay_strangers_alone() {
    let mut chat = chat();
    chat.connect("eve");
    for _ in 0..5 {
        assert_eq!(chat.refusal("eve", "/login bob password2"), Some(Code::BadCredentials));
    }
    chat.cut_off("eve");
    chat.connect("bob3");
    chat.does("bob3", "/login bob password1");
    chat.beside("bob2", "bob");
    chat.does("bob2", "/login bob password1");
    let is_in = |chat: &Chat, label| chat.conns[chat.at(label)].account.is_some();
    assert_eq!(["bob2", "bob3"].map(|label| is_in(&chat, label)), [true, false], "{}", chat.log);
    chat.wait(Duration::from_secs(1));
    assert!(is_in(&chat, "bob3"), "{}", chat.log);
}

#[test]
fn there_are_so_many_blocks_at_most_and_those_that_have_ended_do_not_count() {
    let mut chat = chat();
    chat.does("root", "/block 203.0.113.0 for=1s");
    for n in 1..BLOCKS_MAX {
        chat.does("root", &format!("/block 10.0.{}.{}", n / 256, n % 256));
    }
    assert_eq!(chat.refusal("root", "/block 203.0.113.1"), Some(Code::Limit));
    chat.does("root", "/block 10.0.0.1 for=1h as before, for a time");
    chat.wait(Duration::from_secs(1));
    chat.does("root", "/block 203.0.113.1");
    assert_eq!(chat.refusal("root", "/block 203.0.113.2"), Some(Code::Limit));
    chat.plays("");
}

#[test]
fn the_code_of_a_reset_is_good_before_its_time_is_over_and_not_then() {
    let mut chat = chat();
    chat.does("root", "/resetpw bob");
    let bob = UserName::parse("bob").unwrap();
    let state = &chat.hub.state;
    let reset = state.account(state.find_account(&bob).unwrap()).unwrap().recovery.unwrap();
    assert!(state.check_recovery(reset.until - 1, &bob, &reset.digest).is_ok());
    assert!(state.check_recovery(reset.until, &bob, &reset.digest).is_err());
}

/// The lines of one turn are decided one after another.
#[test]
fn who_was_disabled_is_away_at_once() {
    let mut chat = chat();
    chat.type_at_once(&[("root", "/disable bob"), ("root", "/who lobby")]);
    assert!(chat.log.contains("root< | bob away\n"), "{}", chat.log);
}
