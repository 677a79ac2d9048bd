/** The page of one example: everything about it, all that can be done with it, and its lineage both ways. */

import { address, exampleAddress, pageParameters } from "./address.js";
import { get } from "./api.js";
import { emptyState, h, link, put } from "./dom.js";
import { exampleRow, moreLikeThis } from "./example.js";
import { keepHighlighted } from "./highlight.js";
import { openHelp, runByKey } from "./keys.js";
import { containingExports } from "./lineage.js";
import { keepFresh } from "./live.js";
import { asOf } from "./moment.js";
import { readingCommand } from "./reading.js";
import { decisionButtons, decisionCommands } from "./review/actions.js";
import { Decisions } from "./review/decisions.js";
import { Desk } from "./review/desk.js";
import { count, QUEUE_REASONS } from "./words.js";

/** @import { Dossier } from "./dossier.js" */
/** @import { Command } from "./keys.js" */
/** @import { QueuedExample, Related, Session } from "../answers.d.ts" */

/**
 * @param {HTMLElement} main
 * @param {Session} me
 */
export async function draw(main, me) {
  const id = decodeURIComponent(location.pathname.split("/")[2]);
  const mayDecide = me.rights.includes("decide") && asOf === null;
  const lineage = h("div", {});
  const exportsCard = h("section", { class: "card contained is-read", "aria-label": "Exports and trainings" });

  /** @param {Dossier} dossier */
  const showBeside = async ({ example }) => {
    document.title = `${example.prompt.slice(0, 60)} · rooflog`;
    put(lineage, relatedCards(await get(`${exampleAddress(example.example_id)}/related`)));
    if (asOf === null) put(exportsCard, await containingExports(example.example_id, example.verdict.in_training));
    else exportsCard.remove();
  };
  const desk = new Desk(null, {
    place,
    buttons: () => (mayDecide ? decisionButtons(decisions, commands, { mayStep: false }) : []),
    redact: () => decisions.redact(),
    shown: (dossier) => showBeside(dossier).catch(() => {}),
  });
  const decisions = new Decisions(desk, mayDecide);
  /** @type {Command[]} */
  const commands = [
    ...decisionCommands(decisions),
    readingCommand,
    { keys: ["Escape"], label: "Leave what you are doing", run: () => desk.show() },
    { keys: ["?"], label: "This help", run: () => openHelp(commands) },
  ];
  put(main, h("h1", { class: "unseen" }, `Example ${id}`), desk.element, lineage, exportsCard);
  runByKey(mayDecide ? commands : [readingCommand]);
  keepHighlighted(desk.element, () => pageParameters(["text"]).text);
  await desk.open(id);
  keepFresh(() => desk.watch().catch(() => {}));
}

/**
 * What the example is, and why it waits for review.
 *
 * @param {QueuedExample} example
 */
function place({ example_id: id, kind, why, because }) {
  const name = kind === "correction" ? "Correction" : "Example";
  const more = moreLikeThis(id);
  if (!why) return [name, more && [" · ", more]];
  const words = QUEUE_REASONS[why].toLowerCase();
  return [
    name,
    " · waits for review: ",
    asOf === null ? link(address("/review", { why }), {}, words) : words,
    ` — ${because?.join("; ")}`,
    more && [" · ", more],
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
