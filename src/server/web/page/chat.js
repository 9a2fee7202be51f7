// The conversation with the server: logging in, catching up, sending. Owns the model and the connection; tells the page
// by callbacks, and knows nothing of it.
import { Connection, Lost, Refused } from "./connection.js";
import { Model } from "./model.js";
import { asRow, changeOf, hasMore, parseChange, parseConversation, parseMember, parseRow } from "./wire.js";

// Lines that are fetched at a time.
const PAGE = 100;
// If more than this was missed, the newest are shown and the rest is fetched when somebody scrolls up.
const MISSED_MAX = 1000;
// Posts under way.
const WINDOW = 16;
// Codes that pass by themselves.
const PASSING = new Set(["busy", "throttled", "slow-down", "shutting-down", "storage"]);

export class Chat {
  // `on` has state(word, detail), changed(what, …) and entrance(error, about).
  constructor(url, on, saved) {
    this.on = on;
    this.saved = saved;
    this.model = new Model();
    this.credentials = null;
    this.entered = false;
    this.isUp = false; // whether this connection is logged in and caught up
    this.held = null;
    this.role = new Map(); // of this account in its rooms
    this.isAdmin = false;
    this.keys = 0;
    this.keyPrefix = `web-${Array.from(crypto.getRandomValues(new Uint8Array(8)), (byte) => byte.toString(16).padStart(2, "0")).join("")}`;
    this.connection = new Connection(url, {
      open: () => this.opened(),
      line: (line) => this.line(line),
      closed: (reason) => this.closed(reason),
    });
  }

  ask(command) {
    return this.connection.ask(command);
  }

  // Logs in with {token} or {way, name, password, code}, where the way is "login", "register" or "recover".
  enter(credentials) {
    this.credentials = credentials;
    if (this.connection.isOpen) this.logIn();
    else this.connection.start();
  }

  async opened() {
    try {
      const tags = await this.ask("set tags on");
      this.model.setEpoch(/epoch=(\S+)/.exec(tags.text)?.[1] ?? "");
      await this.ask("set echo on");
      await this.logIn();
    } catch (error) {
      if (!(error instanceof Lost)) throw error;
    }
  }

  async logIn() {
    const { token, name, password, code, way } = this.credentials ?? {};
    if (!token && !name) return;
    this.held = [];
    try {
      const command = token
        ? `resume ${token}`
        : { login: `login ${name} ${password}`, register: `register ${name}${code ? ` invite=${code}` : ""} ${password}`, recover: `recover ${name} ${code} ${password}` }[way];
      const { text } = await this.ask(command);
      this.model.become(text.split(" ")[1]);
      if (!token) await this.keepToken();
      await this.catchUp();
      this.connection.works();
    } catch (error) {
      if (error instanceof Lost) return;
      if (!(error instanceof Refused)) throw error;
      if (PASSING.has(error.code) && (token || this.entered)) {
        this.on.state("waiting", error.message);
        setTimeout(() => this.connection.drop(this.connection.socket), Math.max(1, error.retry) * 1000);
        return;
      }
      this.credentials = null;
      this.held = null;
      if (token) this.saved.clear(token);
      this.entered = false;
      this.connection.stop();
      const isOut = token && error.code === "bad-credentials";
      this.on.entrance(isOut ? "You were logged out here. Log in again." : error.message, isOut ? "" : error.code);
    }
  }

  async keepToken() {
    const label = `web-${this.keyPrefix.slice(4, 12)}`;
    const { text } = await this.ask(`token new ${label} here`);
    const token = text.split(" ")[0];
    this.saved.set({ token, label, name: this.model.me });
    this.credentials = { token };
  }

