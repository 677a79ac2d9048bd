/** Texts of examples: whole or cut, with personal data marked, or compared word by word. */

import { diff } from "./diff.js";
import { h, put, unseen } from "./dom.js";
import { readable } from "./reading.js";
import { bytes, plain } from "./words.js";

/** @import { Span } from "../answers.d.ts" */
/** @import { Run } from "./diff.js" */

/**
 * A piece of a text, and how it is shown.
 *
 * @typedef {{ text: string, show: (text: string) => string | HTMLElement }} Piece
 */

/** Characters that are shown before somebody asks for all of them. */
const SHOWN_CHARACTERS = 6_000;

/** The share of a text that the other text must contain: with less in common, marked words help nobody. */
const ALIKE = 0.35;

/**
 * A text as one block, with personal data marked. Markdown is rendered where nothing is marked.
 *
 * @param {string} text
 * @param {object} options
 * @param {Span[]} [options.spans]
 * @param {string} [options.empty] what stands for an empty text
 * @param {string} [options.field] its place in the example, so that words of it can be selected
 * @param {number} [options.shown] characters that are shown before somebody asks for all of them
 */
export function block(text, { spans = [], empty = "empty", field, shown = SHOWN_CHARACTERS } = {}) {
  if (!text) return h("p", { class: "text is-empty" }, empty);
  const raw = () =>
    fillShortened(
      h("div", { class: "text", dir: "auto", "data-field": field }),
      markedPieces(text, spans),
      text.length,
      shown,
    );
  return spans.length
    ? raw()
    : readable(text, shownOf(text.length, shown), raw, (showRest) => moreButton(text.length, showRest));
}

/**
 * Two versions of a text in one block: the words that are gone, and the new ones.
 *
 * @param {string} before
 * @param {string} after
 */
export function difference(before, after) {
  const pieces = diff(before, after).map(({ kind, text }) => piece(text, (shown) => changed(kind, shown)));
  return fillShortened(h("div", { class: "text is-diff", dir: "auto" }), pieces, before.length + after.length);
}

/**
 * A text to stand beside another: the words that the other text lacks are marked, unless those are nearly all words.
 *
 * @param {string} text
 * @param {string} other
 */
export function comparedText(text, other) {
  const runs = diff(other, text);
  const sharedCharacters = runs.filter(({ kind }) => kind === "same").reduce((sum, run) => sum + run.text.length, 0);
  if (sharedCharacters < ALIKE * text.length) return block(text);
  const pieces = runs
    .filter(({ kind }) => kind !== "gone")
    .map((run) => (run.kind === "new" ? piece(run.text, differing) : plainPiece(run.text)));
  return fillShortened(h("div", { class: "text", dir: "auto" }), pieces, text.length);
}

/**
 * A short text, with personal data marked.
 *
 * @param {string} text
 * @param {Span[]} spans
 * @param {string} field its place in the example
 */
export function markedText(text, spans, field) {
  return h("span", { dir: "auto", "data-field": field }, showAll(markedPieces(text, spans)));
}

/**
 * A text in one line, which the page cuts.
 *
 * @param {string} text
 * @param {Record<string, string>} attributes
 */
export function line(text, attributes = {}) {
  return h("span", { ...attributes, dir: "auto" }, text.replace(/\s+/g, " ").trim() || "(no text)");
}

/**
 * @param {string} text
 * @param {Piece["show"]} show
 * @returns {Piece}
 */
function piece(text, show) {
  return { text, show };
}

/** @param {string} text */
function plainPiece(text) {
  return piece(text, (shown) => shown);
}

/** @param {string} text */
function differing(text) {
  return h("mark", { class: "differs" }, text);
}

/**
 * @param {Run["kind"]} kind
 * @param {string} text
 */
function changed(kind, text) {
  if (kind === "same") return text;
  if (kind === "gone") return h("del", {}, unseen("removed: "), text, unseen(" end of removed"));
  return h("ins", {}, unseen("added: "), text, unseen(" end of added"));
}

/**
 * @param {string} text
 * @param {Span[]} spans
 * @returns {Piece[]}
 */
function markedPieces(text, spans) {
  const unitOf = unitOffsets(text);
  const pieces = [];
  let end = 0;
  for (const span of [...spans].sort((a, b) => a.start - b.start)) {
    const start = unitOf(span.start);
    if (start < end) continue;
    pieces.push(plainPiece(text.slice(end, start)));
    end = unitOf(span.end);
    pieces.push(piece(text.slice(start, end), (shown) => markedSpan(span, shown)));
  }
  pieces.push(plainPiece(text.slice(end)));
  return pieces;
}

/**
 * @param {Span} span
 * @param {string} text
 */
function markedSpan(span, text) {
  const kind = plain(span.kind);
  const words = span.is_guess ? `${kind}? (a guess)` : kind;
  return h("mark", { class: span.is_guess ? "guess" : "personal", title: words }, unseen(`${words}: `), text);
}

/**
 * Converts code points, which the spans count, to the UTF-16 units of a JavaScript string.
 *
 * @param {string} text
 * @returns {(point: number) => number}
 */
function unitOffsets(text) {
  if (!/[\ud800-\udfff]/.test(text)) return (point) => point;
  /** @type {number[]} */
  const offsets = [];
  let unit = 0;
  for (const character of text) {
    offsets.push(unit);
    unit += character.length;
  }
  return (point) => offsets[point] ?? unit;
}

/** @param {Piece[]} pieces */
function showAll(pieces) {
  return pieces.filter(({ text }) => text).map(({ text, show }) => show(text));
}

/**
 * Fill an element with the beginning of a long text and a button that shows all of it.
 *
 * @param {HTMLElement} element
 * @param {Piece[]} pieces
 * @param {number} length
 * @param {number} shown
 */
function fillShortened(element, pieces, length, shown = SHOWN_CHARACTERS) {
  if (shownOf(length, shown) === length) return put(element, showAll(pieces));
  const showRest = () => {
    put(element, showAll(pieces));
    element.tabIndex = -1;
    element.focus();
  };
  return put(element, showAll(beginning(pieces, shown)), "… ", moreButton(length, showRest));
}

/**
 * Characters that are shown of a text: nobody asks for a small rest.
 *
 * @param {number} length
 * @param {number} shown
 */
function shownOf(length, shown) {
  return length <= shown * 1.2 ? length : shown;
}

/**
 * @param {number} length characters of the text
 * @param {() => void} onclick
 */
function moreButton(length, onclick) {
  return h("button", { type: "button", class: "more", onclick }, `Show all of it (${bytes(length)})`);
}

/**
 * The first characters of a text; a surrogate pair at its end is not split.
 *
 * @param {Piece[]} pieces
 * @param {number} length
 */
function beginning(pieces, length) {
  const kept = [];
  let room = length;
  for (const { text, show } of pieces) {
    if (room <= 0) break;
    kept.push(piece(text.length > room ? text.slice(0, room).replace(/[\ud800-\udbff]$/, "") : text, show));
    room -= text.length;
  }
  return kept;
}
