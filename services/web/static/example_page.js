/** The page of one example: its texts, its verdict, its history, and its lineage both ways. */

import { address, exampleAddress } from "./address.js";
import { get, problemOf } from "./api.js";
import { openDescription } from "./description.js";
import { emptyState, h, key, link, put } from "./dom.js";
import { loadDossier } from "./dossier.js";
import { articleParts, exampleRow } from "./example.js";
import { runByKey } from "./keys.js";
import { containingExports } from "./lineage.js";
import { keepFresh } from "./live.js";
import { asOf } from "./moment.js";
import { changeReading } from "./reading.js";
import { count, QUEUE_REASONS } from "./words.js";

/** @import { Example, QueuedExample, Related, Session } from "../answers.d.ts" */

const DESCRIBE = "Change tags, project or exclusion";

/**
 * @param {HTMLElement} main
 * @param {Session} me
 */
export async function draw(main, me) {
  const id = decodeURIComponent(location.pathname.split("/")[2]);
  const mayDecide = me.rights.includes("decide") && asOf === null;
  const exportsCard = h("section", { class: "card contained is-read", "aria-label": "Exports and trainings" });
  /** @type {number | null} */
  let shownRevision = null;
  /** @type {Example | null} */
  let shown = null;
  const describe = () => {
    if (shown && mayDecide && !shown.verdict.reasons.includes("erased")) openDescription(shown, refreshQuietly);
  };

  const refresh = async () => {
    const dossier = await loadDossier(id);
    const { example } = dossier;
    if (shownRevision === example.revision) return;
    const related = await get(`${exampleAddress(example.example_id)}/related`);
    shownRevision = example.revision;
    shown = example;
    document.title = `${example.prompt.slice(0, 60)} · rooflog`;
    put(
      main,
      h("h1", { class: "unseen" }, `Example ${example.example_id}`),
      h(
        "article",
        { class: "stage-card is-whole", "aria-label": "Example" },
        articleParts(dossier, place(example)),
        mayDecide && h("button", { type: "button", class: "secondary", onclick: describe }, `${DESCRIBE} `, key("T")),
      ),
      relatedCards(related),
      asOf === null ? exportsCard : null,
    );
    if (asOf === null) put(exportsCard, await containingExports(example.example_id, example.verdict.in_training));
  };
  const refreshQuietly = () => refresh().catch(() => {});
  runByKey([
    { keys: ["t"], label: DESCRIBE, run: describe },
    { keys: ["m"], label: "Markdown rendered, or as it is written", run: changeReading },
  ]);
  try {
    await refresh();
  } catch (error) {
    if (problemOf(error).code !== "unknown_example") throw error;
    put(main, unknownExample(id));
  }
  keepFresh(refreshQuietly);
}

/** @param {string} id */
function unknownExample(id) {
  return h(
    "div",
    { class: "notice" },
    h("h1", {}, "No such example"),
    h("p", {}, `The log holds no example ${id}.`),
    link("/examples", {}, "All examples"),
  );
}

/**
 * What the example is, and why it waits for review.
 *
 * @param {QueuedExample} example
 */
function place({ kind, why, because }) {
  const name = kind === "correction" ? "Correction" : "Example";
  if (!why) return name;
  const words = QUEUE_REASONS[why].toLowerCase();
  return [
    name,
    " · waits for review: ",
    asOf === null ? link(address("/review", { why }), {}, words) : words,
    ` — ${because?.join("; ")}`,
  ];
}

/** @param {Related} related */
function relatedCards(related) {
  const groups = [
    { title: "It corrects", items: related.corrects },
    { title: "Corrected by", items: related.corrections },
    {
      title: `Other answers to its question (${count(related.same_question_total, "example")})`,
      items: related.same_question,
    },
  ].filter(({ items }) => items.length);
  if (!groups.length) {
    return h(
      "section",
      { class: "card lineage", "aria-label": "Lineage" },
      emptyState("It stands alone", "Nothing corrects it, and nobody else asked the same."),
    );
  }
  const cards = groups.map(({ title, items }) => {
    const rows = items.map((item) => h("li", {}, exampleRow(item)));
    return h("div", { class: "card" }, h("header", {}, h("h2", {}, title)), h("ul", { class: "rows" }, rows));
  });
  return h("section", { class: "lineage", "aria-label": "Lineage" }, cards);
}