  // Everything that was missed, once and in order: docs/PROTOCOL.md, "Coming back".
  async catchUp() {
    const [{ rows }, ignored] = [await this.ask("conversations"), await this.ask("ignored")];
    this.model.ignored = new Set(ignored.rows.map((row) => row.split(" ")[0].toLowerCase()));
    this.model.list(rows.map(parseConversation));
    for (const conversation of this.model.conversations.values()) {
      if (conversation.loaded) await this.fetchMissed(conversation);
      // The connection was lost while it was fetched, or the history is another one.
      else if (conversation === this.model.shown) await this.load(conversation).catch(() => {});
    }
    const profile = await this.ask(`profile ${this.model.me}`);
    this.isAdmin = profile.rows.includes("admin yes");
    this.role.clear();
    // An answer to a line has no key. If it may have been sent, it is sent again only if it is not there.
    for (const entry of this.model.outbox.filter(({ tried, reply }) => tried && reply !== null)) {
      await this.load(this.model.get(entry.target)).catch(() => {});
      if (this.model.arrived(entry)) this.model.settle(entry.key);
    }
    const held = this.held ?? [];
    this.held = null;
    this.entered = true;
    this.isUp = true;
    for (const line of held) this.line(line);
    this.on.state("here");
    this.on.changed("all");
    this.flush();
  }

  async fetchMissed(conversation) {
    const { target } = conversation;
    if (conversation.last - conversation.newest > MISSED_MAX) {
      conversation.forget();
      conversation.change = 0;
      await this.load(conversation);
      return;
    }
    for (let more = conversation.last > conversation.newest; more; ) {
      const answer = await this.ask(`history ${target} after=${conversation.newest} limit=1000`);
      for (const row of answer.rows) this.addRow(row);
      more = hasMore(answer.text) && answer.rows.length > 0;
    }
    for (let more = true; more; ) {
      const answer = await this.ask(`changes ${target} after=${conversation.change} limit=1000`);
      for (const row of answer.rows) {
        const change = parseChange(row);
        if (change) this.model.change(change);
      }
      more = hasMore(answer.text) && answer.rows.length > 0;
    }
  }

  addRow(row) {
    const line = parseRow(row);
    if (!line) return null;
    this.model.see(line.author);
    this.model.get(line.target).add(line);
    return line;
  }

  // The latest lines of a conversation, at least those that are unread.
  async load(conversation) {
    if (conversation.loaded) return;
    const limit = Math.min(Math.max(PAGE, conversation.unread + 20), MISSED_MAX);
    // Those who said something while it is fetched are in it, or come after it.
    conversation.loaded = true;
    try {
      const { rows, text } = await this.ask(`history ${conversation.target} limit=${limit}`);
      rows.forEach((row) => this.addRow(row));
      conversation.atStart = !hasMore(text);
    } catch (error) {
      conversation.loaded = false;
      throw error;
    }
  }

  // The lines before those that are here, so many of them at most; none while others are under way.
  async earlier(conversation, limit = PAGE) {
    if (conversation.atStart || conversation.loading || conversation.lines.length === 0) return [];
    const before = conversation.oldest;
    const asked = this.ask(`history ${conversation.target} before=${before} limit=${limit}`);
    conversation.loading = asked.then(() => {}, () => {});
    try {
      const { rows, text } = await asked;
      conversation.atStart = !hasMore(text);
      return rows.map((row) => this.addRow(row)).filter((line) => line !== null && line.id < before);
    } finally {
      conversation.loading = null;
    }
  }

  line(line) {
    if (this.held !== null) {
      this.held.push(line);
      return;
    }
    if (!this.isUp) return;
    const change = changeOf(line);
    if (change) {
      if (this.model.change(change)) this.on.changed("line", this.model.get(change.target), change.id);
      if (change.word === "pin" || change.word === "unpin") this.on.changed("event", change.target, line.text);
    } else if (line.kind === "message") this.message(line);
    else if (line.kind === "event") this.event(line);
    else if (line.kind === "notice") this.notice(line);
  }

  message(line) {
    if (!line.tags.id) return;
    const isKnown = this.model.has(line.target);
    const row = asRow(line);
    const conversation = this.model.get(line.target);
    // Ids have no gap. If one is missing, all from there on are fetched.
    if (conversation.loaded && conversation.newest > 0 && row.id > conversation.newest + 1) {
      conversation.last = Math.max(conversation.last, row.id);
      this.fetchMissed(conversation).then(() => this.on.changed("all"), ignoreLost);
      return;
    }
    const what = this.model.live(row, line.tags.mention);
    this.on.changed("message", conversation, row, what);
    if (!isKnown) this.refresh();
  }

