//! Queries beside the lines: what reading the history costs those who talk, and how long an answer takes.
//!
//! Connections of their own ask for `/history limit=1000` and `/search` in turn, each when it is due, whatever became
//! of those before (an open loop). They have a thread of their own, so that reading long answers does not hold up the
//! clock of the lines.

use crate::accounts::Account;
use crate::dialogue::{self, After, Greeting, Opening};
use crate::fault::Fault;
use crate::histogram::Histogram;
use crate::options::Options;
use crate::report::Report;
use crate::swarm::{Driver, Outbox, Swarm, unasked_end};
use crate::wire::untagged;
use std::collections::VecDeque;
use std::io::{self, Write as _};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// A word of every line that `--fill` says.
pub const COMMON: &str = "history";
/// How long the last answers may take once nobody asks any more.
const DRAIN: Duration = Duration::from_secs(30);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Query {
    History,
    Search,
}

/// What was answered to one sort of query.
#[derive(Default)]
struct Answers {
    latency: Histogram,
    count: u64,
    rows: u64,
}

/// A query that is not answered yet.
struct Awaited {
    query: Query,
    due: u64,
    rows: u64,
}

/// Everyone who asks, and what they were answered in the measured seconds.
struct Askers {
    rooms: Vec<String>,
    /// By connection, oldest first: answers come in the order of the commands.
    awaited: Vec<VecDeque<Awaited>>,
    /// Queries that were due from here on count.
    from: u64,
    history: Answers,
    search: Answers,
}

impl Askers {
    fn new(rooms: Vec<String>) -> Self {
        let awaited = rooms.iter().map(|_| VecDeque::new()).collect();
        Self { rooms, awaited, from: 0, history: Answers::default(), search: Answers::default() }
    }

    /// Asks the `number`th query: each connection asks one of each sort, then it is the next one's turn.
    fn ask(&mut self, number: usize, due: u64, out: &mut Outbox) {
        let query = if number.is_multiple_of(2) { Query::History } else { Query::Search };
        let conn = number / 2 % self.rooms.len();
        self.awaited[conn].push_back(Awaited { query, due, rows: 0 });
        let bytes = out.of(conn);
        // Writing to a Vec can't fail.
        let _ = match query {
            Query::History => writeln!(bytes, "/@q history {} limit=1000", self.rooms[conn]),
            Query::Search => writeln!(bytes, "/@q search {COMMON}"),
        };
    }

    fn missing(&self) -> u64 {
        self.awaited.iter().map(|queue| queue.len() as u64).sum()
    }

    fn answered(&mut self, conn: usize, last: &[u8], now: u64) -> Result<(), Fault> {
        let wrong = |what| Err(Fault::Wrong { conn, what });
        let Some(Awaited { query, due, rows }) = self.awaited[conn].pop_front() else {
            return wrong("was answered what it did not ask".to_owned());
        };
        let last = String::from_utf8_lossy(last);
        let told = last.split(' ').next().and_then(|word| word.parse().ok());
        if told != Some(rows) {
            return wrong(format!("was shown {rows} rows of {query:?}, and then: {last}"));
        }
        if due >= self.from {
            let answers = match query {
                Query::History => &mut self.history,
                Query::Search => &mut self.search,
            };
            answers.latency.record(now.saturating_sub(due));
            answers.count += 1;
            answers.rows += rows;
        }
        Ok(())
    }
}

impl Driver for Askers {
    fn line(&mut self, conn: usize, line: &[u8], now: u64, _: &mut Outbox) -> Result<(), Fault> {
        let body = untagged(line);
        if body.starts_with(b"- ") {
            return Err(Fault::Refused { conn, line: String::from_utf8_lossy(line).into_owned() });
        }
        // Without the label it is a line that somebody said in the room.
        if !line.starts_with(b"@re=q") {
            return Ok(());
        }
        match body.strip_prefix(b"+ ") {
            Some(last) => self.answered(conn, last, now),
            None => {
                if let Some(oldest) = self.awaited[conn].front_mut() {
                    oldest.rows += 1;
                }
                Ok(())
            }
        }
    }

    fn ended(&mut self, conn: usize, error: Option<io::Error>) -> Result<(), Fault> {
        Err(unasked_end(conn, error))
    }
}

/// Queries that are being asked.
pub struct Queries(JoinHandle<Result<Askers, Fault>>);

