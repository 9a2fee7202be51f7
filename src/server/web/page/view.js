// Elements, and the lines of the conversation that is shown. What people wrote goes in as text nodes and is never
// markup. Owns what is under #lines and #log; asks nobody for anything.
import { FOLD_AFTER, hue, parts } from "./text.js";

// Lines that are in one list. There are several, so that the browser draws only those that are seen.
const CHUNK = 100;
// Lines of one author that come within this time stand under one name, in milliseconds.
const TOGETHER = 5 * 60 * 1000;
// More is fetched when less than this is above what is seen, in pixels: it is here before one gets there.
const AHEAD = 2000;

export const $ = (id) => document.getElementById(id);

// An element with these properties and children; a string becomes a text node.
export function el(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name === "class") element.className = value;
    else if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name in element && name !== "list") element[name] = value;
    else element.setAttribute(name, value);
  }
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}

const CLOCK = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit" });
const DAY = new Intl.DateTimeFormat(undefined, { weekday: "long", day: "numeric", month: "long", year: "numeric" });
const FULL = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "medium" });

export const clock = (at) => CLOCK.format(at);
export const full = (at) => FULL.format(at);
const day = (at) => DAY.format(at);

// A name in its colour.
export function nameNode(name) {
  return el("span", { class: `author ${hue(name)}` }, name);
}

// A text with its links, code and names.
export function textNode(text, isName) {
  const node = el("span", { class: "text", dir: "auto" });
  const shown = text.length > FOLD_AFTER ? `${text.slice(0, FOLD_AFTER / 2)}…` : text;
  fill(node, shown, isName);
  if (shown !== text) {
    const more = el("button", {
      type: "button",
      onclick: () => {
        node.replaceChildren();
        fill(node, text, isName);
      },
    }, "Show all");
    node.append(" ", more);
  }
  return node;
}

function fill(node, text, isName) {
  for (const part of parts(text, isName)) {
    if (part.kind === "code") node.append(el("code", {}, part.text));
    else if (part.kind === "mention") node.append(el("span", { class: "name" }, part.text));
    else if (part.kind === "link") {
      node.append(el("a", { href: part.text, target: "_blank", rel: "noopener noreferrer nofollow" }, part.text));
    } else node.append(part.text);
  }
}

// What happened to a line after it was said, and what it answers, in words.
export function plainLine(line) {
  if (line.marks.removed) return `${line.author}: (removed)`;
  return line.marks.me ? `* ${line.author} ${line.text}` : `${line.author}: ${line.text}`;
}

// A list that is drawn now takes as much room when it is not, or what one reads would jump as one gets near.
function keepHeight(list) {
  list.style.containIntrinsicSize = `auto ${list.offsetHeight}px`;
  list.classList.remove("whole");
}

// Whether a line stands under the name of the one before it.
function follows(line, before) {
  if (!before || before.author !== line.author || line.marks.me || before.marks.me || line.marks.reply) return false;
  return line.at - before.at < TOGETHER && line.at >= before.at;
}

// "a", "a and b", "a, b and 3 others"
function several(names) {
  if (names.length > 3) return `${names.slice(0, 2).join(", ")} and ${names.length - 2} others`;
  return names.length > 1 ? `${names.slice(0, -1).join(", ")} and ${names.at(-1)}` : names[0];
}

export class LogView {
  // `on` has menu(line, element), person(name, element), react(line, word), goTo(target, id), quoteOf(line), isName(name),
  // isMine(line), isMentioned(line), isHidden(line), earlier() and ended(isAtEnd).
  constructor(on) {
    this.on = on;
    this.list = $("lines");
    this.log = $("log");
    this.nodes = new Map();
    this.lastDay = "";
    this.leftOff = null;
    this.leftOffShown = false;
    this.before = null; // the line that the next one may stand under
    this.crowd = null; // who came and went last
    this.log.addEventListener("scroll", () => this.scrolled(), { passive: true });
    this.list.addEventListener("keydown", (event) => this.key(event));
    this.stick = true;
    this.top = 0;
    // Lines get their height when they are drawn.
    const sizes = new ResizeObserver(() => this.stick && this.toEnd());
    sizes.observe(this.log);
    sizes.observe(this.list);
  }

  get isAtEnd() {
    return this.log.scrollHeight - this.log.scrollTop - this.log.clientHeight < 40;
  }

  toEnd() {
    this.log.scrollTop = this.log.scrollHeight;
    this.stick = true;
  }

  // Only whoever scrolls up leaves the end; what comes below does not.
  scrolled() {
    const { scrollTop } = this.log;
    this.stick = this.isAtEnd || (this.stick && scrollTop >= this.top);
    this.top = scrollTop;
    this.on.ended(this.stick);
    if (scrollTop < AHEAD) this.on.earlier();
  }

