//! All the states that the server may be in. There is one, but after operations whose order is not known,
//! or of which nobody knows whether they were done, there may be several; what is answered and heard
//! leaves only those in which it can be so.

use super::normal::fits;
use crate::model::{Answer, Conn, Model, own_place};
use std::collections::{BTreeMap, VecDeque};

/// Live lines of a connection, by stream, in order.
pub(super) type Streams = BTreeMap<(Conn, String), Vec<String>>;

/// A line that a connection has sent.
#[derive(Debug, Clone)]
pub(super) struct Sent {
    pub conn: Conn,
    pub line: String,
    /// What it was answered, rows and final line, if it was.
    pub answer: Option<Vec<String>>,
}

/// One state that the server may be in, and what people must have heard since all was heard.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct World {
    pub model: Model,
    pub expected: Streams,
}

impl World {
    /// The model does what was sent.
    pub(super) fn apply(&mut self, sent: &Sent, now: u64) -> Answer {
        let answer = self.model.step(sent.conn, &sent.line, now);
        self.tell(&answer);
        if let Some(stream) = own_place(&sent.line, &answer.last) {
            // Before what the same line makes the connection hear: its echo comes after the answer.
            let echoes = answer.told.iter().filter(|told| told.conn == sent.conn && told.stream == stream).count();
            let place = self.expected.entry((sent.conn, stream)).or_default();
            place.insert(place.len() - echoes, answer.last.clone());
        }
        answer
    }

    /// Notes what people must hear.
    pub(super) fn tell(&mut self, answer: &Answer) {
        for told in &answer.told {
            self.expected.entry((told.conn, told.stream.clone())).or_default().push(told.line.clone());
        }
    }

    /// What was heard need not be kept any longer; what is still to be heard, is.
    pub(super) fn forget(&mut self, heard: &Streams) {
        for (place, lines) in heard {
            if let Some(expected) = self.expected.get_mut(place) {
                expected.drain(..lines.len());
            }
        }
        self.expected.retain(|_, lines| !lines.is_empty());
    }

    /// Whether what was heard can be so, and whether something is still to be heard, and where.
    pub(super) fn compare(&self, heard: &Streams) -> Comparison {
        for (place, lines) in heard {
            let expected = self.expected.get(place).map_or(&[][..], Vec::as_slice);
            let first = lines.iter().enumerate().find(|(index, line)| expected.get(*index) != Some(line));
            if let Some((index, line)) = first {
                let expected = expected.get(index).map_or("nothing", String::as_str);
                return Comparison::Differs(format!("{place:?}\nexpected: {expected}\n   heard: {line}"));
            }
        }
        let missing = |(place, lines): (&(Conn, String), &Vec<String>)| {
            let count = heard.get(place).map_or(0, Vec::len);
            lines.get(count).map(|line| (place.0, format!("{place:?}\nexpected: {line}\n   heard: nothing")))
        };
        self.expected
            .iter()
            .find_map(missing)
            .map_or(Comparison::Equal, |(conn, what)| Comparison::Outstanding(conn, what))
    }
}

/// What was heard against what must be heard.
#[derive(Debug)]
pub(super) enum Comparison {
    Equal,
    /// This connection has yet to hear something.
    Outstanding(Conn, String),
    Differs(String),
}

/// Where an answer is not what the model says.
pub(super) fn difference(expected: &Answer, answer: &[String]) -> Option<String> {
    let expected: Vec<&str> = expected.rows.iter().chain([&expected.last]).map(String::as_str).collect();
    let same = expected.len() == answer.len() && expected.iter().zip(answer).all(|(line, got)| fits(line, got));
    if same {
        return None;
    }
    let first = expected.iter().zip(answer).position(|(line, got)| !fits(line, got)).unwrap_or(0);
    let from = first.saturating_sub(2);
    let some =
        |lines: Vec<&str>| lines.into_iter().skip(from).take(6).map(|line| format!("\n    {line}")).collect::<String>();
    let lines = answer.iter().map(String::as_str).collect();
    Some(format!(
        "from row {from} of {} and {}\nexpected:{}\n     got:{}",
        expected.len(),
        answer.len(),
        some(expected),
        some(lines)
    ))
}

/// All the worlds in which these lines, each connection's in order, can have been answered as they were
/// and nothing has been heard that can't have been. A line without an answer was done or was not, and
/// then none after it was. Also says what was wrong with the last order that was tried.
pub(super) fn orders(before: Vec<World>, sent: &[Sent], heard: &Streams, now: u64) -> (Vec<World>, String) {
    let mut lines: BTreeMap<Conn, Vec<&Sent>> = BTreeMap::new();
    sent.iter().for_each(|line| lines.entry(line.conn).or_default().push(line));
    let lines: Vec<Vec<&Sent>> = lines.into_values().collect();
    let answered =
        |at: &[usize]| at.iter().zip(&lines).all(|(at, lines)| lines[*at..].iter().all(|sent| sent.answer.is_none()));
    let mut wrong = String::new();
    let mut ends: Vec<World> = Vec::new();
    // By how much of each connection's lines is done. Going from few to many, each is complete when its turn comes.
    let mut queue: VecDeque<Vec<usize>> = VecDeque::from([vec![0; lines.len()]]);
    let mut found: BTreeMap<Vec<usize>, Vec<World>> = BTreeMap::from([(vec![0; lines.len()], before)]);
    while let Some(at) = queue.pop_front() {
        let worlds = found.remove(&at).unwrap_or_default();
        for (index, lines) in lines.iter().enumerate() {
            let Some(sent) = lines.get(at[index]) else { continue };
            let mut next = at.clone();
            next[index] += 1;
            for world in &worlds {
                let mut world = world.clone();
                let answer = world.apply(sent, now);
                if let Some(what) = sent.answer.as_ref().and_then(|got| difference(&answer, got)) {
                    wrong = format!("{}: {what}", sent.line);
                    continue;
                }
                let known = found.entry(next.clone()).or_insert_with(|| {
                    queue.push_back(next.clone());
                    Vec::new()
                });
                if !known.contains(&world) {
                    known.push(world);
                }
            }
        }
        if answered(&at) {
            for world in worlds {
                match world.compare(heard) {
                    Comparison::Differs(what) => wrong = what,
                    _ if !ends.contains(&world) => ends.push(world),
                    _ => {}
                }
            }
        }
    }
    (ends, wrong)
}
