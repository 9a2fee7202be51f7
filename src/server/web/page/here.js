// The one chat of this page, its model and the view of its lines, for all parts of the page. What the parts do for one
// another without importing it is in `on`, which app.js fills.
import { Chat } from "./chat.js";
import { saved } from "./keep.js";
import { LogView } from "./view.js";

export const on = {};

export const chat = new Chat(
  `${location.protocol === "http:" ? "ws" : "wss"}://${location.host}/ws`,
  { state: (...what) => on.state(...what), changed: (...what) => on.changed(...what), entrance: (...what) => on.entrance(...what) },
  saved,
);
export const { model } = chat;

export const log = new LogView({
  menu: (line, anchor) => on.messageMenu(line, anchor),
  person: (name, anchor) => on.personMenu(name, anchor),
  react: (line, word) => on.react(line, word),
  goTo: (target, id) => on.goTo(target, id),
  quoteOf: (line) => model.get(line.target).find(line.marks.reply.id),
  isName: (name) => model.knows(name),
  isMine: (line) => model.isMe(line.author),
  isMentioned: (line) => !model.isMe(line.author) && new RegExp(`(?<![\\w@.+/-])@(${model.me}|room)(?![\\w-])`, "i").test(line.text),
  isHidden: (line) => model.ignored.has(line.author.toLowerCase()),
  earlier: () => on.earlier(),
  ended: (isAtEnd) => on.ended(isAtEnd),
});
