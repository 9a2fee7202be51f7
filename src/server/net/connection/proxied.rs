//! A connection that a proxy passes on: before anything else the proxy says whose it is, and from then on that counts.

use super::{Connection, Stage, Transport, Turn};
use crate::protocol::code::Code;
use crate::protocol::names::AddressGroup;
use crate::server::net::BLOCKED;
use crate::server::net::permit::NoPermit;
use crate::server::proxy::{Parsed, parse};
use crate::server::session::Session;
use std::net::IpAddr;

impl Connection {
    /// Takes what may be a part of the header, and behind it the first bytes of the client.
    pub(super) fn receive_header(&mut self, bytes: &[u8], turn: &mut Turn<'_>) {
        if self.stage() != Stage::Open {
            return;
        }
        let Transport::Proxied(arrived) = &mut self.transport else { return };
        arrived.extend_from_slice(bytes);
        match parse(arrived) {
            Parsed::Incomplete => {}
            Parsed::NoHeader => self.refuse_without_header(turn),
            Parsed::Header { bytes, source } => {
                let mut rest = arrived.split_off(bytes);
                self.transport = Transport::of(self.listener);
                self.come_from(source, turn);
                if self.stage() == Stage::Open {
                    self.begin(turn);
                    self.receive(&mut rest, turn);
                }
            }
        }
    }

    /// The proxy has said whose it is, or that it is its own: that address is held to what it would be held to if it
    /// had connected itself.
    fn come_from(&mut self, source: Option<IpAddr>, turn: &mut Turn<'_>) {
        let proxy = self.from;
        self.from = source.map_or(proxy, AddressGroup::of);
        self.session = Session::new(self.from);
        log::debug!("connection {} from {} came through {proxy}", self.id, self.from);
        if turn.shared.blocklist.blocks(self.from, turn.now) {
            self.turn_away(Code::Blocked, BLOCKED, turn);
        } else if !self.permit.come_from(self.from) {
            self.turn_away(Code::Busy, NoPermit::Address.sentence(), turn);
        } else {
            self.needs_room = self.permit.are_too_many();
        }
    }

    fn turn_away(&mut self, code: Code, why: &str, turn: &mut Turn<'_>) {
        turn.shared.tally.count_turned_away(code);
        self.drop_with(Some(code), why, turn);
    }
}
