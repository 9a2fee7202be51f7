// The page: its entrance, and who is told what has changed. Everything else is imported from here.
import { attract } from "./attention.js";
import { lineChanged, run } from "./commands.js";
import { Announcer } from "./dialogs.js";
import { entrance, isNew, start } from "./entrance.js";
import { chat, log, model, on } from "./here.js";
import { waiting } from "./keep.js";
import { logOut, messageMenu, personMenu } from "./menus.js";
import { conversationOpened, peopleChanged } from "./panels.js";
import { enterRoom, goTo, isLookedAt, loadEarlier, open, seen, showAll, showList, showOutbox, showPlaces, showTopic, step } from "./places.js";
import { $, plainLine } from "./view.js";
import { sameName } from "./wire.js";

// While one stays at the end, older lines are let go of when there are so many.
const LINES_MAX = 2000;

const announcer = new Announcer();

Object.assign(on, {
  state,
  changed,
  entrance,
  showChat,
  messageMenu,
  personMenu,
  goTo,
  react: (line, word) => run(`react ${line.target} ${line.id} ${word}`),
  earlier: () => loadEarlier(),
  ended: (isAtEnd) => {
    if (isAtEnd) seen();
    $("to-end").hidden = isAtEnd;
  },
  open,
  opened: conversationOpened,
  enterRoom,
  logOut,
});

function showChat() {
  $("entrance").hidden = true;
  $("chat").hidden = false;
  $("chat").dataset.shows = "places";
}

// What became of the connection.

function state(word, detail = "") {
  const texts = {
    connecting: "Connecting…",
    away: `Not connected${detail ? `: ${detail}` : "."} What you type is sent when the connection is back.`,
    waiting: detail,
    here: "",
  };
  $("status").textContent = texts[word];
  if (word === "here" && $("chat").hidden) showChat();
  $("password").value = "";
}

// What has changed.

function changed(what, ...details) {
  ({ all: () => showAll(isNew()), list: showList, message, line: lineChanged, event: showEvent, left, topic: showTopic, notice, outbox: showOutbox })[what](...details);
}

function message(conversation, line, what) {
  if (what === "known") return;
  const isShown = model.shown === conversation;
  const isSeen = isShown && isLookedAt();
  if (isShown) {
    if (!isSeen && !conversation.isLeft) {
      conversation.isLeft = true;
      conversation.leftOff = line.id - 1;
      log.leaveOff(conversation.leftOff);
    }
    log.append([line]);
    if (model.isMe(line.author)) log.toEnd();
    else if (what !== "hidden") announcer.say(plainLine(line));
    if (log.stick && conversation.lines.length > LINES_MAX && conversation.trim()) log.show(conversation.lines, conversation.leftOff);
    seen();
  }
  if (what === "mention" && !isSeen) attract(conversation, line);
  showList();
}

// Who is here is in the list of people, and not among what was said.
const PRESENCE = new Set(["online", "offline", "away", "back"]);

function showEvent(target, text, who, ev) {
  const { shown } = model;
  peopleChanged();
  if (PRESENCE.has(ev)) {
    if (shown && who && sameName(shown.target, `@${who}`)) showTopic(shown);
    return;
  }
  if (shown?.target !== target || (who && model.ignored.has(who.toLowerCase()))) return;
  if (ev === "join" || ev === "leave") log.cameOrWent(who, ev === "join" ? "joined" : "left");
  else log.note(text);
}

function left(conversation, text) {
  if (model.shown === conversation) {
    log.show([], null);
    log.note(text);
    showPlaces();
  }
  setTimeout(showList);
}

function notice(text, code) {
  announcer.say(text);
  log.note(text, code === "announcement" || code === "warning" || code === "invited" ? "answer" : "event");
}

document.addEventListener("visibilitychange", seen);

addEventListener("pagehide", () => waiting.set(model.outbox));
addEventListener("keydown", (event) => {
  if (!event.altKey || event.ctrlKey || event.shiftKey || (event.key !== "ArrowUp" && event.key !== "ArrowDown")) return;
  if ($("chat").hidden || $("dialog").open) return;
  event.preventDefault();
  step(event.key === "ArrowUp" ? -1 : 1);
});

$("to-end").onclick = () => log.toEnd();

model.outbox = waiting.get().map((entry) => ({ ...entry, sent: false }));
start();