impl Queries {
    /// Joins the askers to some of the rooms and begins; returns `None` if no queries were asked for.
    pub fn begin(options: &Options, accounts: &[Account], rooms: &[String]) -> Result<Option<Self>, Fault> {
        let Some(rate) = options.queries else { return Ok(None) };
        let rooms: Vec<String> = rooms.iter().cycle().take(accounts.len()).cloned().collect();
        let greeting = |(account, room): (_, &String)| Greeting::member(options, account, Some(room));
        let mut opening = Opening::new(options, accounts.iter().zip(&rooms).map(greeting).collect());
        let mut swarm = Swarm::new(options).map_err(Fault::Local)?;
        dialogue::open_all(&mut swarm, &mut opening, options.parallel as usize, After::Stay)
            .map_err(|fault| Fault::Query(Box::new(fault)))?;
        let (rate, warmup, seconds) = (f64::from(rate), options.warmup, options.seconds);
        let ask = move || ask(&mut swarm, Askers::new(rooms), rate, warmup, seconds);
        Ok(Some(Self(std::thread::spawn(ask))))
    }

    /// Waits for the last answers and adds the figures.
    pub fn finish(self, seconds: f64, report: &mut Report) -> Result<(), Fault> {
        let askers = self.0.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        let Askers { history, search, .. } = askers.map_err(|fault| Fault::Query(Box::new(fault)))?;
        report.number("queries_per_s", (history.count + search.count) as f64 / seconds);
        for (name, answers) in [("history", history), ("search", search)] {
            report.number(&format!("{name}_p50_ms"), answers.latency.quantile_ms(0.5));
            report.number(&format!("{name}_p99_ms"), answers.latency.quantile_ms(0.99));
            report.number(&format!("{name}_rows"), answers.rows as f64 / answers.count as f64);
        }
        Ok(())
    }
}

/// Asks, `rate` times a second, while the lines are warmed up and measured, and waits for the answers.
fn ask(swarm: &mut Swarm, mut askers: Askers, rate: f64, warmup: f64, seconds: f64) -> Result<Askers, Fault> {
    let began = swarm.now();
    askers.from = began + (warmup * 1e9) as u64;
    let end = askers.from + (seconds * 1e9) as u64;
    let mut number = 0;
    loop {
        let due = began + (number as f64 * 1e9 / rate) as u64;
        if due >= end {
            break;
        }
        let now = swarm.now();
        if due > now {
            swarm.turn(&mut askers, Duration::from_nanos(due - now))?;
        } else {
            askers.ask(number, due, &mut swarm.out);
            number += 1;
        }
    }
    let deadline = Instant::now() + DRAIN;
    while askers.missing() > 0 {
        if Instant::now() > deadline {
            let missing = askers.missing();
            return Err(Fault::Silent { what: "the last answers", seconds: DRAIN.as_secs(), missing });
        }
        swarm.turn(&mut askers, Duration::from_millis(20))?;
    }
    for (conn, room) in askers.rooms.iter().enumerate() {
        swarm.out.of(conn).extend_from_slice(format!("/leave {room}\n").as_bytes());
    }
    swarm.flush(&mut askers)?;
    Ok(askers)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One asker, who has asked one query of each sort, due after 0 and 5 ns.
    fn asked() -> Askers {
        let (mut askers, mut out) = (Askers::new(vec!["r".to_owned()]), Outbox::default());
        askers.from = 5;
        askers.ask(0, 0, &mut out);
        askers.ask(1, 5, &mut out);
        assert_eq!(out.of(0), b"/@q history r limit=1000\n/@q search history\n");
        askers
    }

    fn hear(askers: &mut Askers, lines: &[&str]) -> Result<(), Fault> {
        lines.iter().try_for_each(|line| askers.line(0, line.as_bytes(), 9, &mut Outbox::default()))
    }

    #[test]
    fn answers_are_counted_in_order_and_only_those_that_were_due_while_measuring() {
        let mut askers = asked();
        hear(&mut askers, &["@re=q | r 1 0 u1: a", "@id=3;at=2 [r] u1: b", "@re=q | r 2 0 u1: b"]).unwrap();
        assert_eq!(askers.missing(), 2);
        hear(&mut askers, &["@re=q + 2 messages, more", "@re=q | r 2 0 u1: b", "@re=q + 1 message"]).unwrap();
        assert_eq!((askers.missing(), askers.history.count), (0, 0));
        assert_eq!((askers.search.count, askers.search.rows), (1, 1));
    }

    #[test]
    fn a_lost_row_an_unasked_answer_and_a_refusal_are_noticed() {
        let lost = hear(&mut asked(), &["@re=q | r 1 0 u1: a", "@re=q + 2 messages"]);
        assert!(matches!(lost, Err(Fault::Wrong { .. })));
        let unasked = hear(&mut asked(), &["@re=q + 0 messages"; 3]);
        assert!(matches!(unasked, Err(Fault::Wrong { .. })));
        let refused = hear(&mut asked(), &["@re=q - not-a-member: you are not in r."]);
        assert!(matches!(refused, Err(Fault::Refused { .. })));
    }
}
