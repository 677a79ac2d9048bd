/** Exports: every training set that was made, what it was made from, and what was trained on it. */

import { get, problemOf } from "./api.js";
import { emptyState, h, link, put } from "./dom.js";
import { trainingLine } from "./lineage.js";
import { keepFresh } from "./live.js";
import { exporterState, operations } from "./operations.js";
import { traceCard } from "./trace.js";
import { ago, bytes, count, moment, number, plain } from "./words.js";

/** @import { Export, Session } from "../answers.d.ts" */

/** @typedef {(subject: string) => unknown} Trace */

/**
 * @param {HTMLElement} main
 * @param {Session} me
 */
export async function draw(main, me) {
  const buttons = h("div", {});
  const table = h("div", { class: "is-read export-cards" });
  const more = h("div", { class: "page-more" });
  const body = h("div", {}, table, more);
  const { card, trace } = traceCard();
  const promise = "Every training set, the newest first. Same log and same policy give the same bytes.";
  const title = h("div", { class: "page-title" }, h("h1", {}, "Exports"), h("p", { class: "quiet" }, promise));
  put(main, title, buttons, body, card);

  let shown = "";
  const show = (/** @type {Export[]} */ exports, /** @type {number | null} */ before) => {
    put(
      table,
      exports.map((made, n) => exportCard(made, exports[n + 1] ?? null, trace)),
    );
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
    else put(table, h("div", { class: "card" }, emptyState("Nothing is exported yet", explanation)));
  };
  await refresh();
  if (/^#[0-9a-f]{8,64}$/.test(location.hash)) await trace(location.hash.slice(1));
  keepFresh(() => refresh().catch(() => {}));
}

/**
 * @param {Export} made
 * @param {Export | null} before the export before it, where the page shows it
 * @param {Trace} trace
 */
function exportCard(made, before, trace) {
  const { export_digest: digest, policy_digest: policy, log_digest: log, trainings = [] } = made;
  const { examples, ...files } = made.counts;
  const counts = Object.entries(files).map(([name, n]) => h("li", {}, `${plain(name)} ${number(n)}`));
  const details = h("div", { "aria-live": "polite" });
  const button = (/** @type {string} */ words, /** @type {() => unknown} */ onclick) =>
    h("button", { type: "button", class: "quiet-button small", onclick }, words);
  const title = `export-${digest.slice(0, 12)}`;
  return h(
    "section",
    { class: "card export-card", "aria-labelledby": title },
    h(
      "header",
      {},
      h("h2", { id: title }, examples === undefined ? "Export" : count(examples, "example")),
      h("span", { class: "mono quiet", title: digest }, digest.slice(0, 12)),
    ),
    h(
      "div",
      { class: "body" },
      h("p", {}, h("time", { datetime: made.at, title: moment(made.at) }, ago(made.at)), ` by ${made.actor}`),
      h(
        "p",
        { class: "quiet small" },
        `facts 1 to ${number(made.last_seq)} `,
        h("span", { class: "mono", title: log }, log.slice(0, 12)),
        " · policy ",
        h("span", { class: "mono", title: policy }, policy.slice(0, 12)),
      ),
      h("ul", { class: "counts small" }, counts),
      trainings.length ? trainings.map(trainingLine) : h("p", { class: "quiet" }, "not trained on"),
      h(
        "div",
        { class: "buttons" },
        button("Files", () => showFiles(details, digest)),
        before && button("Compare with the one before", () => compare(details, digest, before)),
        button("Its examples", () => trace(digest)),
      ),
      details,
    ),
  );
}

/**
 * @param {HTMLElement} place
 * @param {string} digest
 */
async function showFiles(place, digest) {
  try {
    const { files } = await get(`/exports/${digest}/files`);
    const rows = Object.entries(files).map(([name, size]) => {
      const where = `/api/v1/exports/${digest}/files/${name.split("/").map(encodeURIComponent).join("/")}`;
      return h("li", {}, link(where, { download: true }, name), ` ${bytes(size)}`);
    });
    put(place, h("ul", { class: "files small" }, rows));
  } catch (error) {
    put(place, h("p", { class: "wrong", role: "alert" }, problemOf(error).message));
  }
}

/**
 * @param {HTMLElement} place
 * @param {string} digest
 * @param {Export} before
 */
async function compare(place, digest, before) {
  try {
    const { came, left, changed } = await get(`/exports/${digest}/changes`, { since: before.export_digest });
    const words = `Since ${before.export_digest.slice(0, 12)}: ${number(came)} came, ${number(left)} left, `;
    put(place, h("p", {}, `${words}${number(changed)} changed.`));
  } catch (error) {
    put(place, h("p", { class: "wrong", role: "alert" }, problemOf(error).message));
  }
}
