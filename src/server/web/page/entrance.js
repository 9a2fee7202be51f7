// The entrance: logging in, registering with an invitation, and setting another password with an administrator's code.
import { chat, on } from "./here.js";
import { saved } from "./keep.js";
import { $ } from "./view.js";

// What stands above the fields, beside the button, and over the field for a code.
const WAYS = {
  login: { intro: "Welcome.", button: "Log in" },
  register: { intro: "Welcome. Choose a name and a password.", button: "Register", code: "Invitation code, if you have one" },
  recover: { intro: "An administrator can give you a code.", button: "Set the new password", code: "Code from an administrator" },
};
// What a name is made of.
const NAME = /^@?[A-Za-z0-9_-]{1,32}$/;
// Beside which field a refusal stands, and how the page words what the server says to whoever types commands.
const FIELDS = { "bad-invite": "code", "name-taken": "name", "bad-name": "name", "weak-password": "password", "bad-credentials": "password" };

let way = "login";
let isInvited = false; // by a link, which has the code

const buttons = [...document.querySelectorAll("[data-way]")];
for (const button of buttons) button.onclick = () => choose(button.dataset.way);

// Whether somebody is here for the first time.
export const isNew = () => way === "register";

function choose(next) {
  way = next;
  for (const button of buttons) button.setAttribute("aria-pressed", String(button.dataset.way === way));
  const { intro, button, code } = WAYS[way];
  $("login-intro").textContent = isInvited && way === "register" ? "You are invited. Choose a name and a password." : intro;
  $("login-button").textContent = button;
  $("code-label").textContent = code ?? "";
  $("code").parentElement.hidden = !code || (isInvited && way === "register");
  $("name-hint").hidden = way !== "register";
  $("password-hint").hidden = way === "login";
  $("lost").hidden = way === "register";
  $("password-label").textContent = way === "recover" ? "New password" : "Password";
  $("password").autocomplete = way === "login" ? "current-password" : "new-password";
  clear();
}

function clear() {
  $("login-error").textContent = "";
  for (const id of ["code", "name", "password"]) {
    $(`${id}-error`).textContent = "";
    $(id).removeAttribute("aria-invalid");
  }
}

// What is wrong with a field stands beside it, and the cursor in it.
function complain(id, text) {
  $(id).parentElement.hidden = false;
  $(`${id}-error`).textContent = text;
  $(id).setAttribute("aria-invalid", "true");
  $(id).focus();
  $(id).select();
}

export function entrance(error = "", code = "") {
  $("chat").hidden = true;
  $("entrance").hidden = false;
  $("login-button").disabled = false;
  document.title = "ChitChat";
  clear();
  let field = FIELDS[code];
  if (way === "recover" && code === "bad-credentials") field = "code";
  if (code === "bad-credentials" && field === "password") error = "Wrong name or password.";
  if (code === "bad-invite") error = $("code").value ? "That invitation is unknown, used up or too old." : "You need an invitation. Somebody who is here may make one.";
  if (field) return complain(field, error);
  $("login-error").textContent = error;
  $("name").focus();
}

export function start() {
  const invite = /^#invite=([\w-]+)/.exec(location.hash)?.[1];
  if (invite) {
    // It has done its work, and is nothing for a history of pages.
    history.replaceState(null, "", "/");
    isInvited = true;
    $("code").value = invite;
  }
  choose(invite ? "register" : "login");
  const login = saved.get();
  if (login && !invite) {
    on.showChat();
    on.state("connecting");
    chat.enter({ token: login.token });
  } else entrance();
  if ("serviceWorker" in navigator) navigator.serviceWorker.register("/offline.js").catch(() => {});
}

$("login").onsubmit = (event) => {
  event.preventDefault();
  clear();
  const [name, password] = [$("name").value.trim(), $("password").value];
  // Enter goes to the next field as long as one is empty.
  if (!NAME.test(name)) return complain("name", name === "" ? "Which name?" : "A name has letters from a to z, digits, - and _, and no spaces.");
  if (password === "") return $("password").focus();
  $("login-button").disabled = true;
  const code = way === "login" ? "" : $("code").value.trim().replace(/^.*#invite=/, "");
  chat.enter({ way, name, password, code });
};

$("reveal").onclick = () => {
  const isShown = $("password").type === "text";
  $("password").type = isShown ? "password" : "text";
  $("reveal").setAttribute("aria-pressed", String(!isShown));
  $("password").focus();
};

// Another tab has logged in.
addEventListener("storage", (event) => {
  if (event.key === "chitchat" && event.newValue && !$("entrance").hidden && $("password").value === "") location.reload();
});
