// A message's text as parts of a line: plain text, links and code. Pure; nothing here is ever markup.

// Texts that are longer are folded.
export const FOLD_AFTER = 700;

const PART = /`([^`]+)`|(https?:\/\/[^\s<>"]+)/g;

// [{kind: "text"|"code"|"link"|"mention", text}]. `isName` says whether a word after an @ is somebody.
export function parts(text, isName = () => false) {
  const found = [];
  let at = 0;
  for (const match of text.matchAll(PART)) {
    plain(text.slice(at, match.index), isName, found);
    if (match[1] !== undefined) {
      found.push({ kind: "code", text: match[1] });
      at = match.index + match[0].length;
    } else {
      const url = trimmed(match[2]);
      found.push({ kind: "link", text: url });
      at = match.index + url.length;
    }
  }
  plain(text.slice(at), isName, found);
  return found;
}

function plain(text, isName, found) {
  let at = 0;
  for (const match of text.matchAll(/(?<![\p{L}\p{N}@._\-+/])@([A-Za-z0-9_-]+)(?!@)/gu)) {
    const name = isName(match[1]) ? match[1] : match[1].replace(/[-_]+$/, "");
    if (!isName(name)) continue;
    if (match.index > at) found.push({ kind: "text", text: text.slice(at, match.index) });
    found.push({ kind: "mention", text: `@${name}` });
    at = match.index + 1 + name.length;
  }
  if (at < text.length) found.push({ kind: "text", text: text.slice(at) });
}

// An address without what ends the sentence that it stands in.
function trimmed(url) {
  let end = url.length;
  while (end > 0) {
    const last = url[end - 1];
    const opens = url.slice(0, end).split("(").length;
    const closes = url.slice(0, end).split(")").length;
    if (".,;:!?'*".includes(last) || (last === ")" && closes > opens)) end -= 1;
    else break;
  }
  return url.slice(0, end);
}

// The class of a name's colour: one of twelve, the same everywhere.
export function hue(name) {
  let hash = 0x811c9dc5;
  for (const byte of new TextEncoder().encode(name.toLowerCase())) hash = Math.imul(hash ^ byte, 0x01000193) >>> 0;
  return `h${hash % 12}`;
}
