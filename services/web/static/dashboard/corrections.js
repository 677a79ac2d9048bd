/** The newest corrections: the question, the reason or the new answer, and who corrected it. */

import { exampleAddress } from "../address.js";
import { emptyState, h, link } from "../dom.js";
import { line } from "../texts.js";
import { ago } from "../words.js";

/** @import { ExampleRow } from "../../answers.d.ts" */

/** @param {ExampleRow[]} corrections */
export function correctionList(corrections) {
  if (!corrections.length) return emptyState("No corrections yet", "They are the strongest signal there is.");
  return h("ul", { class: "correction-list" }, corrections.map(correctionItem));
}

/** @param {ExampleRow} correction */
function correctionItem(correction) {
  const { decision, queue } = correction;
  const state = decision ?? (queue ? "to review" : "undecided");
  return h(
    "li",
    {},
    link(
      exampleAddress(correction.example_id),
      {},
      line(correction.prompt, { class: "prompt" }),
      h(
        "span",
        { class: "becomes" },
        h("span", { "aria-hidden": "true" }, "→ "),
        line(correction.correction_reason || correction.response),
      ),
      h(
        "span",
        { class: "about" },
        h("span", {}, correction.corrector ?? correction.actor),
        h("span", {}, ago(correction.occurred_at)),
        h("span", { class: decision ? "state is-good" : "state is-copper" }, state),
      ),
    ),
  );
}
