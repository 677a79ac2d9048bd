/** The facts about an example besides its texts: source, project, conversation, numbers, tags, details. */

import { address, exampleAddress } from "./address.js";
import { h, link } from "./dom.js";
import { inOrder } from "./places.js";
import { markedText } from "./texts.js";
import { ago, moment, number, plain } from "./words.js";

/** @import { Example, Span } from "../answers.d.ts" */
/** @import { Child } from "./dom.js" */

/**
 * @param {Example} example
 * @param {Span[]} spans personal data, which is marked
 */
export function factList(example, spans) {
  const marked = (/** @type {string} */ text, /** @type {string} */ place) =>
    markedText(
      text,
      spans.filter(({ field }) => field === place),
      place,
    );
  const { occurred_at: at } = example;
  const tags = example.tags.map((tag) => link(address("/examples", { tag }), { class: "tag" }, tag));
  const details = inOrder(example.details ?? {});
  /** @type {[name: string, value: Child][]} */
  const rows = [
    ["Source", plain(example.source)],
    ["Said", [h("time", { datetime: at, title: moment(at) }, ago(at)), ` by ${example.actor}`]],
    ["Corrector", example.corrector],
    ["Project", example.project_context],
    ["Document", documentWords(example)],
    ["Skill", example.skill_used && plain(example.skill_used)],
    ["Model", example.model],
    ["Relevance", `${example.relevance} (score ${example.score})`],
    ["Terms", example.terms.join(", ")],
    ["Feedback", example.feedback],
    ["Tags", h("span", { class: "tags" }, tags)],
    ...details.map(
      ([name, value], n) => /** @type {[string, Child]} */ ([plain(name), detailParts(value, `details.${n}`, marked)]),
    ),
  ];
  return [rowList(rows), technicalFacts(example)];
}

/**
 * Ids and numbers that only a search for a fault needs.
 *
 * @param {Example} example
 */
function technicalFacts(example) {
  const { latency_ms: latency, tokens_in: tokensIn, tokens_out: tokensOut } = example;
  const id = (/** @type {string} */ exampleId) => link(exampleAddress(exampleId), { class: "id" }, exampleId);
  const rows = rowList([
    ["Id", id(example.example_id)],
    ["Revision", example.revision > 0 && number(example.revision)],
    ["Conversation", example.conversation],
    ["Follows", example.follows && id(example.follows)],
    ["Tier", example.tier_handled],
    ["Ended by", example.finish_reason],
    ["Latency", latency !== null && `${number(Math.round(latency))} ms`],
    ["Tokens", tokensIn !== null && `${number(tokensIn)} in, ${number(tokensOut ?? 0)} out`],
  ]);
  return h("details", { class: "whole technical" }, h("summary", {}, "Ids and numbers"), rows);
}

/** @param {[name: string, value: Child][]} rows */
function rowList(rows) {
  return h(
    "dl",
    { class: "facts" },
    rows
      .filter(([, value]) => value)
      .map(([name, value]) => h("div", {}, h("dt", {}, name), h("dd", { dir: "auto" }, value))),
  );
}

/** @param {Example} example */
function documentWords({ document_type: type, was_used: wasUsed, modifications_made: changes }) {
  if (!type) return null;
  if (!wasUsed) return `${plain(type)}, not used`;
  return `${plain(type)}, used with ${changes === null || changes === "none" ? "no" : plain(changes)} changes`;
}

/**
 * A value of the details; each string of it can be marked and selected.
 *
 * @param {unknown} value
 * @param {string} place
 * @param {(text: string, place: string) => HTMLElement} marked
 * @returns {Child}
 */
function detailParts(value, place, marked) {
  if (typeof value === "string") return marked(value, place);
  if (Array.isArray(value)) return separated(value.map((item, n) => detailParts(item, `${place}.${n}`, marked)));
  if (value === null || typeof value !== "object") return JSON.stringify(value);
  const entries = inOrder(value);
  return separated(
    entries.map(([key, item], n) => [
      marked(key, `${place}.${n}.key`),
      ": ",
      detailParts(item, `${place}.${n}`, marked),
    ]),
  );
}

/**
 * @param {Child[]} items
 * @param {string} between
 * @returns {Child}
 */
function separated(items, between = " · ") {
  return items.flatMap((item, n) => (n ? [between, item] : [item]));
}
