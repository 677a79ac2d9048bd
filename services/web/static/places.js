/** Places: the texts of an example by where they stand, as the server names them (`details.2`, `tools.0.result`). */

/** @import { Example } from "../answers.d.ts" */

/** @typedef {{ place: string, label: string, text: string }} Leaf */

/**
 * Every text of an example that can be redacted.
 *
 * @param {Example} example
 * @returns {Leaf[]}
 */
export function textsOf(example) {
  const { prompt, response, original_response: before, original_prompt: asked, system } = example;
  const leaf = (/** @type {string} */ place, /** @type {string} */ label, /** @type {string | null} */ text) =>
    text === null ? [] : [{ place, label, text }];
  return [
    ...leaf("prompt", "Question", prompt),
    ...leaf("response", "Answer", response),
    ...leaf("original_response", "Answer before", before),
    ...leaf("original_prompt", "Question before", asked),
    ...leaf("system", "System text", system),
    ...example.tools.flatMap((tool, n) => partLeaves(tool, `tools.${n}`, "Tool")),
    ...example.attachments.flatMap((attachment, n) => partLeaves(attachment, `attachments.${n}`, "Attachment")),
    ...leaves(example.details ?? {}, "details", "Details"),
    ...(example.comments ?? []).flatMap(({ seq, actor, text }) => leaf(`comments.${seq}`, `Comment of ${actor}`, text)),
  ];
}

/**
 * The texts of a tool or an attachment, which are named.
 *
 * @param {object} part
 * @param {string} place
 * @param {string} label
 * @returns {Leaf[]}
 */
function partLeaves(part, place, label) {
  return Object.entries(part)
    .filter(([name]) => name !== "digest")
    .map(([name, text]) => ({ place: `${place}.${name}`, label: `${label} ${name}`, text: String(text) }));
}

/**
 * Every string inside a value: an object is counted by its keys in their order.
 *
 * @param {unknown} value
 * @param {string} place
 * @param {string} label
 * @returns {Leaf[]}
 */
export function leaves(value, place, label) {
  if (typeof value === "string") return [{ place, label, text: value }];
  if (Array.isArray(value)) return value.flatMap((item, n) => leaves(item, `${place}.${n}`, `${label} ${n + 1}`));
  if (value === null || typeof value !== "object") return [];
  return inOrder(value).flatMap(([key, item], n) => [
    { place: `${place}.${n}.key`, label: `${label}: a name`, text: key },
    ...leaves(item, `${place}.${n}`, `${label} ${key}`),
  ]);
}

/**
 * The entries of an object in the order of their keys, by code points.
 *
 * @param {object} value
 * @returns {[key: string, item: unknown][]}
 */
export function inOrder(value) {
  return Object.entries(value).sort(([a], [b]) => compare([...a], [...b]));
}

/**
 * @param {string[]} a
 * @param {string[]} b
 */
function compare(a, b) {
  const n = a.findIndex((character, place) => character !== b[place]);
  if (n < 0) return a.length - b.length;
  return (a[n].codePointAt(0) ?? 0) - (b[n]?.codePointAt(0) ?? -1);
}

/**
 * Where words occur in a text, in code points; they do not overlap.
 *
 * @param {string} text
 * @param {string} words
 */
export function occurrences(text, words) {
  const found = [];
  const size = [...words].length;
  let points = 0;
  let at = 0;
  for (let next = text.indexOf(words); words && next >= 0; next = text.indexOf(words, at)) {
    points += [...text.slice(at, next)].length;
    found.push({ start: points, end: points + size });
    points += size;
    at = next + words.length;
  }
  return found;
}
