//! Messages on the wire: verbatim texts, ids and their order, keys, echo, labels, an account's devices.

use crate::support::{Client, Script, Server, play};

#[test]
fn text_reaches_the_others_verbatim() {
    play(
        "
        alice is in
        bob is in with tags
        alice > hello bob
        bob < @id=1;at={at1} [lobby] alice: hello bob
        alice > //etc/passwd is no command
        bob < @id=2;at={at2} [lobby] alice: /etc/passwd is no command
        alice > //
        bob < @id=3;at={at3} [lobby] alice: /
        alice > /say lobby  two  spaces
        alice < + 4
        bob < @id=4;at={at4} [lobby] alice:  two  spaces
        alice > /say   lobby é 漢字 👩‍👩‍👧 [x] y: + - | * ? =
        alice < + 5
        bob < @id=5;at={at5} [lobby] alice: é 漢字 👩‍👩‍👧 [x] y: + - | * ? =
        alice hears nothing
        ",
    );
}

#[test]
fn a_blank_line_is_ignored_but_a_blank_text_is_refused() {
    let server = Server::start();
    let mut script = Script::new(&server);
    script.play("alice is in\nbob is in");
    script.client("alice").send_bytes(b"\n \t \n\r\n/say lobby  \n/say lobby\n/say lobby \t \n/post lobby key\n");
    script.play(
        "
        alice < - bad-argument: …
        alice < - bad-argument: …
        alice < - bad-argument: …
        alice < - bad-argument: …
        alice > x
        bob < [lobby] alice: x
        ",
    );
}

#[test]
fn nobody_can_forge_a_server_line() {
    play(
        "
        alice is in
        bob is in
        alice > + 17
        bob < [lobby] alice: + 17
        alice > [lobby] * carol joined
        bob < [lobby] alice: [lobby] * carol joined
        alice > @id=9;at=9 [lobby] bob: hi
        bob < [lobby] alice: @id=9;at=9 [lobby] bob: hi
        ",
    );
}

#[test]
fn echo_shows_your_own_lines_in_their_place() {
    play(
        "
        alice is in with tags
        alice > /set echo on
        alice < + echo on…
        alice > hello
        alice < @id=1;at={a} [lobby] alice: hello
        alice > /@x say lobby again
        alice < @re=x + 2
        alice < @id=2;at={b} [lobby] alice: again
        bob is in
        alice > /@y msg bob psst
        alice < @re=y + 1
        alice < @id=1;at={c};to=@bob (alice > bob) psst
        bob < (alice > bob) psst
        alice > /set echo off
        alice < + echo off…
        alice > silent
        alice hears nothing
        ",
    );
}

#[test]
fn an_accounts_other_devices_see_its_messages() {
    play(
        "
        alice is in
        phone connects
        phone > /set tags on
        phone < + tags on…
        phone > /login alice correct horse battery
        phone < + welcome alice…
        bob is in
        alice > in a room
        phone < @id=1;at={a} [lobby] alice: in a room
        alice > /msg bob directly
        alice < + 1
        phone < @id=1;at={b};to=@bob (alice > bob) directly
        bob < [lobby] alice: in a room
        bob < (alice > bob) directly
        alice hears nothing
        ",
    );
}

#[test]
fn ids_count_by_one_in_each_conversation() {
    play(
        "
        alice is in
        bob is in
        alice > /join ops
        alice < + ops…
        alice > /say ops a
        alice < + 1
        alice > /say lobby b
        alice < + 1
        alice > /say ops c
        alice < + 2
        alice > /msg bob d
        alice < + 1
        # who may not speak takes no id
        bob > /say ops x
        bob <~ - not-a-member: …
        alice > /say ops e
        alice < + 3
        ",
    );
}

#[test]
fn a_key_is_used_only_once() {
    let mut server = Server::start();
    let mut script = Script::new(&server);
    script.play(
        "
        alice is in
        bob is in
        alice > /post lobby k1 hello
        alice < + 1
        bob < [lobby] alice: hello
        alice > /post lobby k1 hello
        alice < + 1
        bob hears nothing
        alice > /post lobby k1 hello!
        alice < - conflict: …
        alice > /post lobby K1 hello
        alice < + 2
        bob < [lobby] alice: hello
        # a key is of one account, in one target
        bob > /post lobby k1 mine
        bob < + 3
        alice < [lobby] bob: mine
        alice > /post @bob k1 direct
        alice < + 1
        alice > /post @bob k1 direct
        alice < + 1
        ",
    );
    let longest = "k".repeat(64);
    script.play(&format!("alice > /post lobby {longest} x\nalice < + 4\nalice > /post lobby {longest}k x"));
    script.play("alice < - bad-argument: …");
    drop(script);
    server.kill();
    server.restart();
    Script::new(&server).play(
        "
        alice connects
        alice > /login alice correct horse battery
        alice <~ + welcome alice…
        alice > /post lobby k1 hello
        alice < + 1
        alice > /post lobby k1 other
        alice < - conflict: …
        alice > /say lobby next
        alice < + 5
        ",
    );
}

