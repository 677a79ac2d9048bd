/** What an operator starts: an export, a training. Where none can be started, the button says why instead of failing. */

import { get, post } from "./api.js";
import { h, link } from "./dom.js";
import { toast } from "./toast.js";
import { count, number } from "./words.js";

const AWAY_SECONDS = 15;
let away = 0;

const WORDS = {
  export: { label: "Export data", path: "/exports" },
  train: { label: "Trigger training", path: "/trainings" },
};

/** How the exporter is, null where none runs: then it is not asked again at once. */
export async function exporterNow() {
  if (Date.now() < away + AWAY_SECONDS * 1000) return null;
  try {
    return await get("/exporter");
  } catch {
    away = Date.now();
    return null;
  }
}

/** Buttons of the dashboard: the way into the review queue, export, training. */
export function operations(
  stats,
  { training, export: wanted, last_export: made },
  exporter,
  me,
  { isShort = false } = {},
) {
  const now = stats.funnel.unique;
  const missing = {
    export: now < wanted.min_examples && `needs ${number(wanted.min_examples)} examples`,
    train: made ? now < training.at && `needs ${number(training.at)} examples` : "needs an export first",
  };
  const why = (name) =>
    me.rights.includes("operate") ? (exporter ? missing[name] : "no exporter is running") : "only an operator may";
  return h(
    "div",
    { class: "operations" },
    isShort
      ? null
      : link(
          "/review",
          { class: "button primary" },
          "Review queue ",
          h("span", { class: "badge" }, number(stats.review_queue)),
        ),
    Object.keys(WORDS).map((name) => button(name, why(name))),
  );
}

function button(name, why) {
  const { label, path } = WORDS[name];
  const element = h(
    "button",
    {
      type: "button",
      class: "secondary",
      "aria-disabled": why ? "true" : null,
      "aria-describedby": why ? `${name}-why` : null,
    },
    label,
  );
  element.addEventListener("click", async () => {
    if (why) return toast(`${label}: ${why}.`);
    element.setAttribute("aria-disabled", "true");
    try {
      const { job } = await post(path, {}, { isKeyed: false });
      toast(name === "export" ? "Exporting …" : "Starting the training …");
      toast(told(name, await done(job)));
    } catch (problem) {
      toast(problem.message, { isBad: true });
    }
    element.removeAttribute("aria-disabled");
  });
  return h("span", { class: "operation" }, element, why && h("span", { class: "why", id: `${name}-why` }, why));
}

/** Wait until the exporter is done with a job. */
async function done(job) {
  for (;;) {
    const { result } = await get(`/jobs/${job}`);
    if (result?.status === "error") throw new Error(result.error);
    if (result) return result;
    await new Promise((resume) => setTimeout(resume, 400));
  }
}

function told(name, result) {
  if (name === "export")
    return `${result.status === "unchanged" ? "Nothing has changed since the last export" : "Exported"}${result.examples === undefined ? "" : `: ${count(result.examples, "example")}`}.`;
  return (
    {
      started: "The training has begun.",
      running: "A training is already running.",
      already_trained: "The latest export was trained on already.",
      not_due: `Not started: ${result.reason}.`,
    }[result.status] ?? `Training: ${result.status}.`
  );
}
