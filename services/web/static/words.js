/** Words: numbers, moments and the names of the log, as people read them. */

const NUMBERS = new Intl.NumberFormat("en-US");
const MOMENT = new Intl.DateTimeFormat("en-US", { dateStyle: "medium", timeStyle: "short" });
const DAY = new Intl.DateTimeFormat("en-US", { dateStyle: "medium" });

/** @import { Reasons } from "../answers.d.ts" */

/**
 * Why an example is not in the training set. `learn` fills these names from the API.
 *
 * @type {Record<string, string>}
 */
export const REASONS = {};

/**
 * Names of the reasons of each stage, in the order in which it applies them.
 *
 * @type {Record<string, string[]>}
 */
export const STAGE_REASONS = {};

/**
 * Why an example waits for review.
 *
 * @type {Record<string, string>}
 */
export const QUEUE_REASONS = {};

/**
 * What an example is approved by.
 *
 * @type {Record<string, string>}
 */
export const APPROVALS = {};

/**
 * Why an example is incomplete as a turn of a conversation.
 *
 * @type {Record<string, string>}
 */
export const CAUSES = {};

/**
 * What speaks for a look at an example; it may have several signs.
 *
 * @type {Record<string, string>}
 */
export const SIGNS = {};

/** @param {Reasons} answer */
export function learn({ reasons, queue, approvals, causes, signs }) {
  for (const { name, words } of signs) SIGNS[name] = words;
  for (const { name, stage, words } of reasons) {
    REASONS[name] = words;
    STAGE_REASONS[stage] = [...(STAGE_REASONS[stage] ?? []), name];
  }
  for (const { name, words } of queue) QUEUE_REASONS[name] = words;
  for (const { name, words } of approvals) APPROVALS[name] = words;
  for (const { name, words } of causes) CAUSES[name] = words;
}

/** @type {Record<string, string>} */
export const FACTS = {
  "example.captured": "Captured",
  "feedback.given": "Feedback",
  "correction.recorded": "Corrected",
  "example.approved": "Approved",
  "example.rejected": "Rejected",
  "example.reopened": "Decision taken back",
  "example.redacted": "Redacted",
  "example.restated": "Restated without copies",
  "example.described": "Described",
  "example.noted": "Noted",
  "example.erased": "Erased",
  "policy.adopted": "Policy adopted",
  "training_set.exported": "Exported",
  "training.triggered": "Training",
};

/** @param {number} n */
export function number(n) {
  return NUMBERS.format(n);
}

/**
 * The share of a whole; the smallest share is "<1 %", and only a whole is "100 %".
 *
 * @param {number} part
 * @param {number} whole
 */
export function percent(part, whole) {
  if (!whole) return "0 %";
  const share = (100 * part) / whole;
  return `${share > 0 && share < 1 ? "<1" : Math.min(100, Math.floor(share))} %`;
}

/**
 * A number with its noun: `count(3, "example")` is "3 examples".
 *
 * @param {number} n
 * @param {string} singular
 * @param {string} plural
 */
export function count(n, singular, plural = `${singular}s`) {
  return `${number(n)} ${n === 1 ? singular : plural}`;
}

/**
 * A name of the log as people write it: `user_correction` is "user correction".
 *
 * @param {string} name
 */
export function plain(name) {
  return name.replaceAll("_", " ");
}

/** @param {string} at */
export function moment(at) {
  return MOMENT.format(new Date(at));
}

/**
 * How long ago a moment was: "3 min ago"; before a week ago it is the day.
 *
 * @param {string} at
 */
export function ago(at) {
  const seconds = (Date.now() - new Date(at).getTime()) / 1000;
  if (seconds < -60) return moment(at);
  if (seconds < 5) return "just now";
  if (seconds > 7 * 86400) return DAY.format(new Date(at));
  return `${duration(seconds)} ago`;
}

/**
 * A length of time in its largest unit.
 *
 * @param {number} seconds
 */
export function duration(seconds) {
  if (seconds < 60) return `${Math.round(seconds)} s`;
  if (seconds < 3600) return `${Math.round(seconds / 60)} min`;
  if (seconds < 86400) return `${Math.round(seconds / 3600)} h`;
  return count(Math.round(seconds / 86400), "day");
}

/**
 * A reason of a verdict, which may name the other example: `duplicate_of ID`.
 *
 * @param {string} reason
 */
export function parseReason(reason) {
  const [name = "", otherId = null] = reason.split(" ");
  return { name, otherId, words: REASONS[name] ?? plain(name) };
}

/** @param {number} n */
export function bytes(n) {
  if (n < 1024) return `${n} bytes`;
  return n < 1048576 ? `${Math.round(n / 1024)} KB` : `${(n / 1048576).toFixed(1)} MB`;
}
