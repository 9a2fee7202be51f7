//! Asks for a name and a password, or for what a new account needs.
//!
//! Owns the order of the questions: nothing is asked that the server has not said it wants, and a wrong
//! answer asks for that one alone again. Runs on the main thread.

use super::prompts::Prompts;
use super::{FirstConnectionError, Visitor, open};
use crate::client::authenticate::{AuthError, Authenticator, Credentials, Welcome};
use crate::client::connector::Connector;
use crate::protocol::code::Code;
use crate::protocol::names::UserName;
use crate::protocol::secrets::{PASSWORD_MIN, Secret, check_new_password};

/// The most characters of an invitation: a code has 19, with its dashes.
const CODE_MAX: usize = 64;

/// A login that asks.
pub(super) struct Login<'a, 'p, P> {
    pub connector: &'a Connector,
    pub visitor: &'a Visitor,
    pub auth: &'a mut Authenticator<'p>,
    pub epoch: &'a mut String,
    pub prompts: &'a mut P,
}

impl<P: Prompts> Login<'_, '_, P> {
    /// Logs in or registers.
    ///
    /// # Errors
    /// [`FirstConnectionError`]; `Cancelled` if the user leaves a question that has no other way out.
    pub(super) fn run(&mut self) -> Result<Welcome, FirstConnectionError> {
        if self.visitor.is_new {
            return self.register()?.ok_or(FirstConnectionError::Cancelled);
        }
        if let Some(name) = self.visitor.name {
            return self.log_in(&name)?.ok_or(FirstConnectionError::Cancelled);
        }
        loop {
            let welcome = match self.name("Your name here, or Enter if you are new: ")? {
                Some(name) => self.log_in(&name)?,
                None => self.register()?,
            };
            if let Some(welcome) = welcome {
                return Ok(welcome);
            }
        }
    }