#[test]
fn labels_are_shown_only_with_tags() {
    play(
        "
        alice is in
        alice > /@a ping x
        alice < + x
        alice > /@b set tags on
        alice < @re=b + tags on epoch={epoch} protocol=1
        alice > /@c.d_e-f ping x
        alice < @re=c.d_e-f + x
        alice > /@c.d_e-f ping y
        alice < @re=c.d_e-f + y
        alice > /@g rooms
        alice < @re=g | lobby 1 -…
        alice < @re=g + 1 room
        alice > /@h nonsense
        alice < @re=h - unknown-verb: …
        alice > /@i say lobby
        alice < @re=i - bad-argument: …
        alice > /@not,a,label ping
        alice < - unknown-verb: …
        alice > /@123456789012345678901234567890123 ping
        alice < - unknown-verb: …
        alice > /@x  ping
        alice < @re=x - unknown-verb: …
        alice > /p1ng
        alice < - unknown-verb: …
        alice > /
        alice < - unknown-verb: …
        alice > /@j set tags off
        alice < + tags off…
        alice > /@k ping z
        alice < + z
        ",
    );
}

#[test]
fn answers_come_in_the_order_of_the_commands() {
    let server = Server::start();
    let mut script = Script::new(&server);
    script.play("alice is in with tags");
    let commands: String = (0..200)
        .map(|n| match n % 4 {
            0 => format!("/@n{n} ping {n}\n"),
            1 => format!("/@n{n} say lobby {n}\n"),
            2 => format!("/@n{n} history lobby limit=2\n"),
            _ => format!("/@n{n} nonsense\n"),
        })
        .collect();
    let alice = script.client("alice");
    alice.send_bytes(commands.as_bytes());
    for n in 0..200 {
        let lines = alice.read_until(&format!("@re=n{n} {}", if n % 4 == 3 { "- …" } else { "+ …" }));
        let rows = &lines[..lines.len() - 1];
        assert!(rows.iter().all(|row| row.starts_with(&format!("@re=n{n} | "))), "{rows:?}");
    }
}

#[test]
fn ids_ascend_on_every_connection_while_many_talk() {
    let server = Server::start();
    let mut listener = server.connect();
    listener.register("listener");
    listener.send("/set tags on");
    listener.expect("+ tags on…");
    let speakers = 4u64;
    let lines = 100u64;
    std::thread::scope(|scope| {
        for speaker in 0..speakers {
            let address = server.plain();
            scope.spawn(move || {
                let mut client = Client::plain(address);
                client.expect("* …");
                client.register(&format!("s{speaker}"));
                client.send("/set tags on");
                client.read_until("…+ tags on…");
                for line in 0..lines {
                    client.send(&format!("/@l{line} say lobby {speaker} {line}"));
                }
                // A final line is in its own place among the messages of others.
                let (mut last, mut answered) = (0, 0);
                while answered < lines {
                    let line = client.next_line().expect("the server speaks");
                    let id = match line.split_once(" + ") {
                        Some((_, id)) if line.starts_with("@re=l") => {
                            answered += 1;
                            id.parse().expect("an id")
                        }
                        _ => match id_of(&line) {
                            Some(id) => id,
                            None => continue,
                        },
                    };
                    assert!(id > last, "{id} after {last}: {line}");
                    last = id;
                }
            });
        }
        let mut next = [0u64; 4];
        for id in 1..=speakers * lines {
            let line = loop {
                let line = listener.next_line().expect("the server speaks");
                if id_of(&line).is_some() {
                    break line;
                }
            };
            assert_eq!(id_of(&line), Some(id), "{line}");
            let text = line.rsplit_once(": ").expect("a message").1;
            let (speaker, serial) = text.split_once(' ').expect("two numbers");
            let expected = &mut next[speaker.parse::<usize>().expect("a number")];
            assert_eq!(serial.parse(), Ok(*expected), "{line}");
            *expected += 1;
        }
    });
}

fn id_of(line: &str) -> Option<u64> {
    line.strip_prefix("@id=")?.split(';').next()?.parse().ok()
}

#[test]
fn settings_are_shown_and_checked() {
    play(
        "
        alice connects
        alice > /set
        alice < | tags off…
        alice < | echo off…
        alice < | presence on…
        alice < | replay 20…
        alice < | deflate off…
        alice < + …
        alice > /set replay off
        alice < + replay …
        alice > /set replay 1001
        alice < - bad-argument: …
        alice > /set tags maybe
        alice < - bad-argument: …
        alice > /set colour on
        alice < - bad-argument: …
        ",
    );
}

#[test]
fn help_lists_the_verbs_you_can_use_and_explains_all() {
    let server = Server::start();
    let mut client = server.connect();
    let mut rows = client.ask("/help");
    client.register("alice");
    rows.extend(client.ask("/help"));
    for verb in chitchat::protocol::command::TABLE {
        // Invitations to the server are an administrator's.
        let shown = rows.iter().any(|row| row.contains(&format!("/{}", verb.name)));
        assert!(shown || verb.name == "invitecode", "{} is missing", verb.name);
        let one = client.ask(&format!("/help {}", verb.name));
        assert!(one.last().is_some_and(|line| line.starts_with("+ ")) && one.len() > 1, "{one:?}");
    }
}
