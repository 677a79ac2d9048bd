/** Words: how numbers, moments and the names of the log are told to people. */

const NUMBERS = new Intl.NumberFormat("en-US");
const MOMENT = new Intl.DateTimeFormat("en-US", { dateStyle: "medium", timeStyle: "short" });
const DAY = new Intl.DateTimeFormat("en-US", { dateStyle: "medium" });

export const REASONS = {
  too_short: "too short",
  low_relevance: "not about roofing",
  excluded_source: "failed response",
  excluded_by_author: "excluded by its author",
  personal_data: "personal data",
  superseded_by: "answer was corrected",
  erased: "erased",
  rejected: "rejected",
  not_approved: "not approved yet",
  duplicate_of: "duplicate question",
};

export const WHY = {
  correction: "Correction",
  negative_feedback: "Thumbs down",
  new_topic: "New topic",
  edge_case: "Edge case",
  not_reviewed: "Not reviewed",
};

export const APPROVALS = {
  reviewer: "a reviewer approved it",
  feedback: "somebody gave it a thumbs up",
  trusted_source: "its source is trusted",
  use: "the document was used",
};

export const FACTS = {
  "example.captured": "Captured",
  "feedback.given": "Feedback",
  "correction.recorded": "Corrected",
  "example.approved": "Approved",
  "example.rejected": "Rejected",
  "example.reopened": "Decision taken back",
  "example.redacted": "Redacted",
  "example.erased": "Erased",
  "policy.adopted": "Policy adopted",
  "training_set.exported": "Exported",
  "training.triggered": "Training",
};

export function number(n) {
  return NUMBERS.format(n);
}

export function percent(part, whole) {
  if (!whole) return "0 %";
  const share = (100 * part) / whole;
  return `${share > 0 && share < 1 ? "<1" : Math.min(100, Math.floor(share))} %`;
}

/** One or many: `count(3, "example")` is "3 examples". */
export function count(n, one, many = `${one}s`) {
  return `${number(n)} ${n === 1 ? one : many}`;
}

/** `user_correction` as people write it. */
export function plain(name) {
  return name.replaceAll("_", " ");
}

export function moment(at) {
  return MOMENT.format(new Date(at));
}

export function day(at) {
  return DAY.format(new Date(at));
}

/** "3 min ago"; what is older than a week is told by its day. */
export function ago(at, now = Date.now()) {
  const seconds = (now - new Date(at).getTime()) / 1000;
  if (seconds < -60) return moment(at);
  if (seconds < 5) return "just now";
  if (seconds > 7 * 86400) return day(at);
  return `${lasting(seconds)} ago`;
}

/** A length of time in its largest unit. */
export function lasting(seconds) {
  if (seconds < 60) return `${Math.round(seconds)} s`;
  if (seconds < 3600) return `${Math.round(seconds / 60)} min`;
  if (seconds < 86400) return `${Math.round(seconds / 3600)} h`;
  return count(Math.round(seconds / 86400), "day");
}

/** A reason as a verdict carries it, `duplicate_of ID` included: its words and the other example. */
export function reason(told) {
  const [name, other] = told.split(" ");
  return { name, other: other ?? null, words: REASONS[name] ?? plain(name) };
}

export function bytes(n) {
  return n < 1024 ? `${n} bytes` : n < 1048576 ? `${Math.round(n / 1024)} KB` : `${(n / 1048576).toFixed(1)} MB`;
}
