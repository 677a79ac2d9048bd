/** The form for an edit: the answer as it should be, and what that changes. A draft survives a reload and a refusal. */

import { h, key, put } from "../dom.js";
import { difference, line } from "../texts.js";
import { toast } from "../toast.js";

/** @import { Example } from "../../answers.d.ts" */

/** The pause after the last key before the changes are drawn and the draft is kept. */
const REDRAW_MS = 150;
const TITLE_LENGTH = 300;

/**
 * @param {Example} example
 * @param {object} on
 * @param {(response: string, reason: string | null) => Promise<boolean>} on.save whether it is on the log
 * @param {() => unknown} on.cancel
 */
export function editForm(example, on) {
  const draft = draftOf(example.example_id);
  const answer = h("textarea", {
    id: "answer",
    rows: 12,
    dir: "auto",
    spellcheck: "true",
    value: draft.text ?? example.response,
  });
  const reason = h("input", {
    id: "edit-reason",
    maxlength: 1000,
    autocomplete: "off",
    placeholder: "What was wrong? (optional)",
  });
  const preview = h("div", { class: "edit-preview", "aria-live": "off" });
  const isChanged = () => answer.value !== example.response;
  const drawPreview = () => {
    const unchanged = h("p", { class: "quiet" }, "Nothing is changed yet.");
    put(preview, isChanged() ? difference(example.response, answer.value) : unchanged);
  };
  const save = async () => {
    if (!answer.value.trim() || !isChanged()) return toast("Nothing is changed: approve it as it is.", { isBad: true });
    typing.stop();
    const isSaved = await on.save(answer.value, reason.value.trim() || null);
    if (isSaved) draft.discard();
    else draft.keep(answer.value);
  };
  const typing = afterTyping(answer, () => {
    drawPreview();
    draft.keep(answer.value);
  });
  drawPreview();
  const fields = editFields(answer, reason, preview);
  fields.addEventListener("keydown", (event) => {
    if (event.key === "Escape") on.cancel();
    if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey)) return;
    event.preventDefault();
    save();
  });
  return {
    parts: [editHeader(example), fields],
    buttons: [
      h("button", { type: "button", class: "approve", onclick: save }, "Save and approve ", key("Ctrl"), key("Enter")),
      h("button", { type: "button", class: "quiet-button", onclick: on.cancel }, "Cancel ", key("Esc")),
    ],
    focus: () => answer.focus(),
  };
}

/** @param {Example} example */
function editHeader({ prompt }) {
  return h(
    "header",
    {},
    h("p", { class: "place" }, h("b", {}, "Edit and approve")),
    h("h2", { class: "stage-title" }, line(prompt.slice(0, TITLE_LENGTH))),
  );
}

/**
 * @param {HTMLTextAreaElement} answer
 * @param {HTMLInputElement} reason
 * @param {HTMLElement} preview
 */
function editFields(answer, reason, preview) {
  const form = h(
    "form",
    { class: "edit-form" },
    h("label", { for: "answer" }, "The answer as it should be"),
    answer,
    h("label", { for: "edit-reason", class: "unseen" }, "What was wrong?"),
    reason,
    h("h3", {}, "What you change"),
    preview,
  );
  form.addEventListener("submit", (event) => event.preventDefault());
  return form;
}

/**
 * Call back once the typing has paused.
 *
 * @param {HTMLElement} field
 * @param {() => void} callback
 */
function afterTyping(field, callback) {
  let timer = 0;
  field.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(callback, REDRAW_MS);
  });
  return { stop: () => clearTimeout(timer) };
}

/**
 * The draft of an example's answer; the browser keeps it until the tab is closed.
 *
 * @param {string} id
 */
function draftOf(id) {
  const name = `draft ${id}`;
  return {
    text: sessionStorage.getItem(name),
    keep: (/** @type {string} */ text) => sessionStorage.setItem(name, text),
    discard: () => sessionStorage.removeItem(name),
  };
}
