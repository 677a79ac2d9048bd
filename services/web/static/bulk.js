/** Decisions on many examples: what they cover, page by page, as many in one request as it takes, and the way back. */

import { get, post } from "./api.js";

/** @import { BulkPath, Covered, Decision, Parameters } from "../answers.d.ts" */

/**
 * An example at the revision that a decision holds for.
 *
 * @typedef {{ example_id: string, revision: number, context?: string | null }} SeenExample
 */

/**
 * How far many decisions came.
 *
 * @typedef {{ done: Decision[], refused: number }} Outcome
 */

/** Examples that one request decides on. */
const AT_ONCE = 200;

/**
 * Everything that a decision covers, as it was when it was previewed; what has changed since is only counted.
 *
 * @param {Parameters} which
 * @param {number} seen the checkpoint of the preview
 * @param {(collected: number) => unknown} progress
 */
export async function collect(which, seen, progress) {
  /** @type {SeenExample[]} */
  const items = [];
  let changed = 0;
  /** @type {number | null} */
  let after = null;
  do {
    /** @type {Covered} */
    const page = await get("/review/covered", { ...which, seen, after });
    items.push(...page.items.map(({ example_id, revision, context }) => ({ example_id, revision, context })));
    changed += page.changed;
    progress(items.length);
    after = page.after;
  } while (after !== null);
  return { items, changed };
}

/**
 * Say the same of many examples. What is on the log when a request fails stays in `outcome`, and can be undone.
 *
 * @param {BulkPath} path
 * @param {SeenExample[]} items
 * @param {object} body
 * @param {Outcome} outcome
 * @param {() => unknown} progress
 */
export async function decideMany(path, items, body, outcome, progress) {
  for (let start = 0; start < items.length; start += AT_ONCE) {
    const answer = await post(`/decisions/${path}`, { items: items.slice(start, start + AT_ONCE), ...body });
    const { refused, ...decided } = answer;
    outcome.done.push(...Object.values(decided).flat());
    outcome.refused += refused.length;
    progress();
  }
}

/**
 * The decisions on many examples, as what is to be taken back.
 *
 * @param {Decision[]} decided
 * @returns {SeenExample[]}
 */
export function revisionsOf(decided) {
  return decided.map(({ example_id, seq }) => ({ example_id, revision: seq }));
}
