// Elements, and the lines of the conversation that is shown. What people wrote goes in as text nodes and is never
// markup. Owns what is under #lines and #log; asks nobody for anything.
import { FOLD_AFTER, hue, parts } from "./text.js";

// Lines that are in one list. There are several, so that the browser draws only those that are seen.
const CHUNK = 100;

export const $ = (id) => document.getElementById(id);

// An element with these properties and children; a string becomes a text node.
export function el(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name === "class") element.className = value;
    else if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name in element && !name.includes("-")) element[name] = value;
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

export class LogView {
  // `on` has menu(line, element), react(line, word), quoteOf(line), isName(name), isMentioned(line), isHidden(line),
  // earlier() and ended(isAtEnd).
  constructor(on) {
    this.on = on;
    this.list = $("lines");
    this.log = $("log");
    this.nodes = new Map();
    this.lastDay = "";
    this.leftOff = null;
    this.leftOffShown = false;
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
    if (this.log.scrollTop < 800) this.on.earlier();
  }

  // Shows a conversation from its beginning, as far as it is here.
  show(lines, leftOff) {
    this.list.replaceChildren();
    this.nodes.clear();
    this.lastDay = "";
    this.leftOff = leftOff;
    this.leftOffShown = false;
    this.append(lines);
    this.toEnd();
  }

  append(lines) {
    for (const line of lines) {
      if (this.nodes.has(line.id)) {
        this.update(line);
        continue;
      }
      const fragment = document.createDocumentFragment();
      const today = day(line.at);
      if (today !== this.lastDay) fragment.append(this.dayRule(today));
      this.lastDay = today;
      if (!this.leftOffShown && this.leftOff !== null && line.id > this.leftOff) {
        fragment.append(el("li", { class: "rule left-off" }, "New"));
        this.leftOffShown = true;
      }
      fragment.append(this.node(line));
      const last = this.list.lastElementChild;
      if (last === null || last.childElementCount >= CHUNK) this.list.append(el("ol", {}, fragment));
      else last.append(fragment);
    }
    if (this.stick) this.toEnd();
  }

  // What is not a line of the conversation: something that happened, or an answer.
  note(text, kind = "event") {
    this.insert(el("li", { class: kind, dir: "auto" }, text));
  }

  insert(node) {
    const last = this.list.lastElementChild;
    if (last === null || last.childElementCount >= CHUNK) this.list.append(el("ol", {}, node));
    else last.append(node);
    if (this.stick) this.toEnd();
  }

  // Lines from before those that are here. What is looked at stays where it is.
  prepend(lines) {
    const chunks = [];
    let before = "";
    for (const line of lines) {
      if (chunks.length === 0 || chunks.at(-1).childElementCount >= CHUNK) chunks.push(el("ol"));
      const today = day(line.at);
      if (today !== before) chunks.at(-1).append(this.dayRule(today));
      before = today;
      chunks.at(-1).append(this.node(line));
    }
    const first = this.list.firstElementChild;
    const rule = first?.firstElementChild;
    if (rule?.dataset.day === before) rule.remove();
    const place = first?.getBoundingClientRect().top ?? 0;
    this.list.prepend(...chunks);
    if (first) this.log.scrollTop += first.getBoundingClientRect().top - place;
  }

  dayRule(today) {
    return el("li", { class: "rule", "data-day": today }, today);
  }

  // The line is another now.
  update(line) {
    const old = this.nodes.get(line.id);
    if (!old) return;
    const focused = old.contains(document.activeElement);
    const node = this.node(line);
    old.replaceWith(node);
    if (focused) node.focus();
    if (this.stick) this.toEnd();
  }