  // Shows a conversation as far as it is here: its end, or from where one left off if that is further up.
  show(lines, leftOff) {
    this.list.replaceChildren();
    this.nodes.clear();
    this.lastDay = "";
    this.before = null;
    this.leftOff = leftOff;
    this.leftOffShown = false;
    this.append(lines);
    this.toEnd();
    const rule = this.list.querySelector(".left-off");
    const above = rule ? this.log.getBoundingClientRect().top - rule.getBoundingClientRect().top : 0;
    if (above > 0) {
      this.stick = false;
      this.log.scrollTop -= above + 60;
    }
    this.top = this.log.scrollTop;
    this.scrolled();
  }

  // One looks away: what comes from here on is new when one looks again.
  leaveOff(id) {
    this.list.querySelector(".left-off")?.remove();
    this.leftOff = id;
    this.leftOffShown = false;
    this.before = null;
  }

  // Above all lines stands where they begin, if they are all here.
  begin(text) {
    if (text && !this.list.querySelector(".start")) this.list.prepend(el("ol", {}, el("li", { class: "start" }, text)));
  }

  // Shows a line that was looked for; says whether it is here.
  reveal(id) {
    const node = this.nodes.get(id);
    if (!node?.isConnected) return false;
    this.stick = false;
    // What was not drawn yet gets its height by this, and the line another place.
    const show = (times) => {
      node.scrollIntoView({ block: "center" });
      if (times > 1) requestAnimationFrame(() => show(times - 1));
    };
    show(3);
    node.focus({ preventScroll: true });
    node.classList.add("found");
    setTimeout(() => node.classList.remove("found"), 2500);
    return true;
  }

  append(lines) {
    for (const line of lines) {
      if (this.nodes.has(line.id)) {
        this.update(line);
        continue;
      }
      const today = day(line.at);
      if (today !== this.lastDay) this.insert(this.dayRule(today));
      this.lastDay = today;
      if (!this.leftOffShown && this.leftOff !== null && line.id > this.leftOff && !this.on.isMine(line)) {
        this.insert(el("li", { class: "rule left-off" }, "New"));
        this.leftOffShown = true;
      }
      if (this.nodes.size === 0) this.list.querySelector(".start")?.remove();
      this.insert(this.node(line, follows(line, this.before)));
      this.before = line;
    }
    if (this.stick) this.toEnd();
  }

  // What is not a line of the conversation: something that happened, or an answer.
  note(text, kind = "event") {
    this.insert(el("li", { class: kind, dir: "auto" }, text));
    if (this.stick) this.toEnd();
  }

  // Somebody joined or left. Those who do so one after another share a line.
  cameOrWent(who, word) {
    const isLast = this.crowd && this.crowd.node === this.list.lastElementChild?.lastElementChild;
    if (!isLast) {
      this.crowd = { node: el("li", { class: "event", dir: "auto" }), who: new Map() };
      this.insert(this.crowd.node);
    }
    this.crowd.who.delete(who);
    this.crowd.who.set(who, word);
    const names = (wanted) => [...this.crowd.who].filter(([, did]) => did === wanted).map(([name]) => name);
    const said = ["joined", "left"].map((did) => [names(did), did]).filter(([all]) => all.length > 0);
    this.crowd.node.textContent = said.map(([all, did]) => `${several(all)} ${did}`).join("; ");
    if (this.stick) this.toEnd();
  }

  insert(node) {
    this.before = null;
    const last = this.list.lastElementChild;
    if (last !== null && last.childElementCount < CHUNK && last.firstElementChild.className !== "start") return last.append(node);
    if (last !== null) keepHeight(last);
    this.list.append(el("ol", {}, node));
  }

  // Lines from before those that are here. What is looked at stays where it is.
  prepend(lines) {
    const chunks = [];
    let [today, before] = ["", null];
    for (const line of lines) {
      if (chunks.length === 0 || chunks.at(-1).childElementCount >= CHUNK) chunks.push(el("ol", { class: "whole" }));
      if (day(line.at) !== today) {
        today = day(line.at);
        chunks.at(-1).append(this.dayRule(today));
        before = null;
      }
      chunks.at(-1).append(this.node(line, follows(line, before)));
      before = line;
    }
    const rule = this.list.firstElementChild?.firstElementChild;
    const below = this.list.querySelector(".message");
    const place = below?.getBoundingClientRect().top ?? 0;
    if (rule?.dataset.day === today) rule.remove();
    this.list.prepend(...chunks);
    if (below) this.log.scrollTop += below.getBoundingClientRect().top - place;
    chunks.forEach(keepHeight);
  }

  dayRule(today) {
    return el("li", { class: "rule", "data-day": today }, today);
  }

