/** Lineage: from an example to the exports that hold it and the trainings on them, and back to what is behind a row. */

import { exampleAddress } from "./address.js";
import { get, problemOf } from "./api.js";
import { emptyState, h, link } from "./dom.js";
import { APPROVALS, ago, count, FACTS, moment, number, plain } from "./words.js";

/** @import { ContainingExport, ExampleOrigin, LineageRow, Training } from "../answers.d.ts" */

/** @type {Record<string, string>} */
const OUTCOME_TONES = { succeeded: "is-good", started: "is-copper", failed: "is-bad" };

/**
 * The content of a card: the exports that hold an example, its lines in each, and the trainings on them.
 *
 * @param {string} id
 * @param {boolean} isInTraining
 */
export async function containingExports(id, isInTraining) {
  const title = h("header", {}, h("h2", {}, "Exports and trainings"));
  try {
    const origin = /** @type {ExampleOrigin} */ (await get("/lineage", { of: id }));
    return [title, h("div", { class: "body" }, containingList(origin, isInTraining))];
  } catch (error) {
    const { code, message } = problemOf(error);
    const isAway = code === "exporter_unavailable";
    const reason = isAway ? "The exporter does not run: it alone looks into the volume." : message;
    return [title, h("div", { class: "body" }, emptyState("Nobody can tell right now", reason))];
  }
}

/**
 * @param {ExampleOrigin} origin
 * @param {boolean} isInTraining
 */
function containingList({ in: exports, untold }, isInTraining) {
  const empty = isInTraining
    ? emptyState("In no export yet", "It is in the training set: the next export takes it.")
    : emptyState("In no export", "None that the volume holds had it.");
  const older = count(untold.length, "older export is", "older exports are");
  const unknown = `${older} no longer on the volume: nobody can tell whether it was in there.`;
  return [
    exports.length ? h("ol", { class: "held" }, exports.map(containingExport)) : empty,
    untold.length ? h("p", { class: "quiet small" }, unknown) : null,
  ];
}

/**
 * One export that holds an example or a row.
 *
 * @param {ContainingExport} containing
 */
export function containingExport({ export_digest: digest, at, last_seq: last, approval, reviewer, lines, trainings }) {
  return h(
    "li",
    {},
    h(
      "p",
      {},
      link(`/exports#${digest}`, { class: "mono", title: digest }, digest.slice(0, 12)),
      h(
        "span",
        { class: "quiet" },
        " made ",
        h("time", { datetime: at, title: moment(at) }, ago(at)),
        ` from facts 1 to ${number(last)} · ${approvalWords(approval, reviewer)}`,
      ),
    ),
    lineList(lines),
    trainings.length ? trainings.map(trainingLine) : h("p", { class: "quiet" }, "Not trained on."),
  );
}

/**
 * A training on an export, in a line.
 *
 * @param {Training} training
 */
export function trainingLine({ outcome, at, call_id: call, detail }) {
  return h(
    "p",
    {},
    h("span", { class: `state ${OUTCOME_TONES[outcome] ?? ""}` }, `training ${outcome}`),
    ` ${ago(at)}`,
    call && h("span", { class: "quiet small mono" }, ` ${call}`),
    detail && h("span", { class: "quiet small" }, ` ${detail}`),
  );
}

/**
 * What is behind a row of an export: the example, who stands for it, its lines, and the facts in the order of the log.
 *
 * @param {LineageRow} row
 * @param {object} options
 * @param {boolean} options.isOpen show the facts at once
 */
export function rowOrigin(row, { isOpen }) {
  const facts = h(
    "details",
    { class: "small" },
    h("summary", {}, `${count(row.facts.length, "fact")} behind it`),
    h("ol", { class: "facts-behind" }, row.facts.map(factLine)),
  );
  facts.open = isOpen;
  const source = ` ${row.kind} from ${plain(row.source)} · ${approvalWords(row.approval, row.reviewer)}`;
  const example = link(exampleAddress(row.example_id), { class: "id" }, row.example_id);
  return h(
    "div",
    { class: "behind" },
    h("p", {}, example, h("span", { class: "quiet" }, source)),
    row.lines.length ? lineList(row.lines) : null,
    facts,
    row.context?.length
      ? h(
          "p",
          { class: "quiet small" },
          `Facts behind the turns before it: ${row.context.map((seq) => `#${number(seq)}`).join(", ")}`,
        )
      : null,
  );
}

/** @param {LineageRow["facts"][number]} fact */
function factLine({ seq, at, fact, actor }) {
  return h(
    "li",
    {},
    h("span", { class: "seq quiet" }, `#${number(seq)}`),
    h("span", {}, h("b", {}, FACTS[fact] ?? plain(fact)), ` by ${actor}`),
    h("time", { class: "quiet", datetime: at, title: moment(at) }, ago(at)),
  );
}

/** @param {string[]} lines */
function lineList(lines) {
  return h(
    "ul",
    { class: "lines" },
    lines.map((line) => h("li", { class: "mono" }, line)),
  );
}

/**
 * Why a row is in an export, and who stands for it.
 *
 * @param {string | null} approval
 * @param {string | null} reviewer
 */
function approvalWords(approval, reviewer) {
  if (!approval) return "as a bad answer";
  return `${APPROVALS[approval] ?? plain(approval)}${reviewer ? `; ${reviewer} stands for it` : ""}`;
}
