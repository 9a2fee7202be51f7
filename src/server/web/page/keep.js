// What this browser keeps of one who is logged in: the login, drafts, what waits to be sent, and wishes about this
// device. A browser may have no room or keep nothing: then it lasts as long as the page. Nothing of it outlives the login.

// Drafts are kept up to this number and this many characters each; the ones that were written last.
const DRAFTS_MAX = 50;
const DRAFT_LENGTH_MAX = 16000;
// Texts that wait to be sent are kept up to this many.
const WAITING_MAX = 2000;

const LOGIN = "chitchat";
const DRAFTS = "chitchat-drafts";
const WISHES = "chitchat-wishes";
// Of this tab alone, so that no other one sends it, too. It is still there when the page is loaded again.
const WAITING = "chitchat-waiting";

function read(storage, key) {
  try {
    return JSON.parse(storage.getItem(key));
  } catch {
    return null;
  }
}

function write(storage, key, value) {
  try {
    if (value === null) storage.removeItem(key);
    else storage.setItem(key, JSON.stringify(value));
  } catch {
    // There is no room.
  }
}

export const saved = {
  get: () => read(localStorage, LOGIN),
  set: (login) => write(localStorage, LOGIN, login),
  // The end of a login: of the one with this token, if another tab has none of its own since.
  clear: (token) => {
    if (token && saved.get() && saved.get().token !== token) return;
    for (const key of [LOGIN, DRAFTS, WISHES]) write(localStorage, key, null);
    write(sessionStorage, WAITING, null);
  },
};

// What is half typed, by the conversation. Other tabs write theirs, too.
export const drafts = {
  all: () => read(localStorage, DRAFTS) ?? {},
  set: (key, text) => {
    if (!saved.get()) return;
    const { [key]: _, ...others } = drafts.all();
    const all = Object.entries(others);
    if (text !== "" && text.length <= DRAFT_LENGTH_MAX) all.push([key, text]);
    write(localStorage, DRAFTS, all.length > 0 ? Object.fromEntries(all.slice(-DRAFTS_MAX)) : null);
  },
};

export const waiting = {
  get: () => read(sessionStorage, WAITING) ?? [],
  set: (entries) => saved.get() && write(sessionStorage, WAITING, entries.length > 0 ? entries.slice(0, WAITING_MAX) : null),
};

// {notes, bell}: how this device tells of mentions and direct messages.
export const wishes = {
  get: () => read(localStorage, WISHES) ?? { notes: true, bell: false },
  set: (wish) => write(localStorage, WISHES, wish),
};
