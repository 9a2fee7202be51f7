// What is typed: a text, a command, an answer to a line or another text for it. Owns the field and what stands above it.
import { help, run } from "./commands.js";
import { openDialog } from "./dialogs.js";
import { chat, log, model, on } from "./here.js";
import { drafts } from "./keep.js";
import * as suggestions from "./suggest.js";
import { $, el, plainLine } from "./view.js";
import { commandOf, textOf } from "./wire.js";

// The most bytes of a text: a line of 4096 with room for its verb, target and key.
const TEXT_MAX = 3900;
// A paste of more lines is asked about.
const LINES_UNASKED = 5;
// What is half typed is kept when so long nothing more was typed, in milliseconds.
const KEEP_AFTER = 300;

let about = null; // {kind: "reply"|"edit", line}
let keeping = 0;
const typed = $("typed");

export function grow() {
  typed.style.height = "auto";
  // It has no height while it is not seen.
  if (typed.scrollHeight > 0) typed.style.height = `${typed.scrollHeight + 2}px`;
}

export function insert(text) {
  typed.setRangeText(text, typed.selectionStart, typed.selectionEnd, "end");
  keepDraft();
  grow();
  typed.focus();
}

// What is half typed stays with its conversation, and is kept there. The new text of a line is no draft.
function keepDraft() {
  clearTimeout(keeping);
  const { shown } = model;
  if (!shown || about?.kind === "edit") return;
  shown.draft = typed.value;
  keeping = setTimeout(writeDraft, KEEP_AFTER, shown);
}

function writeDraft({ target, draft }) {
  const key = target.toLowerCase();
  if (model.me !== null && (drafts.all()[key] ?? "") !== draft) drafts.set(key, draft);
}

addEventListener("pagehide", () => model.shown && writeDraft(model.shown));

// Another conversation is shown.
export function turnTo(conversation) {
  endAbout();
  clearTimeout(keeping);
  if (model.shown) writeDraft(model.shown);
  suggestions.close();
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
  keepDraft();
  grow();
  typed.focus();
}

export function startAbout(kind, line) {
  endAbout();
  about = { kind, line };
  $("about").hidden = false;
  $("about-text").textContent = kind === "edit" ? "Editing your message" : `Answering ${plainLine(line).slice(0, 80)}`;
  if (kind === "edit") typed.value = line.text;
  grow();
  typed.focus();
}

function endAbout() {
  if (about?.kind === "edit") typed.value = model.shown?.draft ?? "";
  about = null;
  $("about").hidden = true;
}

$("about-end").onclick = () => {
  endAbout();
  grow();
  typed.focus();
};

async function submit() {
  const { shown } = model;
  suggestions.close();
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
    keepDraft();
    grow();
    if (!(await own(command)) && typed.value === "") takeBack(all.trim());
    return;
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
  endAbout();
  keepDraft();
  grow();
  log.toEnd();
}

// A command that was typed; resolves to whether it was carried out. A few concern the page itself.
async function own(command) {
  const [verb, ...rest] = command.split(" ");
  const name = rest[0]?.replace(/^[#@]/, "") ?? "";
  if ((verb === "switch" || verb === "query") && name) {
    const target = verb === "query" || rest[0].startsWith("@") ? `@${name}` : name;
    if (target.startsWith("@") || model.has(target)) return on.open(model.get(target)), true;
  }
  if (verb === "quit") return on.logOut(), true;
  if (verb === "help" && rest.length === 0) return help();
  const answer = await run(command, verb === "act" || verb === "msg" || verb === "say");
  if (answer && verb === "join") on.enterRoom(name);
  if (answer && verb === "msg") on.open(model.get(`@${name}`));
  return answer !== null;
}

$("composer").onsubmit = (event) => {
  event.preventDefault();
  submit();
};
typed.oninput = () => {
  grow();
  keepDraft();
  suggestions.suggest();
};
typed.onkeydown = (event) => {
  if (event.isComposing || suggestions.key(event)) return;
  if (event.key === "Enter" && !event.shiftKey) {
    event.preventDefault();
    submit();
  } else if (event.key === "ArrowUp" && !event.altKey && typed.value === "") {
    event.preventDefault();
    log.focusLast();
  } else if (event.key === "Escape") {
    if (about) endAbout();
    else log.toEnd();
    grow();
  }
};
