//! A worker's connections, each in a slot that is reused when it is gone.
//!
//! A slot's number is the connection's token for polling and what the worker's lists hold. A
//! [`ConnId`] names the slot and how often it was used before, so that a late answer never reaches
//! the slot's next owner. Neither `slab` nor `slotmap` would do: the former has no such
//! generations, and the latter's keys take all 64 bits, of which a [`ConnId`] needs eight to name
//! the worker.

use crate::protocol::names::ConnId;
use crate::server::net::connection::Connection;

/// The low bits of a connection's serial number are its slot, the high ones the slot's generation.
const SLOT_BITS: u32 = 24;

pub(super) struct Slots {
    worker: u8,
    /// Boxed, since a vacant slot stays as large as an occupied one.
    slots: Vec<Slot>,
    vacant: Vec<u32>,
}

#[derive(Default)]
struct Slot {
    generation: u32,
    connection: Option<Box<Connection>>,
}

impl Slots {
    pub(super) fn new(worker: usize) -> Self {
        Self { worker: worker as u8, slots: Vec::new(), vacant: Vec::new() }
    }

    /// The slot that the next connection gets, and its id there.
    pub(super) fn reserve(&mut self) -> (u32, ConnId) {
        let slot = self.vacant.pop().unwrap_or_else(|| {
            self.slots.push(Slot::default());
            (self.slots.len() - 1) as u32
        });
        let entry = &mut self.slots[slot as usize];
        entry.generation = entry.generation.wrapping_add(1);
        (slot, ConnId::new(self.worker, (u64::from(entry.generation) << SLOT_BITS) | u64::from(slot)))
    }

    /// Fills a reserved slot.
    pub(super) fn fill(&mut self, slot: u32, connection: Box<Connection>) {
        self.slots[slot as usize].connection = Some(connection);
    }

    /// Empties a slot, even one that was reserved but never filled.
    pub(super) fn vacate(&mut self, slot: u32) -> Option<Box<Connection>> {
        let entry = self.slots.get_mut(slot as usize)?;
        self.vacant.push(slot);
        entry.connection.take()
    }

    pub(super) fn get(&self, slot: u32) -> Option<&Connection> {
        self.slots.get(slot as usize)?.connection.as_deref()
    }

    pub(super) fn get_mut(&mut self, slot: u32) -> Option<&mut Connection> {
        self.slots.get_mut(slot as usize)?.connection.as_deref_mut()
    }

    /// The slot of a connection that is still there.
    pub(super) fn slot_of(&self, conn: ConnId) -> Option<u32> {
        let slot = (conn.serial() & ((1 << SLOT_BITS) - 1)) as u32;
        (self.get(slot)?.id() == conn).then_some(slot)
    }

    pub(super) fn occupied(&self) -> Vec<u32> {
        (0u32..).zip(&self.slots).filter(|(_, entry)| entry.connection.is_some()).map(|(slot, _)| slot).collect()
    }

    pub(super) fn connections(&self) -> impl Iterator<Item = &Connection> {
        self.slots.iter().filter_map(|entry| entry.connection.as_deref())
    }

    pub(super) fn len(&self) -> usize {
        self.slots.len() - self.vacant.len()
    }
}
