//! Bytes on the wire: lines and their ends, what is refused whole, telnet, and the wrong kind of peer.

use crate::support::{Client, DEADLINE, PASSWORD, Script, Server, play};
use std::io::{Read as _, Write as _};
use std::net::TcpStream;

/// Alice and Bob in the lobby, Alice with tags.
fn pair(server: &Server) -> Script<'_> {
    let mut script = Script::new(server);
    script.play("alice is in with tags\nbob is in");
    script
}

#[test]
fn a_line_can_have_at_most_4000_bytes() {
    let server = Server::start();
    let mut script = pair(&server);
    let (fits, beyond) = ("x".repeat(4000), "x".repeat(4001));
    script.client("alice").send(&fits);
    script.client("bob").expect(&format!("[lobby] alice: {fits}"));
    script.client("alice").send(&beyond);
    script.client("alice").expect("- line-too-long: …");
    // The CR of CR LF does not count; a label on a line that is too long is still seen.
    script.client("alice").send(&format!("{fits}\r"));
    script.client("bob").expect(&format!("[lobby] alice: {fits}"));
    script.client("alice").send(&format!("/@long say lobby {beyond}"));
    script.client("alice").expect("@re=long - line-too-long: …");
    // Bytes count, not characters.
    script.client("alice").send(&"é".repeat(2001));
    script.client("alice").expect("- line-too-long: …");
    script.play("alice > short\nbob < [lobby] alice: short");
}

#[test]
fn a_line_without_an_end_is_discarded_as_it_arrives() {
    let server = Server::start();
    let mut script = pair(&server);
    let alice = script.client("alice");
    alice.send_bytes(b"/@endless say lobby ");
    for _ in 0..64 {
        alice.send_bytes(&[b'x'; 16 * 1024]);
    }
    alice.send_bytes(b"\n/ping after\n");
    alice.expect("@re=endless - line-too-long: …");
    alice.expect("+ after");
}

#[test]
fn before_login_a_line_can_have_at_most_512_bytes() {
    let server = Server::start();
    let mut client = server.connect();
    client.send(&format!("/ping {}", "x".repeat(506)));
    client.expect(&format!("+ {}", "x".repeat(506)));
    client.send(&format!("/ping {}", "x".repeat(507)));
    client.expect("- line-too-long: …");
    // Which limit applies is decided when a line is cut: this one follows the login.
    let text = "x".repeat(3000);
    client.send_bytes(format!("/register alice {PASSWORD}\n/ping {text}\n").as_bytes());
    client.expect("+ welcome alice…");
    client.expect(&format!("+ {text}"));
}

#[test]
fn a_line_that_is_not_utf8_is_refused_whole() {
    let server = Server::start();
    let mut script = pair(&server);
    for bad in [&b"\xc3"[..], b"\xed\xa0\x80", b"\xc0\xaf", b"\xf5\x80\x80\x80", b"caf\xe9", b"\xe2\x82"] {
        let alice = script.client("alice");
        alice.send_bytes(&[b"/@bad say lobby x", bad, b"y\n"].concat());
        alice.expect("@re=bad - bad-utf8: …");
        alice.send_bytes(&[bad, b"\n"].concat());
        alice.expect("- bad-utf8: …");
    }
    script.play("bob hears nothing");
}

#[test]
fn a_line_that_could_control_a_terminal_is_refused_whole() {
    let server = Server::start();
    let mut script = pair(&server);
    let bad = "\u{0} \u{7} \u{8} \u{b} \u{c} \u{1b} \u{7f} \u{80} \u{9b} \u{9f} \u{2028} \u{2029} \u{202a} \u{202e} \u{2066} \u{2069} \u{206a} \u{fdd0} \u{ffff} \u{e0041}";
    for bad in bad.split(' ').chain(["a\rb"]) {
        let alice = script.client("alice");
        alice.send(&format!("/@bad say lobby x{bad}y"));
        alice.expect("@re=bad - bad-text: …");
        alice.send(&format!("x{bad}"));
        alice.expect("- bad-text: …");
        alice.send(&format!("/{bad}"));
        alice.expect("- bad-text: …");
    }
    let alice = script.client("alice");
    for nothing in ["\u{200b}\u{2060}", "\u{3000}", "\u{2800} \u{feff}"] {
        alice.send(&format!("/@bad say lobby {nothing}"));
        alice.expect("@re=bad - bad-text: there is nothing to see…");
        alice.send(&format!("/@bad topic lobby {nothing}"));
        alice.expect("@re=bad - bad-text: …");
        alice.send(nothing);
        alice.expect("- bad-text: …");
    }
    alice.send(&format!("o{}", "\u{300}".repeat(31)));
    alice.expect("- bad-text: a character can have at most 30 marks…");
    let good = "a\tb \u{200d}\u{feff}\u{ad}\u{200f} \u{fffd}";
    script.client("alice").send(good);
    script.client("bob").expect(&format!("[lobby] alice: {good}"));
}

