//! What an episode is like: how often what happens, whose connections are narrow, who does not read. Each
//! seed has its own mixture, since some faults need much of one thing and nothing of another.

use crate::episode::Kind;
use crate::model::random::Random;
use crate::model::retention::Keep;
use crate::model::unpaced::UNPACED;
use std::collections::BTreeMap;

/// How often each kind of step is chosen, before the mixture.
const WEIGHTS: [(Kind, usize); 18] = [
    (Kind::Talk, 120),
    (Kind::Send, 130),
    (Kind::Take, 200),
    (Kind::Worker, 260),
    (Kind::Begin, 60),
    (Kind::Finish, 80),
    (Kind::Password, 20),
    (Kind::Read, 60),
    (Kind::Clock, 25),
    (Kind::Connect, 20),
    (Kind::Part, 4),
    (Kind::Option, 6),
    (Kind::Index, 10),
    (Kind::Checkpoint, 1),
    (Kind::Jump, 1),
    (Kind::Fail, 2),
    (Kind::Kill, 1),
    (Kind::Settle, 4),
];

/// How often time jumps, at least, where messages are to become old.
const AGING: usize = 4;

pub(crate) struct Swarm {
    weights: Vec<(Kind, usize)>,
    total: usize,
    /// Whether lines are slowed down as by default.
    flood: bool,
    unread: usize,
    under_way: usize,
    /// How many bytes wait for each seat's client.
    rooms: Vec<usize>,
    room_of_conn: BTreeMap<usize, usize>,
    /// Seats whose clients hardly read.
    mute: Vec<bool>,
    /// For how many hours all conversations keep what is said.
    keep_hours: Option<u64>,
    /// In how many bytes.
    keep_bytes: Option<u64>,
    /// Whether it is looked what is too much, although nothing ever is.
    looks: bool,
}

impl Swarm {
    pub(crate) fn of(seed: u64) -> Self {
        let mut random = Random::new(seed ^ 0x5157_4152_4d00);
        let mut weights = Vec::new();
        for (kind, weight) in WEIGHTS {
            let weight = match kind {
                // Half of the episodes have none of these, or many.
                Kind::Kill | Kind::Fail | Kind::Jump | Kind::Part => weight * *random.one(&[0, 1, 1, 4]),
                Kind::Talk | Kind::Take | Kind::Index | Kind::Clock => weight * *random.one(&[1, 2, 4]) / 2,
                _ => weight * 10 / 10,
            };
            weights.push((kind, weight));
        }
        let narrow = random.below(60);
        let rooms = (0..32).map(|_| if random.chance(narrow) { 100 + random.below(2000) } else { 64 * 1024 }).collect();
        let mute = random.below(20);
        let mute = (0..32).map(|_| random.chance(mute)).collect();
        let flood = random.chance(20);
        let (unread, under_way) = (*random.one(&[16 * 1024, 64 * 1024, 256 * 1024]), *random.one(&[65_536, 1 << 20]));
        // Last, so that the rest is the same with and without.
        let keep_hours = *random.one(&[None, None, Some(1), Some(3)]);
        let keep_bytes = *random.one(&[None, None, None, Some(150 << 10), Some(300 << 10)]);
        let looks = random.chance(50);
        if keep_hours.is_some()
            && let Some((_, weight)) = weights.iter_mut().find(|(kind, _)| *kind == Kind::Jump)
        {
            *weight = (*weight).max(AGING);
        }
        Self {
            total: weights.iter().map(|(_, weight)| weight).sum(),
            weights,
            flood,
            unread,
            under_way,
            rooms,
            room_of_conn: BTreeMap::new(),
            mute,
            keep_hours,
            keep_bytes,
            looks,
        }
    }

    pub(crate) fn pick(&self, random: &mut Random) -> Kind {
        let mut at = random.below(self.total);
        for (kind, weight) in &self.weights {
            if at < *weight {
                return *kind;
            }
            at -= weight;
        }
        Kind::Worker
    }

    /// The server's settings, as `KEY=VALUE`.
    pub(crate) fn settings(&self) -> Vec<String> {
        let mut settings: Vec<String> = [
            "name=simulated",
            "tls=off",
            "plain=127.0.0.1:0",
            "registration=open",
            "workers=2",
            "limits.logins=off",
            "limits.registrations=off",
            "history.edit_for=off",
        ]
        .into_iter()
        .chain(UNPACED)
        .map(str::to_owned)
        .collect();
        if !self.flood {
            settings.extend(["limits.flood=off", "limits.account_flood=off"].map(str::to_owned));
        }
        if self.looks {
            settings.push("history.keep_bytes=1 GiB".to_owned());
        }
        // As many as no episode has.
        settings.push(format!("history.keep_for={}h", self.keep_hours.unwrap_or(24 * 365)));
        settings.push(format!("limits.unread_bytes={}", self.unread));
        settings.push(format!("limits.under_way_bytes={}", self.under_way));
        settings
    }

    /// What all conversations keep, where something may go.
    pub(crate) fn keep(&self) -> Keep {
        Keep { lasts: self.keep_hours.map(|hours| hours * 60 * 60 * 1000), bytes: self.keep_bytes }
    }

    pub(crate) fn is_flood_slowed(&self) -> bool {
        self.flood
    }

    pub(crate) fn room_of(&self, seat: usize) -> usize {
        self.rooms[seat]
    }

    pub(crate) fn set_room(&mut self, conn: usize, room: usize) {
        self.room_of_conn.insert(conn, room);
    }

    /// How many bytes wait for the client of a connection.
    pub(crate) fn room(&self, conn: usize) -> usize {
        self.room_of_conn.get(&conn).copied().unwrap_or(usize::MAX)
    }

    pub(crate) fn is_mute(&self, seat: usize) -> bool {
        self.mute[seat]
    }
}
