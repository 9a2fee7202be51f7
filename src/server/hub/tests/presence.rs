//! Who comes and goes.

use super::chat::Chat;

#[test]
fn presence_is_announced_once_and_not_while_flapping() {
    let mut chat = Chat::of(&["alice", "bob"]);
    chat.connect("carol");
    chat.plays(
        "
        carol> /register carol password1
        bob< [lobby] * carol joined
        alice< [lobby] * carol joined
        carol< + welcome carol - you are in lobby; alice and bob are here. Type to talk.
        -- 1 s
        alice< [lobby] * carol is here
        bob< [lobby] * carol is here
        bob> /set presence off
        bob< + presence off
        -- carol is cut off
        -- 4 s
        alice> /who lobby
        alice< | alice here
        alice< | bob here
        alice< | carol away
        alice< + 3 members
        -- 2 s
        alice< [lobby] * carol went away
        alice> /who lobby
        alice< | alice here
        alice< | bob here
        alice< | carol away
        alice< + 3 members
    ",
    );
    chat.connect("dan");
    chat.plays(
        "
        dan> /login carol password1
        dan< + welcome carol - you are in lobby; alice and bob are here. Type to talk.
        -- 1 s
        alice< [lobby] * carol is here
        -- dan is cut off
        -- 4 s
    ",
    );
    chat.connect("eve");
    chat.plays(
        "
        eve> /login carol password1
        eve< + welcome carol - you are in lobby; alice and bob are here. Type to talk.
        -- 9 s
    ",
    );
}

#[test]
fn an_arrival_is_announced_once_to_each_account_however_many_rooms_they_share() {
    let mut chat = Chat::of(&["alice", "bob", "carol"]);
    chat.plays(
        "
        alice> /join ops
        alice< + ops - you're the only member. Type to talk.
        bob> /join ops
        alice< [ops] * bob joined
        bob< + ops - 2 members, 2 here. Type to talk.
        carol> /join ops
        bob< [ops] * carol joined
        alice< [ops] * carol joined
        carol< + ops - 3 members, 3 here. Type to talk.
        bob> /leave lobby
        alice< [lobby] * bob left
        carol< [lobby] * bob left
        bob< + lobby - you left.
        -- carol is cut off
        -- 6 s
        alice< [lobby] * carol went away
        bob< [ops] * carol went away
    ",
    );
}

#[test]
fn the_members_can_be_read_in_pages_by_name_whoever_comes_and_goes_meanwhile() {
    let mut chat = Chat::of(&["alice", "Bob", "carol"]);
    chat.plays(
        "
        alice> /who
        alice< | alice here
        alice< | Bob here
        alice< | carol here
        alice< + 3 members
        -- Bob is cut off
        alice> /who
        alice< | alice here
        alice< | carol here
        alice< | Bob away
        alice< + 3 members
        alice> /who lobby limit=2
        alice< | alice here
        alice< | Bob away
        alice< + 2 members, more
        alice> /who after=BOB
        alice< | carol here
        alice< + 1 member
        alice> /who lobby after=dave
        alice< + 0 members
    ",
    );
}

#[test]
fn who_is_ended_by_an_administrator_goes_away() {
    let mut chat = Chat::of(&["bob", "carol"]);
    chat.administrator("ann");
    chat.plays(
        "
        ann> /disable bob
        ann< + bob is disabled and has been logged out. /enable bob lets it log in again.
        bob< * not-logged-in: an administrator has disabled this account
        -- 4 s
        -- 2 s
        carol< [lobby] * bob went away
        ann< [lobby] * bob went away
    ",
    );
}
