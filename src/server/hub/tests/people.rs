//! Accounts, tokens, invitation codes.

use super::chat::{Chat, settings};
use crate::server::traffic::{HubSettings, Registration};

#[test]
fn an_account_has_passwords_and_tokens() {
    let mut chat = Chat::new();
    chat.connect("a");
    chat.connect("b");
    chat.plays(
        "
        a> /register alice short
        a< - weak-password: a password needs at least 8 bytes; that one has 5. A few words make a good one.
        a> /register alice password1
        a< + welcome alice - you are in lobby; nobody else is here just now. Type to talk.
        b> /register Alice password1
        b< - name-taken: Alice is taken. Choose another name.
        b> /login alice wrong
        b< - bad-credentials: wrong name or password. /login NAME to try again.
        b> /login nobody password1
        b< - bad-credentials: wrong name or password. /login NAME to try again.
        b> /login server password1
        b< - bad-name: server can't be a name: that name is reserved for the server.
        b> /login
        b< - bad-argument: NAME is missing. Use: /login NAME [PASSWORD]
        b> /login ALICE password1
        b< + welcome alice - you are in lobby; nobody else is here just now. Type to talk.
        b> /login alice password1
        b< - already-logged-in: you are logged in already. /quit, then come back.
        b> /whoami
        b< + alice - a member of this server; you talk in lobby.
        b> /resume x
        b< - already-logged-in: you are logged in already. /quit, then come back.
        b> /sessions
        b< | since 2023-11-14T22:13:20.003Z from 192.0.2.1 by password number 1
        b< | since 2023-11-14T22:13:20.010Z from 192.0.2.2 by password (this one) number 2
        b< + 2 sessions
        b> /invitecode
        b< - not-allowed: only an administrator of this server can do that.
        b> /token new laptop
        b< + ttoken4 is shown only this once. /resume TOKEN logs in with it.
        b> /token new laptop
        b< - name-taken: you already have a token laptop. Choose another label, or /token revoke laptop first.
        b> /token list
        b< | laptop made 2023-11-14T22:13:20.014Z
        b< + 1 token
        b> /token revoke x
        b< - bad-argument: you have no token x. /token list shows yours.
    ",
    );
    chat.connect("c");
    chat.plays("
        c> /resume nothing
        c< - bad-credentials: that token is unknown or was revoked. /login NAME with your password, then /token new LABEL.
        c> /resume ttoken4
        c< + welcome alice - you are in lobby; nobody else is here just now. Type to talk.
        a> /sessions
        a< | since 2023-11-14T22:13:20.003Z from 192.0.2.1 by password (this one) number 1
        a< | since 2023-11-14T22:13:20.010Z from 192.0.2.2 by password number 2
        a< | since 2023-11-14T22:13:20.019Z from 192.0.2.3 by token laptop number 3
        a< + 3 sessions
        a> /token revoke laptop
        c< * not-logged-in: this login's token was revoked.
        a< + laptop revoked.
        c> hello
        b> /passwd
        b< ? your old password (your terminal may show it)
        b> wrong
        b< ? your new password, at least 8 characters (your terminal may show it)
        b> password2
        b< - bad-credentials: the old password is wrong; nothing was changed. /passwd to try again.
        b> /passwd
        b< ? your old password (your terminal may show it)
        b> password1
        b< ? your new password, at least 8 characters (your terminal may show it)
        b> short
        b< - weak-password: a password needs at least 8 bytes; that one has 5. A few words make a good one.
        b> /passwd
        b< ? your old password (your terminal may show it)
        b>
        b< - cancelled: no answer came, so nothing was changed.
        b> /passwd
        b< ? your old password (your terminal may show it)
        b> password1
        b< ? your new password, at least 8 characters (your terminal may show it)
        b> password2
        a< * not-logged-in: your password was changed on another connection. Log in with the new one.
        b< + password changed. Your other connections were closed and all your tokens revoked.
        b> hello
    ");
    chat.connect("d");
    chat.plays("
        d> /resume ttoken4
        d< - bad-credentials: that token is unknown or was revoked. /login NAME with your password, then /token new LABEL.
        d> /login alice password1
        d< - bad-credentials: wrong name or password. /login NAME to try again.
        d> /login alice password2
        b< * read: lobby 1
        d< | lobby 1 alice: hello
        d< + welcome alice - you are in lobby; nobody else is here just now. Type to talk.
    ");
}

#[test]
fn an_invitation_code_lets_in_as_many_people_as_it_says() {
    let mut chat = Chat::with(HubSettings { registration: Registration::Invite, ..settings() });
    chat.console("server");
    chat.connect("a");
    chat.plays(
        "
        a> /register alice password1
        a< - bad-invite: you need an invitation: /register NAME invite=CODE. Ask an administrator for one.
        a> /register alice invite=WRONG password1
        a< - bad-invite: that invitation is unknown, already used or expired. Ask an administrator for a new one.
        server> /invitecode uses=2 for=1h
        server< + HDFG3 lets in 2 people and is valid for 1 hour: /register NAME invite=HDFG3
        a> /register alice invite=HDFG3 password1
        a< + welcome alice - you are in lobby; nobody else is here just now. Type to talk.
        a> /invitecode
        a< - not-allowed: only an administrator of this server can do that.
    ",
    );
    chat.connect("b");
    chat.plays(
        "
        b> /register bob invite=HDFG3 password1
        a< [lobby] * bob joined
        b< + welcome bob - you are in lobby; alice is here. Type to talk.
    ",
    );
    chat.connect("c");
    chat.plays(
        "
        c> /register carol invite=HDFG3 password1
        c< - bad-invite: that invitation is unknown, already used or expired. Ask an administrator for a new one.
        server> /invitecode admin for=1h
        server< + HDFG7 lets in one administrator and is valid for 1 hour: /register NAME invite=HDFG7
        server> /invitecode for=2h admin
        server< + HDFG8 lets in one administrator and is valid for 2 hours: /register NAME invite=HDFG8
        -- 3600 s
        b< [lobby] * alice is here
        a< [lobby] * bob is here
    ",
    );
    chat.plays(
        "
        c> /register carol invite=HDFG7 password1
        c< - bad-invite: that invitation is unknown, already used or expired. Ask an administrator for a new one.
        server> /invitecode admin
        server< + HDFG9 lets in one administrator and is valid for 7 days: /register NAME invite=HDFG9
        c> /register carol invite=HDFG8 password1
        a< [lobby] * carol joined
        b< [lobby] * carol joined
        c< + welcome carol - you are in lobby; alice and bob are here. Type to talk.
        c> /invitecode
        c< + HDFG10 lets in one person and is valid for 7 days: /register NAME invite=HDFG10
        server> /token new x
        server< - not-allowed: the console needs no token.
        server> /passwd
        server< ? your old password (your terminal may show it)
        server> password1
        server< ? your new password, at least 8 characters (your terminal may show it)
        server> password1
        server< - not-allowed: the console has no password.
        server> /whoami
        server< + server - an administrator of this server; you're not in a room.
        server> hello
        server< - no-room: you're not in a room. /rooms lists them, /join ROOM enters one.
        server> /msg carol hi
        server< + 1
        c< (server > carol) hi
    ",
    );
}

#[test]
fn revoking_a_token_ends_the_connections_that_are_logged_in_with_it() {
    let mut chat = Chat::of(&["alice"]);
    chat.device("phone", "alice");
    chat.device("laptop", "alice");
    // The phone creates a token for itself, the laptop one for a bot.
    chat.plays(
        "
        phone> /token new phone here
        phone< + ttoken4 is shown only this once. /resume TOKEN logs in with it.
        laptop> /token new bot
        laptop< + ttoken5 is shown only this once. /resume TOKEN logs in with it.
    ",
    );
    chat.connect("bot");
    chat.plays(
        "
        bot> /resume ttoken5
        bot< + welcome alice - you are in lobby; nobody else is here just now. Type to talk.
        alice> /sessions
        alice< | since 2023-11-14T22:13:20.002Z from 192.0.2.1 by password (this one) number 1
        alice< | since 2023-11-14T22:13:30.004Z from 192.0.2.2 by token phone number 2
        alice< | since 2023-11-14T22:13:30.006Z from 192.0.2.3 by password number 3
        alice< | since 2023-11-14T22:13:30.009Z from 192.0.2.4 by token bot number 4
        alice< + 4 sessions
        alice> /token revoke bot
        bot< * not-logged-in: this login's token was revoked.
        alice< + bot revoked.
        alice> /token revoke phone
        phone< * not-logged-in: this login's token was revoked.
        alice< + phone revoked.
        laptop> /token new phone there
        laptop< - bad-argument: Unexpected: there. Use: /token new LABEL [here] | list | revoke LABEL
        laptop> hello
        alice< [lobby] alice: hello
    ",
    );
}
