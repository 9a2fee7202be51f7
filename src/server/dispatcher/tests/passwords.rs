//! Password checks that come back to the dispatcher, or never should.

use super::*;

#[test]
fn a_login_is_refused_as_busy_when_too_many_wait() {
    let mut turns = Turns::new();
    turns.alice_and_bob();
    let seen = turns.turn(vec![login(CAROL, "alice"), login(5, "bob")]);
    assert_eq!(seen, ["1: answer 5 - busy:"]);
    let right = turns.checked();
    let seen = turns.turn(vec![right]);
    assert!(seen.contains(&"1: attached 3 alice".to_owned()), "{seen:?}");
    assert!(turns.turn(vec![login(5, "bob")]).is_empty());
    let right = turns.checked();
    assert!(turns.turn(vec![right]).contains(&"1: attached 5 bob".to_owned()));
}

#[test]
fn a_connection_that_left_during_its_password_check_is_not_logged_in() {
    let mut turns = Turns::new();
    turns.alice_and_bob();
    turns.turn(vec![login(CAROL, "alice")]);
    let right = turns.checked();
    assert!(turns.turn(vec![Request::detach(conn(CAROL)), right]).is_empty());
    let seen = turns.turn(vec![run(ALICE, Command::Personal(PersonalCommand::Sessions))]);
    assert_eq!(seen, ["1: answer 1 + 1"]);
}

#[test]
fn a_wrong_password_counts_even_if_the_connection_left() {
    let mut turns = Turns::new();
    turns.alice_and_bob();
    let address = AddressGroup::V4([198, 51, 100, 1]);
    let guess = |serial| {
        let name = UserName::parse("alice").unwrap();
        request(serial, RequestKind::Login { name, password: Secret::new("guess"), from: address })
    };
    for serial in 10..15 {
        turns.turn(vec![guess(serial)]);
        let AuthJob { conn, viewer, work, .. } = turns.auth_jobs.try_take().unwrap();
        let AuthWork::Verify { name, from, .. } = work else { panic!("{work:?}") };
        let kind = RequestKind::AuthDone(AuthOutcome::Wrong { name, from });
        turns.turn(vec![Request::detach(conn), Request { conn, viewer, kind, bytes: 0 }]);
    }
    // A stranger's sixth attempt is delayed, and one whose connection leaves in the meantime is
    // never checked.
    turns.turn(vec![guess(15), guess(16)]);
    assert!(turns.auth_jobs.try_take().is_none());
    turns.turn(vec![Request::detach(conn(15))]);
    turns.wait_until_due();
    turns.turn(Vec::new());
    assert_eq!(turns.auth_jobs.try_take().unwrap().conn, conn(16));
    assert!(turns.auth_jobs.try_take().is_none());
}
