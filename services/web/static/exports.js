/** Exports: every training set that was made, what it was made from, and what was trained on it. */

import { get } from "./api.js";
import { h, put } from "./dom.js";
import { nothing } from "./example.js";
import { following } from "./live.js";
import { exporterNow, operations } from "./operations.js";
import { ago, moment, number, plain } from "./words.js";

export async function draw(main, me) {
  const buttons = h("div", {});
  const body = h("div", { class: "card" });
  put(main, h("div", { class: "page-title" }, h("h1", {}, "Exports"), h("p", { class: "quiet" }, "Every training set, the newest first. Same log and same policy give the same bytes.")), buttons, body);
  const show = async () => {
    const [{ exports }, stats, more, exporter] = await Promise.all([get("/exports"), get("/stats"), get("/dashboard"), exporterNow()]);
    put(buttons, operations(stats, more, exporter, me, { isShort: true }));
    put(body, exports.length ? table(exports) : nothing("Nothing is exported yet", `An export needs ${number(more.export.min_examples)} examples; there are ${number(stats.funnel.unique)}.`));
  };
  await show();
  following(() => show().catch(() => {}));
}

function table(exports) {
  return h(
    "div",
    { class: "wide-table body", tabindex: "0", role: "region", "aria-label": "Exports" },
    h(
      "table",
      {},
      h("thead", {}, h("tr", {}, ["Export", "Made", "Examples", "From the log", "Training"].map((head) => h("th", { scope: "col", class: head === "Examples" ? "n" : null }, head)))),
      h("tbody", {}, exports.map(line)),
    ),
  );
}

function line(made) {
  const { examples, ...files } = made.counts;
  return h(
    "tr",
    {},
    h("th", { scope: "row" }, h("span", { class: "mono", title: made.export_digest }, made.export_digest.slice(0, 12)), h("p", { class: "quiet small", title: made.policy_digest }, `policy ${made.policy_digest.slice(0, 12)}`)),
    h("td", {}, h("time", { datetime: made.at, title: moment(made.at) }, ago(made.at)), h("p", { class: "quiet small" }, `by ${made.actor}`)),
    h("td", { class: "n" }, examples === undefined ? "–" : number(examples), h("details", { class: "small" }, h("summary", {}, "rows"), h("ul", {}, Object.entries(files).map(([name, n]) => h("li", {}, `${plain(name)} ${number(n)}`))))),
    h("td", {}, `facts 1 to ${number(made.last_seq)}`, h("p", { class: "quiet small mono", title: made.log_digest }, made.log_digest.slice(0, 12))),
    h("td", {}, made.trainings.length ? made.trainings.map(training) : h("span", { class: "quiet" }, "not trained on")),
  );
}

function training({ outcome, at, call_id: call, detail }) {
  const tone = { succeeded: "is-good", started: "is-copper", failed: "is-bad" }[outcome] ?? "";
  return h("p", {}, h("span", { class: `state ${tone}` }, outcome), ` ${ago(at)}`, call && h("span", { class: "quiet small mono" }, ` ${call}`), detail && h("span", { class: "quiet small" }, ` ${detail}`));
}

