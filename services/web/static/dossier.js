/** A dossier: an example with everything that is read beside it. */

import { exampleAddress } from "./address.js";
import { get } from "./api.js";

/** @import { Example, HistoryPage, QueuedExample, Span } from "../answers.d.ts" */

/**
 * `spans` are the personal data in any of its texts; `other` is an example with a contradicting answer.
 *
 * @typedef {object} Dossier
 * @property {QueuedExample} example
 * @property {HistoryPage} history its first page
 * @property {Span[]} spans
 * @property {Example | null} other
 */

/**
 * @param {string} id
 * @returns {Promise<Dossier>}
 */
export async function loadDossier(id) {
  const [example, history] = await Promise.all([
    get(`/review/${encodeURIComponent(id)}`),
    get(`${exampleAddress(id)}/history`),
  ]);
  const other = example.contradicts ? await get(exampleAddress(example.contradicts)).catch(() => null) : null;
  return { example, history, spans: example.found, other };
}
