// The page: its entrance, and who is told what has changed. Everything else is imported from here.
import { lineChanged, run } from "./commands.js";
import { chat, log, model, on, saved } from "./here.js";
import { logOut, messageMenu } from "./menus.js";
import { conversationOpened, peopleChanged } from "./panels.js";
import { enterRoom, loadEarlier, open, seen, showAll, showList, showOutbox, showTopic } from "./places.js";
import { $, Announcer, plainLine } from "./view.js";

const announcer = new Announcer();

Object.assign(on, {
  state,
  changed,
  entrance,
  messageMenu,
  react: (line, word) => run(`react ${line.target} ${line.id} ${word}`),
  earlier: loadEarlier,
  ended: (isAtEnd) => {
    if (isAtEnd) seen();
    $("to-end").hidden = isAtEnd;
  },
  open,
  opened: conversationOpened,
  enterRoom,
  logOut,
});

// The entrance.

let isNew = false;

function chooseNew(yes) {
  isNew = yes;
  $("choose-login").setAttribute("aria-pressed", String(!yes));
  $("choose-register").setAttribute("aria-pressed", String(yes));
  $("invite").hidden = $("invite-label").hidden = !yes;
  $("login-button").textContent = yes ? "Register" : "Log in";
  $("password").autocomplete = yes ? "new-password" : "current-password";
}

function entrance(error = "", code = "") {
  $("chat").hidden = true;
  $("entrance").hidden = false;
  $("login-error").textContent = error;
  $("login-button").disabled = false;
  document.title = "ChitChat";
  const field = { "bad-invite": "invite", "name-taken": "name", "bad-name": "name", "weak-password": "password" }[code] ?? (isNew && !$("invite").value ? "invite" : "name");
  $($(field).hidden ? "name" : field).focus();
}

function start() {
  chooseNew(false);
  const invite = /^#invite=(.+)$/.exec(location.hash)?.[1];
  if (invite) {
    // It has done its work, and is nothing for a history of pages.
    history.replaceState(null, "", "/");
    chooseNew(true);
    $("invite").value = decodeURIComponent(invite);
    $("login-intro").textContent = "You are invited. Choose a name and a password.";
  }
  const login = saved.get();
  if (login && !invite) {
    showChat();
    state("connecting");
    chat.enter({ token: login.token });
  } else {
    entrance();
    if (invite) $("name").focus();
  }
  if ("serviceWorker" in navigator) navigator.serviceWorker.register("/offline.js").catch(() => {});
}

$("choose-login").onclick = () => chooseNew(false);
$("choose-register").onclick = () => chooseNew(true);
$("login").onsubmit = (event) => {
  event.preventDefault();
  $("login-error").textContent = "";
  $("login-button").disabled = true;
  const invite = isNew ? $("invite").value.trim().replace(/^.*#invite=/, "") : "";
  chat.enter({ name: $("name").value.trim(), password: $("password").value, invite, isNew });
};

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
  ({ all: showAll, list: showList, message, line: lineChanged, event: showEvent, left, topic: showTopic, notice, outbox: showOutbox })[what](...details);
}

function message(conversation, line, what) {
  if (what === "known") return;
  const isShown = model.shown === conversation;
  if (isShown) {
    log.append([line]);
    if (model.isMe(line.author)) log.toEnd();
    else if (what !== "hidden") announcer.say(plainLine(line));
    seen();
  }
  if (what === "mention" && (!isShown || document.hidden)) notify(conversation, line);
  showList();
}

function showEvent(target, text, who) {
  if (model.shown && model.shown.target === target && !(who && model.ignored.has(who.toLowerCase()))) log.note(text);
  peopleChanged();
}

function left(conversation, text) {
  if (model.shown === conversation) {
    log.show([], null);
    log.note(text);
    $("chat").dataset.shows = "places";
  }
  setTimeout(showList);
}

function notice(text, code) {
  announcer.say(text);
  log.note(text, code === "announcement" || code === "warning" || code === "invited" ? "answer" : "event");
}

function notify(conversation, line) {
  if (!("Notification" in window) || Notification.permission !== "granted" || !document.hidden) return;
  const title = conversation.isRoom ? `${line.author} in ${conversation.target}` : line.author;
  const note = new Notification(title, { body: line.text.slice(0, 200), tag: conversation.target });
  note.onclick = () => {
    window.focus();
    open(conversation);
  };
}

document.addEventListener("visibilitychange", seen);

$("to-end").onclick = () => log.toEnd();
$("back").onclick = () => {
  $("chat").dataset.shows = "places";
  $("conversations").querySelector("[aria-current]")?.focus();
};

start();
