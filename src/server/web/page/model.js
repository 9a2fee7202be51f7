// What the page knows of the conversations: their lines, counts and changes, and what still has to be sent. Pure: knows
// no socket and no page. Every line is in it once and in order, however often it arrives.
import { sameName } from "./wire.js";

// Lines that a conversation keeps while nobody looks further up; the others are fetched again by whoever does.
export const LINES_KEPT = 300;

export class Conversation {
  constructor(target) {
    this.target = target;
    this.lines = []; // by id
    this.last = 0;
    this.read = 0;
    this.unread = 0;
    this.mentions = 0;
    this.change = 0;
    this.draft = "";
    this.loaded = false; // whether its latest lines are here
    this.atStart = false; // whether there is nothing before them
    this.leftOff = null; // the last id that had been read when one came here, or looked away
    this.isLeft = false; // whether one looked away since
    this.topic = "";
  }

  get isRoom() {
    return !this.target.startsWith("@");
  }

  get newest() {
    return this.lines.at(-1)?.id ?? 0;
  }

  get oldest() {
    return this.lines[0]?.id ?? 0;
  }

  indexOf(id) {
    let low = 0;
    let high = this.lines.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.lines[middle].id < id) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  find(id) {
    const line = this.lines[this.indexOf(id)];
    return line?.id === id ? line : null;
  }

  // Takes a line, and says whether it is new here. A row of the history has what was changed since.
  add(line) {
    const at = this.indexOf(line.id);
    this.last = Math.max(this.last, line.id);
    if (this.lines[at]?.id === line.id) {
      this.lines[at] = line;
      return false;
    }
    this.lines.splice(at, 0, line);
    return true;
  }

  // Lets go of what is far up; says whether there was any.
  trim() {
    if (this.lines.length <= LINES_KEPT) return false;
    this.lines = this.lines.slice(-LINES_KEPT);
    this.atStart = false;
    return true;
  }

  forget() {
    this.lines = [];
    this.loaded = false;
    this.atStart = false;
  }
}

export class Model {
  constructor() {
    this.me = null;
    this.epoch = null;
    this.current = null; // the key of the conversation that is shown
    this.conversations = new Map();
    this.people = new Map(); // names that were seen, by their lower case
    this.ignored = new Set();
    this.outbox = []; // {key, target, text, reply, sent, refused}
  }

  // Who is logged in. Nothing of somebody else's is left.
  become(name) {
    if (this.me !== null && !sameName(name, this.me)) Object.assign(this, new Model(), { epoch: this.epoch });
    this.me = name;
    this.see(name);
  }

  // The history of this server is another one: nothing that was known of it holds.
  setEpoch(epoch) {
    if (this.epoch !== null && this.epoch !== epoch) {
      for (const conversation of this.conversations.values()) {
        conversation.forget();
        conversation.change = 0;
        conversation.last = 0;
        conversation.read = 0;
      }
    }
    this.epoch = epoch;
  }

  get(target) {
    const key = target.toLowerCase();
    if (!this.conversations.has(key)) this.conversations.set(key, new Conversation(target));
    return this.conversations.get(key);
  }

  has(target) {
    return this.conversations.has(target.toLowerCase());
  }

  drop(target) {
    this.conversations.delete(target.toLowerCase());
    if (this.current === target.toLowerCase()) this.current = null;
  }

  rename(before, name) {
    const conversation = this.conversations.get(before.toLowerCase());
    if (!conversation) return;
    this.conversations.delete(before.toLowerCase());
    conversation.target = name;
    for (const line of conversation.lines) line.target = name;
    this.conversations.set(name.toLowerCase(), conversation);
    if (this.current === before.toLowerCase()) this.current = name.toLowerCase();
  }

  get shown() {
    return this.current === null ? null : (this.conversations.get(this.current) ?? null);
  }

  // Rooms before people, by name.
  sorted() {
    const by = (a, b) => a.target.localeCompare(b.target);
    const all = [...this.conversations.values()];
    return [...all.filter((one) => one.isRoom).sort(by), ...all.filter((one) => !one.isRoom).sort(by)];
  }

