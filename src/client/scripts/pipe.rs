//! `pipe`: JSON lines for bots in any language.
//!
//! Owns the schema, which docs/SCRIPTS.md documents. Lines of standard input are carried out in order, and each is answered
//! once; events come between.

use super::output::{self, Out, json};
use super::stdin::{Input, Next};
use crate::client::ClientError;
use crate::client::args::PipeArgs;
use crate::client::bot::{Answer, Bot, BotError, Start, Updated};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::time::{Duration, Instant};

/// How long one wait lasts before the next begins.
const IDLE: Duration = Duration::from_hours(1);
/// The code of an answer to a line that is not one of these objects.
const BAD_JSON: &str = "bad-json";

/// A line of input.
#[derive(Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
struct Order {
    /// Whatever the answer should be recognised by.
    #[serde(default)]
    id: Value,
    say: Option<String>,
    to: Option<String>,
    key: Option<String>,
    #[serde(default)]
    update: bool,
    command: Option<String>,
}

/// The answer to it.
#[derive(Debug, Serialize)]
struct Answered<'a> {
    answer: &'a Value,
    ok: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    change: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    rows: Option<&'a [String]>,
}

#[derive(Serialize)]
struct Ready<'a> {
    event: &'static str,
    name: &'a str,
    epoch: &'a str,
}

/// What an order led to.
enum Outcome {
    Said(Updated),
    Answered(Answer),
}

/// Carries out the orders of standard input until it ends.
pub(super) fn run(mut bot: Bot, args: &PipeArgs) -> Result<(), ClientError> {
    let mut out = Out::new();
    let start = if args.unread { Start::Unread } else { Start::Now };
    if args.targets.is_empty() {
        bot.follow_all(start)?;
    }
    for target in &args.targets {
        bot.follow(&target.to_string(), start)?;
    }
    // A bot runs for as long as its program does.
    bot.set_patience(None);
    out.line(&json(&Ready { event: "ready", name: bot.name().as_str(), epoch: bot.epoch() }))?;
    let input = Input::start(bot.wake_handle())?;
    loop {
        match input.next()? {
            Next::Line(line) if line.trim().is_empty() => continue,
            Next::Line(line) => {
                let answer = carry_out(&mut bot, &line)?;
                out.line(&answer)?;
                continue;
            }
            Next::NotText => {
                out.line(&refused(&Value::Null, BAD_JSON, "the line is not UTF-8".to_owned()))?;
                continue;
            }
            Next::End => break,
            Next::Wait => {}
        }
        let event = match bot.next_event_within(Duration::ZERO)? {
            Some(event) => Some(event),
            None => {
                out.flush()?;
                bot.next_before(Instant::now() + IDLE)?
            }
        };
        if let Some(line) = event.as_ref().and_then(output::event) {
            out.line(&line)?;
        }
    }
    out.flush()?;
    if let Err(error) = bot.quit() {
        log::debug!("while leaving: {error}");
    }
    Ok(())
}

/// Carries out one line, and returns the answer. Only what ends the bot is an error.
fn carry_out(bot: &mut Bot, line: &str) -> Result<String, ClientError> {
    let order: Order = match serde_json::from_str(line) {
        Ok(order) => order,
        Err(error) => return Ok(refused(&id_of(line), BAD_JSON, error.to_string())),
    };
    let done = match &order {
        Order { say: Some(text), to: Some(to), key, update, command: None, .. } => match key {
            None if *update => return Ok(refused(&order.id, BAD_JSON, "\"update\" needs a \"key\"".to_owned())),
            None => bot.say(to, text).map(Updated::Said),
            Some(key) if *update => bot.update(to, key, text),
            Some(key) => bot.post(to, key, text).map(Updated::Said),
        }
        .map(Outcome::Said),
        Order { say: None, to: None, key: None, update: false, command: Some(command), .. } => {
            bot.ask(command).map(Outcome::Answered)
        }
        _ => {
            let text = "expected \"say\" and \"to\", or \"command\"".to_owned();
            return Ok(refused(&order.id, BAD_JSON, text));
        }
    };
    let answered =
        Answered { answer: &order.id, ok: true, code: None, text: None, message: None, change: None, rows: None };
    Ok(match done {
        Ok(Outcome::Said(Updated::Said(id))) => json(&Answered { message: Some(id), ..answered }),
        Ok(Outcome::Said(Updated::Replaced(change))) => json(&Answered { change: Some(change), ..answered }),
        Ok(Outcome::Answered(Answer { text, rows })) => {
            json(&Answered { text: Some(text), rows: Some(&rows), ..answered })
        }
        Err(BotError::Refused { code, text, .. }) => refused(&order.id, &code, text),
        // The command may or may not have been done.
        Err(error @ BotError::Lost(_)) => refused(&order.id, "lost", error.to_string()),
        Err(error @ (BotError::NotACommand | BotError::NotOneLine | BotError::Prompted)) => {
            refused(&order.id, "bad-argument", error.to_string())
        }
        Err(error @ BotError::Name(_)) => refused(&order.id, "bad-name", error.to_string()),
        Err(error) => return Err(error.into()),
    })
}

/// The `id` of an object that is no order; null if there is none.
fn id_of(line: &str) -> Value {
    let object: Option<Value> = serde_json::from_str(line).ok();
    object.and_then(|mut object| object.get_mut("id").map(Value::take)).unwrap_or_default()
}

fn refused(id: &Value, code: &str, text: String) -> String {
    json(&Answered {
        answer: id,
        ok: false,
        code: Some(code),
        text: Some(text),
        message: None,
        change: None,
        rows: None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn orders_are_objects_of_known_fields() {
        let order: Order = serde_json::from_str(r#"{"id": 7, "say": "hi", "to": "ops"}"#).unwrap();
        assert_eq!((order.id, order.say.as_deref(), order.to.as_deref()), (Value::from(7), Some("hi"), Some("ops")));
        for wrong in ["", "7", "[]", r#"{"says": "hi"}"#, r#"{"say": 7}"#] {
            assert!(serde_json::from_str::<Order>(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn what_is_no_order_is_answered_with_its_id_all_the_same() {
        for (line, id) in [
            (r#"{"id": 7, "says": "hi"}"#, Value::from(7)),
            (r#"{"id": "a", "say": 7}"#, Value::from("a")),
            (r#"{"says": "hi"}"#, Value::Null),
            ("[7]", Value::Null),
            (r#"{"id": 7,"#, Value::Null),
        ] {
            assert_eq!(id_of(line), id, "{line}");
        }
    }
}
