//! Who came and went, folded into one line.
//!
//! What was printed can't be changed any more. So the first of them waits a moment for others, or until
//! something else is shown. Who came and went within that moment is not told at all. While nothing else
//! happens, as when everybody comes back after a restart of the server, the moments become longer. Pure.

use super::Now;
use crate::client::item::{EventKind, ShownEvent};
use crate::client::screen::clean;
use crate::protocol::names::Target;
use jiff::Timestamp;
use std::time::{Duration, Instant};

/// How long somebody's coming waits for others'.
const HELD: Duration = Duration::from_secs(2);
/// The same right after a line of this kind.
const HELD_NEXT: Duration = Duration::from_secs(10);
/// How many people may wait; then they are shown.
const PEOPLE_MAX: usize = 200;
/// How many are named of those to whom the same happened.
const NAMED_MAX: usize = 5;

/// What is held back.
#[derive(Debug, Default)]
pub(super) struct Comings {
    places: Vec<PlaceComings>,
    due: Option<Instant>,
    /// Whether the last line that was shown was one of these.
    goes_on: bool,
}

/// Those in one room, or of whoever came online or went offline, which is the same in all rooms.
#[derive(Debug)]
struct PlaceComings {
    place: Option<Target>,
    since: Timestamp,
    people: Vec<Person>,
}

/// What somebody did first and last.
#[derive(Debug)]
struct Person {
    name: String,
    first: Way,
    last: Way,
}

/// What somebody did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    Joined,
    Left,
    CameOnline,
    WentOffline,
}

/// Somebody's coming or going.
#[derive(Debug)]
pub(super) struct Coming {
    place: Option<Target>,
    name: String,
    way: Way,
}

impl Coming {
    /// What an event is, if it is one.
    pub(super) fn of(event: &ShownEvent) -> Option<Self> {
        let way = match event.kind {
            EventKind::Join => Way::Joined,
            EventKind::Leave => Way::Left,
            EventKind::Online => Way::CameOnline,
            EventKind::Offline => Way::WentOffline,
            _ => return None,
        };
        let place = event.target.clone().filter(|_| way.is_of_a_room());
        let name = if event.own { "you".to_owned() } else { clean(event.who.as_deref()?).into_owned() };
        Some(Self { place, name, way })
    }
}

impl Way {
    fn is_of_a_room(self) -> bool {
        matches!(self, Self::Joined | Self::Left)
    }

    fn is_in(self) -> bool {
        matches!(self, Self::Joined | Self::CameOnline)
    }

    fn happened_to(self, people: usize, name: &str) -> &'static str {
        match self {
            Self::Joined => "joined",
            Self::Left => "left",
            Self::CameOnline if people == 1 && name != "you" => "is here",
            Self::CameOnline => "are here",
            Self::WentOffline => "went away",
        }
    }
}

impl Comings {
    /// Whether no more may be held back.
    pub(super) fn is_full(&self) -> bool {
        self.places.iter().map(|place| place.people.len()).sum::<usize>() >= PEOPLE_MAX
    }

    /// Holds somebody's coming back.
    pub(super) fn hold(&mut self, coming: Coming, now: Now) {
        let wait = if self.goes_on { HELD_NEXT } else { HELD };
        self.due.get_or_insert(now.steady + wait);
        let Coming { place, name, way } = coming;
        let known = self.places.iter().position(|known| known.place == place);
        let at = known.unwrap_or_else(|| {
            self.places.push(PlaceComings { place, since: now.wall, people: Vec::new() });
            self.places.len() - 1
        });
        let people = &mut self.places[at].people;
        match people.iter_mut().find(|person| person.name == name) {
            Some(person) => person.last = way,
            None => people.push(Person { name, first: way, last: way }),
        }
    }

    /// When they are to be shown.
    pub(super) fn due(&self) -> Option<Instant> {
        self.due
    }

    /// Something else is shown.
    pub(super) fn interrupted(&mut self) {
        self.goes_on = false;
    }

    /// Takes them out: where it was, since when, and the sentence.
    pub(super) fn release(&mut self) -> Vec<(Option<Target>, Timestamp, String)> {
        self.due = None;
        let mut places = std::mem::take(&mut self.places);
        leave_out_implied(&mut places);
        let told: Vec<_> = places
            .into_iter()
            .filter_map(|place| Some((sentence(&place.people)?, place)))
            .map(|(sentence, place)| (place.place, place.since, sentence))
            .collect();
        self.goes_on |= !told.is_empty();
        told
    }
}

