//! `/block`, `/unblock` and `/blocks`, and the list that those who accept connections look into. It is
//! replaced once the batch that changed it is stored.

use super::refusals::refusal;
use super::{Answered, Context, Hub, Now, page, unexpected};
use crate::protocol::code::{Code, Refusal};
use crate::protocol::names::Text;
use crate::protocol::network::Network;
use crate::protocol::spans;
use crate::protocol::stamp::rfc3339;
use crate::server::core::{AccountAction, Administration, Outcome};
use crate::server::traffic::{BlockedNetwork, Blocklist, Delivery};
use std::sync::Arc;
use std::time::Duration;

#[derive(Debug, Default)]
pub(super) struct Blocks {
    shared: Arc<Blocklist>,
    /// As the current batch has changed it.
    changed: Option<Vec<BlockedNetwork>>,
}

impl Blocks {
    pub(super) fn commit(&mut self) {
        if let Some(blocked) = self.changed.take() {
            self.shared.replace(blocked);
        }
    }

    pub(super) fn roll_back(&mut self) {
        self.changed = None;
    }
}

impl Hub {
    /// The list of those who may not connect. It is right from now on.
    pub(in crate::server) fn blocklist(&mut self, now: Now) -> Arc<Blocklist> {
        self.list_blocks(now);
        self.blocks.commit();
        Arc::clone(&self.blocks.shared)
    }

    fn list_blocks(&mut self, now: Now) {
        let steady = self.clock.at(now);
        let until = |until: u64| now.instant.checked_add(Duration::from_millis(until.saturating_sub(steady)));
        // An end that is out of reach is none.
        let blocked = self
            .state
            .blocks()
            .map(|block| BlockedNetwork { network: block.network, until: block.until.and_then(until) });
        self.blocks.changed = Some(blocked.collect());
    }
}

pub(super) fn block(cx: &mut Context<'_>, network: Network, lasts: Option<Duration>, reason: Option<Text>) -> Answered {
    let own = cx.hub.connections.session(cx.conn).map(|session| session.from);
    cx.hub.state.check_administrator(cx.account).map_err(refusal)?;
    if own.is_some_and(|own| network.contains(own)) {
        let text = "you are connected from there yourself. Use the console, or leave your own address out.";
        return Err(Refusal::new(Code::NotAllowed, text));
    }
    cx.apply(AccountAction::Administer(Administration::Block { network, lasts, reason }))?;
    cx.hub.list_blocks(cx.now);
    for worker in 0..cx.hub.settings.workers {
        cx.effects.deliver(worker, Delivery::EndFrom(network));
    }
    let lasts = lasts.map_or_else(|| "until you lift it".to_owned(), |lasts| format!("for {}", spans::exactly(lasts)));
    cx.done(format!("{network} is blocked {lasts}. /unblock {network} ends that."))
}

pub(super) fn unblock(cx: &mut Context<'_>, network: Network) -> Answered {
    let outcome = cx.apply(AccountAction::Administer(Administration::Unblock(network)))?;
    let Outcome::Blocked { changed } = outcome else { return Err(unexpected(&outcome)) };
    cx.hub.list_blocks(cx.now);
    let text = if changed { "may connect again." } else { "was not blocked as such. /blocks lists what is." };
    cx.done(format!("{network} {text}"))
}

/// `ADDRESS UNTIL BY[ REASON]`
pub(super) fn list(cx: &mut Context<'_>, after: Option<Network>, limit: u32) -> Answered {
    cx.hub.state.check_administrator(cx.account).map_err(refusal)?;
    let (steady, state) = (cx.hub.clock.at(cx.now), &cx.hub.state);
    let blocks = state.blocks().filter(|block| block.until.is_none_or(|until| until > steady));
    let blocks = blocks.filter(|block| after.is_none_or(|after| block.network > after));
    let rows = blocks.map(|block| {
        let until = block.until.map_or_else(|| "-".to_owned(), rfc3339);
        let row = format!("{} {until} {} {}", block.network, state.name(block.by), block.reason);
        row.trim_end().to_owned()
    });
    let (rows, last) = page(rows, limit, cx.hub.settings.answer_bytes, "block");
    cx.effects.answer(cx.conn, rows, last);
    Ok(())
}
