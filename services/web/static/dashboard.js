/** The dashboard: are we ready to train, and is anything wrong? */

import { get } from "./api.js";
import { bar, legend, progress, timeline } from "./charts.js";
import { address, exampleAddress, h, link, put } from "./dom.js";
import { nothing } from "./example.js";
import { following } from "./live.js";
import { asOf } from "./moment.js";
import { exporterNow, operations } from "./operations.js";
import { line } from "./texts.js";
import { REASONS, WHY, ago, count, lasting, moment, number, percent, plain } from "./words.js";

const SPANS = { hours: "48 hours", days: "30 days", months: "12 months" };
const FILTERED = [
  "too_short",
  "low_relevance",
  "excluded_source",
  "excluded_by_author",
  "personal_data",
  "superseded_by",
  "erased",
];
const UNAPPROVED = ["rejected", "not_approved"];

export async function draw(main, me) {
  let span = "days";
  const part = (name, title, ...beside) => {
    const body = h("div", { class: "body" });
    const element = h(
      "section",
      { class: `card ${name}`, "aria-labelledby": `${name}-title` },
      h("header", {}, h("h2", { id: `${name}-title` }, title), beside),
      body,
    );
    return [element, body];
  };
  const hero = h("section", { class: "hero", "aria-label": "Progress to the next training" });
  const spans = h("div", { class: "segments", role: "group", "aria-label": "Time shown" });
  const [funnelCard, funnelBody] = part("funnel", "From captured to exported");
  const isPast = asOf !== null;
  const [queueCard, queueBody] = part(
    "waiting",
    "Waiting for review",
    isPast
      ? link(address("/examples", { stage: "waiting" }), { class: "more-link" }, "What waited")
      : link("/review", { class: "more-link" }, "Open the queue"),
  );
  const [healthCard, healthBody] = part("health", "Health");
  const [timeCard, timeBody] = part(
    "time",
    "Captures and decisions",
    legend(["captures", "corrections", "approved", "rejected"]),
    spans,
  );
  const [sourceCard, sourceBody] = part("sources", "By source");
  const [relevanceCard, relevanceBody] = part("relevance", "Relevance");
  const [topicCard, topicBody] = part("topics", "Topics");
  const [correctionCard, correctionBody] = part(
    "corrections",
    "Recent corrections",
    link(address("/examples", { stage: "corrections" }), { class: "more-link" }, "All corrections"),
  );

  const refresh = following(async () => {
    const [stats, more, status, exporter] = await Promise.all([
      get("/stats"),
      get("/dashboard", { span }),
      ...(isPast ? [] : [get("/status"), exporterNow()]),
    ]).catch((problem) => {
      if (!hero.firstChild) throw problem;
      return [];
    });
    if (!stats) return;
    put(hero, ready(stats, more), isPast ? null : operations(stats, more, exporter, me));
    put(funnelBody, funnel(stats.funnel, more.last_export));
    put(queueBody, waiting(more.waiting, stats.review_queue));
    if (!isPast) put(healthBody, health(status, more, exporter));
    put(
      timeBody,
      more.timeline.steps.length
        ? timeline(more.timeline)
        : nothing("Nothing has happened yet", "Captures and decisions appear here as they are said."),
    );
    put(sourceBody, sources(stats.by_source));
    put(relevanceBody, relevance(stats.relevance));
    put(topicBody, topics(more.topics));
    put(correctionBody, corrections(more.corrections));
  });
  const choose = (chosen) => {
    span = chosen;
    for (const button of spans.children) button.setAttribute("aria-pressed", String(button.dataset.span === span));
    return refresh();
  };
  put(
    spans,
    Object.entries(SPANS).map(([name, words]) =>
      h("button", { type: "button", "data-span": name, onclick: () => choose(name) }, words),
    ),
  );
  put(
    main,
    h("h1", { class: "unseen" }, "Dashboard"),
    hero,
    h(
      "div",
      { class: "grid" },
      funnelCard,
      h("div", { class: "stack" }, queueCard, isPast ? null : healthCard),
      timeCard,
      sourceCard,
      h("div", { class: "stack" }, relevanceCard, topicCard),
      correctionCard,
    ),
  );
  await choose(span);
  if (!isPast) setInterval(refresh, 30_000);
}

