/** The funnel: what is left after each stage, and under it what each reason took. */

import { address } from "../address.js";
import { bar } from "../charts.js";
import { emptyState, h, link } from "../dom.js";
import { ago, number, REASONS, STAGE_REASONS } from "../words.js";

/** @import { Export, Funnel } from "../../answers.d.ts" */

/**
 * @param {Funnel} funnel
 * @param {Export | null} lastExport
 */
export function funnelList(funnel, lastExport) {
  const whole = funnel.captured + funnel.corrections;
  if (!whole) {
    const command = h("code", {}, "rooflog capture --prompt … --response …");
    return emptyState("Nothing is captured yet", "Say the first fact: ", command);
  }
  const losses = (/** @type {string[]} */ names) =>
    names.filter((name) => funnel.lost[name]).map((name) => loss(name, funnel.lost[name], whole));
  const exported = lastExport?.counts.examples;
  return h(
    "ol",
    { class: "funnel-list" },
    stage("Captured", "/examples", number(funnel.captured), bar(funnel.captured, whole)),
    stage(
      "Corrections",
      address("/examples", { stage: "corrections" }),
      `+${number(funnel.corrections)}`,
      bar(funnel.corrections, whole, { tone: "is-copper" }),
    ),
    losses(STAGE_REASONS.filters),
    stage(
      "After filters",
      address("/examples", { stage: "filtered" }),
      number(funnel.filtered),
      bar(funnel.filtered, whole),
    ),
    losses(STAGE_REASONS.approval),
    stage(
      "Approved",
      address("/examples", { stage: "approved" }),
      number(funnel.approved),
      bar(funnel.approved, whole),
    ),
    losses(STAGE_REASONS.duplicates),
    stage(
      "Training set",
      address("/examples", { stage: "training" }),
      number(funnel.unique),
      bar(funnel.unique, whole),
    ),
    stage(
      lastExport ? `Exported ${ago(lastExport.at)}` : "Exported",
      "/exports",
      exported === undefined ? "none yet" : number(exported),
      bar(exported ?? 0, whole),
    ),
  );
}

/**
 * @param {string} name
 * @param {string} href
 * @param {string} n
 * @param {HTMLElement} share
 */
function stage(name, href, n, share) {
  return h("li", { class: "stage" }, funnelLink(href, name, n, share));
}

/**
 * @param {string} reason
 * @param {number} n
 * @param {number} whole
 */
function loss(reason, n, whole) {
  const share = bar(n, whole, { tone: "is-lost" });
  return h(
    "li",
    { class: "loss" },
    funnelLink(address("/examples", { reason }), REASONS[reason], `−${number(n)}`, share),
  );
}

/**
 * @param {string} href
 * @param {string} name
 * @param {string} n
 * @param {HTMLElement} share
 */
function funnelLink(href, name, n, share) {
  return link(href, {}, h("span", { class: "name" }, name), h("span", { class: "n" }, n), share);
}