  // The line is another now.
  update(line) {
    const old = this.nodes.get(line.id);
    if (!old) return;
    const focused = old.contains(document.activeElement);
    const node = this.node(line, old.classList.contains("follows"));
    old.replaceWith(node);
    if (focused) node.focus();
    if (this.stick) this.toEnd();
  }

  node(line, isUnder) {
    const { removed, edited, me, reply, reactions } = line.marks;
    const hidden = this.on.isHidden(line);
    const isMe = me && !removed && !hidden;
    const name = el("button", { type: "button", class: `author ${hue(line.author)}`, tabIndex: -1, onclick: () => this.on.person(line.author, name) }, line.author);
    const mentioned = this.on.isMentioned(line);
    const body = el("div", { class: "body" });
    if (mentioned) body.append(el("span", { class: "unseen" }, "Mentions you. "));
    if (isMe) body.append(el("span", { class: "note" }, "* "), name, " ");
    else body.append(el("div", { class: "head" }, name, el("span", { class: "unseen" }, removed || hidden ? " " : ": ")));
    if (reply) body.append(this.quote(line));
    if (removed) body.append(el("span", { class: "gone" }, line.text ? `removed: ${line.text}` : "removed"));
    else if (hidden) body.append(el("span", { class: "gone" }, "(ignored)"));
    else body.append(textNode(line.text, this.on.isName));
    if (edited && !removed) body.append(el("span", { class: "small" }, " (edited)"));
    const counts = Object.entries(hidden ? {} : reactions);
    if (counts.length > 0) {
      body.append(
        el("div", { class: "reactions" }, ...counts.map(([word, count]) =>
          el("button", { type: "button", tabIndex: -1, "aria-label": `${word}, ${count}. React with it, or take it back`, onclick: () => this.on.react(line, word) }, `${word} ${count}`),
        )),
      );
    }
    const more = el("button", { type: "button", class: "more", tabIndex: -1, "aria-label": `Actions for the message of ${line.author}`, onclick: () => this.on.menu(line, more) }, "⋯");
    const node = el(
      "li",
      { class: `message${mentioned ? " mentioned" : ""}${isUnder ? " follows" : ""}`, tabIndex: -1, "data-id": line.id },
      el("time", { dateTime: new Date(line.at).toISOString(), title: full(line.at) }, clock(line.at)),
      body,
      more,
    );
    this.nodes.set(line.id, node);
    return node;
  }

  quote(line) {
    const quoted = this.on.quoteOf(line);
    const text = quoted ? plainLine(quoted) : `${line.marks.reply.author}: message ${line.marks.reply.id}`;
    const go = () => this.on.goTo(line.target, line.marks.reply.id);
    return el("button", { type: "button", class: "quote", tabIndex: -1, title: "Go to that message", onclick: go }, "↪ ", el("span", {}, text));
  }

  // What is not sent yet, below all else: the first of so many.
  waiting(entries, count, act) {
    const list = $("waiting");
    list.replaceChildren();
    for (const entry of entries) {
      const state = entry.refused === null ? el("span", { class: "small" }, " (not sent yet)") : el("span", { class: "error", role: "alert" }, ` ${entry.refused} `);
      const buttons = entry.refused === null ? [] : [
        el("button", { type: "button", onclick: () => act(entry, "again") }, "Try again"),
        el("button", { type: "button", onclick: () => act(entry, "drop") }, "Take back"),
      ];
      list.append(el("li", { class: "message waiting" }, el("time", {}, "…"), el("div", { class: "body" }, textNode(entry.text, () => false), state, ...buttons)));
    }
    const rest = count - entries.length;
    if (rest > 0) list.append(el("li", { class: "message waiting" }, el("time", {}, "…"), el("div", { class: "small" }, `and ${rest} more`)));
    if (this.stick) this.toEnd();
  }

  // Up and down go from line to line, Enter opens what can be done with one.
  key(event) {
    const node = event.target.closest(".message");
    if (!node || event.target.tagName === "BUTTON" || event.target.tagName === "A") return;
    const step = { ArrowUp: -1, ArrowDown: 1 }[event.key];
    if (step) {
      const all = [...this.list.querySelectorAll(".message")];
      const next = all[all.indexOf(node) + step];
      if (next) next.focus();
      else if (event.key === "ArrowDown") $("typed").focus();
      event.preventDefault();
    } else if (event.key === "Enter" || event.key === " " || event.key === "ContextMenu") {
      node.querySelector(".more")?.click();
      event.preventDefault();
    } else if (event.key === "Escape") $("typed").focus();
  }

  // The keyboard goes from what is typed to the last line.
  focusLast() {
    [...this.list.querySelectorAll(".message")].at(-1)?.focus();
  }
}
