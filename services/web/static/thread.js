/** The turns of a conversation before an example, as they stand now. */

import { exampleAddress } from "./address.js";
import { h, link } from "./dom.js";
import { toolWords } from "./example_facts.js";
import { block } from "./texts.js";

/** @import { EarlierTurn, Example } from "../answers.d.ts" */

/**
 * The conversation above a question; null where there is none.
 *
 * @param {Example} example
 */
export function thread({ earlier }) {
  if (!earlier?.length) return null;
  const count = earlier.length === 1 ? "1 earlier turn" : `${earlier.length} earlier turns`;
  const label = "The conversation before";
  return h("section", { class: "thread", "aria-label": label }, h("h3", {}, count), earlier.map(turn));
}

/** @param {EarlierTurn} turn */
function turn({ example_id: id, corrected_by: correction, is_erased: isErased, ...texts }) {
  const { prompt, response, tools, attachments } = texts;
  const place = h("p", { class: "quiet" }, link(exampleAddress(id), {}, id));
  if (correction) place.append(", corrected by ", link(exampleAddress(correction), {}, correction));
  if (isErased) return h("div", { class: "turn" }, place, h("p", { class: "text is-empty" }, "This turn was erased."));
  return h(
    "div",
    { class: "turn" },
    place,
    prompt && h("div", { class: "bubble is-asked" }, block(prompt)),
    attachments.map((attachment) => h("p", { class: "quiet" }, `Attached: ${Object.values(attachment).join(" ")}`)),
    tools.map((tool) => h("p", { class: "quiet" }, `Tool: ${toolWords(tool)}`)),
    h("div", { class: "bubble is-answered" }, block(response, { empty: "Nobody answered." })),
  );
}
