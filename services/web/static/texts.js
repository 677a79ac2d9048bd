/** Texts of examples as they were said: whole or cut, with personal data marked, or compared word by word. */

import { diff } from "./diff.js";
import { h, put, unseen } from "./dom.js";
import { bytes } from "./words.js";

/** Characters that are shown before somebody asks for all of them. */
const SHOWN = 6_000;

/** A text as one block. `spans` are personal data: `{start, end, kind, is_guess}` in code points. */
export function block(text, { spans = [], empty = "empty" } = {}) {
  if (!text) return h("p", { class: "text is-empty" }, empty);
  return cut(h("div", { class: "text", dir: "auto" }), pieces(text, spans), text.length);
}

/** What became of a text: words that are gone and words that are new, in one block. */
export function difference(before, after) {
  const runs = diff(before, after);
  const changes = runs.map(({ kind, text }) => ({ text, make: (shown) => changed(kind, shown) }));
  return cut(h("div", { class: "text is-diff", dir: "auto" }), changes, before.length + after.length);
}

/** What two texts must share before it helps to mark what they do not. */
const ALIKE = 0.35;

/** One side of a comparison: the words that the other side has not are marked, unless that is nearly all of them. */
export function side(mine, theirs) {
  const runs = diff(theirs, mine);
  const shared = runs.filter(({ kind }) => kind === "same").reduce((sum, { text }) => sum + text.length, 0);
  if (shared < ALIKE * mine.length) return block(mine);
  const words = runs
    .filter(({ kind }) => kind !== "gone")
    .map(({ kind, text }) => ({
      text,
      make: (shown) => (kind === "new" ? h("mark", { class: "differs" }, shown) : shown),
    }));
  return cut(h("div", { class: "text", dir: "auto" }), words, mine.length);
}

/** A short text in a line of its own, with personal data marked. */
export function marked(text, spans) {
  return h(
    "span",
    { dir: "auto" },
    pieces(text, spans)
      .filter((piece) => piece.text)
      .map((piece) => piece.make(piece.text)),
  );
}

/** A text in one line, cut by the page. */
export function line(text, attributes = {}) {
  return h("span", { ...attributes, dir: "auto" }, text.replace(/\s+/g, " ").trim() || "(no text)");
}

function changed(kind, text) {
  if (kind === "same") return text;
  const [tag, before, after] =
    kind === "gone" ? ["del", "removed: ", " end of removed"] : ["ins", "added: ", " end of added"];
  return h(tag, {}, unseen(before), text, unseen(after));
}

function pieces(text, spans) {
  const at = units(text);
  const found = [];
  let from = 0;
  for (const span of [...spans].sort((a, b) => a.start - b.start)) {
    const [start, end] = [at(span.start), at(span.end)];
    if (start < from) continue;
    found.push({ text: text.slice(from, start), make: (shown) => shown });
    const kind = span.kind.replaceAll("_", " ");
    const told = span.is_guess ? `${kind}? (a guess)` : kind;
    found.push({
      text: text.slice(start, end),
      make: (shown) =>
        h("mark", { class: span.is_guess ? "guess" : "personal", title: told }, unseen(`${told}: `), shown),
    });
    from = end;
  }
  found.push({ text: text.slice(from), make: (shown) => shown });
  return found;
}

/** Python counts code points, a string of ours is made of UTF-16 units: from the one to the other. */
function units(text) {
  if (!/[\ud800-\udfff]/.test(text)) return (point) => point;
  const offsets = [];
  let unit = 0;
  for (const character of text) {
    offsets.push(unit);
    unit += character.length;
  }
  return (point) => offsets[point] ?? unit;
}

function cut(element, parts, length) {
  const all = () => parts.filter(({ text }) => text).map(({ text, make }) => make(text));
  if (length <= SHOWN * 1.2) return put(element, all());
  let room = SHOWN;
  const shown = [];
  for (const { text, make } of parts) {
    if (room <= 0) break;
    const beginning = text.length > room ? text.slice(0, room).replace(/[\ud800-\udbff]$/, "") : text;
    if (beginning) shown.push(make(beginning));
    room -= text.length;
  }
  const more = h(
    "button",
    {
      type: "button",
      class: "more",
      onclick: () => {
        put(element, all());
        element.tabIndex = -1;
        element.focus();
      },
    },
    `Show all of it (${bytes(length)})`,
  );
  return put(element, shown, "… ", more);
}
