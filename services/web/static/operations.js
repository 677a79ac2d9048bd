/** What an operator starts: an export, a training. A button that cannot start anything says why. */

import { get, post, problemOf } from "./api.js";
import { h } from "./dom.js";
import { pause } from "./pause.js";
import { toast } from "./toast.js";
import { count, number } from "./words.js";

/** @import { Dashboard, Exporter, JobResult, Session, Stats } from "../answers.d.ts" */

/** An exporter that did not answer is not asked again for so long. */
const AWAY_MS = 15_000;
const JOB_POLL_MS = 400;
let awaySince = -AWAY_MS;

/**
 * @typedef {object} Operation
 * @property {string} label
 * @property {"/exports" | "/trainings"} path
 * @property {string} started what to say once it has begun
 * @property {(result: JobResult) => string} words what to say once it is done
 */

/** @type {Record<"export" | "train", Operation>} */
const OPERATIONS = {
  export: { label: "Export data", path: "/exports", started: "Exporting …", words: exportWords },
  train: { label: "Trigger training", path: "/trainings", started: "Starting the training …", words: trainingWords },
};

/** The state of the exporter, or null where none runs. */
export async function exporterState() {
  if (performance.now() < awaySince + AWAY_MS) return null;
  try {
    return await get("/exporter");
  } catch {
    awaySince = performance.now();
    return null;
  }
}

/**
 * The buttons: export, training, and before them what else a page offers.
 *
 * @param {Stats} stats
 * @param {Dashboard} dashboard
 * @param {Exporter | null} exporter
 * @param {Session} me
 * @param {...Node} before
 */
export function operations(stats, dashboard, exporter, me, ...before) {
  const { training, export: wanted, last_export: lastExport } = dashboard;
  const examples = stats.funnel.unique;
  const needs = (/** @type {number} */ least) => (examples < least ? `needs ${number(least)} examples` : null);
  const hindrance = {
    export: needs(wanted.min_examples),
    train: lastExport ? needs(training.at) : "needs an export first",
  };
  const reason = (/** @type {"export" | "train"} */ name) => {
    if (!me.rights.includes("operate")) return "only an operator may";
    return exporter ? hindrance[name] : "no exporter is running";
  };
  const buttons = [operationButton("export", reason("export")), operationButton("train", reason("train"))];
  return h("div", { class: "operations" }, before, buttons);
}

/**
 * @param {"export" | "train"} name
 * @param {string | null} hindrance
 */
function operationButton(name, hindrance) {
  const { label, path, started, words } = OPERATIONS[name];
  const isDisabled = hindrance ? "true" : null;
  const describedBy = hindrance ? `${name}-why` : null;
  const button = h(
    "button",
    { type: "button", class: "secondary", "aria-disabled": isDisabled, "aria-describedby": describedBy },
    label,
  );
  button.addEventListener("click", async () => {
    if (hindrance) return toast(`${label}: ${hindrance}.`);
    button.setAttribute("aria-disabled", "true");
    try {
      const { job } = await post(path, {}, { isKeyed: false });
      toast(started);
      toast(words(await jobResult(job)));
    } catch (error) {
      toast(problemOf(error).message, { isBad: true });
    }
    button.removeAttribute("aria-disabled");
  });
  return h(
    "span",
    { class: "operation" },
    button,
    hindrance && h("span", { class: "why", id: `${name}-why` }, hindrance),
  );
}

/**
 * The result of a job of the exporter, once it is done.
 *
 * @param {string} job
 */
async function jobResult(job) {
  for (;;) {
    const { result } = await get(`/jobs/${job}`);
    if (result?.status === "error") throw new Error(result.error);
    if (result) return result;
    await pause(JOB_POLL_MS);
  }
}

/** @param {JobResult} result */
function exportWords({ status, examples }) {
  const words = status === "unchanged" ? "Nothing has changed since the last export" : "Exported";
  return examples === undefined ? `${words}.` : `${words}: ${count(examples, "example")}.`;
}

/** @param {JobResult} result */
function trainingWords({ status, reason }) {
  /** @type {Record<string, string>} */
  const words = {
    started: "The training has begun.",
    running: "A training is already running.",
    already_trained: "The latest export was trained on already.",
    not_due: `Not started: ${reason}.`,
  };
  return words[status] ?? `Training: ${status}.`;
}
