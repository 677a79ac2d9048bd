/** Lists of bars: what waits for review, examples by source, examples by relevance. */

import { address } from "../address.js";
import { bar } from "../charts.js";
import { emptyState, h, link } from "../dom.js";
import { asOf } from "../moment.js";
import { number, percent, plain, QUEUE_REASONS } from "../words.js";

/** @import { SourceNumbers } from "../../answers.d.ts" */

/** Sources that the list shows. */
const SHOWN_SOURCES = 14;

/** @type {Record<string, string>} */
const RELEVANCE_WORDS = { high: "high", medium: "medium", low: "low, excluded" };

/**
 * @param {Record<string, number>} byReason
 * @param {number} total
 * @param {number} collected
 */
export function waitingBars(byReason, total, collected) {
  if (!collected) {
    const command = h("code", {}, "rooflog capture --prompt QUESTION --response @FILE");
    return emptyState("Nothing has been captured yet", "Connect an assistant, or record an answer: ", command);
  }
  if (!total) return emptyState("The queue is empty", "Everything that needs a person has been decided.");
  const items = Object.entries(byReason).map(([why, n]) => {
    const href = asOf === null ? address("/review", { why }) : address("/examples", { stage: "waiting" });
    const name = h("span", { class: "name" }, QUEUE_REASONS[why]);
    return h(
      "li",
      {},
      link(href, {}, name, h("span", { class: "n" }, number(n)), bar(n, total, { tone: "is-copper" })),
    );
  });
  return h("ul", { class: "bars" }, items);
}

/** @param {SourceNumbers[]} sources */
export function sourceBars(sources) {
  if (!sources.length) return emptyState("No sources yet");
  const most = Math.max(...sources.map(({ total }) => total));
  const items = sources.slice(0, SHOWN_SOURCES).map((source) => h("li", {}, sourceLink(source, most)));
  const key = h(
    "p",
    { class: "key quiet" },
    h("span", { class: "swatch is-full", "aria-hidden": "true" }),
    "in the training set ",
    h("span", { class: "swatch", "aria-hidden": "true" }),
    "collected",
  );
  return [h("ul", { class: "bars" }, items), key];
}

/**
 * @param {SourceNumbers} numbers
 * @param {number} most
 */
function sourceLink({ source, total, in_training: trained, high_value: isHighValue }, most) {
  return link(
    address("/examples", { source }),
    { title: `${number(trained)} of ${number(total)} in the training set` },
    h("span", { class: "name" }, plain(source), isHighValue && h("span", { class: "high" }, "high value")),
    h("span", { class: "n" }, h("span", { class: "of" }, `${number(trained)} of `), number(total)),
    bar(total, most, { inner: trained, tone: isHighValue ? "is-copper" : "" }),
  );
}

/** @param {Record<string, number>} numbers examples by relevance */
export function relevanceBars(numbers) {
  const total = Object.values(numbers).reduce((sum, n) => sum + n, 0);
  const items = Object.entries(numbers).map(([name, n]) => {
    const share = h("span", { class: "of" }, percent(n, total));
    return h(
      "li",
      {},
      link(
        address("/examples", { relevance: name }),
        {},
        h("span", { class: "name" }, RELEVANCE_WORDS[name] ?? name),
        h("span", { class: "n" }, number(n), " ", share),
        bar(n, total, { tone: name === "low" ? "is-lost" : "" }),
      ),
    );
  });
  return h("ul", { class: "bars" }, items);
}
