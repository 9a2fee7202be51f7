// What opens beside the conversation, or over it: who is here, the search, rooms that one is not in.
import { ignoreLost } from "./chat.js";
import { run } from "./commands.js";
import { focus } from "./composer.js";
import { askFor, openDialog } from "./dialogs.js";
import { chat, model } from "./here.js";
import { personMenu } from "./menus.js";
import { enterRoom, goTo, open, seen } from "./places.js";
import { $, el, full, nameNode, plainLine } from "./view.js";
import { parseRoom, parseRow } from "./wire.js";

// A list of people is fetched again at most so often, in milliseconds: many may come at once.
const PEOPLE_EVERY = 1000;

let panel = null; // which one is open
let fetching = 0;

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
  seen();
}

// The conversation is another one.
export function conversationOpened() {
  if (panel === "people") closePanel();
}

// Somebody came, went, or is something else now.
export function peopleChanged() {
  if (panel !== "people" || fetching !== 0) return;
  fetching = setTimeout(() => {
    fetching = 0;
    if (panel === "people") showPeople();
  }, PEOPLE_EVERY);
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
      const button = el("button", { type: "button", class: member.here ? "here" : "", "data-name": member.name, onclick: () => personMenu(member.name, button) }, nameNode(member.name), el("span", { class: "small" }, ` ${words.filter((word) => word).join(", ")}`));
      return el("li", {}, button);
    }));
    const invite = el("button", { type: "button", onclick: async () => {
      const name = await askFor(`Invite to ${shown.target}`, "Name", { required: true });
      if (name) run(`invite #${shown.target} ${name}`);
    } }, "Invite somebody…");
    const focused = document.activeElement?.dataset?.name;
    $("panel-body").replaceChildren(list, invite);
    if (focused) $("panel-body").querySelector(`[data-name="${CSS.escape(focused)}"]`)?.focus();
  } catch (error) {
    ignoreLost(error);
  }
}

$("search-button").onclick = () => {
  if (panel === "search") return closePanel();
  openPanel("search", "Search");
  const input = el("input", { id: "search", type: "search", autocomplete: "off" });
  const here = el("input", { type: "checkbox" });
  const results = el("ul", { "aria-live": "polite" });
  const form = el("form", { onsubmit: (event) => {
    event.preventDefault();
    const words = input.value.trim();
    if (words) find(`search ${words}${here.checked && model.shown ? ` in=${model.shown.target}` : ""}`, results);
  } }, el("label", { htmlFor: "search" }, "Words that were said"), input, el("label", { class: "tick" }, here, "only in this conversation"), el("p", { class: "small" }, "from=NAME and since=7d narrow it down."));
  const pins = el("button", { type: "button", onclick: () => find(`pins ${model.shown?.target ?? ""}`, results) }, "Pinned here");
  const mentions = el("button", { type: "button", onclick: () => find("mentions", results) }, "Mentions of you");
  $("panel-body").replaceChildren(form, el("div", { class: "reactions" }, pins, mentions), results);
  input.focus();
};

async function find(command, results) {
  try {
    const { rows, text } = await chat.ask(command);
    const lines = rows.map(parseRow).filter((line) => line !== null);
    results.replaceChildren(...lines.map((line) => el("li", {}, el("button", { type: "button", onclick: () => visit(line) }, el("span", { class: "small" }, `${line.target} · ${full(line.at)}`), el("br"), plainLine(line)))));
    if (lines.length === 0) results.replaceChildren(el("li", { class: "small" }, "Nothing found."));
    const more = /more=(\S+)/.exec(text)?.[1];
    if (more) results.append(el("li", {}, el("button", { type: "button", onclick: () => find(`${command.replace(/ more=\S+/, "")} more=${more}`, results) }, "Older ones")));
  } catch (error) {
    results.replaceChildren(el("li", { class: "error" }, error.message));
  }
}

// A line that was found, where it was said.
function visit(line) {
  if ($("talk").offsetParent === null) closePanel();
  goTo(line.target, line.id);
}

// Rooms and people that one is not in touch with yet.
$("find-room").onclick = async () => {
  const answer = await run("rooms", true);
  if (!answer) return;
  const others = answer.rows.map(parseRoom).filter((room) => room && !model.has(room.name));
  const list = el("ul", {}, ...others.map((room) => el("li", {}, el("button", { value: `#${room.name}` }, `# ${room.name}`), el("span", { class: "small" }, ` ${room.members} ${room.members === 1 ? "member" : "members"} ${room.topic}`))));
  const known = el("datalist", { id: "known" }, ...[...model.people.values()].filter((name) => !model.isMe(name)).map((name) => el("option", { value: name })));
  const field = (id, more = {}) => el("input", { id, autocomplete: "off", autocapitalize: "none", spellcheck: false, maxLength: 33, ...more });
  const person = field("person", { list: "known" });
  const room = field("room");
  const secret = el("input", { type: "checkbox" });
  const content = [
    ...(others.length > 0 ? [el("p", {}, "Rooms that you can enter:"), list] : [el("p", { class: "small" }, "You are in every room that there is.")]),
    el("label", { htmlFor: "person" }, "Write to somebody: the name"), person, known,
    el("label", { htmlFor: "room" }, "Make a room: its name"), room,
    el("label", { class: "tick" }, secret, "private: only people you invite see it"),
  ];
  const chosen = await openDialog("Rooms and people", content, [["go", "Go", true], ["", "Cancel"]]);
  if (chosen === "") return;
  const name = person.value.trim().replace(/^@/, "");
  if (chosen === "go" && name) return (await run(`profile ${name}`, true)) && open(model.get(`@${name}`));
  const wanted = (chosen === "go" ? room.value.trim() : chosen).replace(/^#/, "").replace(/\s+/g, "-").toLowerCase();
  if (!wanted) return;
  if (secret.checked && chosen === "go" && !(await run(`create ${wanted} private`, true))) return;
  if (await run(`join ${wanted}`, true)) enterRoom(wanted);
};
