// What opens beside the conversation, or over it: who is here, the search, rooms that one is not in.
import { ignoreLost } from "./chat.js";
import { run } from "./commands.js";
import { focus } from "./composer.js";
import { chat, model } from "./here.js";
import { personMenu } from "./menus.js";
import { enterRoom, open } from "./places.js";
import { $, askFor, clock, el, full, nameNode, openDialog, plainLine, textNode } from "./view.js";
import { parseRoom, parseRow } from "./wire.js";

let panel = null; // which one is open

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

// The conversation is another one.
export function conversationOpened() {
  if (panel === "people") closePanel();
}

// Somebody came, went, or is something else now.
export function peopleChanged() {
  if (panel === "people") showPeople();
}

$("panel-close").onclick = () => {
  closePanel();
  focus();
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