  event(line) {
    const { ev, who, set } = line.tags;
    const target = line.target;
    const about = who && this.model.isMe(who);
    if (who) this.model.see(who);
    if (ev === "rename" && set) this.model.rename(target, set);
    else if (ev === "close" || (about && (ev === "leave" || ev === "kick" || ev === "ban"))) {
      this.on.changed("left", this.model.get(target), line.text);
      this.model.drop(target);
    } else if (ev === "join" && about) this.refresh();
    else if (ev === "role" && about) this.role.delete(target.toLowerCase());
    else if (ev === "topic") this.on.changed("topic", this.model.get(target));
    this.on.changed("event", target, line.text, who, ev);
  }

  notice(line) {
    const { ev, who } = line.tags;
    if (line.code === "read") this.refresh();
    else if (ev === "ignore" || ev === "unignore") {
      this.model.ignored[ev === "ignore" ? "add" : "delete"](who.toLowerCase());
      this.on.changed("all");
    } else this.on.changed("notice", line.text, line.code);
  }

  // What is unread, as the server counts it. Once for many reasons.
  refresh() {
    clearTimeout(this.refreshing);
    this.refreshing = setTimeout(async () => {
      try {
        const { rows } = await this.ask("conversations");
        this.model.list(rows.map(parseConversation));
        this.on.changed("list");
      } catch (error) {
        ignoreLost(error);
      }
    }, 200);
  }

  closed(reason) {
    this.model.disconnected();
    this.held = null;
    this.isUp = false;
    if (this.credentials === null) return;
    if (!this.entered && !this.credentials.token) {
      this.connection.stop();
      this.credentials = null;
      this.on.entrance(reason || "The server can't be reached. Try again.", "");
      return;
    }
    this.on.state("away", reason);
  }

  // Says a text in a conversation, once, whatever becomes of the connection.
  say(target, text, reply = null) {
    const key = `${this.keyPrefix}-${++this.keys}`;
    this.model.queue({ key, target, text, reply, after: this.model.get(target).last });
    this.on.changed("outbox");
    this.flush();
  }

  flush() {
    if (!this.isUp || !this.connection.isOpen) return;
    const under = this.model.outbox.filter((entry) => entry.sent && entry.refused === null).length;
    for (const entry of this.model.outbox.filter((entry) => !entry.sent && entry.refused === null).slice(0, WINDOW - under)) {
      this.send(entry);
    }
  }

  async send(entry) {
    entry.sent = true;
    entry.tried = true;
    const { target, key, text, reply } = entry;
    try {
      await this.ask(reply === null ? `post ${target} ${key} ${text}` : `reply ${target} ${reply} ${text}`);
      this.model.settle(key);
    } catch (error) {
      if (error instanceof Lost) return;
      if (PASSING.has(error.code)) {
        setTimeout(() => {
          entry.sent = false;
          this.flush();
        }, Math.max(1, error.retry) * 1000);
        return;
      }
      entry.refused = error.message;
    }
    this.on.changed("outbox");
    this.flush();
  }

  // Everything that is shown of a conversation is read, on all devices.
  async markRead(conversation) {
    const id = Math.max(conversation.newest, conversation.read);
    if (id === 0 || (conversation.unread === 0 && conversation.mentions === 0)) return;
    conversation.unread = 0;
    conversation.mentions = 0;
    conversation.read = id;
    try {
      await this.ask(`read ${conversation.target} ${id}`);
    } catch (error) {
      ignoreLost(error);
    }
  }

  // Who is in a room, and what this account is there.
  async members(target) {
    const { rows } = await this.ask(`who ${target}`);
    const members = rows.map(parseMember);
    for (const member of members) {
      this.model.see(member.name);
      if (this.model.isMe(member.name)) this.role.set(target.toLowerCase(), member.role);
    }
    return members;
  }

  async roleIn(target) {
    if (!this.role.has(target.toLowerCase())) await this.members(target);
    return this.role.get(target.toLowerCase()) ?? "member";
  }

  async logOut() {
    const { label } = this.saved.get() ?? {};
    this.credentials = null;
    this.entered = false;
    this.model.outbox = [];
    this.saved.clear();
    try {
      if (label) await this.ask(`token revoke ${label}`);
      await this.ask("quit");
    } catch (error) {
      ignoreLost(error);
    }
    this.connection.stop();
  }
}

export function ignoreLost(error) {
  if (!(error instanceof Lost)) console.warn(error.message);
}
