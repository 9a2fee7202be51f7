//! The prompts: what was asked for, and of which command.

use crate::protocol::code::Refusal;
use crate::protocol::names::UserName;
use crate::protocol::secrets::Secret;

/// What was asked for, and the label of the command that needs it.
#[derive(Debug)]
pub(super) struct Asked {
    pub(super) label: Option<Box<str>>,
    pub(super) question: Question,
}

/// What the next line is the answer to.
#[derive(Debug)]
pub(super) enum Question {
    Register {
        name: Result<UserName, Refusal>,
        invite: Option<Secret>,
    },
    Login {
        name: Result<UserName, Refusal>,
    },
    Recover {
        name: Result<UserName, Refusal>,
        code: Secret,
    },
    Unregister {
        all: bool,
    },
    OldPassword,
    NewPassword {
        old: Secret,
    },
    /// A refused verb of somebody who is logged in: its secrets are read anyway, or a program that
    /// pipelined them would say them in a room.
    Refused {
        refusal: Refusal,
        /// How many are still to come.
        answers: u8,
    },
}

impl Question {
    /// Whether only somebody who is logged in is asked that.
    pub(super) fn is_logged_in(&self) -> bool {
        match self {
            Question::Unregister { .. }
            | Question::OldPassword
            | Question::NewPassword { .. }
            | Question::Refused { .. } => true,
            Question::Register { .. } | Question::Login { .. } | Question::Recover { .. } => false,
        }
    }

    /// The prompt's sentence.
    pub(super) fn text(&self) -> String {
        let hint = "(your terminal may show it)";
        match self {
            Question::Register { name: Ok(name), .. } => format!("a password for {name}, at least 8 characters {hint}"),
            Question::Login { name: Ok(name) } => format!("password for {name} {hint}"),
            Question::Unregister { all: false } => {
                format!("your password, to end this account for good; an empty line keeps it {hint}")
            }
            Question::Unregister { all: true } => {
                format!(
                    "your password, to end this account for good, with all that you said; an empty line keeps it {hint}"
                )
            }
            Question::OldPassword => format!("your old password {hint}"),
            Question::NewPassword { .. } => format!("your new password, at least 8 characters {hint}"),
            Question::Recover { name: Ok(name), .. } => {
                format!("a new password for {name}, at least 8 characters {hint}")
            }
            Question::Register { .. }
            | Question::Recover { .. }
            | Question::Login { .. }
            | Question::Refused { .. } => format!("password {hint}"),
        }
    }
}
