// Menus: what can be done with a line, with a person, and with this account.
import { askHow } from "./attention.js";
import { help, profile, run } from "./commands.js";
import { insert, startAbout } from "./composer.js";
import { askFor, handOver, openDialog, openMenu, tell } from "./dialogs.js";
import { chat, model } from "./here.js";
import { showHooks } from "./hooks.js";
import { open, showAll, showList, showTopic } from "./places.js";
import { $, el, textNode } from "./view.js";
import { parseRow } from "./wire.js";

const REACTIONS = ["👍", "❤️", "😄", "🎉", "😢", "👀"];

// What can be done with a line.

export async function messageMenu(line, anchor) {
  const { target, id, marks } = line;
  const conversation = model.get(target);
  const mine = model.isMe(line.author);
  const mayModerate = !conversation.isRoom || (await moderates(target));
  const pinned = mayModerate ? await isPinned(target, id) : false;
  const items = [];
  if (!marks.removed) {
    items.push({ label: "Reply", act: () => startAbout("reply", line) });
    items.push({ label: "React…", act: () => reactTo(line) });
    items.push({ label: "Copy text", act: () => navigator.clipboard?.writeText(line.text) });
    if (mine) items.push({ label: "Edit", act: () => startAbout("edit", line) });
    if (mayModerate) items.push(pinned ? { label: "Take the pin out", act: () => run(`unpin ${target} ${id}`) } : { label: "Pin", act: () => run(`pin ${target} ${id}`) });
    if (mine || (conversation.isRoom && mayModerate)) items.push({ label: "Remove…", act: () => remove(line, mine) });
  }
  if (!mine) items.push({ label: `${line.author}…`, act: () => personMenu(line.author, anchor) });
  openMenu(anchor, items);
}

const moderates = async (room) => chat.isAdmin || (await chat.roleIn(room).catch(() => "member")) !== "member";

const isPinned = (target, id) => chat.ask(`pins ${target}`).then(({ rows }) => rows.some((row) => parseRow(row)?.id === id), () => false);

async function reactTo(line) {
  const input = el("input", { id: "asked", autocomplete: "off", maxLength: 20 });
  const choices = el("div", { class: "reactions" }, ...REACTIONS.map((word) => el("button", { value: word }, word)));
  const answer = await openDialog("React", [choices, el("label", { htmlFor: "asked" }, "Or any word"), input], [["own", "React", true], ["", "Cancel"]]);
  const word = answer === "own" ? input.value.trim() : answer;
  if (word) run(`react ${line.target} ${line.id} ${word}`);
}

async function remove(line, mine) {
  const reason = await askFor("Remove this message for good?", mine ? "Reason, if you like" : "Reason", { button: "Remove" });
  if (reason !== null) run(`redact ${line.target} ${line.id} ${reason}`);
}

// What can be done with a person.

const RANK = { member: 1, moderator: 2, owner: 3 };

export async function personMenu(name, anchor) {
  if (model.isMe(name)) return profile(name);
  const { shown } = model;
  const isIgnored = model.ignored.has(name.toLowerCase());
  const items = [
    { label: "Write directly", act: () => open(model.get(`@${name}`)) },
    { label: "Mention", act: () => insert(`@${name} `) },
    { label: "Who is that?", act: () => profile(name) },
    { label: isIgnored ? "Stop ignoring" : "Ignore", act: () => run(`${isIgnored ? "unignore" : "ignore"} ${name}`, true) },
  ];
  if (shown?.isRoom) items.push(...(await moderation(shown.target, name)));
  openMenu(anchor, items);
}

