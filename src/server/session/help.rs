//! `/help`: rows from the one command table.

use super::{SessionAction, answer};
use crate::protocol::command::{TABLE, Who, find, unknown};
use crate::protocol::line::{Final, Rows};

pub(super) fn help(verb: Option<&str>, logged_in: bool) -> SessionAction {
    let mut rows = Rows::default();
    let last = match verb {
        Some(word) => match find(word) {
            Some(verb) => {
                rows.push(&format!("{} - {}", verb.form(), verb.help));
                rows.push(&format!("answered by: {}", verb.done));
                "/help lists all commands.".to_owned()
            }
            None => return answer(unknown(word)),
        },
        None => {
            let mut shown = 0;
            for verb in TABLE {
                let fits = match verb.who {
                    Who::All => true,
                    Who::New => !logged_in,
                    Who::User | Who::Member | Who::Moderator | Who::Owner | Who::Admin => logged_in,
                };
                if fits {
                    rows.push(&format!("{} - {}", verb.form(), verb.help));
                    shown += 1;
                }
            }
            if logged_in {
                format!("{shown} commands. Text without a leading / is said in your current room; //x says /x.")
            } else {
                format!("{shown} commands before the login. New here? /register NAME   Been here? /login NAME")
            }
        }
    };
    SessionAction::Answer(rows, Final::Done(last))
}