#[test]
fn an_invalid_answer_to_a_prompt_ends_the_command() {
    let server = Server::start();
    let mut client = server.connect();
    for (answer, code) in [
        (&b"caf\xe9 caf\xe9 caf\xe9"[..], "bad-utf8"),
        (b"pass\x1bword word", "bad-text"),
        (&[b'x'; 513], "line-too-long"),
    ] {
        client.send("/register alice");
        client.expect("? …");
        client.send_bytes(&[answer, b"\n"].concat());
        client.expect(&format!("- {code}: …"));
        client.send("/ping x");
        client.expect("+ x");
    }
}

#[test]
fn a_carriage_return_before_the_end_is_dropped() {
    let server = Server::start();
    let mut script = pair(&server);
    script.client("alice").send_bytes(b"one\r\ntwo\n\r\n\n/ping x\r\n");
    script.play(
        "
        bob < [lobby] alice: one
        bob < [lobby] alice: two
        alice < + x
        bob hears nothing
        ",
    );
}

#[test]
fn lines_may_arrive_in_pieces() {
    let server = Server::start();
    let mut script = pair(&server);
    for byte in "/@p say lobby zwölf\r\n".bytes() {
        script.client("alice").send_bytes(&[byte]);
    }
    script.play("alice < @re=p + 1\nbob < [lobby] alice: zwölf");
}

#[test]
fn lines_before_the_greeting_and_a_byte_order_mark_are_accepted() {
    let server = Server::start();
    for mut client in [Client::plain(server.plain()), Client::tls(server.tls())] {
        client.send_bytes("\u{feff}/ping first\n/ping second\n".as_bytes());
        client.expect("* …");
        client.expect("+ first");
        client.expect("+ second");
    }
}

#[test]
fn everything_sent_before_the_end_of_input_is_answered() {
    let server = Server::start();
    let clients = [(Client::plain(server.plain()), "1 message"), (Client::tls(server.tls()), "2 messages")];
    for (mut client, said) in clients {
        let name = if client.is_tls() { "tls" } else { "plain" };
        client.send_bytes(
            format!("/register {name}\n{PASSWORD}\n/say lobby one\n/history\n/ping last\nno end").as_bytes(),
        );
        client.end_input();
        client.expect("* …");
        client.expect("? …");
        client.expect(&format!("+ welcome {name}…"));
        client.expect("+ {id}");
        client.read_until(&format!("+ {said}"));
        client.expect("+ last");
        client.expect_end();
    }
    // The bytes without a line ending were not sent as a message.
    play("alice is in\nalice > /history\nalice < + 0 messages");
    let mut client = server.connect();
    client.register("reader");
    let rows = client.ask("/history");
    assert!(rows.len() == 3 && rows.iter().all(|row| !row.contains("no end")), "{rows:?}");
}

#[test]
fn quit_is_answered_and_ends_the_connection() {
    for connects in ["connects", "connects with TLS"] {
        play(&format!("a {connects}\na > /ping x\na > /quit\na > /ping y\na < + x\na < + …\na is cut off"));
    }
}

#[test]
fn telnet_commands_are_answered_and_kept_out_of_the_text() {
    let server = Server::start();
    let mut script = Script::new(&server);
    script.play("bob is in");
    script.play("alice connects\nalice > /set presence off\nalice < + presence off…");
    let alice = script.client("alice");
    alice.register("alice");
    // IAC NOP within a word, IAC DO TIMING-MARK, IAC SB … IAC SE.
    alice.send_bytes(b"he\xff\xf1llo\xff\xfd\x06\xff\xfa\x18\x00xterm\xff\xf0 there\r\x00");
    // The first of all is DO BINARY: without it inetutils' telnet breaks UTF-8.
    assert_eq!(alice.next_bytes(6), b"\xff\xfd\x00\xff\xfb\x06");
    script.play("bob < [lobby] alice: hello there");
    let alice = script.client("alice");
    // SUPPRESS-GO-AHEAD is refused: with it a terminal would send each key.
    alice.send_bytes(b"\xff\xfd\x03\xff\xfb\x1f");
    assert_eq!(alice.next_bytes(6), b"\xff\xfc\x03\xff\xfe\x1f");
    alice.send_bytes(b"/ping x\xff\xfcy\r\n/ping z\r\n");
    alice.expect("+ x");
    alice.expect("+ z");
}

#[test]
fn a_password_typed_into_telnet_is_not_echoed() {
    let server = Server::start();
    let mut client = server.connect();
    client.send_bytes(b"\xff\xfb\x1f");
    assert_eq!(client.next_bytes(6), b"\xff\xfd\x00\xff\xfe\x1f");
    client.send_bytes(b"/register alice\r\x00");
    let mut asked = client.next_bytes_until(b'\n');
    // WILL ECHO, before the line or after it, and WONT ECHO once the password was typed.
    if !asked.windows(3).any(|three| three == b"\xff\xfb\x01") {
        asked.extend(client.next_bytes(3));
    }
    assert!(asked.windows(3).any(|three| three == b"\xff\xfb\x01"), "{}", asked.escape_ascii());
    assert!(without_iac(&asked).starts_with(b"? "), "{}", asked.escape_ascii());
    client.send_bytes(format!("{PASSWORD}\r\n").as_bytes());
    let welcome = client.next_bytes_until(b'\n');
    assert!(without_iac(&welcome).windows(15).any(|w| w == b"+ welcome alice"), "{}", welcome.escape_ascii());
    assert!(welcome.windows(3).any(|three| three == b"\xff\xfc\x01"), "{}", welcome.escape_ascii());
}