    /// With a password; `None` if the user has none for that name.
    fn log_in(&mut self, name: &UserName) -> Result<Option<Welcome>, FirstConnectionError> {
        loop {
            let password = self.hidden(&format!("Password for {name}: "))?;
            if password.expose().is_empty() {
                return Ok(None);
            }
            match self.ask(|auth| auth.log_in(Credentials::Password(name, &password)))? {
                Ok(welcome) => return Ok(Some(welcome)),
                Err(error) if error.is(Code::BadCredentials) => {
                    let back = if self.visitor.name.is_some() { "leaves" } else { "goes back to the name" };
                    self.prompts
                        .tell(&format!("That is not {name}'s password, or there is no {name} here. Enter {back}."));
                }
                Err(error) if is_of_password(&error) => self.prompts.tell(&error.sentence()),
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// A new account; `None` if the user chooses no name.
    fn register(&mut self) -> Result<Option<Welcome>, FirstConnectionError> {
        let mut name = self.visitor.name;
        let mut invite = self.visitor.invite.clone();
        let mut password: Option<Secret> = None;
        loop {
            let chosen = match name {
                Some(name) => name,
                None => match self.name("Choose a name: ")? {
                    Some(name) => name,
                    None => return Ok(None),
                },
            };
            let answered = match &password {
                None => self.ask(|auth| auth.check_registration(&chosen, invite.as_ref()))?.map(|()| None),
                Some(password) => {
                    let new = Credentials::Register { name: &chosen, invite: invite.as_ref(), password };
                    self.ask(|auth| auth.log_in(new))?.map(Some)
                }
            };
            name = Some(chosen);
            match answered {
                Ok(Some(welcome)) => return Ok(Some(welcome)),
                Ok(None) => password = Some(self.new_password()?),
                Err(error) if [Code::NameTaken, Code::BadName].iter().any(|&code| error.is(code)) => {
                    if self.visitor.name.is_some() {
                        return Err(error.into());
                    }
                    self.prompts.tell(&error.sentence());
                    name = None;
                }
                Err(error) if error.is(Code::BadInvite) => {
                    let why = match &invite {
                        // The server's sentence tells what to type by hand.
                        None => "You need an invitation here; whoever runs the server can give you one.",
                        Some(_) => "That invitation is unknown, already used or expired.",
                    };
                    self.prompts.tell(why);
                    invite = Some(self.invitation()?);
                }
                Err(error) if password.is_some() && is_of_password(&error) => {
                    self.prompts.tell(&error.sentence());
                    password = None;
                }
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Something that the server answers. People may take longer to type than it waits for a login: then it is
    /// asked on another connection.
    fn ask<T>(
        &mut self,
        mut step: impl FnMut(&mut Authenticator<'_>) -> Result<T, AuthError>,
    ) -> Result<Result<T, AuthError>, FirstConnectionError> {
        match step(self.auth) {
            Err(AuthError::Connection { .. }) => {
                let (connector, prompts) = (self.connector, &mut *self.prompts);
                self.auth.restart(|poller| open(connector, poller, prompts))?;
                *self.epoch = self.auth.greet()?;
                Ok(step(self.auth))
            }
            other => Ok(other),
        }
    }

    /// A name; `None` if none was typed.
    fn name(&mut self, question: &str) -> Result<Option<UserName>, FirstConnectionError> {
        loop {
            let typed = self.line(question)?;
            if typed.is_empty() {
                return Ok(None);
            }
            match UserName::parse(&typed) {
                Ok(name) => return Ok(Some(name)),
                Err(error) => self.prompts.tell(&format!("That is not a valid name: {error}.")),
            }
        }
    }

    fn invitation(&mut self) -> Result<Secret, FirstConnectionError> {
        loop {
            let typed = self.line("Invitation (Enter leaves): ")?;
            if typed.is_empty() {
                return Err(FirstConnectionError::Cancelled);
            }
            match invitation_in(&typed) {
                Some(code) => return Ok(code),
                None => self.prompts.tell("An invitation looks like 9F3D-XM2T-7TPA-B2ZW."),
            }
        }
    }

    fn new_password(&mut self) -> Result<Secret, FirstConnectionError> {
        loop {
            let password = self.hidden(&format!("Choose a password, {PASSWORD_MIN} characters or more: "))?;
            if let Err(weak) = check_new_password(&password) {
                self.prompts.tell(&weak.to_string());
            } else if self.hidden("The same again: ")?.expose() == password.expose() {
                return Ok(password);
            } else {
                self.prompts.tell("The passwords don't match.");
            }
        }
    }

    fn line(&mut self, question: &str) -> Result<String, FirstConnectionError> {
        self.prompts.line(question)?.ok_or(FirstConnectionError::Cancelled)
    }

    fn hidden(&mut self, question: &str) -> Result<Secret, FirstConnectionError> {
        self.prompts.hidden(question)?.ok_or(FirstConnectionError::Cancelled)
    }
}

/// Whether another password may do.
fn is_of_password(error: &AuthError) -> bool {
    [Code::WeakPassword, Code::BadText, Code::Cancelled, Code::LineTooLong].iter().any(|&code| error.is(code))
}

/// The code in what was typed or pasted: with spaces in it, behind `invite=`, or as a whole link.
fn invitation_in(typed: &str) -> Option<Secret> {
    let code = typed.rsplit_once("invite=").map_or(typed, |(_, code)| code);
    let code: String = code.chars().filter(|c| !c.is_whitespace()).collect();
    let is_one = |c: char| c.is_ascii_alphanumeric() || c == '-';
    (!code.is_empty() && code.len() <= CODE_MAX && code.chars().all(is_one)).then(|| Secret::new(&code))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_invitation_is_found_in_whatever_was_pasted() {
        let found = |typed: &str| invitation_in(typed).map(|code| code.expose().to_owned());
        for typed in [
            "9f3dxm2t",
            " 9f3d xm2t ",
            "invite=9f3dxm2t",
            "https://h:2428/#invite=9f3dxm2t",
            "/register NAME invite=9f3dxm2t",
        ] {
            assert_eq!(found(typed).as_deref(), Some("9f3dxm2t"), "{typed}");
        }
        for typed in ["", "a/b", "é", &"x".repeat(65)] {
            assert_eq!(found(typed), None, "{typed}");
        }
    }
}
