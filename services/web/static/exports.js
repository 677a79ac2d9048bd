/** Exports: every training set that was made, what it was made from, and what was trained on it. */

import { get } from "./api.js";
import { emptyState, h, put } from "./dom.js";
import { trainingLine } from "./lineage.js";
import { keepFresh } from "./live.js";
import { exporterState, operations } from "./operations.js";
import { traceCard } from "./trace.js";
import { ago, moment, number, plain } from "./words.js";

/** @import { Export, Session } from "../answers.d.ts" */

/** @typedef {(subject: string) => unknown} Trace */

/**
 * @param {HTMLElement} main
 * @param {Session} me
 */
export async function draw(main, me) {
  const buttons = h("div", {});
  const table = h("div", { class: "is-read" });
  const more = h("div", { class: "page-more" });
  const body = h("div", { class: "card" }, table, more);
  const { card, trace } = traceCard();
  const promise = "Every training set, the newest first. Same log and same policy give the same bytes.";
  const title = h("div", { class: "page-title" }, h("h1", {}, "Exports"), h("p", { class: "quiet" }, promise));
  put(main, title, buttons, body, card);

  let shown = "";
  const show = (/** @type {Export[]} */ exports, /** @type {number | null} */ before) => {
    put(table, exportTable(exports, trace));
    const showMore = async () => {
      const page = await get("/exports", { before });
      show([...exports, ...page.exports], page.before);
    };
    put(more, before !== null && h("button", { type: "button", onclick: showMore }, "Show more"));
  };
  const refresh = async () => {
    const [{ exports, before }, stats, dashboard, exporter] = await Promise.all([
      get("/exports"),
      get("/stats"),
      get("/dashboard"),
      exporterState(),
    ]);
    put(buttons, operations(stats, dashboard, exporter, me));
    const latest = JSON.stringify(exports);
    if (shown === latest) return;
    shown = latest;
    const needed = `An export needs ${number(dashboard.export.min_examples)} examples`;
    const explanation = `${needed}; there are ${number(stats.funnel.unique)}.`;
    if (exports.length) show(exports, before);
    else put(table, emptyState("Nothing is exported yet", explanation));
  };
  await refresh();
  if (/^#[0-9a-f]{8,64}$/.test(location.hash)) await trace(location.hash.slice(1));
  keepFresh(() => refresh().catch(() => {}));
}

/**
 * @param {Export[]} exports
 * @param {Trace} trace
 */
function exportTable(exports, trace) {
  const heads = ["Export", "Made", "Examples", "From the log", "Training"];
  const cells = heads.map((head) => h("th", { scope: "col", class: head === "Examples" ? "n" : null }, head));
  const rows = exports.map((made) => exportRow(made, trace));
  return h(
    "div",
    { class: "wide-table body", tabindex: "0", role: "region", "aria-label": "Exports" },
    h("table", {}, h("thead", {}, h("tr", {}, cells)), h("tbody", {}, rows)),
  );
}

/**
 * @param {Export} made
 * @param {Trace} trace
 */
function exportRow(made, trace) {
  const { export_digest: digest, policy_digest: policy, log_digest: log, trainings = [] } = made;
  const { examples, ...files } = made.counts;
  const fileRows = Object.entries(files).map(([name, n]) => h("li", {}, `${plain(name)} ${number(n)}`));
  const traceButton = { type: "button", class: "quiet-button small", onclick: () => trace(digest) };
  return h(
    "tr",
    {},
    h(
      "th",
      { scope: "row" },
      h("span", { class: "mono", title: digest }, digest.slice(0, 12)),
      h("p", { class: "quiet small", title: policy }, `policy ${policy.slice(0, 12)}`),
    ),
    h(
      "td",
      {},
      h("time", { datetime: made.at, title: moment(made.at) }, ago(made.at)),
      h("p", { class: "quiet small" }, `by ${made.actor}`),
    ),
    h(
      "td",
      { class: "n" },
      examples === undefined ? "–" : number(examples),
      h("details", { class: "small" }, h("summary", {}, "rows"), h("ul", {}, fileRows)),
      h("button", traceButton, "Its examples"),
    ),
    h(
      "td",
      {},
      `facts 1 to ${number(made.last_seq)}`,
      h("p", { class: "quiet small mono", title: log }, log.slice(0, 12)),
    ),
    h("td", {}, trainings.length ? trainings.map(trainingLine) : h("span", { class: "quiet" }, "not trained on")),
  );
}
