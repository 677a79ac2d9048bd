/** Charts out of boxes: they wrap with the page, take its colours, and say their numbers to those who do not see them. */

import { h, styled, unseen } from "./dom.js";
import { count, number, plain } from "./words.js";

const STEP = {
  hour: new Intl.DateTimeFormat("en-US", {
    hour: "2-digit",
    minute: "2-digit",
    hour12: false,
    month: "short",
    day: "numeric",
    timeZone: "UTC",
  }),
  day: new Intl.DateTimeFormat("en-US", { month: "short", day: "numeric", timeZone: "UTC" }),
  month: new Intl.DateTimeFormat("en-US", { month: "short", year: "numeric", timeZone: "UTC" }),
};

/** A bar of one share of a whole, and a second share inside it. */
export function bar(part, whole, inner = null, tone = "") {
  const width = (n) => `${whole ? Math.max(n ? 0.8 : 0, (100 * n) / whole) : 0}%`;
  const outer = styled(h("span", { class: `bar ${tone}`, "aria-hidden": "true" }), { "--part": width(part) });
  if (inner !== null) {
    outer.classList.add("has-inner");
    styled(outer, { "--inner": width(inner) });
  }
  return outer;
}

/** Progress to a goal, with marks on the way: `[{at, label}]`. */
export function progress(now, goal, marks, label) {
  const share = goal ? Math.min(100, (100 * now) / goal) : 0;
  const track = styled(
    h("div", {
      class: "progress",
      role: "progressbar",
      "aria-label": label,
      "aria-valuemin": 0,
      "aria-valuemax": goal,
      "aria-valuenow": Math.min(now, goal),
      "aria-valuetext": `${number(now)} of ${number(goal)}`,
    }),
    { "--share": `${share}%` },
  );
  for (const { at, label: mark } of marks) {
    if (at <= 0 || at >= goal) continue;
    track.append(
      styled(h("span", { class: now >= at ? "milestone is-reached" : "milestone" }, h("span", {}, mark)), {
        "--at": `${(100 * at) / goal}%`,
      }),
    );
  }
  return track;
}

/** Captures above the line and decisions below it, step by step. */
export function timeline({ unit, steps }) {
  const most = Math.max(1, ...steps.map((step) => step.captures + step.corrections));
  const decided = Math.max(0, ...steps.map((step) => step.approved + step.rejected));
  const below = Math.max(1, decided);
  const up = Math.max(most, 0.4 * below);
  const down = Math.max(below, 0.4 * most);
  const piece = (name, n, whole) =>
    styled(h("span", { class: name }), { "--height": `${n ? Math.max(1.5, (100 * n) / whole) : 0}%` });
  const columns = steps.map((step) => {
    const told = `${STEP[unit].format(new Date(step.at))}: ${count(step.captures, "capture")}, ${count(step.corrections, "correction")}, ${number(step.approved)} approved, ${number(step.rejected)} rejected`;
    return h(
      "span",
      { class: "column", title: told },
      h("span", { class: "up" }, piece("captures", step.captures, up), piece("corrections", step.corrections, up)),
      h("span", { class: "down" }, piece("approved", step.approved, down), piece("rejected", step.rejected, down)),
    );
  });
  const labels = [steps[0], steps[Math.floor(steps.length / 2)], steps.at(-1)].map((step) =>
    h("span", {}, STEP[unit].format(new Date(step.at))),
  );
  return h(
    "figure",
    { class: "timeline" },
    h(
      "div",
      { class: "plot", "aria-hidden": "true" },
      h("span", { class: "most" }, number(most)),
      styled(h("div", { class: "columns" }, columns), { "--rows": `${up}fr ${down}fr` }),
      decided ? h("span", { class: "most is-below" }, number(decided)) : null,
    ),
    h("div", { class: "axis", "aria-hidden": "true" }, labels),
    table(unit, steps),
  );
}

/** The colours of a timeline. */
export function legend(names) {
  return h(
    "ul",
    { class: "legend", "aria-hidden": "true" },
    names.map((name) => h("li", { class: name }, plain(name))),
  );
}

function table(unit, steps) {
  const heads = [unit, "captures", "corrections", "approved", "rejected"];
  const busy = steps.filter((step) => step.captures + step.corrections + step.approved + step.rejected);
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
          heads.map((head) => h("th", { scope: "col" }, head)),
        ),
      ),
      h(
        "tbody",
        {},
        busy.map((step) =>
          h(
            "tr",
            {},
            h("th", { scope: "row" }, STEP[unit].format(new Date(step.at))),
            heads.slice(1).map((name) => h("td", {}, number(step[name]))),
          ),
        ),
      ),
    ),
  );
}