/// Who joined is here, and who left and went away left: a newcomer does both.
fn leave_out_implied(places: &mut [PlaceComings]) {
    let of_rooms = places.iter().filter(|place| place.place.is_some()).flat_map(|place| &place.people);
    let known: Vec<(String, bool)> = of_rooms.map(|person| (person.name.clone(), person.last.is_in())).collect();
    for place in places.iter_mut().filter(|place| place.place.is_none()) {
        place
            .people
            .retain(|person| !known.iter().any(|(name, is_in)| *name == person.name && *is_in == person.last.is_in()));
    }
}

/// `carol and dan joined, erin left`; `None` if in the end nothing changed.
fn sentence(people: &[Person]) -> Option<String> {
    let mut parts = Vec::new();
    for way in [Way::Joined, Way::Left, Way::CameOnline, Way::WentOffline] {
        let changed = people.iter().filter(|person| person.last == way && person.first.is_in() == way.is_in());
        let names: Vec<&str> = changed.map(|person| person.name.as_str()).collect();
        if let [first, ..] = names[..] {
            parts.push(format!("{} {}", listed(&names), way.happened_to(names.len(), first)));
        }
    }
    if parts.is_empty() { None } else { Some(parts.join(", ")) }
}

/// `a, b and c`; of many only the first.
fn listed(names: &[&str]) -> String {
    let rest = names.len().saturating_sub(NAMED_MAX);
    match names {
        [one] => (*one).to_owned(),
        [before @ .., last] if rest == 0 => format!("{} and {last}", before.join(", ")),
        _ => format!("{} and {rest} more", names[..NAMED_MAX.min(names.len())].join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(happened: &[(&str, Way)]) -> Option<String> {
        let mut comings = Comings::default();
        let now = Now { wall: Timestamp::UNIX_EPOCH, steady: Instant::now() };
        for &(name, way) in happened {
            comings.hold(Coming { place: None, name: name.to_owned(), way }, now);
        }
        comings.release().pop().map(|(_, _, sentence)| sentence)
    }

    #[test]
    fn what_happened_to_several_is_one_sentence() {
        use Way::{CameOnline, Joined, Left, WentOffline};
        assert_eq!(after(&[("erin", Left), ("carol", Joined)]).unwrap(), "carol joined, erin left");
        assert_eq!(after(&[("a", CameOnline), ("b", WentOffline)]).unwrap(), "a is here, b went away");
        assert_eq!(after(&[("a", CameOnline), ("b", CameOnline)]).unwrap(), "a and b are here");
        assert_eq!(after(&[("you", CameOnline)]).unwrap(), "you are here");
        let six = ["a", "b", "c", "d", "e", "f"].map(|name| (name, Joined));
        assert_eq!(after(&six[..5]).unwrap(), "a, b, c, d and e joined");
        assert_eq!(after(&six).unwrap(), "a, b, c, d, e and 1 more joined");
    }

    #[test]
    fn a_newcomer_is_told_once() {
        let mut comings = Comings::default();
        let now = Now { wall: Timestamp::UNIX_EPOCH, steady: Instant::now() };
        let lobby = Target::parse("lobby").ok();
        for (place, name, way) in [
            (&lobby, "a", Way::Joined),
            (&None, "a", Way::CameOnline),
            (&None, "b", Way::CameOnline),
            (&lobby, "c", Way::Left),
            (&None, "c", Way::WentOffline),
        ] {
            comings.hold(Coming { place: place.clone(), name: name.to_owned(), way }, now);
        }
        let sentences: Vec<String> = comings.release().into_iter().map(|(_, _, sentence)| sentence).collect();
        assert_eq!(sentences, ["a joined, c left", "b is here"]);
    }

    #[test]
    fn who_came_back_or_did_not_stay_is_not_told() {
        use Way::{Joined, Left};
        assert_eq!(after(&[("a", Left), ("a", Joined)]), None);
        assert_eq!(after(&[("a", Joined), ("a", Left)]), None);
        assert_eq!(after(&[("a", Joined), ("a", Left), ("a", Joined)]).unwrap(), "a joined");
        assert_eq!(after(&[("a", Joined), ("a", Left), ("b", Joined)]).unwrap(), "b joined");
    }
}
