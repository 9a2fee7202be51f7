//! Which addresses may not connect. The dispatcher replaces the list as a whole when it has changed;
//! whoever accepts connections looks into it, without asking the dispatcher.

use crate::protocol::names::AddressGroup;
use crate::protocol::network::Network;
use parking_lot::Mutex;
use std::sync::Arc;
use std::time::Instant;

/// A network from which nobody may connect.
#[derive(Debug, Clone, Copy)]
pub(crate) struct BlockedNetwork {
    pub network: Network,
    /// `None` if somebody has to lift it.
    pub until: Option<Instant>,
}

#[derive(Debug, Default)]
pub(crate) struct Blocklist(Mutex<Arc<[BlockedNetwork]>>);

impl Blocklist {
    /// From now on these are blocked and no others.
    pub(crate) fn replace(&self, blocked: Vec<BlockedNetwork>) {
        *self.0.lock() = blocked.into();
    }

    /// Whether nobody may connect from that address.
    #[must_use]
    pub(crate) fn blocks(&self, address: AddressGroup, now: Instant) -> bool {
        let blocked = Arc::clone(&self.0.lock());
        blocked.iter().any(|block| block.until.is_none_or(|until| until > now) && block.network.contains(address))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn a_block_ends_by_itself_and_with_its_list() {
        let (list, now) = (Blocklist::default(), Instant::now());
        let address = AddressGroup::V4([192, 0, 2, 1]);
        assert!(!list.blocks(address, now));
        let network = Network::parse("192.0.2.0/24").unwrap();
        list.replace(vec![BlockedNetwork { network, until: Some(now + Duration::from_secs(5)) }]);
        assert!(list.blocks(address, now));
        assert!(!list.blocks(AddressGroup::V4([192, 0, 3, 1]), now));
        assert!(!list.blocks(address, now + Duration::from_secs(5)));
        list.replace(vec![BlockedNetwork { network, until: None }]);
        assert!(list.blocks(address, now + Duration::from_hours(1_000)));
        list.replace(Vec::new());
        assert!(!list.blocks(address, now));
    }
}
