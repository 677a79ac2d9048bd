/** The history of an example: everything that the log holds about it, in order. */

import { exampleAddress } from "./address.js";
import { h, link, unseen } from "./dom.js";
import { ago, FACTS, moment, number } from "./words.js";

/** @import { Fact, HistoryEntry } from "../answers.d.ts" */

/** @type {Record<string, string>} */
const TONES = { "example.approved": "is-good", "example.rejected": "is-bad" };

/** @param {HistoryEntry[]} entries */
export function historyList(entries) {
  return h("ol", { class: "history" }, entries.map(entry));
}

/** @param {HistoryEntry} entry */
function entry({ seq, received_at: receivedAt, told: text, fact }) {
  if (!fact) return h("li", {}, h("b", {}, "No valid fact"), h("p", {}, text), stamp(seq, receivedAt));
  const kind = fact.type.replace(/\.v\d+$/, "");
  const note = fact.reason ?? fact.comment;
  return h(
    "li",
    { class: TONES[kind] ?? "" },
    h("b", {}, factName(kind, fact)),
    ` by ${fact.actor}`,
    kind === "correction.recorded" && [" ", link(exampleAddress(fact.event_id), {}, "the correction")],
    note && h("p", { class: "note", dir: "auto" }, note),
    stamp(seq, fact.occurred_at),
  );
}

/**
 * @param {string} kind
 * @param {Fact} fact
 */
function factName(kind, fact) {
  if (kind === "feedback.given") return `Thumbs ${fact.feedback === "positive" ? "up" : "down"}`;
  return FACTS[kind] ?? kind;
}

/**
 * @param {number} seq
 * @param {string} at
 */
function stamp(seq, at) {
  return h(
    "span",
    { class: "stamp" },
    h("time", { datetime: at, title: moment(at) }, ago(at)),
    unseen(", "),
    h("span", { title: "sequence on the log" }, `#${number(seq)}`),
  );
}
