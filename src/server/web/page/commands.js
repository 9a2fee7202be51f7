// Commands that are run at once, and what they are answered with.
import { Refused } from "./connection.js";
import { handOver, tell } from "./dialogs.js";
import { showHelp } from "./help.js";
import { chat, log, model } from "./here.js";
import { $, el, full, plainLine } from "./view.js";
import { parseRow } from "./wire.js";

// Runs a command, and says what is wrong with it. Resolves to the answer, or to null.
export async function run(command, isQuiet = false) {
  try {
    const answer = await chat.ask(command);
    if (!isQuiet && !answer.text.startsWith("change=")) showAnswer(answer);
    // What this connection changes is not told to it.
    const [verb, target] = command.split(" ");
    const change = /^change=(\d+)/.exec(answer.text)?.[1];
    if (change) await applyOwn(verb, target, command, Number(change));
    if (verb === "ignore" || verb === "unignore") {
      model.ignored[verb === "ignore" ? "add" : "delete"](command.split(" ")[1].toLowerCase());
      if (model.shown) log.show(model.shown.lines, model.shown.leftOff);
    }
    return answer;
  } catch (error) {
    complain(error instanceof Refused ? error.message : "Not connected: try again in a moment.");
    return null;
  }
}

// Below the conversation, or over the list where no conversation is seen.
function complain(text) {
  if (model.shown && $("talk").offsetParent !== null) log.note(text, "answer error");
  else tell("That was not done", text);
}

export async function help() {
  try {
    await showHelp();
    return true;
  } catch {
    complain("Not connected: try again in a moment.");
    return false;
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
  const hook = /^\/hook\/\S+/.exec(text)?.[0];
  if (hook) return handOver("The hook's address", "Whoever has it can post in the room, and it is shown only this once. Copy it now.", location.origin + hook);
  if (!model.shown || $("talk").offsetParent === null) return tell("Answer", ...[...rows, text].map((line) => el("p", { class: "answer" }, line)));
  for (const row of rows) {
    const line = parseRow(row);
    log.note(line ? `${full(line.at)} ${plainLine(line)}` : row, "answer");
  }
  log.note(text, "answer");
}

// A line is another now.
export function lineChanged(conversation, id) {
  const line = conversation.find(id);
  if (model.shown === conversation && line) log.update(line);
}

// Who somebody is.
export async function profile(name) {
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
