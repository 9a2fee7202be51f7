//! A connection that a proxy passes on: before anything else the proxy says whose it is, and from then on that counts.

use super::forwarded::Way;
use super::{Connection, Stage, Transport, Turn};
use crate::protocol::code::Code;
use crate::protocol::names::AddressGroup;
use crate::server::net::BLOCKED;
use crate::server::net::permit::NoPermit;
use crate::server::proxy::{Parsed, parse};
use crate::server::session::Session;
use crate::server::traffic::ListenerKind;
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
            // What it passes on says whose it is.
            Parsed::NoHeader if self.way == Way::Shared => {
                let mut all = std::mem::take(arrived);
                self.transport = Transport::of(self.listener);
                self.receive(&mut all, turn);
            }
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

    /// The proxy has said whose it is, or that it is its own. If that is another proxy's, its requests say whose they are.
    fn come_from(&mut self, source: Option<IpAddr>, turn: &mut Turn<'_>) {
        let from = source.map_or(self.from, AddressGroup::of);
        if self.way == Way::Shared && source.is_none_or(|address| turn.shared.proxies.has(ListenerKind::Web, address)) {
            self.from = from;
        } else if let Err((code, why)) = self.belong_to(from, turn) {
            turn.shared.tally.count_turned_away(code);
            self.drop_with(Some(code), why, turn);
        }
    }

    /// It is known whose it is: that address is held to what it would be held to if it had connected itself.
    ///
    /// # Errors
    /// Why it can't be.
    pub(super) fn belong_to(&mut self, from: AddressGroup, turn: &Turn<'_>) -> Result<(), (Code, &'static str)> {
        if turn.shared.blocklist.blocks(from, turn.now) {
            return Err((Code::Blocked, BLOCKED));
        }
        if !self.permit.come_from(from) {
            return Err((Code::Busy, NoPermit::Address.sentence()));
        }
        self.needs_room = self.permit.are_too_many();
        log::debug!("connection {} from {from} came through {}", self.id, self.from);
        self.from = from;
        self.session = Session::new(from);
        if self.way == Way::Shared {
            self.way = Way::Proxied;
            self.set_flood(turn.live.limits.flood, turn.now);
        }
        Ok(())
    }
}
