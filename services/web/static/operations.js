/** What an operator starts: an export, a training. Where no exporter listens, the button says so instead of failing. */

import { Problem, post } from "./api.js";
import { h, link } from "./dom.js";
import { toast } from "./toast.js";
import { number } from "./words.js";

const WORDS = {
  export: { label: "Export data", done: "The export has begun", path: "/exports" },
  train: { label: "Trigger training", done: "The training has begun", path: "/trainings" },
};

/** Buttons of the dashboard: export, training, and the way into the review queue. */
export function operations(stats, { training, export: wanted, exporter }, me) {
  const now = stats.funnel.unique;
  const missing = {
    export: now < wanted.min_examples && `an export needs ${number(wanted.min_examples)} examples`,
    train: now < training.at && `a training needs ${number(training.at)} examples`,
  };
  const buttons = Object.keys(WORDS).map((name) => button(name, me.rights.includes("operate") ? (!exporter && "no exporter is running") || missing[name] : "only an operator may do this"));
  return h(
    "div",
    { class: "operations" },
    link("/review", { class: "primary", role: "button" }, "Review queue ", h("span", { class: "badge" }, number(stats.review_queue))),
    buttons,
  );
}

function button(name, why) {
  const { label, done, path } = WORDS[name];
  const element = h("button", { type: "button", class: "secondary", "aria-disabled": why ? "true" : null, "aria-describedby": why ? `${name}-why` : null }, label);
  element.addEventListener("click", async () => {
    if (why) return toast(`${label}: ${why}.`);
    element.setAttribute("aria-disabled", "true");
    try {
      await post(path, {});
      toast(`${done}.`);
    } catch (problem) {
      toast(problem instanceof Problem ? problem.message : String(problem), { isBad: true });
    }
    element.removeAttribute("aria-disabled");
  });
  return h("span", { class: "operation" }, element, why && h("span", { class: "why", id: `${name}-why` }, why));
}
