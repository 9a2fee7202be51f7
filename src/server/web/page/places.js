// The conversations, and which one is shown. Owns their list, the heading, the way back, and when something is read.
import { showNews } from "./attention.js";
import { ignoreLost } from "./chat.js";
import { focus, takeBack, turnTo } from "./composer.js";
import { Refused } from "./connection.js";
import { chat, log, model, on } from "./here.js";
import { drafts, waiting } from "./keep.js";
import { $, el } from "./view.js";

// Texts that are not sent yet and are shown; the rest is counted.
const WAITING_SHOWN = 20;
// Lines that are fetched at a time, and how often, to get to one that somebody looks for.
const REACH = 1000;
const REACH_TIMES = 10;

let marking = 0;
let drawing = 0;
let isReaching = false; // whether all up to some line is being fetched

const isWide = () => matchMedia("(min-width: 46.01rem)").matches;

// Whether somebody may be looking at the conversation that is shown.
export const isLookedAt = () => !document.hidden && $("talk").offsetParent !== null;

export function showAll(isNew = false) {
  $("me").textContent = model.me;
  const kept = drafts.all();
  for (const [key, draft] of Object.entries(kept)) if (model.has(key) || key.startsWith("@")) model.get(key).draft ||= draft;
  showList();
  if (model.shown) {
    show(model.shown);
    return showTopic(model.shown);
  }
  // Where one was before the page was loaded again; else where everybody is, unless a list is what fits the screen.
  const talk = history.state?.talk;
  const first = model.conversations.get("lobby") ?? [...model.conversations.values()][0];
  if (talk && model.has(talk)) open(model.get(talk));
  else if (first && (isWide() || isNew || model.conversations.size === 1)) open(first).then(() => isNew && focus());
  else log.show([], null);
}

export function showList() {
  const focused = document.activeElement?.dataset?.target;
  $("conversations").replaceChildren(
    ...model.sorted().map((conversation) => {
      const { target, unread, mentions, isRoom, draft } = conversation;
      const urgent = isRoom ? mentions : unread;
      const isShown = model.shown === conversation;
      const count = unread > 0 ? el("span", { class: urgent > 0 ? "count mention" : "count" }, mentions > 0 && isRoom ? `${unread} @` : String(unread), el("span", { class: "unseen" }, ` unread${mentions ? `, ${mentions} mention you` : ""}`)) : null;
      const pen = draft !== "" && !isShown ? el("span", { class: "pen" }, "✎", el("span", { class: "unseen" }, " a draft is here")) : null;
      const button = el("button", { type: "button", class: unread > 0 ? "unread" : "", "data-target": target, onclick: () => open(conversation) }, el("span", { class: "where", dir: "auto" }, isRoom ? `# ${target}` : target), pen, count);
      if (isShown) button.setAttribute("aria-current", "true");
      return el("li", {}, button);
    }),
  );
  if (focused) $("conversations").querySelector(`[data-target="${CSS.escape(focused)}"]`)?.focus();
  const { news, shown } = model;
  document.title = `${news > 0 ? `(${news}) ` : ""}${shown ? `${shown.target} · ` : ""}ChitChat`;
  showNews(news);
  const below = shown?.unread ?? 0;
  $("to-end").textContent = below > 0 ? `${below} new ↓` : "To the end ↓";
}

// The conversation above or below the one that is shown.
export function step(by) {
  const all = model.sorted();
  const next = all[(all.indexOf(model.shown) + by + all.length) % all.length];
  if (next) open(next).then(focus);
}

// On a narrow screen the browser's own way back leads to the list.
export function showPlaces() {
  $("chat").dataset.shows = "places";
  $("conversations").querySelector("[aria-current]")?.focus();
}

addEventListener("popstate", ({ state }) => {
  if (!state?.talk) showPlaces();
  else if (model.has(state.talk)) open(model.get(state.talk));
});
$("back").onclick = () => (history.state?.talk ? history.back() : showPlaces());

