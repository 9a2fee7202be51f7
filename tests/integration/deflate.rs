//! Deflate frames on the wire, both ways. They are packed and unpacked here as the page says, without the
//! server's code; only the dictionary is the library's.

use crate::support::{Client, Script, Server, play};
use chitchat::protocol::deflate::DICTIONARY_1;
use flate2::{Compress, Compression, Crc, Decompress, FlushCompress, FlushDecompress, Status};

/// One raw deflate stream that starts with a dictionary.
fn pack(plain: &[u8], dictionary: &[u8]) -> Vec<u8> {
    let mut compress = Compress::new(Compression::best(), false);
    compress.set_dictionary(dictionary).unwrap();
    let mut packed = Vec::with_capacity(plain.len() + 1024);
    assert_eq!(compress.compress_vec(plain, &mut packed, FlushCompress::Finish).unwrap(), Status::StreamEnd);
    packed
}

fn crc(plain: &[u8]) -> u32 {
    let mut crc = Crc::new();
    crc.update(plain);
    crc.sum()
}

fn frame(plain: &[u8]) -> Vec<u8> {
    let packed = pack(plain, DICTIONARY_1);
    let header = format!("={} {} {:08x}\n", packed.len(), plain.len(), crc(plain));
    [header.into_bytes(), packed].concat()
}

/// Reads lines and frames up to a certain line; returns how many lines arrived in frames, too.
fn read_lines(client: &mut Client, until: &str) -> (Vec<String>, usize) {
    let (mut lines, mut framed) = (Vec::new(), 0);
    loop {
        let line = client.next_line().expect("the server goes on");
        match line.strip_prefix('=') {
            None => lines.push(line),
            Some(header) => {
                let words: Vec<&str> = header.split(' ').collect();
                let [packed, plain, sum] = words[..] else { panic!("{line}") };
                let text = unpack(&client.next_bytes(packed.parse().unwrap()), plain.parse().unwrap());
                assert_eq!(format!("{:08x}", crc(text.as_bytes())), sum, "{line}");
                assert!(text.ends_with('\n') && text.len() > packed.parse().unwrap(), "{line}: {text:?}");
                assert!(packed == "0" || !packed.starts_with('0'), "{line}");
                framed += text.lines().count();
                lines.extend(text.lines().map(str::to_owned));
            }
        }
        if lines.iter().any(|line| line == until) {
            return (lines, framed);
        }
    }
}

fn unpack(packed: &[u8], plain: usize) -> String {
    let mut inflate = Decompress::new(false);
    inflate.set_dictionary(DICTIONARY_1).unwrap();
    let mut text = Vec::with_capacity(plain + 1);
    let status = inflate.decompress_vec(packed, &mut text, FlushDecompress::Finish).unwrap();
    assert_eq!((status, inflate.total_in(), text.len()), (Status::StreamEnd, packed.len() as u64, plain));
    String::from_utf8(text).unwrap()
}

/// Alice, logged in, with deflate on.
fn alice(server: &Server) -> Client {
    let mut alice = server.connect();
    alice.send("/set presence off");
    alice.expect("+ presence off…");
    alice.register("alice");
    alice.send("/set deflate 1");
    alice.expect("+ deflate 1");
    alice
}

#[test]
fn deflate_needs_a_known_dictionary_and_a_login() {
    play(
        "
        alice connects
        alice > /set deflate 1
        alice < - not-logged-in: …
        alice > /register alice correct horse battery
        alice < + welcome alice…
        alice > /set deflate 2
        alice < - bad-argument: …
        alice > /set deflate 0
        alice < - bad-argument: …
        alice > = this is still a text
        alice > /set deflate off
        alice < + deflate off…
        alice > /history
        alice < | lobby 1 {t} alice: = this is still a text
        alice < + 1 message
        ",
    );
}

#[test]
fn lines_for_many_people_arrive_in_smaller_frames() {
    let server = Server::start();
    let mut alice = alice(&server);
    let mut bob = server.connect();
    bob.register("bob");
    let text = "the quick brown fox jumps over the lazy dog, and again the quick brown fox jumps over the lazy dog";
    bob.send(text);
    bob.send("last");
    let (lines, framed) = read_lines(&mut alice, "[lobby] bob: last");
    assert_eq!(lines, [format!("[lobby] bob: {text}"), "[lobby] bob: last".to_owned()]);
    assert!(framed >= 1, "the long line came as it is");
    alice.send("/history");
    let (rows, _) = read_lines(&mut alice, "+ 2 messages");
    assert_eq!(rows.len(), 3, "{rows:?}");
}

#[test]
fn a_client_may_send_frames_and_lines() {
    let server = Server::start();
    let mut alice = alice(&server);
    let mut bob = server.connect();
    bob.register("bob");
    alice.send_bytes(&[&b"before\n"[..], &frame(b"one\n/say lobby two\n=three\n"), b"behind\n"].concat());
    // In a frame no line is a header.
    for text in ["before", "one", "two", "=three", "behind"] {
        bob.expect(&format!("[lobby] alice: {text}"));
    }
    let (lines, _) = read_lines(&mut alice, "+ 3");
    assert_eq!(lines, ["+ 3"]);
}

