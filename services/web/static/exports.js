/** Exports: every training set that was made, what it was made from, and what was trained on it. */

import { get } from "./api.js";
import { h, put } from "./dom.js";
import { nothing } from "./example.js";
import { tracing, training } from "./lineage.js";
import { following } from "./live.js";
import { exporterNow, operations } from "./operations.js";
import { ago, moment, number, plain } from "./words.js";

export async function draw(main, me) {
  const buttons = h("div", {});
  const body = h("div", { class: "card" });
  const { card, ask } = tracing();
  let shown = null;
  put(
    main,
    h(
      "div",
      { class: "page-title" },
      h("h1", {}, "Exports"),
      h("p", { class: "quiet" }, "Every training set, the newest first. Same log and same policy give the same bytes."),
    ),
    buttons,
    body,
    card,
  );
  const show = async () => {
    const [{ exports }, stats, more, exporter] = await Promise.all([
      get("/exports"),
      get("/stats"),
      get("/dashboard"),
      exporterNow(),
    ]);
    put(buttons, operations(stats, more, exporter, me, { isShort: true }));
    if (shown === (shown = JSON.stringify(exports))) return;
    put(
      body,
      exports.length
        ? table(exports, ask)
        : nothing(
            "Nothing is exported yet",
            `An export needs ${number(more.export.min_examples)} examples; there are ${number(stats.funnel.unique)}.`,
          ),
    );
  };
  await show();
  if (/^#[0-9a-f]{8,64}$/.test(location.hash)) await ask(location.hash.slice(1));
  following(() => show().catch(() => {}));
}

function table(exports, ask) {
  return h(
    "div",
    { class: "wide-table body", tabindex: "0", role: "region", "aria-label": "Exports" },
    h(
      "table",
      {},
      h(
        "thead",
        {},
        h(
          "tr",
          {},
          ["Export", "Made", "Examples", "From the log", "Training"].map((head) =>
            h("th", { scope: "col", class: head === "Examples" ? "n" : null }, head),
          ),
        ),
      ),
      h(
        "tbody",
        {},
        exports.map((made) => line(made, ask)),
      ),
    ),
  );
}

function line(made, ask) {
  const { examples, ...files } = made.counts;
  return h(
    "tr",
    {},
    h(
      "th",
      { scope: "row" },
      h("span", { class: "mono", title: made.export_digest }, made.export_digest.slice(0, 12)),
      h("p", { class: "quiet small", title: made.policy_digest }, `policy ${made.policy_digest.slice(0, 12)}`),
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
      h(
        "details",
        { class: "small" },
        h("summary", {}, "rows"),
        h(
          "ul",
          {},
          Object.entries(files).map(([name, n]) => h("li", {}, `${plain(name)} ${number(n)}`)),
        ),
      ),
      h(
        "button",
        { type: "button", class: "quiet-button small", onclick: () => ask(made.export_digest) },
        "Its examples",
      ),
    ),
    h(
      "td",
      {},
      `facts 1 to ${number(made.last_seq)}`,
      h("p", { class: "quiet small mono", title: made.log_digest }, made.log_digest.slice(0, 12)),
    ),
    h("td", {}, made.trainings.length ? made.trainings.map(training) : h("span", { class: "quiet" }, "not trained on")),
  );
}
