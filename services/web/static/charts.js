/** Charts made of boxes: they wrap with the page, take its colours, and hold their numbers for screen readers. */

import { h, styled, unseen } from "./dom.js";
import { count, number } from "./words.js";

/** @import { Timeline, TimeStep } from "../answers.d.ts" */

/** @type {Record<string, Intl.DateTimeFormatOptions>} */
const STEP_FORMATS = {
  hour: { hour: "2-digit", minute: "2-digit", hour12: false, month: "short", day: "numeric" },
  day: { month: "short", day: "numeric" },
  month: { month: "short", year: "numeric" },
};

/** @typedef {"captures" | "corrections" | "approved" | "rejected"} Series */
/** @type {Series[]} */
const SERIES = ["captures", "corrections", "approved", "rejected"];

/** The smallest bar and column that can still be seen, in per cent. */
const LEAST_BAR = 0.8;
const LEAST_COLUMN = 1.5;

/**
 * A bar of a share of a whole, with a second share inside it.
 *
 * @param {number} part
 * @param {number} whole
 * @param {object} options
 * @param {number | null} [options.inner]
 * @param {string} [options.tone]
 */
export function bar(part, whole, { inner = null, tone = "" } = {}) {
  const width = (/** @type {number} */ n) => `${whole ? Math.max(n ? LEAST_BAR : 0, (100 * n) / whole) : 0}%`;
  const outer = styled(h("span", { class: `bar ${tone}`, "aria-hidden": "true" }), { "--part": width(part) });
  if (inner !== null) {
    outer.classList.add("has-inner");
    styled(outer, { "--inner": width(inner) });
  }
  return outer;
}

/**
 * Progress to a goal, with a milestone on the way.
 *
 * @param {object} numbers
 * @param {number} numbers.now
 * @param {number} numbers.goal
 * @param {{ at: number, words: string }} numbers.milestone
 * @param {string} label
 */
export function progress({ now, goal, milestone }, label) {
  const attributes = {
    class: "progress",
    role: "progressbar",
    "aria-label": label,
    "aria-valuemin": 0,
    "aria-valuemax": goal,
    "aria-valuenow": Math.min(now, goal),
    "aria-valuetext": `${number(now)} of ${number(goal)}`,
  };
  const share = goal ? Math.min(100, (100 * now) / goal) : 0;
  const track = styled(h("div", attributes), { "--share": `${share}%` });
  if (milestone.at > 0 && milestone.at < goal) {
    const tone = now >= milestone.at ? "milestone is-reached" : "milestone";
    const mark = h("span", { class: tone }, h("span", {}, milestone.words));
    track.append(styled(mark, { "--at": `${(100 * milestone.at) / goal}%` }));
  }
  return track;
}

/**
 * Captures above the line and decisions below it, step by step.
 *
 * @param {Timeline} timeline
 */
export function timelineChart({ unit, steps }) {
  const mostCaptures = Math.max(1, ...steps.map((step) => step.captures + step.corrections));
  const mostDecisions = Math.max(0, ...steps.map((step) => step.approved + step.rejected));
  const up = Math.max(mostCaptures, 0.4 * Math.max(1, mostDecisions));
  const down = Math.max(1, mostDecisions, 0.4 * mostCaptures);
  const name = stepNames(unit);
  const columns = steps.map((step) => timelineColumn(step, name(step), { up, down }));
  const labelled = [steps[0], steps[Math.floor(steps.length / 2)], steps[steps.length - 1]];
  return h(
    "figure",
    { class: "timeline" },
    h(
      "div",
      { class: "plot", "aria-hidden": "true" },
      h("span", { class: "most" }, number(mostCaptures)),
      styled(h("div", { class: "columns" }, columns), { "--rows": `${up}fr ${down}fr` }),
      mostDecisions ? h("span", { class: "most is-below" }, number(mostDecisions)) : null,
    ),
    h(
      "div",
      { class: "axis", "aria-hidden": "true" },
      labelled.map((step) => h("span", {}, name(step))),
    ),
    timelineTable(unit, steps),
  );
}

/** The colours of a timeline. */
export function timelineLegend() {
  return h(
    "ul",
    { class: "legend", "aria-hidden": "true" },
    SERIES.map((series) => h("li", { class: series }, series)),
  );
}

/**
 * @param {TimeStep} step
 * @param {string} name
 * @param {{ up: number, down: number }} scale
 */
function timelineColumn(step, name, { up, down }) {
  const piece = (/** @type {Series} */ series, /** @type {number} */ whole) => {
    const n = step[series];
    const height = `${n ? Math.max(LEAST_COLUMN, (100 * n) / whole) : 0}%`;
    return styled(h("span", { class: series }), { "--height": height });
  };
  const words = [
    count(step.captures, "capture"),
    count(step.corrections, "correction"),
    `${number(step.approved)} approved`,
    `${number(step.rejected)} rejected`,
  ];
  return h(
    "span",
    { class: "column", title: `${name}: ${words.join(", ")}` },
    h("span", { class: "up" }, piece("captures", up), piece("corrections", up)),
    h("span", { class: "down" }, piece("approved", down), piece("rejected", down)),
  );
}

/**
 * The numbers of a timeline, without the steps in which nothing happened.
 *
 * @param {string} unit
 * @param {TimeStep[]} steps
 */
function timelineTable(unit, steps) {
  const name = stepNames(unit);
  const rows = steps
    .filter((step) => SERIES.some((series) => step[series]))
    .map((step) => [h("th", { scope: "row" }, name(step)), SERIES.map((series) => h("td", {}, number(step[series])))]);
  return unseen(
    h(
      "table",
      {},
      h("caption", {}, `What happened by ${unit}`),
      h(
        "thead",
        {},
        h(
          "tr",
          {},
          [unit, ...SERIES].map((head) => h("th", { scope: "col" }, head)),
        ),
      ),
      h(
        "tbody",
        {},
        rows.map((cells) => h("tr", {}, cells)),
      ),
    ),
  );
}

/**
 * The names of the steps of a timeline; its steps are those of UTC.
 *
 * @param {string} unit
 * @returns {(step: TimeStep) => string}
 */
function stepNames(unit) {
  const format = new Intl.DateTimeFormat("en-US", { ...STEP_FORMATS[unit], timeZone: "UTC" });
  return (step) => format.format(new Date(step.at));
}