  node(line) {
    const { removed, edited, me, reply, reactions } = line.marks;
    const body = el("div", { class: "body" });
    if (reply) body.append(this.quote(line));
    const hidden = this.on.isHidden(line);
    if (removed) body.append(nameNode(line.author), el("span", { class: "gone" }, line.text ? ` removed: ${line.text}` : " removed"));
    else if (hidden) body.append(nameNode(line.author), el("span", { class: "gone" }, " (ignored)"));
    else {
      if (me) body.append(el("span", { class: "note" }, "* "));
      body.append(nameNode(line.author), me ? " " : ": ", textNode(line.text, this.on.isName));
    }
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
    const mentioned = this.on.isMentioned(line);
    const node = el(
      "li",
      { class: mentioned ? "message mentioned" : "message", tabIndex: -1, "data-id": line.id },
      el("time", { dateTime: new Date(line.at).toISOString(), title: full(line.at) }, clock(line.at)),
      body,
      more,
    );
    if (mentioned) body.prepend(el("span", { class: "unseen" }, "Mentions you. "));
    this.nodes.set(line.id, node);
    return node;
  }

  quote(line) {
    const quoted = this.on.quoteOf(line);
    const text = quoted ? plainLine(quoted) : `${line.marks.reply.author}: message ${line.marks.reply.id}`;
    return el("div", { class: "quote" }, "↪ ", el("span", {}, text));
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

// A menu at an element: [{label, act}]. Arrows move, Escape closes, and the focus goes back.
export function openMenu(anchor, items) {
  const menu = $("menu");
  const before = document.activeElement;
  const close = (back = true) => {
    menu.hidden = true;
    removeEventListener("pointerdown", outside, true);
    if (back) before?.focus?.();
  };
  const outside = (event) => menu.contains(event.target) || close(false);
  menu.replaceChildren(...items.map(({ label, act }) => el("button", { type: "button", role: "menuitem", onclick: () => (close(), act()) }, label)));
  menu.hidden = false;
  const { bottom, top, right } = anchor.getBoundingClientRect();
  const { width, height } = menu.getBoundingClientRect();
  menu.style.left = `${Math.max(4, Math.min(right - width, innerWidth - width - 4))}px`;
  menu.style.top = `${bottom + height < innerHeight ? bottom : Math.max(4, top - height)}px`;
  menu.firstElementChild?.focus();
  addEventListener("pointerdown", outside, true);
  menu.onkeydown = (event) => {
    const buttons = [...menu.children];
    const at = buttons.indexOf(document.activeElement);
    if (event.key === "ArrowDown") buttons[(at + 1) % buttons.length].focus();
    else if (event.key === "ArrowUp") buttons[(at + buttons.length - 1) % buttons.length].focus();
    else if (event.key === "Escape" || event.key === "Tab") close();
    else return;
    event.preventDefault();
  };
}

// A dialog with this content; resolves to the value of the button that closed it, or "" for Escape.
export function openDialog(title, content, buttons) {
  const dialog = $("dialog");
  $("dialog-title").textContent = title;
  $("dialog-body").replaceChildren(...content);
  $("dialog-buttons").replaceChildren(
    ...buttons.map(([value, label, primary]) => el("button", { value, class: primary ? "primary" : "", formNoValidate: value === "" }, label)),
  );
  dialog.returnValue = "";
  dialog.showModal();
  return new Promise((resolve) => dialog.addEventListener("close", () => resolve(dialog.returnValue), { once: true }));
}

// Asks for a line of text; resolves to null if it was cancelled.
export async function askFor(title, label, { value = "", button = "OK", required = false } = {}) {
  const input = el("input", { id: "asked", value, required, autocomplete: "off" });
  const answer = await openDialog(title, [el("label", { htmlFor: "asked" }, label), input], [["ok", button, true], ["", "Cancel"]]);
  return answer === "ok" ? input.value.trim() : null;
}

// Tells something that is to be read at leisure.
export function tell(title, ...content) {
  return openDialog(title, content.map((part) => (typeof part === "string" ? el("p", {}, part) : part)), [["ok", "Close", true]]);
}

// Says new lines to a screen reader, and does not chatter: one at a time, and a number if they come in crowds.
export class Announcer {
  constructor() {
    this.pending = [];
    this.timer = 0;
  }

  say(text) {
    this.pending.push(text);
    if (this.timer === 0) this.timer = setTimeout(() => this.flush(), 700);
  }

  flush() {
    const node = $("announcer");
    const text = this.pending.length > 3 ? `${this.pending.length} new messages` : this.pending.join(". ");
    this.pending = [];
    this.timer = 0;
    node.append(el("p", {}, text));
    while (node.childElementCount > 5) node.firstElementChild.remove();
  }
}
