//! Generates dictionary 1, and measures what it saves.
//!
//! `cargo run --release -p tools --bin dictionary` measures the built-in dictionary on the third of
//! `chat.txt` that it was not generated from; `… -- make` prints the dictionary that these files
//! yield. The likeliest text is last in a dictionary, since near matches are cheaper: common words (`words.txt`), phrases that are frequent in two thirds of
//! `chat.txt`, and at the end the forms of the wire (`wire.txt`).
//!
//! `chat.txt` was written for this and is small, so the savings are a rough measure.

use chitchat::protocol::deflate::{DICTIONARY_1, PLAIN_MAX};
use flate2::{Compress, Compression, FlushCompress};
use std::collections::HashMap;
use std::time::Instant;

const CHAT: &str = include_str!("chat.txt");
const WORDS: &str = include_str!("words.txt");
const WIRE: &str = include_str!("wire.txt");

/// The most words of a phrase.
const PHRASE_WORDS: usize = 4;
/// Bytes of phrases in the dictionary.
const PHRASES_MAX: usize = 1500;
/// About what a match costs in a deflate stream, in bytes.
const MATCH_COST: usize = 3;
/// Longest line of the printed dictionary.
const COLUMNS: usize = 100;

fn main() {
    if std::env::args().nth(1).is_some_and(|arg| arg == "make") {
        print!("{}", dictionary());
    } else {
        measure();
    }
}

/// Every third sentence is held out for measuring.
fn sentences(held_out: bool) -> impl Iterator<Item = &'static str> {
    CHAT.lines().enumerate().filter(move |(at, _)| (at % 3 == 2) == held_out).map(|(_, sentence)| sentence)
}

fn dictionary() -> String {
    let phrases = phrases();
    let known = format!("{} ", phrases.concat());
    let words = WORDS.split_whitespace().filter(|word| !known.contains(&format!(" {word} ")));
    let text: String = words.map(|word| format!(" {word}")).chain(phrases.iter().cloned()).collect();
    let mut lines = vec![String::new()];
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if line.len() + word.len() < COLUMNS => line.extend([" ", word]),
            _ => lines.push(word.to_owned()),
        }
    }
    format!("{}\n{WIRE}", lines.join("\n").trim_start())
}

/// The phrases that save most, each with a space before it; the best are last.
fn phrases() -> Vec<String> {
    let mut counts: HashMap<String, usize> = HashMap::new();
    for sentence in sentences(false).filter(|sentence| sentence.is_ascii()) {
        let words: Vec<_> = sentence.split(' ').map(|word| format!(" {word}")).collect();
        for len in 1..=PHRASE_WORDS {
            for phrase in words.windows(len) {
                let phrase = phrase.concat();
                *counts.entry(phrase.trim_end_matches(['.', ',', '?', '!']).to_owned()).or_default() += 1;
            }
        }
    }
    let saves = |phrase: &str, count: usize| (count - 1) * phrase.len().saturating_sub(MATCH_COST);
    let mut ranked: Vec<_> = counts.into_iter().map(|(phrase, count)| (saves(&phrase, count), phrase)).collect();
    ranked.sort_by(|a, b| b.cmp(a));
    let (mut picked, mut room): (Vec<String>, _) = (Vec::new(), PHRASES_MAX);
    for (_, phrase) in ranked.into_iter().take_while(|(saved, _)| *saved > 0) {
        if phrase.len() <= room && !picked.iter().any(|longer| longer.contains(&phrase)) {
            room -= phrase.len();
            picked.push(phrase);
        }
    }
    picked.reverse();
    picked
}

/// Live lines and history rows of one room, generated from the held-out sentences.
struct Conversation {
    live: Vec<String>,
    people: Vec<String>,
    rows: Vec<String>,
}

