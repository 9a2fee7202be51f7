//! The picture of the client, `docs/client.svg`: a short conversation in a real terminal, with the clock standing at
//! one day. `UPDATE_PICTURE=1 cargo test --test integration client::picture -- --ignored` draws it anew; without that,
//! what the terminal shows must be what the picture shows. It needs tmux and faketime.

use super::home::Home;
use super::terminal::{Other, RealServer, Tmux};
use std::process::Command;
use unicode_width::UnicodeWidthChar as _;

const COLUMNS: usize = 78;
const NOW: [&str; 4] = ["env", "FAKETIME_DONT_FAKE_MONOTONIC=1", "TZ=UTC", "faketime"];
const WHEN: [&str; 2] = ["-f", "@2026-11-30 10:10:00"];

fn now(program: &str) -> Vec<String> {
    NOW.iter().chain(&WHEN).chain(&[program]).map(|&word| word.to_owned()).collect()
}

#[test]
#[ignore = "needs tmux and faketime"]
fn the_picture_shows_what_the_client_shows() {
    let (home, data) = (Home::new(), tempfile::tempdir().unwrap());
    let words = now(env!("CARGO_BIN_EXE_chitchatd"));
    let mut command = Command::new(&words[0]);
    command.args(&words[1..]);
    let server = RealServer::run(command, data.path(), "127.0.0.1:0", "127.0.0.1:0");
    let client = format!(
        "{} {}",
        now(env!("CARGO_BIN_EXE_chitchat")).join(" ").replace("@2026-11-30 10:10:00", "'@2026-11-30 10:10:00'"),
        server.tls
    );
    let tmux = Tmux::start(&home, &format!("{client} --register --fingerprint {}", server.fingerprint));
    for (asked, typed) in
        [("name: ", "alice"), ("or more:", "correct horse battery"), ("again:", "correct horse battery")]
    {
        tmux.shows(asked.trim_end());
        tmux.type_line(typed);
    }
    tmux.until("prompt", |screen| screen.ends_with("\n[lobby]"));
    let mut bob = Other::connect(server.plain, "/register bob correct horse battery");
    tmux.shows("bob joined");
    let mut carol = Other::connect(server.plain, "/register carol correct horse battery");
    // Joins are told a little later; the picture begins after that.
    tmux.shows("carol joined");
    tmux.type_line("/topic the house rules: be kind");
    for room in ["kitchen", "ops", "lobby"] {
        tmux.type_line(&format!("{} {room}", if room == "lobby" { "/switch" } else { "/join" }));
        tmux.until("prompt", |screen| screen.ends_with(&format!("\n[{room}]")));
    }
    tmux.keys(&["C-d"]);
    tmux.shows("ended with 0");
    for room in ["kitchen", "ops"] {
        bob.send(&format!("/join {room}"));
        bob.until(&format!("+ {room}"));
    }
    tmux.run(&["resize-window", "-x", &COLUMNS.to_string(), "-y", "24"]);
    tmux.run(&["respawn-pane", "-k", &client]);
    tmux.until("prompt", |screen| screen.ends_with("\n[lobby]"));
    let says = |who: &mut Other, line: &str, shown: &str| {
        who.send(line);
        let id = who.until("+ ");
        tmux.shows(shown);
        id.trim_start_matches("+ ").trim().to_owned()
    };
    let soup =
        says(&mut bob, "/say lobby there is soup left, and I put the big pot on the stove for tonight", "tonight");
    says(&mut carol, &format!("/reply lobby {soup} what kind?"), "what kind?");
    says(&mut bob, "/say lobby pumpkin", "pumpkin");
    says(&mut carol, "/msg alice will you come along?", "come along?");
    tmux.type_line("I'll bring bread");
    bob.until("[lobby] alice: I'll bring bread");
    says(&mut bob, "/say kitchen @alice, and the butter please", "the butter please");
    bob.send("/say ops the backup is done");
    bob.until("+ ");
    tmux.type_line("/who");
    tmux.shows("members");
    tmux.run(&["send-keys", "-l", "carol, of course"]);
    tmux.until("prompt", |screen| screen.ends_with("carol, of course"));
    let shown = tmux.run(&["capture-pane", "-p", "-e"]);
    let picture = svg(shown.trim_end());
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/client.svg");
    if std::env::var_os("UPDATE_PICTURE").is_some() {
        std::fs::write(path, &picture).unwrap();
    }
    let drawn = std::fs::read_to_string(path).unwrap_or_default();
    assert!(drawn == picture, "the client looks otherwise now:\n{shown}\nUPDATE_PICTURE=1 draws the picture anew");
    server.stop();
}

