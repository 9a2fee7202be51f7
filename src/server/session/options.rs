//! The options of a connection, as `/set` shows and changes them.

use super::SessionAction;
use crate::protocol::command::Setting;
use crate::protocol::deflate::DICTIONARY;
use crate::protocol::line::{Final, Rows};
use crate::server::traffic::Viewer;

/// Unread lines that a person is shown at login and `/join`, unless `/set replay` says otherwise.
const REPLAY_DEFAULT: u32 = 20;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each is an option of its own, named by /set")]
pub(crate) struct Options {
    /// Ids, times and labels before lines.
    pub tags: bool,
    /// The connection's own lines, shown as others see them.
    pub echo: bool,
    /// Who comes and goes.
    pub presence: bool,
    /// Unread lines shown at login and `/join`.
    pub replay: u32,
    /// Deflate frames.
    pub deflate: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self { tags: false, echo: false, presence: true, replay: REPLAY_DEFAULT, deflate: false }
    }
}

impl Options {
    pub(crate) fn apply(&mut self, setting: Setting) {
        match setting {
            Setting::Tags(on) => self.tags = on,
            Setting::Echo(on) => self.echo = on,
            Setting::Presence(on) => self.presence = on,
            Setting::Replay(lines) => self.replay = lines,
            Setting::Deflate(dictionary) => self.deflate = dictionary.is_some(),
        }
    }

    /// Who looks at the output: tags are for programs.
    #[must_use]
    pub(crate) fn viewer(&self) -> Viewer {
        if self.tags { Viewer::Program } else { Viewer::Person { replay: self.replay } }
    }

    /// The answer to `/set` alone.
    pub(super) fn show(self) -> SessionAction {
        let Options { tags, echo, presence, replay, deflate } = self;
        let on = |on: bool| if on { "on" } else { "off" };
        let number = |n: u32| if n == 0 { "off".to_owned() } else { n.to_string() };
        let mut rows = Rows::default();
        rows.push(&format!("tags {} - ids, times and labels, for programs", on(tags)));
        rows.push(&format!("echo {} - your own lines as others see them", on(echo)));
        rows.push(&format!("presence {} - who comes and goes", on(presence)));
        rows.push(&format!("replay {} - unread lines shown at login and /join", number(replay)));
        let deflate = if deflate { DICTIONARY } else { 0 };
        rows.push(&format!("deflate {} - compressed frames, for programs", number(deflate)));
        SessionAction::Answer(rows, Final::Done("5 options. /set OPTION VALUE changes one.".to_owned()))
    }
}

/// The final line of `/set`.
#[must_use]
pub(crate) fn set_text(setting: Setting, epoch: &str) -> String {
    let on = |on: bool| if on { "on" } else { "off" };
    match setting {
        Setting::Tags(true) => format!("tags on epoch={epoch} protocol=1"),
        Setting::Tags(false) => "tags off".to_owned(),
        Setting::Echo(echo) => format!("echo {}", on(echo)),
        Setting::Presence(presence) => format!("presence {}", on(presence)),
        Setting::Replay(0) => "replay off".to_owned(),
        Setting::Replay(lines) => format!("replay {lines}"),
        Setting::Deflate(None) => "deflate off".to_owned(),
        Setting::Deflate(Some(dictionary)) => format!("deflate {dictionary}"),
    }
}