#[test]
fn an_answer_to_a_prompt_may_be_in_a_frame_whose_lines_have_the_usual_limit() {
    let server = Server::start();
    let mut alice = alice(&server);
    let long = format!("/ping x\n{}\n/ping y\n", "z".repeat(4001));
    alice.send_bytes(&frame(long.as_bytes()));
    let (lines, _) = read_lines(&mut alice, "+ y");
    assert_eq!(lines.len(), 3);
    assert!(lines[1].starts_with("- line-too-long: "), "{lines:?}");
    alice.send("/passwd");
    let asked = alice.next_line().unwrap();
    assert!(asked.starts_with("? "), "{asked}");
    alice.send_bytes(&frame(b"correct horse battery\nstaple staple staple\n/ping z\n"));
    let (lines, _) = read_lines(&mut alice, "+ z");
    assert!(lines.len() == 3 && lines[0].starts_with("? ") && lines[1].starts_with("+ "), "{lines:?}");
}

#[test]
fn frames_end_after_the_answer_to_off() {
    let server = Server::start();
    let mut alice = alice(&server);
    let mut bob = server.connect();
    bob.register("bob");
    alice.send("/set deflate off");
    alice.expect("+ deflate off…");
    alice.send("=5 5 00000000");
    bob.expect("[lobby] alice: =5 5 00000000");
    bob.send(&"again and ".repeat(50));
    alice.expect(&format!("[lobby] bob: {}", "again and ".repeat(50)));
}

#[test]
fn direct_messages_and_rooms_share_no_frame() {
    let server = Server::with(&["limits.repeats=off"]);
    let mut alice = alice(&server);
    let mut bob = server.connect();
    bob.register("bob");
    let text = "a line that is long enough to be worth a frame of its own, is it not, is it not, is it not";
    let lines: String = (0..20).map(|n| format!("/say lobby {text} {n}\n/msg alice {text} {n}\n")).collect();
    bob.send_bytes(lines.as_bytes());
    let (mut seen, mut frames) = (0, 0);
    while seen < 40 {
        let line = alice.next_line().unwrap();
        let Some(header) = line.strip_prefix('=') else {
            seen += usize::from(line.contains("bob"));
            continue;
        };
        let words: Vec<usize> = header.split(' ').take(2).map(|word| word.parse().unwrap()).collect();
        let text = unpack(&alice.next_bytes(words[0]), words[1]);
        let (rooms, direct) = (text.contains("[lobby] "), text.contains("(bob > alice) "));
        assert!(rooms != direct, "{text}");
        seen += text.lines().count();
        frames += 1;
    }
    assert!(frames > 1, "nothing came in a frame");
}

#[test]
fn a_bad_frame_is_named_and_ends_the_connection() {
    let good = pack(b"/ping x\n", DICTIONARY_1);
    let sum = crc(b"/ping x\n");
    assert!(format!("{sum:x}").contains(|c: char| c.is_ascii_alphabetic()), "{sum:x} has no letter");
    let header = |packed: usize, plain: usize, sum: u32| format!("={packed} {plain} {sum:08x}\n").into_bytes();
    let bomb = pack(&[b'x'; 1 << 20], DICTIONARY_1);
    // Packed against itself it is one reference, which finds other bytes in the right dictionary.
    let plain = b"/ping correct horse battery staple\n";
    let other = pack(plain, plain);
    let too_long = [b'a'; 16_385];
    let unended = b"/ping x";
    let bad: Vec<(&str, Vec<u8>)> = vec![
        ("no header", b"=\n".to_vec()),
        ("words", b"=a b c\n".to_vec()),
        ("a leading zero", [format!("=0{} 8 {sum:08x}\n", good.len()).into_bytes(), good.clone()].concat()),
        ("upper case", [format!("={} 8 {sum:08X}\n", good.len()).into_bytes(), good.clone()].concat()),
        ("a fourth word", [format!("={} 8 {sum:08x} 1\n", good.len()).into_bytes(), good.clone()].concat()),
        ("a wrong CRC", [header(good.len(), 8, sum ^ 1), good.clone()].concat()),
        ("too much", [header(good.len(), 7, sum), good.clone()].concat()),
        ("too little", [header(good.len(), 9, sum), good.clone()].concat()),
        ("bytes behind the stream", [header(good.len() + 1, 8, sum), good.clone(), vec![0]].concat()),
        ("half a stream", [header(good.len() - 1, 8, sum), good[..good.len() - 1].to_vec()].concat()),
        ("a bomb", [header(bomb.len(), 65_536, 0), bomb.clone()].concat()),
        ("PLAIN too large", header(good.len(), 65_537, sum)),
        ("PACKED too large", [header(16_385, 65_536, 0), too_long.to_vec()].concat()),
        ("another dictionary", [header(other.len(), plain.len(), crc(plain)), other].concat()),
        ("garbage", [header(20, 100, 0), vec![0xff; 20]].concat()),
        ("a line without an end", frame(unended)),
    ];
    let server = Server::start();
    let mut script = Script::new(&server);
    script.play("bob is in");
    for (number, (what, bytes)) in bad.into_iter().enumerate() {
        let mut client = server.connect();
        client.register(&format!("a{number}"));
        client.send("/set deflate 1");
        client.expect("+ deflate 1");
        client.send_anyway(&bytes);
        let lines = client.read_to_end();
        let told = lines.last().is_some_and(|line| line.starts_with("* bad-frame: "));
        assert!(told && !lines.iter().any(|line| line == "+ x"), "{what}: {lines:?}");
    }
    script.play("carol is in\ncarol > hello\nbob < [lobby] carol: hello");
}
