/** Decisions on many examples at once, as many in one request as it takes, and the way back from them as one. */

import { post, problemOf } from "./api.js";
import { toast } from "./toast.js";
import { count, number } from "./words.js";

/** @import { Decision } from "../answers.d.ts" */

/**
 * An example at the revision that a decision holds for.
 *
 * @typedef {{ example_id: string, revision: number }} SeenExample
 */

/** Examples whose decisions one request takes back. */
const AT_ONCE = 500;

/**
 * The decisions on many examples, as what is to be taken back.
 *
 * @param {Decision[]} decided
 * @returns {SeenExample[]}
 */
export function revisionsOf(decided) {
  return decided.map(({ example_id, seq }) => ({ example_id, revision: seq }));
}

/**
 * Take many decisions back, and say how far it came. Returns those that it did not reach.
 *
 * @param {SeenExample[]} items
 * @param {string} reason
 */
export async function reopenMany(items, reason) {
  let undone = 0;
  let refused = 0;
  const left = [...items];
  try {
    while (left.length) {
      const answer = await post("/decisions/reopen", { items: left.slice(0, AT_ONCE), reason });
      left.splice(0, AT_ONCE);
      undone += answer.reopened.length;
      refused += answer.refused.length;
      toast(`Undone: ${number(undone)} of ${number(items.length)} …`);
    }
    const words = refused
      ? `; ${count(refused, "was", "were")} not, because somebody said more about it meanwhile`
      : "";
    toast(`Undone: ${number(undone)}${words}.`, { isBad: refused > 0 });
  } catch (error) {
    toast(`Undone: ${number(undone)}, then it stopped: ${problemOf(error).message}`, { isBad: true });
  }
  return left;
}