function ready(stats, { training }) {
  const now = stats.funnel.unique;
  const marks = [{ at: training.at, label: `train from ${number(training.at)}` }];
  return h(
    "div",
    { class: "ready" },
    h(
      "p",
      { class: "headline" },
      h("strong", {}, number(now)),
      " ",
      h("span", {}, `${now === 1 ? "example" : "examples"} ready to train`),
    ),
    h(
      "p",
      { class: "share" },
      `${percent(now, training.goal)} of ${number(training.goal)}`,
      h("span", { class: "quiet" }, ` · ${number(stats.total)} collected`),
    ),
    progress(now, training.goal, marks, "Examples ready to train"),
  );
}

/** Rows of the funnel: what is left after each stage, and under it what each reason took. */
function funnel(numbers, exported) {
  const whole = numbers.captured + numbers.corrections;
  const stage = (words, n, state) =>
    h(
      "li",
      { class: "stage" },
      link(
        address("/examples", { stage: state }),
        {},
        h("span", { class: "name" }, words),
        h("span", { class: "n" }, number(n)),
        bar(n, whole),
      ),
    );
  const losses = (names) =>
    names
      .filter((name) => numbers.lost[name])
      .map((name) =>
        h(
          "li",
          { class: "loss" },
          link(
            address("/examples", { reason: name }),
            {},
            h("span", { class: "name" }, REASONS[name]),
            h("span", { class: "n" }, `−${number(numbers.lost[name])}`),
            bar(numbers.lost[name], whole, null, "is-lost"),
          ),
        ),
      );
  if (!whole)
    return nothing(
      "Nothing is captured yet",
      "Say the first fact: ",
      h("code", {}, "rooflog capture --prompt … --response …"),
    );
  const rows = exported?.counts?.examples;
  return h(
    "ol",
    { class: "funnel-list" },
    stage("Captured", numbers.captured, null),
    h(
      "li",
      { class: "stage" },
      link(
        address("/examples", { stage: "corrections" }),
        {},
        h("span", { class: "name" }, "Corrections"),
        h("span", { class: "n" }, `+${number(numbers.corrections)}`),
        bar(numbers.corrections, whole, null, "is-copper"),
      ),
    ),
    losses(FILTERED),
    stage("After filters", numbers.filtered, "filtered"),
    losses(UNAPPROVED),
    stage("Approved", numbers.approved, "approved"),
    losses(["duplicate_of"]),
    stage("Training set", numbers.unique, "training"),
    h(
      "li",
      { class: "stage" },
      link(
        "/exports",
        {},
        h("span", { class: "name" }, exported ? `Exported ${ago(exported.at)}` : "Exported"),
        h("span", { class: "n" }, rows === undefined ? "none yet" : number(rows)),
        bar(rows ?? 0, whole),
      ),
    ),
  );
}

function waiting(byReason, total) {
  if (!total) return nothing("The queue is empty", "Everything that needs a person has been decided.");
  return h(
    "ul",
    { class: "bars" },
    Object.entries(byReason).map(([why, n]) =>
      h(
        "li",
        {},
        link(
          asOf === null ? address("/review", { why }) : address("/examples", { stage: "waiting" }),
          {},
          h("span", { class: "name" }, WHY[why]),
          h("span", { class: "n" }, number(n)),
          bar(n, total, null, "is-copper"),
        ),
      ),
    ),
  );
}

function health(status, more, exporter) {
  const projector = status.projector;
  const quarantined = Object.values(status.quarantined ?? {}).reduce((sum, n) => sum + n, 0);
  const waitingFor = status.state?.waiting_for_example ?? 0;
  const state = (tone, name, ...value) => h("div", { class: tone }, h("dt", {}, name), h("dd", {}, value));
  const lag = projector?.behind_seconds ?? null;
  return h(
    "dl",
    { class: "health-list" },
    state(
      status.log?.connected ? "is-good" : "is-bad",
      "Log",
      status.log?.connected ? `${count(status.log.last_seq ?? 0, "fact")}` : "not reachable",
    ),
    projector
      ? state(
          lag > 60 ? "is-bad" : lag > 5 ? "is-warn" : "is-good",
          "Projector",
          projector.behind ? `${count(projector.behind, "fact")} behind, the oldest for ${lasting(lag)}` : "up to date",
        )
      : state("is-bad", "Projector", status.reason ?? "does not answer"),
    state(
      quarantined ? "is-bad" : "is-good",
      "Quarantine",
      quarantined ? link("/quarantine", {}, count(quarantined, "message")) : "empty",
    ),
    waitingFor
      ? state("is-warn", "Early facts", `${number(waitingFor)} wait for an example that has not arrived`)
      : null,
    state(
      more.last_export ? "is-good" : "is-off",
      "Last export",
      more.last_export
        ? link("/exports", { title: moment(more.last_export.at) }, ago(more.last_export.at))
        : "none yet",
    ),
    state(
      { succeeded: "is-good", started: "is-good", failed: "is-bad", intended: "is-warn" }[
        more.last_training?.outcome
      ] ?? "is-off",
      "Last training",
      more.last_training ? `${more.last_training.outcome} ${ago(more.last_training.at)}` : "none yet",
    ),
    exporter
      ? state(exporter.failures ? "is-bad" : "is-good", "Exporter", exporter.error ?? exporting(exporter))
      : state("is-warn", "Exporter", "does not run"),
  );
}

