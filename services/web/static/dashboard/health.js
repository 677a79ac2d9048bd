/** Health, told by age: how far each service is behind, and when it last did its work. */

import { h, link } from "../dom.js";
import { ago, count, duration, moment, number } from "../words.js";

/** @import { Dashboard, Exporter, Export, Status, Training } from "../../answers.d.ts" */
/** @import { Child } from "../dom.js" */

/** Seconds by which the projector may be behind. */
const LATE_SECONDS = 5;
const TOO_LATE_SECONDS = 60;

/** @type {Record<string, string>} */
const TRAINING_TONES = { succeeded: "is-good", started: "is-good", failed: "is-bad", intended: "is-warn" };

/**
 * @param {Status} status
 * @param {Dashboard} dashboard
 * @param {Exporter | null} exporter
 */
export function healthList(status, dashboard, exporter) {
  return h(
    "dl",
    { class: "health-list" },
    logHealth(status),
    projectorHealth(status),
    quarantineHealth(status),
    earlyFacts(status),
    exportHealth(dashboard.last_export),
    trainingHealth(dashboard.last_training),
    exporterHealth(exporter),
  );
}

/**
 * @param {string} tone
 * @param {string} name
 * @param {Child} value
 */
function row(tone, name, value) {
  return h("div", { class: tone }, h("dt", {}, name), h("dd", {}, value));
}

/** @param {Status} status */
function logHealth({ log }) {
  if (!log?.connected) return row("is-bad", "Log", "not reachable");
  return row("is-good", "Log", count(log.last_seq ?? 0, "fact"));
}

/** @param {Status} status */
function projectorHealth({ projector, reason }) {
  if (!projector) return row("is-bad", "Projector", reason ?? "does not answer");
  const { behind, behind_seconds: seconds } = projector;
  const tone = seconds > TOO_LATE_SECONDS ? "is-bad" : seconds > LATE_SECONDS ? "is-warn" : "is-good";
  const words = `${count(behind, "fact")} behind, the oldest for ${duration(seconds)}`;
  return row(tone, "Projector", behind ? words : "up to date");
}

/** @param {Status} status */
function quarantineHealth({ quarantined = {} }) {
  const messages = Object.values(quarantined).reduce((sum, n) => sum + n, 0);
  if (!messages) return row("is-good", "Quarantine", "empty");
  return row("is-bad", "Quarantine", link("/quarantine", {}, count(messages, "message")));
}

/** @param {Status} status */
function earlyFacts({ state }) {
  const waiting = state?.waiting_for_example ?? 0;
  if (!waiting) return null;
  return row("is-warn", "Early facts", `${number(waiting)} wait for an example that has not arrived`);
}

/** @param {Export | null} lastExport */
function exportHealth(lastExport) {
  if (!lastExport) return row("is-off", "Last export", "none yet");
  return row("is-good", "Last export", link("/exports", { title: moment(lastExport.at) }, ago(lastExport.at)));
}

/** @param {Training | null} lastTraining */
function trainingHealth(lastTraining) {
  if (!lastTraining) return row("is-off", "Last training", "none yet");
  const { outcome, at } = lastTraining;
  return row(TRAINING_TONES[outcome] ?? "is-off", "Last training", `${outcome} ${ago(at)}`);
}

/** @param {Exporter | null} exporter */
function exporterHealth(exporter) {
  if (!exporter) return row("is-warn", "Exporter", "does not run");
  return row(exporter.failures ? "is-bad" : "is-good", "Exporter", exporter.error ?? exporterWords(exporter));
}

/**
 * What the exporter does, or what it waits for.
 *
 * @param {Exporter} exporter
 */
function exporterWords({ state, changed_rows: rows, due_at: due }) {
  if (state !== "waiting" || !due) return state;
  const seconds = (new Date(due).getTime() - Date.now()) / 1000;
  return `${count(rows ?? 0, "change")}, exports ${seconds > 0 ? `in ${duration(seconds)}` : "now"}`;
}
