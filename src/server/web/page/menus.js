// Menus: what can be done with a line, with a person, and with this account.
import { profile, run } from "./commands.js";
import { insert, startAbout } from "./composer.js";
import { chat, model } from "./here.js";
import { open, showAll, showList, showTopic } from "./places.js";
import { $, askFor, el, openDialog, openMenu, tell } from "./view.js";

const REACTIONS = ["👍", "❤️", "😄", "🎉", "😢", "👀"];

// What can be done with a line.

export async function messageMenu(line, anchor) {
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

export async function personMenu(name, anchor) {
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

export async function logOut() {
  await chat.logOut();
  location.reload();
}