export async function open(conversation) {
  const before = model.shown;
  const wasHere = conversation.loaded;
  turnTo(conversation);
  model.current = conversation.target.toLowerCase();
  if (before && before !== conversation) before.trim();
  conversation.leftOff = conversation.unread > 0 ? conversation.read : null;
  $("chat").dataset.shows = "talk";
  const state = { talk: model.current };
  if (history.state?.talk) history.replaceState(state, "");
  else history.pushState(state, "");
  on.opened();
  show(conversation);
  if (matchMedia("(pointer: fine)").matches) focus();
  try {
    await chat.load(conversation);
    // Whose names can be completed.
    if (conversation.isRoom && !conversation.isKnown) chat.members(conversation.target).then(() => (conversation.isKnown = true), ignoreLost);
  } catch (error) {
    if (error instanceof Refused) log.note(error.message, "answer");
    return;
  }
  if (model.shown === conversation && !wasHere) show(conversation);
  showTopic(conversation);
}

export function show(conversation) {
  $("title").textContent = conversation.isRoom ? `# ${conversation.target}` : conversation.target;
  showAbout(conversation);
  $("people-button").hidden = !conversation.isRoom;
  log.show(conversation.lines, conversation.leftOff);
  begin(conversation);
  showOutbox();
  showList();
  seen();
}

function begin({ loaded, atStart, lines, isRoom, target }) {
  if (!loaded || !atStart) return;
  const name = isRoom ? `# ${target}` : target;
  log.begin(lines.length === 0 ? `Nothing was said in ${name} yet. Say hello!` : `This is where ${name} begins.`);
}

function showAbout({ isRoom, topic, loaded }) {
  $("topic").textContent = topic || (isRoom && loaded ? "No topic yet" : "");
  $("topic").disabled = !isRoom;
}

// What a room is about, or whether somebody is here.
export async function showTopic(conversation) {
  const { isRoom, target } = conversation;
  try {
    const { text, rows } = await chat.ask(isRoom ? `topic ${target}` : `profile ${target}`);
    const absent = rows.find((row) => row.startsWith("absent "))?.split(" ").slice(2).join(" ");
    const state = rows.includes("state here") ? "here" : "not here";
    conversation.topic = isRoom ? (/^\S+ - (.*)$/s.exec(text)?.[1] ?? "") : [state, absent].filter((word) => word).join(", ");
    if (model.shown === conversation) showAbout(conversation);
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
  waiting.set(model.outbox);
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

export async function loadEarlier(limit) {
  const { shown } = model;
  if (!shown?.loaded) return;
  try {
    const lines = await chat.earlier(shown, limit);
    if (model.shown !== shown || lines.length === 0) return;
    log.prepend(lines);
    begin(shown);
    // What is above may still be too little.
    if (!isReaching) log.scrolled();
  } catch (error) {
    ignoreLost(error);
  }
}

// Shows a line where it was said, if it is not too far up.
export async function goTo(target, id) {
  const conversation = model.get(target);
  if (model.shown !== conversation || $("chat").dataset.shows !== "talk") await open(conversation);
  isReaching = true;
  for (let times = 0; times < REACH_TIMES && model.shown === conversation && conversation.oldest > id && !conversation.atStart; times += 1) {
    await conversation.loading;
    await loadEarlier(REACH);
  }
  isReaching = false;
  if (model.shown === conversation && !log.reveal(id)) log.note("That message is too far up to go there.", "answer");
}

// What is looked at is read, a moment later.
export function seen() {
  const { shown } = model;
  if (shown && isLookedAt()) shown.isLeft = false;
  if (!shown || !isLookedAt() || !log.stick || (shown.unread === 0 && shown.mentions === 0) || marking !== 0) return;
  marking = setTimeout(async () => {
    marking = 0;
    if (model.shown !== shown || !isLookedAt()) return seen();
    await chat.markRead(shown);
    showList();
  }, 400);
}

export function enterRoom(name) {
  chat.refresh();
  open(model.get(name));
}
