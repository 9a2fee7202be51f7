//! A connection on which a proxy passes on the requests of many people: each says whose it is, and a WebSocket makes the
//! connection that of whoever opens it.

use super::life::Timer;
use super::refuse::level;
use super::{Connection, Turn};
use crate::protocol::code::Code;
use crate::protocol::names::AddressGroup;
use crate::server::net::{BLOCKED, IDLE_PROXY, LOGIN, REQUESTERS};
use crate::server::traffic::ListenerKind;
use crate::server::web::http::Head;
use crate::server::web::response::{Response, Status};
use crate::server::web::{self, Answer, Site};

/// Who says whose a connection is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    /// It comes from where it says.
    Direct,
    /// A proxy has said it, or must.
    Proxied,
    /// A proxy says it with each request.
    Shared,
}

impl Connection {
    /// The answer to a request, if whoever it is of may have one; and whose it is.
    pub(super) fn answer(&mut self, head: &Head, site: Site, turn: &mut Turn<'_>) -> (Answer, AddressGroup) {
        let from = match self.whose(head, turn) {
            Ok(from) => from,
            Err(refused) => return (Answer::Respond(refused), self.from),
        };
        let answer = match web::answer(head, site) {
            Answer::Upgrade(response) => match self.become_theirs(from, turn) {
                Ok(()) => Answer::Upgrade(response),
                Err(refused) => Answer::Respond(refused),
            },
            Answer::Respond(response) if response.status == Status::Forbidden => {
                self.note_origin(head, turn);
                Answer::Respond(response)
            }
            answer @ (Answer::Respond(_) | Answer::Hook(_)) => answer,
        };
        (answer, from)
    }

    /// Whose request it is: that address is held to what it would be held to if it had asked itself.
    fn whose(&mut self, head: &Head, turn: &mut Turn<'_>) -> Result<AddressGroup, Response> {
        if self.way != Way::Shared {
            self.note_forwarded(head, turn);
            return Ok(self.from);
        }
        let shared = turn.shared;
        self.life.set(Timer::Login, turn.now + IDLE_PROXY);
        let from = match head.forwarded.source(|address| shared.proxies.has(ListenerKind::Web, address)) {
            Ok(source) => source.map_or(self.from, AddressGroup::of),
            Err(error) => {
                let (id, proxy) = (self.id, self.from);
                log::log!(
                    level(&shared.proxy_log.bad_fields, turn),
                    "connection {id}: a request that the proxy {proxy} passed on was refused, since {error}. Have the proxy set one of them, and remove the other"
                );
                let text = format!("It can't be told whose request that is: {error}.");
                return Err(web::refusal(Status::BadRequest, &text, Site::Plain));
            }
        };
        if shared.blocklist.blocks(from, turn.now) {
            shared.tally.count_turned_away(Code::Blocked);
            return Err(web::turned_away(Some(Code::Blocked), BLOCKED));
        }
        let rate = turn.live.limits.flood.map(|rate| rate.times(REQUESTERS));
        if let Err(wait) = shared.requests.lock().take(rate, from, turn.now) {
            let response = web::turned_away(Some(Code::SlowDown), "There are too many requests from your address.");
            return Err(response.with("Retry-After", (wait.as_secs() + 1).to_string()));
        }
        if head.forwarded.is_empty() && head.path == "/ws" {
            log::log!(
                level(&shared.proxy_log.nobody, turn),
                "connection {}: the proxy {from} passes on a WebSocket without saying whose it is, so it counts as the proxy's own. Have the proxy set X-Forwarded-For",
                self.id
            );
        }
        Ok(from)
    }

    /// Somebody opens a WebSocket.
    fn become_theirs(&mut self, from: AddressGroup, turn: &mut Turn<'_>) -> Result<(), Response> {
        if self.way == Way::Shared {
            self.belong_to(from, turn).map_err(|(code, why)| {
                turn.shared.tally.count_turned_away(code);
                web::turned_away(Some(code), why)
            })?;
            self.life.set(Timer::Login, turn.now + LOGIN);
        }
        Ok(())
    }

    /// Fields from an address that is in no setting are not believed. Whoever has forgotten the setting should learn why
    /// everybody seems to come from one address.
    fn note_forwarded(&self, head: &Head, turn: &Turn<'_>) {
        if self.listener == ListenerKind::Web && self.way == Way::Direct && !head.forwarded.is_empty() {
            let (id, from) = (self.id, self.from);
            log::log!(
                level(&turn.shared.proxy_log.not_believed, turn),
                "connection {id} from {from}: a request says by X-Forwarded-For or Forwarded whose it is, which is not believed. If that is your proxy, name it in the settings (web_proxies = \"{from}\") and restart chitchatd"
            );
        }
    }

    /// A proxy that does not pass on which host a request is for keeps the server's own page out.
    fn note_origin(&self, head: &Head, turn: &Turn<'_>) {
        if self.listener == ListenerKind::Web {
            log::log!(
                level(&turn.shared.proxy_log.other_origin, turn),
                "connection {}: a page of {:?} may not open a WebSocket for the host {:?}. If it is this server's page, have the proxy pass on the field Host as it came",
                self.id,
                head.origin.as_deref().unwrap_or_default(),
                head.host.as_deref().unwrap_or_default()
            );
        }
    }
}
