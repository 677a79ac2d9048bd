/** A dossier: an example with everything that is read beside it. */

import { exampleAddress } from "./address.js";
import { get } from "./api.js";

/** @import { Example, HistoryPage, QueuedExample, Span } from "../answers.d.ts" */

/**
 * `spans` are the personal data that a redaction would replace; `other` is an example with a contradicting answer.
 *
 * @typedef {object} Dossier
 * @property {QueuedExample} example
 * @property {HistoryPage} history its first page
 * @property {Span[]} spans
 * @property {Example | null} other
 */

/**
 * @param {string} id
 * @param {object} options
 * @param {boolean} options.withSpans only who may decide can ask for them
 * @returns {Promise<Dossier>}
 */
export async function loadDossier(id, { withSpans }) {
  const [example, history] = await Promise.all([
    get(`/review/${encodeURIComponent(id)}`),
    get(`${exampleAddress(id)}/history`),
  ]);
  const isDoubtful = example.personal_data.length + example.flags.length > 0;
  const [redaction, other] = await Promise.all([
    isDoubtful && withSpans ? get(`${exampleAddress(id)}/redaction`).catch(() => null) : null,
    example.contradicts ? get(exampleAddress(example.contradicts)).catch(() => null) : null,
  ]);
  return { example, history, spans: redaction?.found ?? [], other };
}