fn conversation() -> Conversation {
    const AUTHORS: [&str; 8] = ["mira", "tobias", "Kim-Lee", "oldbear", "priya", "zed", "sofia_r", "marek"];
    let (mut live, mut people, mut rows) = (vec![], vec![], vec![]);
    let mut at: u64 = 1_795_370_281_123;
    // A fixed order in which neighbours in the file are not neighbours in the conversation.
    let held_out: Vec<_> = sentences(true).collect();
    let shuffled = (0..held_out.len()).map(|n| held_out[n * 83 % held_out.len()]);
    for (id, text) in (4711..).zip(shuffled) {
        at += 500 + id * 7919 % 60_000;
        let author = AUTHORS[(id * id / 5 % 8) as usize];
        let (millis, seconds, minutes, hours) = (at % 1000, at / 1000 % 60, at / 60_000 % 60, at / 3_600_000 % 24);
        live.push(format!("@id={id};at={at} [garden] {author}: {text}\n"));
        people.push(format!("[garden] {author}: {text}\n"));
        rows.push(format!(
            "| garden {id} 2026-11-22T{hours:02}:{minutes:02}:{seconds:02}.{millis:03}Z {author}: {text}\n"
        ));
    }
    Conversation { live, people, rows }
}

fn measure() {
    let Conversation { live, people, rows } = conversation();
    println!("dictionary 1: {} bytes; held out: {} lines", DICTIONARY_1.len(), live.len());
    println!("{:<24}{:>8}{:>18}{:>18}", "octets a line", "lines", "no dictionary", "dictionary 1");
    for (name, lines, run) in [
        ("1 live line", &live, 1),
        ("1 line without tags", &people, 1),
        ("5 live lines", &live, 5),
        ("20 live lines", &live, 20),
        ("20 lines without tags", &people, 20),
        ("50 rows of history", &rows, 50),
    ] {
        let runs: Vec<String> = lines.chunks_exact(run).map(<[String]>::concat).collect();
        let plain: usize = runs.iter().map(String::len).sum();
        print!("{name:<24}{:>8.1}", plain as f64 / (runs.len() * run) as f64);
        for dictionary in [&b""[..], DICTIONARY_1] {
            let (octets, _) = pack(&runs, dictionary, 6, 1);
            let octets = octets as f64 / (runs.len() * run) as f64;
            print!("{octets:>10.1} ({:>3.0} %)", octets * 100.0 * (runs.len() * run) as f64 / plain as f64);
        }
        println!();
    }
    println!("\n{:<24}{:>24}{:>24}", "level", "1 live line", "20 live lines");
    for level in [1, 2, 4, 6, 9] {
        print!("{level:<24}");
        for run in [1, 20] {
            let runs: Vec<String> = live.chunks_exact(run).map(<[String]>::concat).collect();
            let (octets, micros) = pack(&runs, DICTIONARY_1, level, 2000 / runs.len());
            let lines = (runs.len() * run) as f64;
            print!("{:>10.1} octets {micros:>5.1} us", octets as f64 / lines);
        }
        println!();
    }
}

/// Octets sent for these runs, as frames if that is smaller, and microseconds per frame.
fn pack(runs: &[String], dictionary: &[u8], level: u32, rounds: usize) -> (usize, f64) {
    let mut deflate = Compress::new(Compression::new(level), false);
    let mut out = vec![0; PLAIN_MAX];
    let (started, mut octets) = (Instant::now(), 0);
    for _ in 0..rounds {
        octets = 0;
        for lines in runs {
            deflate.reset();
            if !dictionary.is_empty() {
                deflate.set_dictionary(dictionary).expect("raw deflate takes a dictionary at its start");
            }
            deflate.compress(lines.as_bytes(), &mut out, FlushCompress::Finish).expect("there is room");
            let packed = deflate.total_out() as usize;
            let frame = format!("={packed} {} 01234567\n", lines.len()).len() + packed;
            octets += frame.min(lines.len());
        }
    }
    (octets, started.elapsed().as_secs_f64() * 1e6 / (rounds * runs.len()) as f64)
}
