//! Accounts, tokens, invitations to the server.

use super::super::{Registration, Settings};
use super::chat::{Chat, settings};

#[test]
fn an_account_has_passwords_and_tokens() {
    let mut chat = Chat::new();
    chat.connect("a");
    chat.connect("b");
    chat.plays("
        a> /register alice short
        a< - weak-password: a password has at least 8 bytes, and this one 5. A few words are good.
        a> /register alice password1
        a< + welcome alice - you are in lobby; nobody else is here just now. Type to talk.
        b> /register Alice password1
        b< - name-taken: Alice is taken. Choose another name.
        b> /login alice wrong
        b< - bad-credentials: that name or that password is wrong. /login NAME to try again, or ask an administrator for help.
        b> /login nobody password1
        b< - bad-credentials: that name or that password is wrong. /login NAME to try again, or ask an administrator for help.
        b> /login server password1
        b< - bad-name: server can't be a name: that name is the server's own.
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
        b< | since 2023-11-14T22:13:20.003Z from 192.0.2.1 by password
        b< | since 2023-11-14T22:13:20.010Z from 192.0.2.2 by password (this one)
        b< + 2 sessions
        b> /invitecode
        b< - not-allowed: only an administrator invites to this server.
        b> /token new laptop
        b< + ttoken4 is shown only this once. /resume TOKEN logs in with it.
        b> /token new laptop
        b< - name-taken: you have a token laptop. Choose another label, or /token revoke laptop first.
        b> /token list
        b< | laptop made 2023-11-14T22:13:20.014Z
        b< + 1 tokens
        b> /token revoke x
        b< - bad-argument: you have no token x. /token list shows them.
    ");
    chat.connect("c");
    chat.plays("
        c> /resume nothing
        c< - bad-credentials: that token is not known, or was revoked. /login NAME with your password, then /token new LABEL.
        c> /resume ttoken4
        c< + welcome alice - you are in lobby; nobody else is here just now. Type to talk.
        a> /sessions
        a< | since 2023-11-14T22:13:20.003Z from 192.0.2.1 by password (this one)
        a< | since 2023-11-14T22:13:20.010Z from 192.0.2.2 by password
        a< | since 2023-11-14T22:13:20.019Z from 192.0.2.3 by token laptop
        a< + 3 sessions
        a> /token revoke laptop
        c< * not-logged-in: the token that logged this connection in was revoked.
        a< + laptop is revoked.
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
        b< - weak-password: a password has at least 8 bytes, and this one 5. A few words are good.
        b> /passwd
        b< ? your old password (your terminal may show it)
        b>
        b< - cancelled: no answer came, so nothing was done.
        b> /passwd
        b< ? your old password (your terminal may show it)
        b> password1
        b< ? your new password, at least 8 characters (your terminal may show it)
        b> password2
        a< * not-logged-in: your password was changed on another connection. Log in with the new one.
        b< + your password is changed. Your other connections and all tokens are ended.
        b> hello
    ");
    chat.connect("d");
    chat.plays("
        d> /resume ttoken4
        d< - bad-credentials: that token is not known, or was revoked. /login NAME with your password, then /token new LABEL.
        d> /login alice password1
        d< - bad-credentials: that name or that password is wrong. /login NAME to try again, or ask an administrator for help.
        d> /login alice password2
        d< | lobby 1 alice: hello
        d< + welcome alice - you are in lobby; nobody else is here just now. Type to talk.
    ");
}

#[test]
fn an_invitation_lets_in_as_many_as_it_says() {
    let mut chat = Chat::with(Settings { registration: Registration::Invite, ..settings() });
    chat.console("server");
    chat.connect("a");
    chat.plays("
        a> /register alice password1
        a< - bad-invite: one needs an invitation here: /register NAME invite=CODE. Its members can tell you how to get one.
        a> /register alice invite=WRONG password1
        a< - bad-invite: that invitation is not known, is used up or is too old. RequestKind for a new one.
        server> /invitecode uses=2 for=1h
        server< + HDFG3 lets in 2 people until 2023-11-14T23:13:20.004Z: /register NAME invite=CODE
        a> /register alice invite=HDFG3 password1
        a< + welcome alice - you are in lobby; nobody else is here just now. Type to talk.
        a> /invitecode
        a< - not-allowed: only an administrator invites to this server.
    ");
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
        c< - bad-invite: that invitation is not known, is used up or is too old. RequestKind for a new one.
        server> /invitecode admin for=1h
        server< + HDFG7 lets in one administrator until 2023-11-14T23:13:20.011Z: /register NAME invite=CODE
        server> /invitecode for=2h admin
        server< + HDFG8 lets in one administrator until 2023-11-15T00:13:20.012Z: /register NAME invite=CODE
        -- 3600 s
        b< [lobby] * alice is here
        a< [lobby] * bob is here
    ",
    );
    chat.plays(
        "
        c> /register carol invite=HDFG7 password1
        c< - bad-invite: that invitation is not known, is used up or is too old. RequestKind for a new one.
        server> /invitecode admin
        server< + HDFG9 lets in one administrator until 2023-11-21T23:13:20.014Z: /register NAME invite=CODE
        c> /register carol invite=HDFG8 password1
        a< [lobby] * carol joined
        b< [lobby] * carol joined
        c< + welcome carol - you are in lobby; alice and bob are here. Type to talk.
        c> /invitecode
        c< + HDFG10 lets in one person until 2023-11-21T23:13:20.017Z: /register NAME invite=CODE
        server> /token new x
        server< - not-allowed: the console needs no token.
        server> /passwd
        server< ? your old password (your terminal may show it)
        server> password1
        server< ? your new password, at least 8 characters (your terminal may show it)
        server> password1
        server< - not-allowed: the console has no password.
        server> /whoami
        server< + server - an administrator of this server; you talk in no room just now.
        server> hello
        server< - no-room: you talk in no room just now. /rooms lists them, /join ROOM enters one.
        server> /msg carol hi
        server< + 1
        c< (server > carol) hi
    ",
    );
}
