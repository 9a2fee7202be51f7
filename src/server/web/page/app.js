// The page: what was pressed and typed goes to the chat, what came goes to the view. Owns the layout, the composer and
// the panels.
import { Chat, ignoreLost } from "./chat.js";
import { Refused } from "./connection.js";
import { $, Announcer, LogView, askFor, clock, el, full, nameNode, openDialog, openMenu, plainLine, tell, textNode } from "./view.js";
import { commandOf, parseRoom, parseRow, textOf } from "./wire.js";

// The most bytes of a text: a line of 4096 with room for its verb, target and key.
const TEXT_MAX = 3900;
// Texts that are not sent yet and are shown; the rest is counted.
const WAITING_SHOWN = 20;
// A paste of more lines is asked about.
const LINES_UNASKED = 5;
const REACTIONS = ["👍", "❤️", "😄", "🎉", "😢", "👀"];

const saved = {
  get: () => JSON.parse(localStorage.getItem("chitchat") ?? "null"),
  set: (login) => localStorage.setItem("chitchat", JSON.stringify(login)),
  clear: () => localStorage.removeItem("chitchat"),
};

const announcer = new Announcer();
const chat = new Chat(`${location.protocol === "http:" ? "ws" : "wss"}://${location.host}/ws`, { state, changed, entrance }, saved);
const { model } = chat;
let about = null; // {kind: "reply"|"edit", line}
let panel = null; // which one is open
let marking = 0;
let drawing = 0;

