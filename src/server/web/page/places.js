// The conversations, and which one is shown. Owns their list, the heading, and when something is read.
import { focus, takeBack, turnTo } from "./composer.js";
import { Refused } from "./connection.js";
import { chat, log, model, on } from "./here.js";
import { $, el } from "./view.js";
import { ignoreLost } from "./chat.js";

// Texts that are not sent yet and are shown; the rest is counted.
const WAITING_SHOWN = 20;

let marking = 0;
let drawing = 0;

export function showAll() {
  $("me").textContent = model.me;
  showList();
  if (model.shown) show(model.shown);
  else if (matchMedia("(min-width: 46.01rem)").matches) {
    const first = model.conversations.get("lobby") ?? [...model.conversations.values()][0];
    if (first) open(first);
  }
}

export function showList() {
  const focused = document.activeElement?.dataset?.target;
  $("conversations").replaceChildren(
    ...model.sorted().map((conversation) => {
      const { target, unread, mentions, isRoom } = conversation;
      const urgent = isRoom ? mentions : unread;
      const count = unread > 0 ? el("span", { class: urgent > 0 ? "count mention" : "count", "aria-label": `${unread} unread${mentions ? `, ${mentions} mention you` : ""}` }, mentions > 0 && isRoom ? `${unread} @` : String(unread)) : null;
      const button = el("button", { type: "button", class: unread > 0 ? "unread" : "", "data-target": target, onclick: () => open(conversation) }, el("span", { dir: "auto" }, isRoom ? `# ${target}` : target), count);
      if (model.shown === conversation) button.setAttribute("aria-current", "true");
      return el("li", {}, button);
    }),
  );
  if (focused) $("conversations").querySelector(`[data-target="${CSS.escape(focused)}"]`)?.focus();
  const news = model.news;
  document.title = `${news > 0 ? `(${news}) ` : ""}${model.shown ? `${model.shown.target} · ` : ""}ChitChat`;
}

export async function open(conversation) {
  turnTo(conversation);
  model.current = conversation.target.toLowerCase();
  conversation.leftOff = conversation.unread > 0 ? conversation.read : null;
  $("chat").dataset.shows = "talk";
  on.opened();
  show(conversation);
  if (matchMedia("(pointer: fine)").matches) focus();
  try {
    await chat.load(conversation);
  } catch (error) {
    if (error instanceof Refused) log.note(error.message, "answer");
    return;
  }
  if (model.shown === conversation) show(conversation);
  showTopic(conversation);
}

export function show(conversation) {
  $("title").textContent = conversation.isRoom ? `# ${conversation.target}` : conversation.target;
  $("topic").textContent = conversation.topic;
  $("people-button").hidden = !conversation.isRoom;
  log.show(conversation.lines, conversation.leftOff);
  showOutbox();
  showList();
  seen();
}

export async function showTopic(conversation) {
  if (!conversation.isRoom) return;
  try {
    const { text } = await chat.ask(`topic ${conversation.target}`);
    conversation.topic = /^\S+ - (.*)$/s.exec(text)?.[1] ?? "";
    if (model.shown === conversation) $("topic").textContent = conversation.topic;
  } catch (error) {
    ignoreLost(error);
  }
}

// What waits to be sent, once a frame: a paste may be of a thousand lines.
export function showOutbox() {
  if (drawing === 0) drawing = setTimeout(drawOutbox, 30);
}

function drawOutbox() {
  drawing = 0;
  const { shown } = model;
  if (!shown) return;
  const mine = model.outbox.filter((entry) => entry.target === shown.target);
  log.waiting(mine.slice(0, WAITING_SHOWN), mine.length, (entry, what) => {
    if (what === "again") Object.assign(entry, { refused: null, sent: false });
    else {
      model.settle(entry.key);
      takeBack(entry.text);
    }
    showOutbox();
    chat.flush();
  });
}

export async function loadEarlier() {
  const { shown } = model;
  if (!shown?.loaded) return;
  try {
    const lines = await chat.earlier(shown);
    if (model.shown === shown && lines.length > 0) log.prepend(lines);
  } catch (error) {
    ignoreLost(error);
  }
}

// What is looked at is read, a moment later.
export function seen() {
  const { shown } = model;
  if (!shown || document.hidden || !log.stick || (shown.unread === 0 && shown.mentions === 0) || marking !== 0) return;
  marking = setTimeout(async () => {
    marking = 0;
    if (model.shown !== shown || document.hidden) return;
    await chat.markRead(shown);
    showList();
  }, 400);
}

export function enterRoom(name) {
  chat.refresh();
  open(model.get(name));
}
