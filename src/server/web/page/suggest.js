// Names, rooms and verbs for the word before the cursor. Owns #suggestions.
import { model } from "./here.js";
import { verbs } from "./help.js";
import { $, el } from "./view.js";

const SHOWN = 6;
const typed = $("typed");
const box = $("suggestions");
let chosen = -1; // by the arrows

// Names that begin so; those who spoke last in this conversation first.
function names(start) {
  const last = new Map((model.shown?.lines ?? []).slice(-200).map((line, nth) => [line.author.toLowerCase(), nth]));
  const all = [...model.people].filter(([key, name]) => key.startsWith(start) && !model.isMe(name));
  all.sort(([a], [b]) => (last.get(b) ?? -1) - (last.get(a) ?? -1) || a.localeCompare(b));
  return all.map(([, name]) => name);
}

async function found(before, word) {
  const start = word.slice(1).toLowerCase();
  if (word.startsWith("@")) return names(start).map((name) => [`@${name}`, ""]);
  if (word.startsWith("#")) return model.sorted().filter((c) => c.isRoom && c.target.startsWith(start)).map((c) => [`#${c.target}`, ""]);
  if (/^\/[a-z]*$/i.test(before)) return (await verbs().catch(() => [])).filter(({ verb }) => verb.startsWith(start)).map(({ verb, help }) => [`/${verb}`, help]);
  // What a command is about is often somebody.
  if (/^\/\w+ /.test(before) && word.length > 1) return names(word.toLowerCase()).map((name) => [name, ""]);
  return [];
}

export async function suggest() {
  const before = typed.value.slice(0, typed.selectionStart);
  const word = /(?:^|\s)(\S*)$/.exec(before)?.[1] ?? "";
  const all = await found(before, word);
  if (typed.value.slice(0, typed.selectionStart) !== before) return;
  box.replaceChildren(
    ...all.slice(0, SHOWN).map(([text, help], nth) =>
      el("button", { type: "button", role: "option", id: `suggestion-${nth}`, "aria-selected": "false", tabIndex: -1, onclick: () => {
        typed.setRangeText(`${text} `, before.length - word.length, before.length, "end");
        close();
        typed.focus();
        typed.dispatchEvent(new Event("input"));
      } }, text, help ? el("span", { class: "small" }, ` ${help}`) : null),
    ),
  );
  choose(-1);
  box.hidden = all.length === 0;
}

function choose(nth) {
  chosen = nth;
  [...box.children].forEach((option, at) => option.setAttribute("aria-selected", String(at === nth)));
  if (nth < 0) typed.removeAttribute("aria-activedescendant");
  else typed.setAttribute("aria-activedescendant", `suggestion-${nth}`);
}

export function close() {
  box.hidden = true;
  choose(-1);
}

// Says whether the key was for the suggestions.
export function key(event) {
  const { length } = box.children;
  if (box.hidden || length === 0 || event.altKey) return false;
  if (event.key === "ArrowDown") choose((chosen + 1) % length);
  else if (event.key === "ArrowUp") choose(chosen <= 0 ? length - 1 : chosen - 1);
  else if (event.key === "Escape") close();
  else if ((event.key === "Tab" && !event.shiftKey) || (event.key === "Enter" && chosen >= 0)) box.children[Math.max(chosen, 0)].click();
  else return false;
  event.preventDefault();
  return true;
}
