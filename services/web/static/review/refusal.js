/** The dialog for a refused decision: somebody else was faster, and it shows what they said. */

import { openDialog } from "../dialog.js";
import { h } from "../dom.js";
import { historyList } from "../history.js";

/** @import { HistoryEntry } from "../../answers.d.ts" */

/**
 * @param {string} action what was refused, as a participle
 * @param {{ since?: unknown }} details of the refusal; `since` is what the log holds after the revision seen
 * @param {() => unknown} lookAgain
 */
export function openRefusal(action, details, lookAgain) {
  const since = /** @type {HistoryEntry[]} */ (details.since ?? []);
  const dialog = h(
    "dialog",
    { class: "refused", "aria-labelledby": "refused-title" },
    h("h2", { id: "refused-title" }, `Not ${action}: somebody was faster`),
    h("p", {}, "This was said after you opened the example, so your decision was not recorded:"),
    since.length ? historyList(since) : h("p", { class: "quiet" }, "The log knows no such revision."),
    h("form", { method: "dialog" }, h("button", { class: "primary", autofocus: true }, "Look at it again")),
  );
  dialog.addEventListener("close", lookAgain);
  openDialog(dialog);
}
