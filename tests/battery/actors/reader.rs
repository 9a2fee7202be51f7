//! Is shown what is said and what is changed. Within a connection nothing may be left out.

use super::{Account, Run};
use crate::wire::Line;
use std::collections::HashMap;

pub(crate) struct Reader {
    pub account: Account,
}

impl Reader {
    pub(crate) fn new(account: Account) -> Self {
        Self { account }
    }

    /// Reads until the server is gone.
    ///
    /// # Errors
    /// A number that does not follow the one before it.
    pub(crate) fn run(&self, run: Run<'_>) -> Result<(), String> {
        run.connected(&self.account, |link, _| {
            let (mut ids, mut changes) = (HashMap::new(), HashMap::new());
            loop {
                let line = link.next()?;
                let followed = match &line {
                    Line::Said(said) => follows(&mut ids, &said.target, said.id),
                    Line::Changed(changed) => follows(&mut changes, &changed.target, changed.change),
                    _ => continue,
                };
                if !followed {
                    return Err(format!("{} was shown, out of order: {line:?}", self.account.name).into());
                }
                run.notes.line(line);
            }
        })
    }
}

fn follows(last: &mut HashMap<String, u64>, target: &str, number: u64) -> bool {
    last.insert(target.to_owned(), number).is_none_or(|before| number == before + 1)
}