/// The bytes without telnet's commands of three bytes.
fn without_iac(bytes: &[u8]) -> Vec<u8> {
    let (mut text, mut rest) = (Vec::new(), bytes);
    while let Some(&byte) = rest.first() {
        let skip = if byte == 0xff { 3 } else { 1 };
        if byte != 0xff {
            text.push(byte);
        }
        rest = rest.get(skip..).unwrap_or_default();
    }
    text
}

#[test]
fn a_peer_that_sends_no_telnet_commands_receives_none() {
    let server = Server::start();
    let mut client = server.connect();
    client.send("/register alice");
    client.expect("? …");
    client.send(PASSWORD);
    client.expect("+ welcome alice…");
}

/// Sends bytes to the wrong port. The answer must be one notice, then the end.
fn one_notice(mut socket: TcpStream, sent: &[u8]) -> String {
    socket.set_read_timeout(Some(DEADLINE)).unwrap();
    socket.write_all(sent).unwrap();
    let mut answer = Vec::new();
    // A reset after the notice is an end, too.
    let _ = socket.read_to_end(&mut answer);
    let answer = String::from_utf8(answer).unwrap();
    let lines: Vec<&str> = answer.lines().filter(|line| !line.contains("New here?")).collect();
    assert!(lines.len() == 1 && lines[0].starts_with("* ") && answer.ends_with('\n'), "{answer:?}");
    lines[0].to_owned()
}

/// A web page can make its visitor's browser send any of these to any port.
#[test]
fn an_http_request_is_refused_before_any_of_it_is_acted_on() {
    let server = Server::start();
    let path = "x".repeat(600);
    let requests: [&[u8]; 9] = [
        b"POST /register HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"GET / HTTP/1.0\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        &[b"POST /", path.as_bytes(), b" HTTP/1.1\r\n\r\n"].concat(),
        &[b"BREW /", path.as_bytes(), b" HTTP/1.1\r\n\r\n"].concat(),
        b"\r\n\r\nPOST / HTTP/1.1\r\n\r\n",
        b"POST /a\rb\0c\xff\xfe HTTP/1.1\r\n\r\n",
        b"POST /\n",
        b"\xff\xf1POST / HTTP/1.1\r\n\r\n",
    ];
    for request in requests {
        for mut client in [Client::plain(server.plain()), Client::tls(server.tls())] {
            client.expect("* …");
            client.send_anyway(&[request, b"/register mallory long enough\n/ping\n"].concat());
            let notice = client.next_bytes_until(b'\n');
            let notice = notice.strip_prefix(b"\xff\xfd\0").unwrap_or(&notice);
            let shown = request.escape_ascii();
            assert!(
                notice.starts_with(b"* this is a chat server, not a web server.")
                    || notice.starts_with(b"* for HTTP, offer "),
                "{shown}: {}",
                notice.escape_ascii()
            );
            client.expect_end();
        }
    }
    let mut client = server.connect();
    client.send("/login mallory long enough");
    client.expect("- bad-credentials: …");
}

#[test]
fn a_tls_hello_on_the_plain_port_is_told_so() {
    let server = Server::start();
    one_notice(TcpStream::connect(server.plain()).unwrap(), b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03");
}

#[test]
fn plain_text_on_the_tls_port_is_told_how_to_connect() {
    let server = Server::start();
    let notice = one_notice(TcpStream::connect(server.tls()).unwrap(), b"/register alice\n");
    assert!(notice.contains("TLS") || notice.contains("openssl"), "{notice}");
}

#[test]
fn silence_on_the_tls_port_is_told_how_to_connect() {
    let server = Server::start();
    one_notice(TcpStream::connect(server.tls()).unwrap(), b"");
}

#[test]
fn garbage_harms_nobody_else() {
    let server = Server::start();
    let mut script = pair(&server);
    let mut state = 0x2545_f491_4f6c_dd1du64;
    for _ in 0..50 {
        let mut garbage = Vec::new();
        for _ in 0..400 {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            garbage.extend_from_slice(&state.to_le_bytes());
        }
        for address in [server.plain(), server.tls()] {
            Client::plain(address).send_anyway(&garbage);
        }
    }
    script.play("alice > still here\nbob < [lobby] alice: still here");
}

/// A program that sends Latin-1 by mistake is refused, and its text is not taken for telnet.
#[test]
fn with_tags_on_there_is_no_telnet() {
    let server = Server::start();
    let mut program = server.connect();
    program.register("program");
    program.ask("/set tags on");
    for bytes in [&b"/@a say lobby caf\xff\xfb\x01e\n"[..], b"/@a say lobby a\xff\xf1b\n", b"/@a say lobby \xff\xfe\n"]
    {
        program.send_bytes(bytes);
        program.expect("@re=a - bad-utf8: …");
    }
    program.send("/@b say lobby well");
    program.expect("@re=b + 1");
}