/** What the exporter is at, and what it waits for. */
function exporting({ state, changed_rows: rows, due_at: due }) {
  if (state !== "waiting" || !due) return state;
  return `${count(rows, "change")}, exports ${new Date(due) > Date.now() ? `in ${lasting((new Date(due) - Date.now()) / 1000)}` : "now"}`;
}

function sources(rows) {
  if (!rows.length) return nothing("No sources yet");
  const most = Math.max(...rows.map(({ total }) => total));
  return [
    h(
      "ul",
      { class: "bars" },
      rows
        .slice(0, 14)
        .map(({ source, total, in_training: trained, high_value: high }) =>
          h(
            "li",
            {},
            link(
              address("/examples", { source }),
              { title: `${number(trained)} of ${number(total)} in the training set` },
              h("span", { class: "name" }, plain(source), high && h("span", { class: "high" }, "high value")),
              h("span", { class: "n" }, h("span", { class: "of" }, `${number(trained)} of `), number(total)),
              bar(total, most, trained, high ? "is-copper" : ""),
            ),
          ),
        ),
    ),
    h(
      "p",
      { class: "key quiet" },
      h("span", { class: "swatch is-full", "aria-hidden": "true" }),
      "in the training set ",
      h("span", { class: "swatch", "aria-hidden": "true" }),
      "collected",
    ),
  ];
}

function relevance(numbers) {
  const total = Object.values(numbers).reduce((sum, n) => sum + n, 0);
  const words = { high: "high", medium: "medium", low: "low, excluded" };
  return h(
    "ul",
    { class: "bars" },
    Object.entries(numbers).map(([name, n]) =>
      h(
        "li",
        {},
        link(
          address("/examples", { relevance: name }),
          {},
          h("span", { class: "name" }, words[name] ?? name),
          h("span", { class: "n" }, number(n), " ", h("span", { class: "of" }, percent(n, total))),
          bar(n, total, null, name === "low" ? "is-lost" : ""),
        ),
      ),
    ),
  );
}

function topics({ enough, covered, thin, thinnest }) {
  if (!covered && !thin) return nothing("No topics yet");
  return [
    h(
      "p",
      {},
      h("b", {}, number(covered)),
      " covered, ",
      h("b", {}, number(thin)),
      " thin ",
      h("span", { class: "quiet" }, `(fewer than ${enough} in the training set)`),
    ),
    h(
      "ul",
      { class: "thin" },
      thinnest.map(({ tag, in_training: trained, waiting: waits }) =>
        h(
          "li",
          {},
          link(
            waits && asOf === null ? address("/review", { tag }) : address("/examples", { tag }),
            { class: "tag", title: `${number(trained)} in the training set, ${number(waits)} waiting for review` },
            tag,
            h("span", { class: "of" }, ` ${trained}/${enough}`),
          ),
        ),
      ),
    ),
  ];
}

function corrections(items) {
  if (!items.length) return nothing("No corrections yet", "They are the strongest signal there is.");
  return h(
    "ul",
    { class: "correction-list" },
    items.map((item) =>
      h(
        "li",
        {},
        link(
          exampleAddress(item.example_id),
          {},
          line(item.prompt, { class: "prompt" }),
          h(
            "span",
            { class: "becomes" },
            h("span", { "aria-hidden": "true" }, "→ "),
            line(item.correction_reason || item.response),
          ),
          h(
            "span",
            { class: "about" },
            h("span", {}, item.corrector ?? item.actor),
            h("span", {}, ago(item.occurred_at)),
            h(
              "span",
              { class: item.decision ? "state is-good" : "state is-copper" },
              item.decision ?? (item.queue ? "to review" : "undecided"),
            ),
          ),
        ),
      ),
    ),
  );
}
