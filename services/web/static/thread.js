/** The turns of a conversation before an example, as they stand now. */

import { exampleAddress } from "./address.js";
import { between, bubble } from "./bubbles.js";
import { h, link } from "./dom.js";
import { block } from "./texts.js";
import { count } from "./words.js";

/** @import { EarlierTurn, Example } from "../answers.d.ts" */

/** Turns that are open from the start, the last ones; those before are folded. */
const OPEN_TURNS = 3;

/** Characters of a turn that are shown before somebody asks for all of them. */
const SHOWN_CHARACTERS = 800;

/**
 * The conversation above a question; null where there is none.
 *
 * @param {Example} example
 */
export function thread({ earlier }) {
  if (!earlier?.length) return null;
  const turns = earlier.map(turn);
  const before = turns.splice(0, Math.max(0, turns.length - OPEN_TURNS));
  return h(
    "section",
    { class: "thread", "aria-label": "The conversation before" },
    h("h3", {}, count(earlier.length, "earlier turn")),
    before.length > 0 && h("details", { class: "whole" }, h("summary", {}, `The first ${before.length}`), before),
    turns,
  );
}

/**
 * @param {EarlierTurn} turn
 * @param {number} n
 */
function turn({ example_id: id, corrected_by: correction, is_erased: isErased, ...texts }, n) {
  const { prompt, response } = texts;
  const place = h("p", { class: "quiet" }, link(exampleAddress(id), { title: id }, `Turn ${n + 1}`));
  if (correction) place.append(", ", link(exampleAddress(correction), { title: correction }, "corrected"));
  if (isErased) return h("div", { class: "turn" }, place, h("p", { class: "text is-empty" }, "This turn was erased."));
  const shown = SHOWN_CHARACTERS;
  return h(
    "div",
    { class: "turn" },
    place,
    prompt && bubble("asked", block(prompt, { shown })),
    between(texts),
    bubble("answered", block(response, { empty: "Nobody answered.", shown })),
  );
}
