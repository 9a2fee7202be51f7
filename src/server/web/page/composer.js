// What is typed: a text, a command, an answer to a line or another text for it. Owns the field and what stands above it.
import { run } from "./commands.js";
import { chat, log, model, on } from "./here.js";
import { $, el, openDialog, plainLine } from "./view.js";
import { commandOf, textOf } from "./wire.js";

// The most bytes of a text: a line of 4096 with room for its verb, target and key.
const TEXT_MAX = 3900;
// A paste of more lines is asked about.
const LINES_UNASKED = 5;

let about = null; // {kind: "reply"|"edit", line}
const typed = $("typed");

export function grow() {
  typed.style.height = "auto";
  // It has no height while it is not seen.
  if (typed.scrollHeight > 0) typed.style.height = `${typed.scrollHeight + 2}px`;
}

export function insert(text) {
  typed.setRangeText(text, typed.selectionStart, typed.selectionEnd, "end");
  grow();
  typed.focus();
}

// Another conversation is shown: what is half typed stays with its own.
export function turnTo(conversation) {
  if (model.shown) model.shown.draft = typed.value;
  endAbout();
  typed.value = conversation.draft;
  typed.placeholder = conversation.isRoom ? `Message # ${conversation.target}` : `Message ${conversation.target.slice(1)}`;
  grow();
}

export function focus() {
  typed.focus();
}

// A text that was not sent is taken back.
export function takeBack(text) {
  typed.value = [typed.value, text].filter((part) => part !== "").join("\n");
  grow();
  typed.focus();
}

export function startAbout(kind, line) {
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

async function submit() {
  const { shown } = model;
  $("suggestions").hidden = true;
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
    if (target.startsWith("@") || model.has(target)) return on.open(model.get(target));
  }
  if (verb === "quit") return on.logOut();
  const answer = await run(command, verb === "act" || verb === "msg" || verb === "say");
  if (answer && verb === "join") on.enterRoom(name);
  if (answer && verb === "msg" && model.has(`@${name}`)) on.open(model.get(`@${name}`));
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
  else if (word.startsWith("#")) found = model.sorted().filter((c) => c.isRoom && c.target.startsWith(start)).map((c) => `#${c.target} `);
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
