/** The history of an example: everything that the log holds about it, in order. */

import { exampleAddress } from "./address.js";
import { get } from "./api.js";
import { h, link, put, unseen } from "./dom.js";
import { markedText } from "./texts.js";
import { ago, FACTS, moment, number } from "./words.js";

/** @import { Comment, Example, Fact, HistoryEntry, HistoryPage, Span } from "../answers.d.ts" */

/** @type {Record<string, string>} */
const TONES = { "example.approved": "is-good", "example.rejected": "is-bad" };

/** @param {HistoryEntry[]} entries */
export function historyList(entries) {
  return h(
    "ol",
    { class: "history" },
    entries.map((entry) => entryItem(entry)),
  );
}

/**
 * The first page of a history, with a way to the next one.
 *
 * A comment is shown as it stands, with personal data marked: a redaction replaces it too.
 *
 * @param {Example} example
 * @param {HistoryPage} first
 */
export function historyPart({ example_id: exampleId, comments, found }, first) {
  const bySeq = new Map(comments.map((comment) => [comment.seq, comment]));
  const list = historyList([]);
  const more = h("div", { class: "page-more" });
  const show = (/** @type {HistoryPage} */ { facts, after }) => {
    list.append(...facts.map((entry) => entryItem(entry, bySeq.get(entry.seq), found)));
    const showMore = async () => show(await get(`${exampleAddress(exampleId)}/history`, { after }));
    put(more, after !== null && h("button", { type: "button", onclick: showMore }, "Show more"));
  };
  show(first);
  return [list, more];
}

/**
 * @param {HistoryEntry} entry
 * @param {Comment} [comment] the comment as it stands
 * @param {Span[]} spans
 */
function entryItem({ seq, received_at: receivedAt, told: text, fact }, comment, spans = []) {
  if (!fact) return h("li", {}, h("b", {}, "No valid fact"), h("p", {}, text), stamp(seq, receivedAt));
  const kind = fact.type.replace(/\.v\d+$/, "");
  const place = `comments.${seq}`;
  const marked =
    comment &&
    markedText(
      comment.text,
      spans.filter(({ field }) => field === place),
      place,
    );
  const note = marked ?? fact.reason ?? fact.comment ?? fact.note;
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
