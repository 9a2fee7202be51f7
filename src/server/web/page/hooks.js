// The hooks of a room, for those who look after it: the addresses at which programs post.
import { run } from "./commands.js";
import { openDialog } from "./dialogs.js";
import { el, full } from "./view.js";

export async function showHooks(target) {
  const answer = await run(`hook list ${target}`, true);
  if (!answer) return;
  const list = el("ul", {}, ...answer.rows.map((row) => {
    const [label, made, by, state] = row.split(" ");
    const [does, text, word] = state === "on" ? ["revoke", `since ${full(Date.parse(made))}, by ${by}`, "End…"] : ["new", "has no address", "New address"];
    return el("li", {}, label, el("span", { class: "small" }, ` ${text} `), el("button", { value: `${does} ${label}`, "aria-label": `${word} ${label}` }, word));
  }));
  const input = el("input", { id: "asked", autocomplete: "off", autocapitalize: "none", spellcheck: false, maxLength: 32, autofocus: true });
  const content = [
    el("p", {}, "What a program posts at a hook's address is said in this room under the hook's name."),
    list,
    el("label", { htmlFor: "asked" }, "Name of a new hook"), input,
  ];
  const chosen = await openDialog(`Hooks of # ${target}`, content, [["make", "Make it", true], ["", "Close"]]);
  const [verb, label] = chosen === "make" ? ["new", input.value.trim()] : chosen.split(" ");
  if (!label) return;
  if (verb === "new") return run(`hook new ${target} ${label}`);
  const sure = await openDialog(`End the address of ${label}?`, [el("p", {}, "What is posted there from now on is refused. What was said stays.")], [["ok", "End it", true], ["", "Cancel"]]);
  if (sure === "ok") await run(`hook revoke ${target} ${label}`, true);
  await showHooks(target);
}
