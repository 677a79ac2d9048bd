/** The form for a rejection: a reason in words, or one of the usual reasons by its number. */

import { h, key } from "../dom.js";

const USUAL_REASONS = [
  "Wrong or outdated",
  "Too vague to teach anything",
  "Not about roofing",
  "Holds private information",
  "Not how we do it",
];

/**
 * @param {object} on
 * @param {(reason: string) => unknown} on.reject
 * @param {() => unknown} on.cancel
 */
export function rejectionForm(on) {
  const input = h("input", { id: "reason", autocomplete: "off", "aria-describedby": "reason-help" });
  const reject = (/** @type {string} */ reason) => reason.trim() && on.reject(reason.trim());
  input.addEventListener("keydown", (event) => {
    if (event.key === "Escape") on.cancel();
    const usual = USUAL_REASONS[Number(event.key) - 1];
    if (input.value || !usual) return;
    event.preventDefault();
    reject(usual);
  });
  const cancel = { type: "button", class: "quiet-button", onclick: on.cancel };
  const usualButtons = USUAL_REASONS.map((reason, n) =>
    h("button", { type: "button", class: "preset", onclick: () => reject(reason) }, key(n + 1), " ", reason),
  );
  const form = h(
    "form",
    { class: "reject-form" },
    h("label", { for: "reason" }, "Why must it not be trained on?"),
    h(
      "div",
      { class: "line" },
      input,
      h("button", { class: "reject" }, "Reject ", key("Enter")),
      h("button", cancel, "Cancel ", key("Esc")),
    ),
    h(
      "div",
      { class: "presets" },
      h("span", { id: "reason-help", class: "quiet" }, "Write a reason, or press its number:"),
      usualButtons,
    ),
  );
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    reject(input.value);
  });
  return { form, focus: () => input.focus() };
}