/// A row's characters, each with its colour; `None` is the terminal's own.
fn cells(row: &str) -> Vec<(char, Option<u8>)> {
    let mut colour = None;
    let mut cells = Vec::new();
    let mut rest = row.chars();
    while let Some(c) = rest.next() {
        if c != '\u{1b}' {
            cells.push((c, colour));
            continue;
        }
        let sequence: String = rest.by_ref().skip(1).take_while(|&c| c != 'm').collect();
        colour = match sequence.split(';').collect::<Vec<_>>()[..] {
            ["38", "5", number] => number.parse().ok(),
            ["3" | "9", ..] => colour,
            [code] if code.len() == 2 && code.starts_with('3') && code != "39" => code[1..].parse().ok(),
            [code] if code.len() == 2 && code.starts_with('9') => code[1..].parse::<u8>().ok().map(|n| n + 8),
            _ => None,
        };
    }
    cells
}

/// What xterm shows for one of the 256 colours.
fn rgb(colour: u8) -> String {
    const FIRST: [&str; 16] = [
        "#000000", "#cd0000", "#00cd00", "#cdcd00", "#5c5cff", "#cd00cd", "#00cdcd", "#e5e5e5", "#7f7f7f", "#ff0000",
        "#00ff00", "#ffff00", "#5c5cff", "#ff00ff", "#00ffff", "#ffffff",
    ];
    let level = |n: u8| if n == 0 { 0 } else { 55 + 40 * n };
    match colour {
        0..=15 => FIRST[usize::from(colour)].to_owned(),
        16..=231 => {
            let n = colour - 16;
            format!("#{:02x}{:02x}{:02x}", level(n / 36), level(n / 6 % 6), level(n % 6))
        }
        232..=255 => format!("#{0:02x}{0:02x}{0:02x}", 8 + 10 * (colour - 232)),
    }
}

fn width_of(text: &str) -> usize {
    text.chars().map(|c| c.width().unwrap_or(0)).sum()
}

/// The screen as an image. Each run of one colour says where it begins, whatever font there is.
fn svg(screen: &str) -> String {
    const CELL: usize = 8;
    const ROW: usize = 18;
    const MARGIN: usize = 12;
    let rows: Vec<&str> = screen.lines().collect();
    let (width, height) = (COLUMNS * CELL + 2 * MARGIN, rows.len() * ROW + 2 * MARGIN);
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" width=\"{width}\" height=\"{height}\" \
         font-family=\"ui-monospace, 'DejaVu Sans Mono', Menlo, Consolas, monospace\" font-size=\"13\" style=\"white-space:pre\">\n\
         <title>chitchat in a terminal: alice talks with bob and carol</title>\n\
         <rect width=\"100%\" height=\"100%\" rx=\"8\" fill=\"#16181d\"/>\n"
    );
    for (number, row) in rows.iter().enumerate() {
        let y = MARGIN + number * ROW + 13;
        let mut column = 0;
        for run in cells(row).chunk_by(|a, b| a.1 == b.1) {
            let text: String = run.iter().map(|(c, _)| *c).collect();
            let columns = width_of(&text);
            let fill = run[0].1.map_or_else(|| "#d8dae0".to_owned(), rgb);
            let shown = text.trim();
            if !shown.is_empty() {
                // Viewers disagree on blanks at the ends.
                let before = width_of(text.trim_end()) - width_of(shown);
                let (x, length) = (MARGIN + (column + before) * CELL, width_of(shown) * CELL);
                let escaped = shown.replace('&', "&amp;").replace('<', "&lt;");
                out.push_str(&format!(
                    "<text x=\"{x}\" y=\"{y}\" fill=\"{fill}\" textLength=\"{length}\">{escaped}</text>\n"
                ));
            }
            column += columns;
        }
    }
    out + "</svg>\n"
}
