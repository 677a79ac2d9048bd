/** What can be done with an example: the same keys and buttons in the review and on the example's own page. */

import { h, key, put } from "../dom.js";
import { openHelp } from "../keys.js";
import { renderedWords, selectedWords } from "../selection.js";

/** @import { Command } from "../keys.js" */
/** @import { Decisions } from "./decisions.js" */

/**
 * @param {Decisions} decisions
 * @returns {Command[]}
 */
export function decisionCommands(decisions) {
  return [
    { keys: ["a"], label: "Approve", run: () => decisions.approve() },
    { keys: ["r"], label: "Reject, with a reason", run: () => decisions.startRejection() },
    { keys: ["e"], label: "Edit the answer or the question, and approve it", run: () => decisions.startEdit() },
    { keys: ["p"], label: "Redact the personal data", run: () => decisions.redact() },
    { keys: ["w"], label: "Redact the selected words, or words that you write", run: () => decisions.startRedaction() },
    { keys: ["n"], label: "Say something to the others", run: () => decisions.startNote() },
    { keys: ["t"], label: "Change tags, project or exclusion", run: () => decisions.startDescription() },
    { keys: ["z"], label: "Take back the decision that holds", run: () => decisions.reopen() },
    { keys: ["u"], label: "Undo what you did last", run: () => decisions.undo() },
  ];
}

/**
 * The buttons under the example on the desk.
 *
 * @param {Decisions} decisions
 * @param {Command[]} commands what the help shows
 * @param {{ mayStep: boolean }} options whether there is a queue to go on with
 */
export function decisionButtons(decisions, commands, { mayStep }) {
  const isDecided = Boolean(decisions.desk.example?.decision);
  return [
    button("A", "Approve", "approve", () => decisions.approve()),
    button("R", "Reject", "reject", () => decisions.startRejection()),
    button("E", "Edit", "secondary", () => decisions.startEdit()),
    redactButton(decisions),
    button("N", "Note", "secondary", () => decisions.startNote()),
    button("T", "Tags", "secondary", () => decisions.startDescription()),
    mayStep && button("S", "Skip", "secondary", () => decisions.skip()),
    isDecided && button("Z", "Take back", "secondary", () => decisions.reopen()),
    h("span", { class: "gap" }),
    decisions.canUndo && button("U", "Undo", "quiet-button", () => decisions.undo()),
    button("?", "Keys", "quiet-button", () => openHelp(commands)),
  ];
}

/**
 * @param {string} keyName
 * @param {string} words
 * @param {string} tone
 * @param {() => unknown} onclick
 */
function button(keyName, words, tone, onclick) {
  return h("button", { type: "button", class: tone, onclick }, words, " ", key(keyName));
}

/**
 * The way to redact words; it says whether some are selected.
 *
 * @param {Decisions} decisions
 */
function redactButton(decisions) {
  const words = h("span", {}, "Redact words");
  const onmousedown = (/** @type {Event} */ event) => event.preventDefault(); // keeps the selection
  const onclick = () => decisions.startRedaction();
  const made = h("button", { type: "button", class: "secondary", onmousedown, onclick }, words, " ", key("W"));
  const tell = () => {
    if (!made.isConnected) return document.removeEventListener("selectionchange", tell);
    const isSelected = selectedWords(getSelection()) || renderedWords(getSelection());
    return put(words, isSelected ? "Redact selection" : "Redact words");
  };
  document.addEventListener("selectionchange", tell);
  return made;
}
