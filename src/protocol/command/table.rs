//! The table itself.

use super::{AfterRoom, Command, HistoryPart, NamePage, PersonalCommand, Search, Verb, Who};
use super::{admin, hook, personal};
use crate::protocol::args::{
    bad, duration, existing_room_name, login_name, message_id, new_name, number, quoted, reaction, retention, role,
    room_name, said, setting, target_name, user_name,
};
use crate::protocol::names::{MessageId, Target};
use crate::protocol::secrets::Secret;

macro_rules! verb {
    // What follows a ROOM that may be left out stands in parentheses.
    ($name:literal $usage:literal ($after:ident), $($rest:tt)*) => { verb!(@ Some(AfterRoom::$after), $name $usage, $($rest)*) };
    ($name:literal $usage:literal, $($rest:tt)*) => { verb!(@ None, $name $usage, $($rest)*) };
    (@ $after:expr, $name:literal $usage:literal, $who:ident, $help:literal, $done:literal, [$($key:literal),*], $parse:expr) => {
        Verb {
            name: $name,
            usage: $usage,
            who: Who::$who,
            help: $help,
            done: $done,
            after_room: $after,
            options: &[$($key),*],
            parse: $parse,
        }
    };
}

/// Every verb. `/help` lists them in this order.
pub const TABLE: &[Verb] = &[
    verb!("help" "[VERB]", All, "lists the commands, or explains one", "+ …", [], |a| {
        Ok(Command::Help(a.optional_word().map(|w| w.trim_start_matches('/').to_ascii_lowercase())))
    }),
    verb!("quit" "", All, "says goodbye and closes the connection", "+ goodbye…", [], |_| Ok(Command::Quit)),
    verb!("ping" "[TEXT]", All, "answers with TEXT, to show that the server is there", "+ TEXT", [], |a| {
        Ok(Command::Ping(a.tail().map(said).transpose()?.map(|text| text.as_str().to_owned())))
    }),
    verb!("register" "NAME [invite=CODE] [PASSWORD]", New, "makes an account and logs in; without PASSWORD it is asked for",
        "+ welcome NAME…", ["invite"], |a| {
        let name = a.word("NAME").map(new_name)?;
        let invite = a.option("invite");
        let password = a.secret();
        // A repeated option is refused after the password, as a bad name is.
        let name = invite.as_ref().map(|_| ()).map_err(Clone::clone).and(name);
        Ok(Command::Register { name, invite: invite.ok().flatten().map(Secret::new), password })
    }),
    verb!("login" "NAME [PASSWORD]", New, "logs in; without PASSWORD it is asked for", "+ welcome NAME…", [], |a| {
        let name = a.word("NAME").map(login_name)?;
        Ok(Command::Login { name, password: a.secret() })
    }),
    verb!("resume" "TOKEN", New, "logs in with a device token", "+ welcome NAME…", [], |a| {
        Ok(Command::Resume(Secret::new(a.word("TOKEN")?)))
    }),
    verb!("recover" "NAME CODE [PASSWORD]", New, "logs in with the code that an administrator gave you, and sets a new password; without PASSWORD it is asked for",
        "+ welcome NAME…", [], |a| {
        let name = a.word("NAME").map(login_name)?;
        let code = Secret::new(a.word("CODE")?);
        Ok(Command::Recover { name, code, password: a.secret() })
    }),
    verb!("passwd" "", User, "changes your password: asks for the old and the new one; closes your other connections and revokes your tokens", "+ …", [], |_| {
        Ok(Command::Passwd)
    }),
    verb!("unregister" "[all]", User, "ends your account for good: asks for your password; what you said stays, or goes with all", "+ …", [], |a| {
        Ok(Command::Unregister { all: a.keyword("all")? })
    }),
    verb!("token" "new LABEL [here] | list | revoke LABEL", User, "makes, lists or revokes device tokens, which log in without the password; here: for this connection's own use",
        "+ TOKEN for new, + LABEL… for revoke, + N tokens for list", [], |a| match a.word("new, list or revoke")? {
        "new" => {
            let label = a.label()?;
            Ok(Command::TokenNew { label, here: a.keyword("here")? })
        }
        "list" => Ok(Command::TokenList),
        "revoke" => Ok(Command::TokenRevoke(a.label()?)),
        other => Err(bad(format!("Expected new, list or revoke, not {}.", quoted(other)))),
    }),
    verb!("whoami" "", User, "shows who you are", "+ NAME…", [], |_| Ok(Command::Whoami)),
    verb!("sessions" "[end N|others]", User, "lists your connections, or ends one by its number, or all but this one", "+ N sessions, + N… for end", [], personal::sessions),
    verb!("profile" "[NAME] | text TEXT or -", User, "shows who somebody is, or says something about you, or nothing any more (-)", "+ NAME…", [], personal::profile),
    verb!("away" "[TEXT]", User, "says that you are away, and why, until you say /away alone", "+ …", [], personal::away),
    verb!("ignore" "NAME", User, "hears no more of what somebody says; they are not told", "+ NAME…", [], personal::ignore),
    verb!("unignore" "NAME", User, "hears somebody again", "+ NAME…", [], personal::unignore),
    verb!("ignored" "", User, "lists whom you ignore: name, since when", "+ N accounts", [], |_| {
        Ok(Command::Personal(PersonalCommand::Ignored))
    }),
    verb!("invitecode" "[uses=N] [for=7d] [admin] [note=NOTE]", User, "makes an invitation code for this server; members may if the operator lets them, for one person within 7d; NOTE, which is the rest of the line, is shown by /invites",
        "+ CODE…", ["uses", "for"], admin::invite_code),
    verb!("invites" "[revoke N] [after=N] [limit=N]", User, "lists the invitation codes that are good, for members their own: number, for a member or an admin, uses left, until, by whom, note; or ends one",
        "+ N invites[, more], + N… for revoke", ["after", "limit"], admin::invites),
    verb!("stats" "", Admin, "shows figures of the running server: people, rooms, messages, disk, and who was held back", "+ N figures", [], admin::stats),
    verb!("reload" "", Admin, "reads the server's settings and its certificate again, and says what has changed", "+ …", [], admin::reload),
    verb!("accounts" "[after=NAME] [limit=N]", Admin, "lists the accounts: name, admin, member or hook, here, away or disabled, when it was made", "+ N accounts[, more]",
        ["after", "limit"], admin::accounts),
    verb!("disable" "NAME [REASON]", Admin, "ends an account's connections, and lets it log in no more until /enable", "+ NAME…", [], admin::disable),
    verb!("enable" "NAME", Admin, "lets a disabled account log in again", "+ NAME…", [], admin::enable),
    verb!("resetpw" "NAME", Admin, "makes a code for someone who lost the password; ends that account's password, tokens and connections", "+ CODE…", [], admin::reset_password),
    verb!("grant" "NAME admin|none", Admin, "makes somebody an administrator, or a member again", "+ NAME…", [], admin::grant),
    verb!("announce" "TEXT", Admin, "tells everyone who is connected", "+ …", [], admin::announce),
    verb!("block" "ADDRESS[/BITS] [for=TIME] [REASON]", Admin, "ends the connections from an address or a network and takes no more, for a time or until you lift it", "+ ADDRESS…",
        ["for"], admin::block),
    verb!("unblock" "ADDRESS[/BITS]", Admin, "lets an address or a network connect again", "+ ADDRESS…", [], admin::unblock),
    verb!("blocks" "[after=ADDRESS] [limit=N]", Admin, "lists what is blocked: address, until, by whom, why", "+ N blocks[, more]", ["after", "limit"], admin::blocks),
    verb!("set" "[OPTION VALUE]", All, "shows or changes an option of this connection: tags, echo, presence (on or off), replay (N or off), deflate (N or off)",
        "+ OPTION VALUE…", [], |a| match a.optional_word() {
        None => Ok(Command::SetShow),
        Some(option) => setting(option, a.word("VALUE")?).map(Command::Set),
    }),
    verb!("rooms" "[after=NAME] [limit=N]", User, "lists the rooms: name, members, topic", "+ N rooms[, more]", ["after", "limit"], |a| {
        let after = a.option("after")?.map(existing_room_name).transpose()?;
        Ok(Command::Rooms { after, limit: a.limit()? })
    }),
    verb!("conversations" "", User, "lists your rooms and direct conversations: target, last id, read up to, unread, unread mentions, last change", "+ N conversations[, more]", [], |_| {
        Ok(Command::Conversations)
    }),
    verb!("create" "ROOM [private]", User, "makes a room that you own, with you in it; only people you invite see a private one",
        "+ ROOM…", [], |a| {
        let room = a.room("ROOM")?;
        Ok(Command::Create { room, private: a.keyword("private")? })
    }),
    verb!("join" "ROOM", User, "enters a room and makes it your current one; creates it if there is none", "+ ROOM…", [], |a| {
        Ok(Command::Join(a.room("ROOM")?))
    }),
    verb!("leave" "[ROOM]" (Nothing), User, "leaves a room for good", "+ ROOM…", [], |a| Ok(Command::Leave(a.existing_room("ROOM")?))),
    verb!("switch" "ROOM", User, "makes another of your rooms the current one", "+ ROOM…", [], |a| {
        Ok(Command::Switch(a.room("ROOM")?))
    }),
    verb!("invite" "[ROOM] NAME" (Word), User, "invites someone to a room that you are in", "+ …", [], |a| {
        Ok(Command::Invite { room: a.room("ROOM")?, name: a.name("NAME")? })
    }),
    verb!("invitations" "", User, "lists the rooms that you are invited to: by whom, until when", "+ N invitations…", [], |_| Ok(Command::Invitations)),
    verb!("decline" "ROOM or @NAME", User, "declines the invitation to a room, or all by one person; nobody is told", "+ …", [], |a| {
        Ok(Command::Decline(a.target("ROOM or @NAME")?))
    }),
    verb!("who" "[ROOM] [after=NAME] [limit=N]", Member, "lists the members of a room: who is here, who owns or moderates it, who is muted, why somebody is away; with after or limit by name alone", "+ N members[, more]",
        ["after", "limit"], |a| {
        let room = a.optional_word().map(room_name).transpose()?;
        let after = a.option("after")?.map(user_name).transpose()?;
        let is_page = after.is_some() || a.option("limit")?.is_some();
        let limit = a.limit()?;
        Ok(Command::Who { room, page: is_page.then_some(NamePage { after, limit }) })
    }),
    verb!("topic" "[ROOM] [TEXT or -]" (Text), Member, "shows a room's topic, sets it, or clears it (-)", "+ …", [], |a| {
        let room = a.room("ROOM")?;
        match a.tail() {
            None => Ok(Command::TopicShow(room)),
            Some("-") => Ok(Command::TopicSet { room, topic: None }),
            Some(text) => Ok(Command::TopicSet { room, topic: Some(said(text)?) }),
        }
    }),
    verb!("role" "[ROOM] NAME [owner|moderator|member]" (WordAndMore), Member, "shows what somebody is in a room; owners also say what they are from now on", "+ NAME ROLE", [], |a| {
        let (room, name) = (a.room("ROOM")?, a.name("NAME")?);
        Ok(match a.optional_word() {
            None => Command::RoleShow { room, name },
            Some(word) => Command::RoleSet { room, name, role: role(word)? },
        })
    }),
    verb!("kick" "[ROOM] NAME [REASON]" (WordAndMore), Moderator, "removes somebody from a room; they may come back if they can see it", "+ NAME…", [], |a| {
        Ok(Command::Kick { room: a.room("ROOM")?, name: a.name("NAME")?, reason: a.reason()? })
    }),
    verb!("ban" "[ROOM] NAME [for=TIME] [REASON]" (WordAndMore), Moderator, "removes somebody from a room and keeps them out, for a time or until you lift it", "+ NAME…", ["for"], |a| {
        let (room, name) = (a.room("ROOM")?, a.name("NAME")?);
        let lasts = a.option("for")?.map(duration).transpose()?;
        Ok(Command::Ban { room, name, lasts, reason: a.reason()? })
    }),
    verb!("unban" "[ROOM] NAME" (Word), Moderator, "lets somebody come in again", "+ NAME…", [], |a| {
        Ok(Command::Unban { room: a.room("ROOM")?, name: a.name("NAME")? })
    }),
    verb!("bans" "[ROOM] [after=NAME] [limit=N]" (Nothing), Moderator, "lists who is kept out of a room: name, until, by whom, why", "+ N bans[, more]", ["after", "limit"], |a| {
        let room = a.room("ROOM")?;
        let after = a.option("after")?.map(user_name).transpose()?;
        Ok(Command::Bans { room, after, limit: a.limit()? })
    }),
    verb!("mute" "[ROOM] NAME [for=TIME] [REASON]" (WordAndMore), Moderator, "lets somebody only read in a room, for a time or until you lift it", "+ NAME…", ["for"], |a| {
        let (room, name) = (a.room("ROOM")?, a.name("NAME")?);
        let lasts = a.option("for")?.map(duration).transpose()?;
        Ok(Command::Mute { room, name, lasts, reason: a.reason()? })
    }),
    verb!("unmute" "[ROOM] NAME" (Word), Moderator, "lets somebody talk again", "+ NAME…", [], |a| {
        Ok(Command::Unmute { room: a.room("ROOM")?, name: a.name("NAME")? })
    }),
    verb!("slow" "[ROOM] TIME or off" (Word), Moderator, "lets each member say at most one message every TIME", "+ ROOM…", [], |a| {
        let room = a.room("ROOM")?;
        let every = Some(a.word("TIME")?).filter(|&word| word != "off").map(duration).transpose()?;
        Ok(Command::Slow { room, every })
    }),
    verb!("hook" "new ROOM LABEL | list ROOM | revoke ROOM LABEL", Moderator, "makes an address at which a program posts by HTTP and is shown as LABEL, lists a room's: label, since when, by whom, whether it has an address, or ends one",
        "+ /hook/TOKEN… for new, + N hooks for list, + LABEL… for revoke", [], hook::hook),
    verb!("private" "[ROOM] on or off" (Word), Owner, "hides a room from all but its members and those they invite, or shows it again", "+ ROOM…", [], |a| {
        Ok(Command::Private { room: a.room("ROOM")?, private: a.switch("on or off")? })
    }),
    verb!("retain" "[ROOM] TIME or off" (Word), Owner, "lets what is said in a room go for good once it is older than TIME, at least 1h", "+ ROOM…", [], |a| {
        let room = a.room("ROOM")?;
        let keep = Some(a.word("TIME")?).filter(|&word| word != "off").map(retention).transpose()?;
        Ok(Command::Retain { room, keep })
    }),
    verb!("rename" "ROOM NEW", Owner, "gives a room another name; nobody else gets the old one", "+ NEW…", [], |a| {
        Ok(Command::Rename { room: a.existing_room("ROOM")?, name: a.room("NEW")? })
    }),
    verb!("close" "ROOM", Owner, "ends a room for good: nobody is in it any more, can read it or gets its name", "+ ROOM…", [], |a| {
        Ok(Command::Close(a.existing_room("ROOM")?))
    }),
    verb!("audit" "[limit=N] [more=CURSOR] [ROOM]", Moderator, "shows what moderators, owners and administrators did in a room, newest first; without ROOM, for administrators: what they did to the server", "+ N actions[, more=CURSOR]", ["limit", "more"], |a| {
        let room = a.optional_word().map(existing_room_name).transpose()?;
        let more = a.option("more")?.map(|n| number(n, "more", 0, MessageId::MAX.value())).transpose()?;
        Ok(Command::Audit { room, limit: a.limit()?, more })
    }),
    verb!("say" "TARGET TEXT", Member, "says TEXT in a room, or to @NAME", "+ ID", [], |a| {
        Ok(Command::Say { target: a.message_target("TARGET")?, key: None, text: a.text()? })
    }),
    verb!("msg" "NAME TEXT", Member, "says TEXT to one person, also while they are away", "+ ID", [], |a| {
        Ok(Command::Say { target: Target::Direct(a.name("NAME")?), key: None, text: a.text()? })
    }),
    verb!("post" "TARGET KEY TEXT", Member, "like /say, but only once for each KEY: a program can safely repeat it", "+ ID", [], |a| {
        let target = a.message_target("TARGET")?;
        Ok(Command::Say { target, key: Some(a.key()?), text: a.text()? })
    }),
    verb!("me" "TEXT", Member, "says in your current room what you do: \"/me waves\"", "+ ID", [], |a| {
        Ok(Command::Act { target: None, text: a.text()? })
    }),
    verb!("act" "TARGET TEXT", Member, "the same in any room, or to @NAME", "+ ID", [], |a| {
        Ok(Command::Act { target: Some(a.message_target("TARGET")?), text: a.text()? })
    }),
    verb!("reply" "TARGET ID TEXT", Member, "answers one message, so that all can see which", "+ ID", [], |a| {
        Ok(Command::Reply { target: a.message_target("TARGET")?, id: message_id(a.word("ID")?)?, text: a.text()? })
    }),
    verb!("edit" "TARGET ID TEXT", Member, "replaces what you said, for a while after you said it", "+ change=CHANGE", [], |a| {
        Ok(Command::Edit { target: a.target("TARGET")?, id: message_id(a.word("ID")?)?, text: a.text()? })
    }),
    verb!("update" "TARGET KEY TEXT", Member, "replaces what you said under /post's KEY, at any time, or says it if nothing was",
        "+ ID, or + change=CHANGE", [], |a| {
        Ok(Command::Update { target: a.message_target("TARGET")?, key: a.key()?, text: a.text()? })
    }),
    verb!("redact" "TARGET ID [REASON]", Member, "removes what you said, for good", "+ change=CHANGE", [], |a| {
        let (target, id) = (a.target("TARGET")?, message_id(a.word("ID")?)?);
        Ok(Command::Redact { target, id, reason: a.reason()? })
    }),
    verb!("react" "TARGET ID WORD", Member, "says one word about a message, such as 👍; the same word again takes it back", "+ change=CHANGE", [], |a| {
        Ok(Command::React { target: a.target("TARGET")?, id: message_id(a.word("ID")?)?, word: a.word("WORD").and_then(reaction)? })
    }),
    verb!("pin" "TARGET ID", Member, "pins a message: in a room moderators may, in a direct conversation both", "+ change=CHANGE", [], |a| {
        Ok(Command::Pin { target: a.target("TARGET")?, id: message_id(a.word("ID")?)?, pinned: true })
    }),
    verb!("unpin" "TARGET ID", Member, "takes a pin out again", "+ change=CHANGE", [], |a| {
        Ok(Command::Pin { target: a.target("TARGET")?, id: message_id(a.word("ID")?)?, pinned: false })
    }),
    verb!("pins" "[TARGET]", Member, "shows the pinned messages", "+ N messages", [], |a| {
        Ok(Command::Pins(a.optional_word().map(target_name).transpose()?))
    }),
    verb!("changes" "[TARGET] [after=CHANGE] [limit=N]", Member, "lists what happened to messages after they were said, oldest first",
        "+ N changes[, more]", ["after", "limit"], |a| {
        let target = a.optional_word().map(target_name).transpose()?;
        let after = a.option("after")?.map_or(Ok(0), |n| number(n, "after", 0, MessageId::MAX.value()))?;
        Ok(Command::Changes { target, after, limit: a.limit()? })
    }),
    verb!("history" "[TARGET] [before=ID] [after=ID] [since=TIME] [until=TIME] [around=ID] [limit=N]", Member, "shows messages, oldest first: the last ones, the first ones after an ID or since a time, or those around an ID",
        "+ N messages[, more][, oldest=ID]", ["before", "after", "since", "until", "around", "limit"], |a| {
        let target = a.optional_word().map(target_name).transpose()?;
        let before = a.option("before")?.map(message_id).transpose()?;
        let after = a.option("after")?.map(message_id).transpose()?;
        let times = a.times()?;
        let around = a.option("around")?.map(message_id).transpose()?;
        let part = match around {
            None => HistoryPart::Between { before, after, times },
            Some(id) if before.is_none() && after.is_none() && times.is_all() => HistoryPart::Around(id),
            Some(_) => return Err(bad("around= stands without other bounds.".to_owned())),
        };
        Ok(Command::History { target, part, limit: a.limit()? })
    }),
    verb!("search" "[WORDS] [in=TARGET] [from=NAME] [since=TIME] [until=TIME] [limit=N] [more=CURSOR]", User, "finds messages with all of WORDS in them, newest first, wherever you may read; options stand anywhere",
        "+ N messages[, more=CURSOR]", ["in", "from", "since", "until", "limit", "more"], |a| {
        let words = a.words_among_options()?;
        let within = a.option("in")?.map(target_name).transpose()?;
        let from = a.option("from")?.map(user_name).transpose()?;
        let times = a.times()?;
        if words.is_none() && within.is_none() && from.is_none() && times.is_all() {
            return Err(bad("WORDS are missing, or one of in=, from=, since= and until=.".to_owned()));
        }
        let more = a.option("more")?.map(|n| number(n, "more", 0, MessageId::MAX.value())).transpose()?;
        Ok(Command::Search(Box::new(Search { words, within, from, times, limit: a.limit()?, more })))
    }),
    verb!("mentions" "[limit=N] [more=CURSOR]", User, "finds where others mentioned you, newest first, wherever you may read",
        "+ N messages[, more=CURSOR]", ["limit", "more"], |a| {
        let more = a.option("more")?.map(|n| number(n, "more", 0, MessageId::MAX.value())).transpose()?;
        Ok(Command::Mentions { limit: a.limit()?, more })
    }),
    verb!("export" "[limit=N] [more=CURSOR]", User, "shows all that you said, wherever it was, oldest first",
        "+ N messages[, more=CURSOR]", ["limit", "more"], |a| {
        let more = a.option("more")?.map(|n| number(n, "more", 0, MessageId::MAX.value())).transpose()?;
        Ok(Command::Export { limit: a.limit()?, more })
    }),
    verb!("read" "TARGET ID", User, "marks a conversation as read up to ID, on all your devices", "+ ID", [], |a| {
        Ok(Command::Read { target: a.target("TARGET")?, id: message_id(a.word("ID")?)? })
    }),
];
