/** The preview of a policy: which examples would enter and leave the training set, and why; then it can be adopted. */

import { exampleAddress } from "../address.js";
import { post, problemOf } from "../api.js";
import { h, link } from "../dom.js";
import { line } from "../texts.js";
import { toast } from "../toast.js";
import { count, number, plain, REASONS } from "../words.js";

/** @import { PolicyPreview, Session } from "../../answers.d.ts" */

/** The toast can be read before the page shows the new policy. */
const RELOAD_MS = 900;

/**
 * @param {PolicyPreview} preview
 * @param {Session} me
 */
export function previewCard(preview, me) {
  if (preview.candidate === preview.current) {
    return h("p", { class: "notice" }, "This is the policy that holds: nothing would change.");
  }
  const { before, after, reasons, examples, not_analysed: notAnalysed } = preview;
  const title = `${number(before.unique)} → ${number(after.unique)} in the training set`;
  const moved = examples.map(movedExample);
  return h(
    "section",
    { class: "card preview", "aria-label": "Preview" },
    h("header", {}, h("h2", {}, title)),
    h(
      "div",
      { class: "body" },
      h("p", {}, summaryWords(preview)),
      reasons.length ? h("ul", { class: "reasons" }, reasons.map(reasonItem)) : null,
      moved.length
        ? h("details", {}, h("summary", {}, `The first ${number(moved.length)}`), h("ul", { class: "moved" }, moved))
        : null,
      notAnalysed
        ? h("p", { class: "quiet" }, `${count(notAnalysed, "text")} arrived meanwhile and are not judged yet.`)
        : null,
      me.rights.includes("operate")
        ? adoptionForm(preview)
        : h("p", { class: "quiet" }, "Only an operator may adopt it."),
    ),
  );
}

/** @param {PolicyPreview} preview */
function summaryWords({ enter, leave, review_queue: queue }) {
  const moves = `${count(enter, "example")} would enter, ${number(leave)} would leave`;
  return `${moves}; the review queue goes from ${number(queue.before)} to ${number(queue.after)}.`;
}

/** @param {PolicyPreview["reasons"][number]} reason */
function reasonItem({ change, reason, count: n }) {
  const isEntering = change === "enter";
  const words = REASONS[reason] ?? plain(reason);
  const difference = h("b", {}, isEntering ? `+${number(n)}` : `−${number(n)}`);
  return h("li", {}, difference, ` ${isEntering ? "no longer " : ""}${words}`);
}

/** @param {PolicyPreview["examples"][number]} example */
function movedExample({ change, example_id: id, prompt }) {
  const isEntering = change === "enter";
  const state = h("span", { class: isEntering ? "state is-good" : "state is-bad" }, isEntering ? "enters " : "leaves ");
  return h("li", {}, link(exampleAddress(id), {}, state, line(prompt)));
}

/** @param {PolicyPreview} preview */
function adoptionForm({ document: policy, policy_seq: revision }) {
  const reason = h("input", {
    id: "adopt-reason",
    maxlength: 1000,
    required: true,
    placeholder: "Why? It stays on the log.",
  });
  const label = h("label", { for: "adopt-reason", class: "unseen" }, "Why?");
  const form = h("form", { class: "adopt" }, label, reason, h("button", { class: "primary" }, "Adopt this policy"));
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    try {
      await post("/policies", { policy, revision, reason: reason.value.trim() }, { isKeyed: false });
      toast("Adopted: it holds from here on.");
      setTimeout(() => location.reload(), RELOAD_MS);
    } catch (error) {
      toast(problemOf(error).message, { isBad: true });
    }
  });
  return form;
}