const log = new LogView({
  menu: messageMenu,
  react: (line, word) => run(`react ${line.target} ${line.id} ${word}`),
  quoteOf: (line) => model.get(line.target).find(line.marks.reply.id),
  isName: (name) => model.knows(name),
  isMentioned: (line) => !model.isMe(line.author) && new RegExp(`(?<![\\w@.+/-])@(${model.me}|room)(?![\\w-])`, "i").test(line.text),
  isHidden: (line) => model.ignored.has(line.author.toLowerCase()),
  earlier: loadEarlier,
  ended: (isAtEnd) => {
    if (isAtEnd) seen();
    $("to-end").hidden = isAtEnd;
  },
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

function showAll() {
  $("me").textContent = model.me;
  showList();
  if (model.shown) show(model.shown);
  else if (matchMedia("(min-width: 46.01rem)").matches) {
    const first = model.conversations.get("lobby") ?? [...model.conversations.values()][0];
    if (first) open(first);
  }
}

function sorted() {
  const by = (a, b) => a.target.localeCompare(b.target);
  const all = [...model.conversations.values()];
  return [...all.filter((c) => c.isRoom).sort(by), ...all.filter((c) => !c.isRoom).sort(by)];
}

function showList() {
  const focused = document.activeElement?.dataset?.target;
  $("conversations").replaceChildren(
    ...sorted().map((conversation) => {
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

async function open(conversation) {
  if (model.shown) model.shown.draft = $("typed").value;
  model.current = conversation.target.toLowerCase();
  conversation.leftOff = conversation.unread > 0 ? conversation.read : null;
  endAbout();
  $("typed").value = conversation.draft;
  grow();
  $("chat").dataset.shows = "talk";
  if (panel === "people") closePanel();
  show(conversation);
  if (matchMedia("(pointer: fine)").matches) $("typed").focus();
  try {
    await chat.load(conversation);
  } catch (error) {
    if (error instanceof Refused) log.note(error.message, "answer");
    return;
  }
  if (model.shown === conversation) show(conversation);
  showTopic(conversation);
}

function show(conversation) {
  $("title").textContent = conversation.isRoom ? `# ${conversation.target}` : conversation.target;
  typed.placeholder = conversation.isRoom ? `Message # ${conversation.target}` : `Message ${conversation.target.slice(1)}`;
  $("topic").textContent = conversation.topic;
  $("people-button").hidden = !conversation.isRoom;
  log.show(conversation.lines, conversation.leftOff);
  showOutbox();
  showList();
  seen();
}

async function showTopic(conversation) {
  if (!conversation.isRoom) return;
  try {
    const { text } = await chat.ask(`topic ${conversation.target}`);
    conversation.topic = /^\S+ - (.*)$/s.exec(text)?.[1] ?? "";
    if (model.shown === conversation) $("topic").textContent = conversation.topic;
  } catch (error) {
    ignoreLost(error);
  }
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

function lineChanged(conversation, id) {
  const line = conversation.find(id);
  if (model.shown === conversation && line) log.update(line);
}

function showEvent(target, text, who) {
  if (model.shown && model.shown.target === target && !(who && model.ignored.has(who.toLowerCase()))) log.note(text);
  if (panel === "people") showPeople();
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

// What waits to be sent, once a frame: a paste may be of a thousand lines.
function showOutbox() {
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
      $("typed").value = [$("typed").value, entry.text].filter((text) => text !== "").join("\n");
      grow();
      $("typed").focus();
    }
    showOutbox();
    chat.flush();
  });
}

async function loadEarlier() {
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
function seen() {
  const { shown } = model;
  if (!shown || document.hidden || !log.stick || (shown.unread === 0 && shown.mentions === 0) || marking !== 0) return;
  marking = setTimeout(async () => {
    marking = 0;
    if (model.shown !== shown || document.hidden) return;
    await chat.markRead(shown);
    showList();
  }, 400);
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

// What can be done with a line.

async function messageMenu(line, anchor) {
  const { target, id, marks } = line;
  const conversation = model.get(target);
  const mine = model.isMe(line.author);
  const role = conversation.isRoom ? await chat.roleIn(target).catch(() => "member") : "owner";
  const moderates = chat.isAdmin || role !== "member";
  const items = [];
  if (!marks.removed) {
    items.push({ label: "Reply", act: () => startAbout("reply", line) });
    items.push({ label: "React…", act: () => reactTo(line) });
    items.push({ label: "Copy text", act: () => navigator.clipboard?.writeText(line.text) });
    if (mine) items.push({ label: "Edit", act: () => startAbout("edit", line) });
    if (moderates) items.push({ label: "Pin", act: () => run(`pin ${target} ${id}`) }, { label: "Unpin", act: () => run(`unpin ${target} ${id}`) });
    if (mine || (conversation.isRoom && moderates)) items.push({ label: "Remove…", act: () => remove(line, mine) });
  }
  if (!mine) items.push({ label: `${line.author}…`, act: () => personMenu(line.author, anchor) });
  openMenu(anchor, items);
}

function startAbout(kind, line) {
  about = { kind, line };
  $("about").hidden = false;
  $("about-text").textContent = kind === "edit" ? "Editing your message" : `Answering ${plainLine(line).slice(0, 80)}`;
  if (kind === "edit") $("typed").value = line.text;
  grow();
  $("typed").focus();
}

function endAbout() {
  if (about?.kind === "edit") $("typed").value = "";
  about = null;
  $("about").hidden = true;
}

$("about-end").onclick = () => {
  endAbout();
  $("typed").focus();
};

async function reactTo(line) {
  const input = el("input", { id: "asked", autocomplete: "off", maxLength: 20 });
  const choices = el("div", { class: "reactions" }, ...REACTIONS.map((word) => el("button", { value: word, formNoValidate: true }, word)));
  const answer = await openDialog("React", [choices, el("label", { htmlFor: "asked" }, "Or any word"), input], [["", "Cancel"], ["own", "React", true]]);
  const word = answer === "own" ? input.value.trim() : answer;
  if (word) run(`react ${line.target} ${line.id} ${word}`);
}

async function remove(line, mine) {
  const reason = await askFor("Remove this message for good?", mine ? "Reason, if you like" : "Reason", { button: "Remove" });
  if (reason !== null) run(`redact ${line.target} ${line.id} ${reason}`);
}

// What can be done with a person.

async function personMenu(name, anchor) {
  const { shown } = model;
  const role = shown?.isRoom ? await chat.roleIn(shown.target).catch(() => "member") : "member";
  const isIgnored = model.ignored.has(name.toLowerCase());
  const items = [
    { label: "Write directly", act: () => open(model.get(`@${name}`)) },
    { label: "Mention", act: () => insert(`@${name} `) },
    { label: "Who is that?", act: () => profile(name) },
    { label: isIgnored ? "Stop ignoring" : "Ignore", act: () => run(`${isIgnored ? "unignore" : "ignore"} ${name}`, true) },
  ];
  if (shown?.isRoom && (chat.isAdmin || role !== "member")) {
    const room = `#${shown.target}`;
    const moderate = (label, verb, extra = "") => ({
      label: `${label}…`,
      act: async () => {
        const reason = await askFor(`${label} ${name} in ${shown.target}?`, "Reason, which all see", { button: label });
        if (reason !== null) run(`${verb} ${room} ${name} ${extra}${reason}`);
      },
    });
    items.push(moderate("Mute for an hour", "mute", "for=1h "), { label: "Unmute", act: () => run(`unmute ${room} ${name}`) });
    items.push(moderate("Remove", "kick"), moderate("Ban for a day", "ban", "for=1d "), moderate("Ban", "ban"));
    if (chat.isAdmin || role === "owner") {
      for (const next of ["owner", "moderator", "member"]) items.push({ label: `Make ${name} ${next === "owner" ? "an" : "a"} ${next}`, act: () => run(`role ${room} ${name} ${next}`) });
    }
  }
  openMenu(anchor, items);
}

async function profile(name) {
  const answer = await run(`profile ${name}`, true);
  if (!answer) return;
  const words = Object.fromEntries(answer.rows.map((row) => [row.split(" ")[0], row.slice(row.indexOf(" ") + 1)]));
  const content = [el("p", {}, words.state === "here" ? "Here now." : "Not here now.")];
  if (words.absent) content.push(el("p", {}, `Away: ${words.absent.slice(words.absent.indexOf(" ") + 1)}`));
  if (words.text) content.push(el("p", { dir: "auto" }, words.text));
  if (words.admin) content.push(el("p", {}, "An administrator of this server."));
  if (words.since) content.push(el("p", { class: "small" }, `Since ${full(Date.parse(words.since))}`));
  tell(name, ...content);
}

// Runs a command, and says what is wrong with it. Resolves to the answer, or to null.
async function run(command, isQuiet = false) {
  try {
    const answer = await chat.ask(command);
    if (!isQuiet && !answer.text.startsWith("change=")) showAnswer(answer);
    // What this connection changes is not told to it.
    const [verb, target] = command.split(" ");
    const change = /^change=(\d+)/.exec(answer.text)?.[1];
    if (change) await applyOwn(verb, target, command, Number(change));
    if (verb === "ignore" || verb === "unignore") {
      model.ignored[verb === "ignore" ? "add" : "delete"](command.split(" ")[1].toLowerCase());
      if (model.shown) show(model.shown);
    }
    return answer;
  } catch (error) {
    if (error instanceof Refused) log.note(error.message, "answer error");
    else log.note("Not connected: try again in a moment.", "answer error");
    return null;
  }
}

async function applyOwn(verb, target, command, number) {
  const conversation = model.get(target);
  const id = Number(command.split(" ")[2]);
  const { rows } = await chat.ask(`history ${target} around=${id} limit=1`);
  const line = rows.length > 0 ? parseRow(rows[0]) : null;
  conversation.change = Math.max(conversation.change, number);
  if (line && conversation.find(id)) {
    conversation.add(line);
    lineChanged(conversation, id);
  }
}

function showAnswer({ rows, text }) {
  if (!model.shown) return tell("Answer", ...[...rows, text].map((line) => el("p", { class: "answer" }, line)));
  for (const row of rows) {
    const line = parseRow(row);
    log.note(line ? `${full(line.at)} ${plainLine(line)}` : row, "answer");
  }
  log.note(text, "answer");
}

// The composer.

const typed = $("typed");

function grow() {
  typed.style.height = "auto";
  // It has no height while it is not seen.
  if (typed.scrollHeight > 0) typed.style.height = `${typed.scrollHeight + 2}px`;
}

function insert(text) {
  typed.setRangeText(text, typed.selectionStart, typed.selectionEnd, "end");
  grow();
  typed.focus();
}

async function submit() {
  const { shown } = model;
  const all = typed.value.replace(/[\u0000-\u0008\u000b-\u001f\u007f]/g, "");
  if (!shown || all.trim() === "") return;
  if (about?.kind === "edit") {
    const { target, id } = about.line;
    if (await run(`edit ${target} ${id} ${all.trim().replace(/\n+/g, " ")}`, true)) endAbout();
    return grow();
  }
  const command = all.includes("\n") ? null : commandOf(all.trim(), shown.target, (word) => model.has(word));
  if (command !== null) {
    typed.value = "";
    grow();
    return own(command);
  }
  const lines = all.split("\n").map((line) => line.trimEnd()).filter((line) => line !== "");
  const long = lines.find((line) => new TextEncoder().encode(line).length > TEXT_MAX);
  if (long) return log.note(`A message may have ${TEXT_MAX} bytes, and this one is longer. Split it up.`, "answer error");
  if (lines.length > LINES_UNASKED) {
    const answer = await openDialog(`Send these ${lines.length} lines?`, [el("p", {}, "Each line is a message of its own.")], [["ok", "Send", true], ["", "Cancel"]]);
    if (answer !== "ok") return;
  }
  lines.forEach((line, nth) => chat.say(shown.target, textOf(line), nth === 0 && about ? about.line.id : null));
  typed.value = "";
  shown.draft = "";
  endAbout();
  grow();
  log.toEnd();
}

// A command that was typed. A few concern the page itself.
async function own(command) {
  const [verb, ...rest] = command.split(" ");
  const name = rest[0]?.replace(/^[#@]/, "") ?? "";
  if ((verb === "switch" || verb === "query") && name) {
    const target = verb === "query" || rest[0].startsWith("@") ? `@${name}` : name;
    if (target.startsWith("@") || model.has(target)) return open(model.get(target));
  }
  if (verb === "quit") return logOut();
  const answer = await run(command, verb === "act" || verb === "msg" || verb === "say");
  if (answer && verb === "join") enterRoom(name);
  if (answer && verb === "msg" && model.has(`@${name}`)) open(model.get(`@${name}`));
}

function enterRoom(name) {
  chat.refresh();
  open(model.get(name));
}

$("composer").onsubmit = (event) => {
  event.preventDefault();
  submit();
};
typed.oninput = () => {
  grow();
  suggest();
};
typed.onkeydown = (event) => {
  if (event.isComposing) return;
  if (event.key === "Enter" && !event.shiftKey) {
    event.preventDefault();
    submit();
  } else if (event.key === "Tab" && !event.shiftKey && !$("suggestions").hidden) {
    event.preventDefault();
    $("suggestions").firstElementChild.click();
  } else if (event.key === "ArrowUp" && typed.value === "") {
    event.preventDefault();
    log.focusLast();
  } else if (event.key === "Escape") {
    if (about) endAbout();
    else log.toEnd();
    grow();
  }
};

// Names, rooms and verbs for the word before the cursor.
const VERBS = "join leave invite topic who search history msg me away profile ignore unignore invitecode help rooms create kick ban mute slow role".split(" ");

function suggest() {
  const before = typed.value.slice(0, typed.selectionStart);
  const word = /(?:^|\s)(\S*)$/.exec(before)?.[1] ?? "";
  const start = word.slice(1).toLowerCase();
  let found = [];
  if (word.startsWith("@") && word.length > 1) found = [...model.people.values()].filter((name) => name.toLowerCase().startsWith(start)).map((name) => `@${name} `);
  else if (word.startsWith("#")) found = sorted().filter((c) => c.isRoom && c.target.startsWith(start)).map((c) => `#${c.target} `);
  else if (before.startsWith("/") && !before.includes(" ")) found = VERBS.filter((verb) => verb.startsWith(start)).map((verb) => `/${verb} `);
  const box = $("suggestions");
  box.hidden = found.length === 0;
  box.replaceChildren(
    ...found.slice(0, 6).map((text) =>
      el("button", { type: "button", role: "option", "aria-selected": "false", tabIndex: -1, onclick: () => {
        typed.setRangeText(text, before.length - word.length, before.length, "end");
        box.hidden = true;
        typed.focus();
      } }, text.trim()),
    ),
  );
}

$("to-end").onclick = () => log.toEnd();
$("back").onclick = () => {
  $("chat").dataset.shows = "places";
  $("conversations").querySelector("[aria-current]")?.focus();
};

// Panels.

function openPanel(which, title) {
  panel = which;
  $("panel").hidden = false;
  $("chat").dataset.panel = which;
  $("panel-title").textContent = title;
}

function closePanel() {
  panel = null;
  $("panel").hidden = true;
  delete $("chat").dataset.panel;
}

$("panel-close").onclick = () => {
  closePanel();
  typed.focus();
};
$("people-button").onclick = () => (panel === "people" ? closePanel() : showPeople());

async function showPeople() {
  const { shown } = model;
  if (!shown?.isRoom) return;
  openPanel("people", `People in ${shown.target}`);
  try {
    const members = await chat.members(shown.target);
    if (panel !== "people" || model.shown !== shown) return;
    const list = el("ul", {}, ...members.map((member) => {
      const words = [member.here ? "here" : "not here", member.role === "member" ? null : member.role, member.muted ? "muted" : null, member.away || null];
      const button = el("button", { type: "button", onclick: () => personMenu(member.name, button) }, nameNode(member.name), el("span", { class: "small" }, ` ${words.filter((word) => word).join(", ")}`));
      return el("li", {}, button);
    }));
    const invite = el("button", { type: "button", onclick: async () => {
      const name = await askFor(`Invite to ${shown.target}`, "Name", { required: true });
      if (name) run(`invite #${shown.target} ${name}`);
    } }, "Invite somebody…");
    $("panel-body").replaceChildren(list, invite);
  } catch (error) {
    ignoreLost(error);
  }
}

$("search-button").onclick = () => {
  if (panel === "search") return closePanel();
  openPanel("search", "Search");
  const input = el("input", { id: "search", type: "search", autocomplete: "off" });
  const results = el("ul", { "aria-live": "polite" });
  const form = el("form", { onsubmit: (event) => {
    event.preventDefault();
    search(input.value, results);
  } }, el("label", { htmlFor: "search" }, "Words, or from=NAME since=7d"), input);
  const pins = el("button", { type: "button", onclick: () => find(`pins ${model.shown?.target ?? ""}`, results) }, "Pinned here");
  const mentions = el("button", { type: "button", onclick: () => find("mentions", results) }, "Mentions of you");
  $("panel-body").replaceChildren(form, el("div", { class: "reactions" }, pins, mentions), results);
  input.focus();
};

const search = (words, results) => words.trim() && find(`search ${words.trim()}`, results);

async function find(command, results) {
  try {
    const { rows, text } = await chat.ask(command);
    const lines = rows.map(parseRow).filter((line) => line !== null);
    results.replaceChildren(...lines.map((line) => el("li", {}, el("button", { type: "button", onclick: () => showAround(line, results) }, el("span", { class: "small" }, `${line.target} · ${full(line.at)}`), el("br"), plainLine(line)))));
    if (lines.length === 0) results.replaceChildren(el("li", { class: "small" }, "Nothing found."));
    const more = /more=(\S+)/.exec(text)?.[1];
    if (more) results.append(el("li", {}, el("button", { type: "button", onclick: () => find(`${command.replace(/ more=\S+/, "")} more=${more}`, results) }, "Older ones")));
  } catch (error) {
    results.replaceChildren(el("li", { class: "error" }, error.message));
  }
}

// A line that was found, with what was said around it.
async function showAround(line, results) {
  try {
    const { rows } = await chat.ask(`history ${line.target} around=${line.id} limit=21`);
    const lines = rows.map(parseRow).filter((row) => row !== null);
    const items = lines.map((row) => el("li", { class: row.id === line.id ? "mentioned" : "" }, el("span", { class: "small" }, `${clock(row.at)} `), nameNode(row.author), ": ", row.marks.removed ? "(removed)" : textNode(row.text, () => false)));
    const go = el("li", {}, el("button", { type: "button", onclick: () => open(model.get(line.target)) }, `Go to ${line.target}`));
    results.replaceChildren(el("li", { class: "small" }, `${line.target}, ${full(line.at)}`), ...items, go);
  } catch (error) {
    results.replaceChildren(el("li", { class: "error" }, error.message));
  }
}

// Rooms and people that one is not in touch with yet.
$("find-room").onclick = async () => {
  const answer = await run("rooms", true);
  if (!answer) return;
  const others = answer.rows.map(parseRoom).filter((room) => room && !model.has(room.name));
  const list = el("ul", {}, ...others.map((room) => el("li", {}, el("button", { value: `#${room.name}`, formNoValidate: true }, `# ${room.name}`), el("span", { class: "small" }, ` ${room.members} ${room.members === 1 ? "member" : "members"} ${room.topic}`))));
  const name = el("input", { id: "asked", autocomplete: "off", autocapitalize: "none" });
  const secret = el("input", { type: "checkbox", id: "secret" });
  secret.style.width = "auto";
  const content = [others.length > 0 ? list : el("p", { class: "small" }, "You are in every room that there is."), el("label", { htmlFor: "asked" }, "A new room, or @NAME to write to somebody"), name, el("label", { htmlFor: "secret" }, secret, " private: only people you invite see the room")];
  const chosen = await openDialog("Rooms and people", content, [["go", "Go", true], ["", "Cancel"]]);
  const wanted = chosen === "go" ? name.value.trim() : chosen;
  if (!wanted) return;
  if (wanted.startsWith("@")) return open(model.get(wanted));
  const room = wanted.replace(/^#/, "");
  if (secret.checked && chosen === "go" && !(await run(`create ${room} private`, true))) return;
  if (await run(`join ${room}`, true)) enterRoom(room);
};

// The menu of this account.
$("menu-button").onclick = () => {
  const items = [
    { label: "Invite somebody to this server…", act: inviteLink },
    { label: "Say something about yourself…", act: async () => {
      const text = await askFor("About you", "What everyone here can see");
      if (text !== null) run(`profile text ${text || "-"}`, true);
    } },
    { label: "Away, or back…", act: async () => {
      const text = await askFor("Away", "Why, or nothing if you are back");
      if (text !== null) run(`away ${text}`.trim());
    } },
  ];
  if ("Notification" in window && Notification.permission === "default") items.push({ label: "Tell me of mentions", act: () => Notification.requestPermission() });
  if (model.shown?.isRoom) {
    items.push({ label: `Topic of ${model.shown.target}…`, act: async () => {
      const text = await askFor("Topic", "What this room is about", { value: model.shown.topic });
      if (text !== null && (await run(`topic #${model.shown.target} ${text || "-"}`, true))) showTopic(model.shown);
    } });
    items.push({ label: `Leave ${model.shown.target}…`, act: async () => {
      const answer = await openDialog(`Leave ${model.shown.target}?`, [], [["ok", "Leave", true], ["", "Cancel"]]);
      if (answer === "ok" && (await run(`leave #${model.shown.target}`, true))) {
        model.drop(model.shown.target);
        showList();
        $("chat").dataset.shows = "places";
        showAll();
      }
    } });
  }
  items.push({ label: "Log out", act: logOut });
  openMenu($("menu-button"), items);
};

async function inviteLink() {
  const answer = await run("invitecode", true);
  if (!answer) return;
  const link = `${location.origin}/#invite=${answer.text.split(" ")[0]}`;
  const input = el("input", { id: "asked", value: link, readOnly: true });
  await tell("Pass this link on", el("label", { htmlFor: "asked" }, "It lets in one person, within a week."), input);
}

async function logOut() {
  await chat.logOut();
  location.reload();
}

start();
