/** Tracing: where a line of a file comes from, what an export holds, which exports hold an example. */

import { get, problemOf } from "./api.js";
import { h, put } from "./dom.js";
import { containingExport, rowOrigin } from "./lineage.js";
import { count, number } from "./words.js";

/** @import { ContainingExport, ExportOrigin, Lineage } from "../answers.d.ts" */

/** Rows of an export that are shown. */
const SHOWN_ROWS = 50;

/** A card that traces what is written into its field; `trace` does so with a text from elsewhere on the page. */
export function traceCard() {
  const field = h("input", {
    id: "trace",
    maxlength: 400,
    required: true,
    spellcheck: "false",
    placeholder: "training_conversations.jsonl:17",
  });
  const result = h("div", { "aria-live": "polite" });
  const form = h(
    "form",
    { class: "trace-form" },
    h("label", { for: "trace" }, "A line of a file, an example, or an export"),
    h("div", { class: "line" }, field, h("button", { class: "secondary" }, "Trace")),
  );
  const card = h(
    "section",
    { class: "card trace", "aria-labelledby": "trace-title" },
    h("header", {}, h("h2", { id: "trace-title" }, "Where does a line come from?")),
    h("div", { class: "body" }, form, result),
  );
  const trace = async (/** @type {string} */ subject) => {
    field.value = subject;
    put(result, h("p", { class: "quiet" }, "Looking into the volume …"));
    try {
      put(result, origin(await get("/lineage", { of: subject, limit: SHOWN_ROWS })));
    } catch (error) {
      put(result, h("p", { class: "wrong", role: "alert" }, problemOf(error).message));
    }
    card.scrollIntoView({ block: "start" });
  };
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    trace(field.value.trim());
  });
  return { card, trace };
}

/** @param {Lineage} lineage */
function origin(lineage) {
  if ("row" in lineage) {
    const exports = lineage.exports;
    return [
      h("h3", {}, lineage.row),
      rowOrigin(lineage, { isOpen: true }),
      exports.length ? [h("h3", {}, "In these exports"), exportList(exports)] : null,
    ];
  }
  if ("rows" in lineage) return exportOrigin(lineage);
  const nowhere = h("p", { class: "quiet" }, "In no export that the volume holds.");
  return [h("h3", {}, lineage.example_id), lineage.in.length ? exportList(lineage.in) : nowhere];
}

/** @param {ExportOrigin} lineage */
function exportOrigin({ export: traced, rows }) {
  const digest = traced.export_digest.slice(0, 12);
  const total = traced.counts.examples ?? rows.length;
  const items = rows.map((row) => h("li", {}, rowOrigin(row, { isOpen: false })));
  const command = h("code", {}, `rooflog lineage ${digest} --limit ${traced.counts.examples}`);
  const hasMore = rows.length > 0 && total > rows.length;
  return [
    h("h3", {}, `Export ${digest}: ${count(total, "example")}`),
    rows.length
      ? h("ol", { class: "held" }, items)
      : h("p", { class: "quiet" }, "Its lineage is no longer on the volume."),
    hasMore ? h("p", { class: "quiet small" }, `${number(total - rows.length)} more: `, command) : null,
  ];
}

/** @param {ContainingExport[]} exports */
function exportList(exports) {
  return h("ol", { class: "held" }, exports.map(containingExport));
}