// What this account may do with somebody in a room: nobody acts on someone of their own or a higher role.
async function moderation(target, name) {
  const members = await chat.members(target).catch(() => []);
  const mine = chat.isAdmin ? 4 : RANK[members.find((one) => model.isMe(one.name))?.role] ?? 1;
  const member = members.find((one) => one.name.toLowerCase() === name.toLowerCase());
  if (mine < RANK.moderator || (member && RANK[member.role] >= mine)) return [];
  const room = `#${target}`;
  const moderate = (label, verb, extra = "") => ({
    label: `${label}…`,
    act: async () => {
      const reason = await askFor(`${label}: ${name}, in # ${target}`, "Reason, which all see, if you like", { button: label });
      if (reason !== null) run(`${verb} ${room} ${name} ${extra}${reason}`);
    },
  });
  const bans = [moderate("Ban for a day", "ban", "for=1d "), moderate("Ban", "ban")];
  if (!member) {
    const banned = await chat.ask(`bans ${room}`).then(({ rows }) => rows.some((row) => row.split(" ")[0].toLowerCase() === name.toLowerCase()), () => false);
    return banned ? [{ label: `Lift the ban from # ${target}`, act: () => run(`unban ${room} ${name}`) }] : bans;
  }
  const items = [
    member.muted ? { label: "Let talk again", act: () => run(`unmute ${room} ${name}`) } : moderate("Mute for an hour", "mute", "for=1h "),
    moderate("Remove from the room", "kick"),
    ...bans,
  ];
  if (mine < RANK.owner) return items;
  const roles = Object.keys(RANK).filter((role) => role !== member.role);
  return [...items, ...roles.map((role) => ({ label: `Make ${role === "owner" ? "an" : "a"} ${role}`, act: () => run(`role ${room} ${name} ${role}`) }))];
}

// The menu of this account.
$("menu-button").onclick = async () => {
  // Who may make no invitations may not list them either.
  const mayInvite = await chat.ask("invites limit=1").then(() => true, () => false);
  const items = [
    { label: "Notifications…", act: askHow },
    { label: "Say something about yourself…", act: async () => {
      const text = await askFor("About you", "What everyone here can see");
      if (text !== null) run(`profile text ${text || "-"}`, true);
    } },
    { label: "Away, or back…", act: async () => {
      const text = await askFor("Away", "Why, or nothing if you are back");
      if (text !== null) run(`away ${text}`.trim());
    } },
    { label: "Help", act: help },
  ];
  if (mayInvite) items.unshift({ label: "Invite somebody to this server…", act: inviteLink });
  if (model.shown?.isRoom) {
    const { target } = model.shown;
    if (await moderates(target)) items.push({ label: `Hooks of # ${target}…`, act: () => showHooks(target) });
    items.push({ label: `Leave # ${target}…`, act: async () => {
      const answer = await openDialog(`Leave # ${target}?`, [], [["ok", "Leave", true], ["", "Cancel"]]);
      if (answer === "ok" && (await run(`leave #${target}`, true))) {
        model.drop(target);
        showList();
        $("chat").dataset.shows = "places";
        showAll();
      }
    } });
  }
  items.push({ label: "Log out", act: logOut });
  openMenu($("menu-button"), items);
};

// The topic, all of it, and another one.
$("topic").onclick = async () => {
  const { shown } = model;
  if (!shown?.isRoom) return;
  const text = el("p", {}, shown.topic ? textNode(shown.topic, () => false) : "It has no topic yet.");
  const input = el("input", { id: "asked", value: shown.topic, autocomplete: "off" });
  const answer = await openDialog(`Topic of # ${shown.target}`, [text, el("label", { htmlFor: "asked" }, "Another one"), input], [["ok", "Change it"], ["", "Close", true]]);
  const topic = input.value.trim();
  if (answer === "ok" && topic !== shown.topic && (await run(`topic #${shown.target} ${topic || "-"}`, true))) showTopic(shown);
};

async function inviteLink() {
  const answer = await run("invitecode", true);
  if (!answer) return;
  const link = `${location.origin}/#invite=${answer.text.split(" ")[0]}`;
  handOver("Pass this link on", "It lets in one person, within a week.", link, true);
}

export async function logOut() {
  await chat.logOut();
  location.reload();
}
