//! What can change live does, and all of it is named.

use super::*;
use crate::server::config::{Environment, Flags};

fn config(sets: &[&str]) -> Config {
    let sets: Vec<String> = sets.iter().map(|&set| set.to_owned()).collect();
    let environment = Environment { data_home: Some("/d".into()), ..Environment::default() };
    Config::build(None, &sets, &Flags::default(), &environment).unwrap()
}

#[test]
fn each_setting_is_live_or_needs_a_restart() {
    let one = config(&[]);
    let other = config(&[
        "data=/e",
        "tls=127.0.0.1:1",
        "plain=off",
        "web=127.0.0.1:3",
        "metrics=127.0.0.1:2",
        "proxies=127.0.0.2",
        "web_proxies=127.0.0.1",
        "registration=open",
        "name=there",
        "certificate=/c",
        "key=/k",
        "workers=7",
        "accounts.bcrypt_cost=11",
        "accounts.members_invite=3",
        "history.sync=normal",
        "history.keep=off",
        "history.keep_for=30d",
        "history.keep_bytes=2 GiB",
        "history.edit_for=2d",
        "history.upgrade_copy=off",
        "limits.connections=7",
        "limits.per_address=7",
        "limits.flood=7/s burst 7",
        "limits.account_flood=7/s burst 7",
        "limits.logins=7/s burst 7",
        "limits.registrations=7/s burst 7",
        "limits.rooms_made=7",
        "limits.new_rooms=7/s burst 7",
        "limits.joins=7/s burst 7",
        "limits.first_messages=7/s burst 7",
        "limits.invitations=7/s burst 7",
        "limits.repeats=7/s burst 7",
        "limits.new_account=7h",
        "limits.hook=7/s burst 7",
        "limits.unread_bytes=70000",
        "limits.unread_total=70000000",
        "limits.unanswered=7",
        "limits.under_way_bytes=70000000",
    ]);
    let keys = |differences: Vec<(&'static str, String)>| -> Vec<&str> {
        differences.into_iter().map(|(key, _)| key).collect()
    };
    assert_eq!(keys(differences(&one, &other)), Config::keys(), "all differ");
    let next = one.with_live(&other);
    let restart = keys(differences(&next, &other));
    let needs = [
        "data",
        "tls",
        "plain",
        "web",
        "metrics",
        "proxies",
        "web_proxies",
        "name",
        "workers",
        "accounts.bcrypt_cost",
        "history.sync",
        "history.keep",
        "history.upgrade_copy",
    ];
    assert_eq!(restart, needs);
    let live: Vec<String> = Config::keys().into_iter().filter(|key| !needs.contains(&key.as_str())).collect();
    assert_eq!(keys(differences(&one, &next)), live);
    // Nothing is taken over without being named.
    assert_eq!(Config { warnings: Vec::new(), ..next.with_live(&one) }, one);
}

#[test]
fn what_keeps_less_is_said_and_what_keeps_more_is_not() {
    let history = |sets: &[&str]| config(sets).history;
    let all = history(&[]);
    let some = history(&["history.keep_for=30d", "history.keep_bytes=2 GiB"]);
    let less = history(&["history.keep_for=30d", "history.keep_bytes=1 GiB"]);
    let keys = |warnings: Vec<String>| -> Vec<String> {
        warnings.into_iter().map(|warning| warning.split(':').next().unwrap().to_owned()).collect()
    };
    assert_eq!(keys(keeps_less(&all, &some)), ["history.keep_for", "history.keep_bytes"]);
    assert_eq!(keys(keeps_less(&some, &less)), ["history.keep_bytes"]);
    for (before, now) in [(&all, &all), (&some, &some), (&some, &all), (&less, &some)] {
        assert_eq!(keeps_less(before, now), [""; 0]);
    }
    let warning = keeps_less(&all, &some).remove(0);
    assert!(warning.contains("what is older goes for good, 10 minutes from now"), "{warning}");
}

#[test]
fn what_has_changed_is_one_sentence() {
    let change = || ("limits.flood", "\"off\"".to_owned());
    let mut reloaded = Reloaded::default();
    assert_eq!(reloaded.sentence(), "nothing has changed.");
    reloaded.restart = vec![change()];
    assert_eq!(reloaded.sentence(), "1 setting needs a restart.");
    (reloaded.changed, reloaded.certificate) = (vec![change(), change()], Some("SHA256:00".to_owned()));
    assert_eq!(reloaded.sentence(), "2 settings changed, the certificate is another one, 1 setting needs a restart.");
    assert_eq!(one_line("/a\nb\u{1b}"), "/a?b?");
}