  isMe(name) {
    return this.me !== null && sameName(name, this.me);
  }

  see(name) {
    this.people.set(name.toLowerCase(), name);
  }

  knows(name) {
    return this.people.has(name.toLowerCase());
  }

  // The rows of /conversations. Rooms that are not among them are left; somebody to whom one has not written yet stays.
  list(rows) {
    const listed = new Set();
    for (const row of rows) {
      const conversation = this.get(row.target);
      listed.add(row.target.toLowerCase());
      Object.assign(conversation, { target: row.target, last: row.last });
      // What was read here while the answer was on its way is not unread again.
      if (row.read >= conversation.read) Object.assign(conversation, { read: row.read, unread: row.unread, mentions: row.mentions });
      if (!conversation.loaded) conversation.change = row.change;
      if (row.target.startsWith("@")) this.see(row.target.slice(1));
    }
    for (const [key, { isRoom, draft }] of [...this.conversations]) {
      if (!listed.has(key) && (isRoom || (key !== this.current && draft === ""))) this.drop(key);
    }
  }

  // A live line. Says what it is to the one who reads: "known", "hidden", "here", "new" or "mention".
  live(line, mention) {
    this.see(line.author);
    const conversation = this.get(line.target);
    const known = line.id <= conversation.last && (!conversation.loaded || conversation.find(line.id) !== null);
    if (conversation.loaded) conversation.add(line);
    conversation.last = Math.max(conversation.last, line.id);
    if (known) return "known";
    if (this.isMe(line.author)) return "here";
    if (this.ignored.has(line.author.toLowerCase())) return "hidden";
    const names = mention ? mention.split(",") : [];
    const mentioned = names.some((name) => name === "room" || this.isMe(name));
    conversation.unread += 1;
    if (mentioned) conversation.mentions += 1;
    return mentioned || !conversation.isRoom ? "mention" : "new";
  }

  // A change of a line, as a row of /changes or as it was told. Says whether something that is shown is another now.
  change({ target, change, who, word, id, text }) {
    const conversation = this.get(target);
    const isNew = change > conversation.change;
    conversation.change = Math.max(conversation.change, change);
    const line = conversation.find(id);
    if (!line) return false;
    if (this.ignored.has(who.toLowerCase()) && word !== "redact") return false;
    switch (word) {
      case "edit":
        // An older one of two brings what is said now, or nothing.
        if (isNew && !line.marks.removed) Object.assign(line, { text, marks: { ...line.marks, edited: true } });
        return true;
      case "redact":
        Object.assign(line, { text, marks: { ...line.marks, removed: true, reactions: {} } });
        return true;
      case "react":
      case "unreact": {
        const [, count, reaction] = /^(\d+) (.+)$/.exec(text) ?? [];
        if (!isNew || !reaction) return false;
        const reactions = { ...line.marks.reactions };
        if (count === "0") delete reactions[reaction];
        else reactions[reaction] = Number(count);
        line.marks = { ...line.marks, reactions };
        return true;
      }
      default:
        return true;
    }
  }

  // What is typed waits here until the server has it.
  queue(entry) {
    this.outbox.push({ sent: false, refused: null, reply: null, ...entry });
  }

  settle(key) {
    this.outbox = this.outbox.filter((entry) => entry.key !== key);
  }

  // The connection is gone: what has no answer is sent again under its key, and an answer to a line, which has no key,
  // only if it did not arrive.
  disconnected() {
    for (const entry of this.outbox) entry.sent = false;
  }

  // Whether an answer that may have been sent is there.
  arrived(entry) {
    const conversation = this.get(entry.target);
    return conversation.lines.some(
      (line) => line.id > entry.after && this.isMe(line.author) && line.marks.reply?.id === entry.reply && line.text === entry.text,
    );
  }

  // Unread lines of direct conversations, and mentions: what the title counts.
  get news() {
    let news = 0;
    for (const conversation of this.conversations.values()) news += conversation.isRoom ? conversation.mentions : conversation.unread;
    return news;
  }
}
