// What can be typed: the server's commands in groups, for the help and for what is completed.
import { tell } from "./dialogs.js";
import { chat } from "./here.js";
import { el } from "./view.js";

// Those that no group knows are a group of their own; what only programs use is left out.
const GROUPS = [
  ["Talk", "me msg"],
  ["Rooms", "rooms join leave create invite invitations decline who topic"],
  ["Find", "search mentions pins history"],
  ["People", "profile away ignore unignore ignored"],
  ["Look after a room", "kick mute unmute ban unban bans slow role private retain rename close hook audit"],
  ["Your account", "whoami sessions token invitecode invites export help quit"],
  ["Administer the server", "stats accounts disable enable resetpw grant announce block unblock blocks reload"],
];
const FOR_PROGRAMS = "say act post update reply edit redact react pin unpin read changes conversations switch ping set passwd unregister register login resume recover";
const KEYS = [
  ["Enter", "sends; Shift-Enter begins a new line"],
  ["Tab", "takes the suggestion; the arrows choose another"],
  ["Up", "in an empty field: goes through the messages. Enter there opens what can be done with one"],
  ["Alt-Up, Alt-Down", "go to the conversation above or below"],
  ["Escape", "leaves an answer or an edit, and goes to the last message"],
];

// What only programs need of a command.
const PAGING = / ?\[(limit|more|after)=\w+\]/g;

let known = null;

// [{verb, usage, help}] in the order of the groups.
export async function verbs() {
  if (known) return known;
  const { rows } = await chat.ask("help");
  const all = rows.map((row) => /^\/(\S+) ?(.*?) - (.*)$/.exec(row)).filter((match) => match);
  const of = (verb) => all.find((match) => match[1] === verb);
  const named = GROUPS.flatMap(([group, words]) => words.split(" ").map((verb) => [group, of(verb)]));
  const hidden = new Set([...FOR_PROGRAMS.split(" "), ...named.map(([, match]) => match?.[1])]);
  const others = all.filter((match) => !hidden.has(match[1])).map((match) => ["More", match]);
  known = [...named, ...others].filter(([, match]) => match).map(([group, [, verb, usage, help]]) => ({ group, verb, usage, help }));
  return known;
}

export async function showHelp() {
  const list = (pairs) => el("dl", {}, ...pairs.flatMap(([term, text]) => [el("dt", {}, term), el("dd", {}, text)]));
  const all = await verbs();
  const groups = [...new Set(all.map(({ group }) => group))].filter((group) => chat.isAdmin || group !== GROUPS.at(-1)[0]);
  const text = [
    "Type a text to say it here. @NAME mentions somebody, `backticks` show code, and ⋯ beside a message opens what can be done with it. All else that one types begins with a slash:",
    ...groups.flatMap((group) => [
      el("h3", {}, group),
      list(all.filter((one) => one.group === group).map(({ verb, usage, help }) => [`/${verb} ${usage.replace(PAGING, "")}`.trim(), help])),
    ]),
    el("h3", {}, "Keys"),
    list(KEYS),
  ];
  await tell("Help", ...text);
}
