// What stands over the page: menus and dialogs; and what is said to a screen reader. Asks nobody for anything.
import { $, el } from "./view.js";

// A menu at an element: [{label, act}]. Arrows move, Escape closes, and the focus goes back.
export function openMenu(anchor, items) {
  const menu = $("menu");
  const before = document.activeElement;
  const close = (back = true) => {
    menu.hidden = true;
    removeEventListener("pointerdown", outside, true);
    if (back) before?.focus?.();
  };
  const outside = (event) => menu.contains(event.target) || close(false);
  menu.replaceChildren(...items.map(({ label, act }) => el("button", { type: "button", role: "menuitem", onclick: () => (close(), act()) }, label)));
  menu.hidden = false;
  const { bottom, top, right } = anchor.getBoundingClientRect();
  const { width, height } = menu.getBoundingClientRect();
  menu.style.left = `${Math.max(4, Math.min(right - width, innerWidth - width - 4))}px`;
  menu.style.top = `${bottom + height < innerHeight ? bottom : Math.max(4, top - height)}px`;
  menu.firstElementChild?.focus();
  addEventListener("pointerdown", outside, true);
  menu.onkeydown = (event) => {
    const buttons = [...menu.children];
    const at = buttons.indexOf(document.activeElement);
    if (event.key === "ArrowDown") buttons[(at + 1) % buttons.length].focus();
    else if (event.key === "ArrowUp") buttons[(at + buttons.length - 1) % buttons.length].focus();
    else if (event.key === "Escape" || event.key === "Tab") close();
    else return;
    event.preventDefault();
  };
}

// A dialog with this content; resolves to the value of the button that closed it, or "" for Escape. The first of its
// buttons is what Enter presses, and no button that has a value in the content.
export function openDialog(title, content, buttons) {
  const dialog = $("dialog");
  $("dialog-title").textContent = title;
  $("dialog-body").replaceChildren(...content);
  for (const button of $("dialog-body").querySelectorAll("button[value]:not([value=''])")) {
    button.type = "button";
    button.onclick = () => dialog.close(button.value);
  }
  $("dialog-buttons").replaceChildren(
    ...buttons.map(([value, label, primary]) => el("button", { value, class: primary ? "primary" : "", formNoValidate: value === "" }, label)),
  );
  dialog.returnValue = "";
  dialog.showModal();
  return new Promise((resolve) => dialog.addEventListener("close", () => resolve(dialog.returnValue), { once: true }));
}

// Asks for a line of text; resolves to null if it was cancelled.
export async function askFor(title, label, { value = "", button = "OK", required = false } = {}) {
  const input = el("input", { id: "asked", value, required, autocomplete: "off" });
  const answer = await openDialog(title, [el("label", { htmlFor: "asked" }, label), input], [["ok", button, true], ["", "Cancel"]]);
  return answer === "ok" ? input.value.trim() : null;
}

// Shows an address that somebody takes elsewhere; what can't be copied for them stays, to be copied by hand.
export async function handOver(title, label, address, mayShare = false) {
  const input = el("input", { id: "asked", value: address, readOnly: true, onfocus: () => input.select() });
  const share = mayShare && navigator.share ? [["share", "Share…", true]] : [];
  const copy = navigator.clipboard ? [["copy", "Copy", share.length === 0]] : [];
  const how = await openDialog(title, [el("label", { htmlFor: "asked" }, label), input], [...share, ...copy, ["", "Close"]]);
  if (how === "share") navigator.share({ url: address }).catch(() => {});
  else if (how === "copy") navigator.clipboard.writeText(address).catch(() => handOver(title, "This browser didn't copy it: select it and copy it.", address));
}

// Tells something that is to be read at leisure.
export function tell(title, ...content) {
  const parts = content.map((part) => (typeof part === "string" ? el("p", {}, part) : part));
  // A long text is scrolled by keyboard, too, and begins at its beginning.
  if (parts.length > 5) parts.splice(0, parts.length, el("div", { class: "long", tabIndex: 0, autofocus: true, role: "region", "aria-label": title }, ...parts));
  return openDialog(title, parts, [["ok", "Close", true]]);
}

// Says new lines to a screen reader, and does not chatter: one at a time, and a number if they come in crowds.
export class Announcer {
  constructor() {
    this.pending = [];
    this.timer = 0;
  }

  say(text) {
    this.pending.push(text);
    if (this.timer === 0) this.timer = setTimeout(() => this.flush(), 700);
  }

  flush() {
    const node = $("announcer");
    const text = this.pending.length > 3 ? `${this.pending.length} new messages` : this.pending.join(". ");
    this.pending = [];
    this.timer = 0;
    node.append(el("p", {}, text));
    while (node.childElementCount > 5) node.firstElementChild.remove();
  }
}
