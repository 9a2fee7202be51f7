// Lines of docs/PROTOCOL.md, taken apart and put together. Pure: knows no socket and no page.

// What a line says: {kind, tags, …}; null for a line of a kind that is not known.
export function parseLine(line) {
  let tags = {};
  if (line.startsWith("@")) {
    const end = line.indexOf(" ");
    if (end < 0) return null;
    for (const tag of line.slice(1, end).split(";")) {
      const at = tag.indexOf("=");
      tags[tag.slice(0, at)] = tag.slice(at + 1);
    }
    line = line.slice(end + 1);
  }
  const rest = line.slice(2);
  switch (line[0]) {
    case "+":
      return { kind: "done", tags, text: rest };
    case "-": {
      const [, code, text] = /^([a-z-]+): (.*)$/s.exec(rest) ?? [null, "", rest];
      return { kind: "refused", tags, code, text };
    }
    case "|":
      return { kind: "row", tags, text: rest };
    case "?":
      return { kind: "prompt", tags, text: rest };
    case "*": {
      const [, code, text] = /^([a-z-]+): (.*)$/s.exec(rest) ?? [null, "", rest];
      return { kind: "notice", tags, code, text };
    }
    case "[": {
      const [, room, body] = /^\[([^\]]+)\] (.*)$/s.exec(line) ?? [];
      if (!room) return null;
      if (body.startsWith("* ")) return { kind: "event", tags, target: room, text: body.slice(2) };
      const said = parseSaid(body);
      return said && { kind: "message", tags, target: room, ...said };
    }
    case "(": {
      const [, from, , mark, text] = /^\((\S+) > ([^\s,)]+)(?:, (.*?))?\) (.*)$/s.exec(line) ?? [];
      if (!from) return null;
      return { kind: "message", tags, target: tags.to, author: from, marks: parseMarks(mark), text };
    }
    default:
      return null;
  }
}

// "AUTHOR[ (mark)]: TEXT"
function parseSaid(body) {
  const [, author, mark, text] = /^([^\s:]+)(?: \((.*?)\))?: (.*)$/s.exec(body) ?? [];
  return author ? { author, marks: parseMarks(mark), text } : null;
}

// The marks of a message: {me, edited, removed, reply: {id, author}, reactions: {word: count}}.
export function parseMarks(mark) {
  const marks = { me: false, edited: false, removed: false, reply: null, reactions: {} };
  for (const word of mark ? mark.split(", ") : []) {
    const reply = /^re (\d+) (\S+)$/.exec(word);
    const count = /^(\d+) (.+)$/.exec(word);
    if (word === "me" || word === "edited" || word === "removed") marks[word] = true;
    else if (reply) marks.reply = { id: Number(reply[1]), author: reply[2] };
    else if (count) marks.reactions[count[2]] = Number(count[1]);
  }
  return marks;
}

// A row of /history, /search, /mentions and /pins; null if it is none.
export function parseRow(row) {
  const [, target, id, time, body] = /^(\S+) (\d+) (\S+) (.*)$/s.exec(row) ?? [];
  const said = body && parseSaid(body);
  return said ? { target, id: Number(id), at: Date.parse(time), ...said } : null;
}

// A live message in the form of a row.
export function asRow(line) {
  return { target: line.target, id: Number(line.tags.id), at: Number(line.tags.at), author: line.author, marks: line.marks, text: line.text };
}

// A row of /conversations.
export function parseConversation(row) {
  const [target, last, read, unread, mentions, change] = row.split(" ");
  return { target, last: Number(last), read: Number(read), unread: Number(unread), mentions: Number(mentions), change: Number(change ?? 0) };
}

// A row of /changes: "TARGET CHANGE TIME WHO WORD ID[: TEXT]".
export function parseChange(row) {
  const [, target, change, , who, word, id, text] = /^(\S+) (\d+) (\S+) (\S+) (\S+) (\d+)(?:: (.*))?$/s.exec(row) ?? [];
  return target ? { target, change: Number(change), who, word, id: Number(id), text: text ?? "" } : null;
}

// A change that was told live; null if the line is about something else. `to` is where it was, if the line does not say.
export function changeOf(line) {
  if (!line.tags.change) return null;
  const at = line.text.indexOf(": ");
  return {
    target: line.target ?? line.tags.to,
    change: Number(line.tags.change),
    who: line.tags.who,
    word: line.tags.ev,
    id: Number(line.tags.about),
    text: at < 0 ? "" : line.text.slice(at + 2),
  };
}

// A row of /who: "NAME here|away[ owner|moderator][ muted][ - TEXT]".
export function parseMember(row) {
  const [head, ...away] = row.split(" - ");
  const [name, state, ...more] = head.split(" ");
  const role = more.find((word) => word === "owner" || word === "moderator") ?? "member";
  return { name, here: state === "here", role, muted: more.includes("muted"), away: away.join(" - ") };
}

// A row of /rooms: "ROOM MEMBERS -[ TOPIC]".
export function parseRoom(row) {
  const [, name, members, topic] = /^(\S+) (\d+) -(?: (.*))?$/.exec(row) ?? [];
  return name ? { name, members: Number(members), topic: topic ?? "" } : null;
}

// Whether a final line says that there is more.
export function hasMore(text) {
  return text.split(", ").some((word) => word === "more" || word.startsWith("more="));
}

// Names are the same whatever their case.
export function sameName(a, b) {
  return a.toLowerCase() === b.toLowerCase();
}

// Verbs whose ROOM may be left out by people, who mean the one that they look at; the server never guesses for a program.
const ABOUT_ROOMS = new Set(
  "who topic leave invite role kick ban unban bans mute unmute slow private retain audit pins".split(" "),
);

// What a person typed, as the command to send without its slash; null if it is a text. `target` is the conversation
// that they look at, and `isRoom` says whether a word is the name of a room.
export function commandOf(typed, target, isRoom) {
  if (!typed.startsWith("/") || typed.startsWith("//")) return null;
  const [, verb, rest] = /^\/(\S*)\s*(.*)$/s.exec(typed);
  const lower = verb.toLowerCase();
  if (lower === "me") return `act ${target} ${rest}`;
  if (ABOUT_ROOMS.has(lower)) {
    const first = rest.split(" ")[0];
    if (!first.startsWith("#") && !first.startsWith("@") && !isRoom(first)) return `${lower} ${sigil(target)} ${rest}`.trim();
  }
  return `${lower} ${rest}`.trim();
}

function sigil(target) {
  return target.startsWith("@") ? target : `#${target}`;
}

// The text that somebody typed, which may begin with a doubled slash.
export function textOf(typed) {
  return typed.startsWith("//") ? typed.slice(1) : typed;
}
