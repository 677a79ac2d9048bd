/** Bubbles: what the system, a user, a tool and the assistant say in a conversation, each told apart. */

import { h, leadsOutside, outsideLink } from "./dom.js";
import { markedText } from "./texts.js";
import { count, plain } from "./words.js";

/** @import { Example, Span, ToolTurn } from "../answers.d.ts" */
/** @import { Child } from "./dom.js" */

/**
 * How a text at a place of an example is shown.
 *
 * @typedef {(text: string, place: string) => Child} Mark
 */

/** Characters of a system text or of a tool's words that are open from the start. */
const OPEN_CHARACTERS = 300;

/** @type {Record<string, string>} */
const SPEAKERS = { asked: "User", answered: "Assistant" };

/**
 * @param {"asked" | "answered"} speaker
 * @param {...Child} children
 */
export function bubble(speaker, ...children) {
  return h("div", { class: `bubble is-${speaker}` }, h("p", { class: "who" }, SPEAKERS[speaker]), children);
}

/**
 * The system text of an example; null where it has none.
 *
 * @param {Example} example
 * @param {Span[]} spans
 */
export function systemBubble({ system }, spans) {
  if (!system) return null;
  const isOpen = system.length <= OPEN_CHARACTERS || spans.some(({ field }) => field === "system");
  const text = h("div", { class: "text", dir: "auto" }, marker(spans)(system, "system"));
  return folded("system", "System", isOpen, text);
}

/**
 * What came between question and answer: calls of tools, and attachments.
 *
 * @param {Pick<Example, "tools" | "attachments">} turn
 * @param {Span[]} [spans]
 */
export function between({ tools, attachments }, spans = []) {
  const mark = marker(spans);
  return [attachmentList(attachments, mark), tools.map((tool, n) => toolBubble(tool, n, mark, spans))];
}

/**
 * @param {ToolTurn} tool
 * @param {number} n
 * @param {Mark} mark
 * @param {Span[]} spans
 */
function toolBubble({ name, arguments: given = "", result }, n, mark, spans) {
  const isMarked = spans.some(({ field }) => field.startsWith(`tools.${n}.`));
  const isOpen = given.length + (result?.length ?? 0) <= OPEN_CHARACTERS || isMarked;
  const part = (/** @type {string} */ words, /** @type {string} */ text, /** @type {string} */ place) =>
    h("div", {}, h("dt", {}, words), h("dd", { class: "call", dir: "auto" }, mark(text, place)));
  const parts = h(
    "dl",
    { class: "calls" },
    given && part("Given", given, `tools.${n}.arguments`),
    result !== undefined && part("Result", result, `tools.${n}.result`),
  );
  return folded("tool", ["Tool ", h("code", {}, mark(name, `tools.${n}.name`))], isOpen, parts);
}

/**
 * @param {Record<string, string>[]} attachments
 * @param {Mark} mark
 */
function attachmentList(attachments, mark) {
  if (!attachments.length) return null;
  return h(
    "section",
    { class: "attachments" },
    h("p", { class: "who" }, count(attachments.length, "attachment")),
    h(
      "ul",
      {},
      attachments.map((attachment, n) => h("li", {}, attachmentParts(attachment, n, mark))),
    ),
  );
}

/**
 * @param {Record<string, string>} attachment
 * @param {number} n
 * @param {Mark} mark
 */
function attachmentParts({ kind = "", name, address, digest }, n, mark) {
  const place = (/** @type {string} */ part) => `attachments.${n}.${part}`;
  return [
    h("span", { class: "state" }, mark(plain(kind), place("kind"))),
    name !== undefined && h("b", {}, mark(name, place("name"))),
    address !== undefined && h("span", { class: "at" }, addressParts(address, place("address"), mark)),
    digest !== undefined && h("span", { class: "digest" }, "digest ", mark(digest, place("digest"))),
  ];
}

/**
 * An address, as a link where a browser can follow it.
 *
 * @param {string} address
 * @param {string} place
 * @param {Mark} mark
 */
function addressParts(address, place, mark) {
  const words = mark(address, place);
  return /^https?:/i.test(address) && leadsOutside(address) ? outsideLink(address, {}, words) : words;
}

/**
 * @param {string} speaker
 * @param {Child} words
 * @param {boolean} isOpen
 * @param {HTMLElement} content
 */
function folded(speaker, words, isOpen, content) {
  const summary = h("summary", { class: "who" }, words);
  return h("details", { class: `bubble is-${speaker}`, open: isOpen }, summary, content);
}

/**
 * @param {Span[]} spans
 * @returns {Mark}
 */
function marker(spans) {
  return (text, place) =>
    markedText(
      text,
      spans.filter(({ field }) => field === place),
      place,
    );
}
