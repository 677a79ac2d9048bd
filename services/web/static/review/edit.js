/** The form for an edit: question and answer as they should be, and what that changes. A draft survives a reload. */

import { h, key, put } from "../dom.js";
import { difference } from "../texts.js";
import { toast } from "../toast.js";
import { suggestion } from "./suggestion.js";

/** @import { Example } from "../../answers.d.ts" */

/** The pause after the last key before the changes are drawn and the draft is kept. */
const REDRAW_MS = 150;

/** @typedef {{ response?: string, prompt?: string, proposed_by?: string }} Edited what changed, and who proposed it */

/**
 * @param {Example} example
 * @param {object} on
 * @param {(texts: Edited, reason: string | null) => Promise<boolean>} on.save whether it is on the log
 * @param {() => unknown} on.cancel
 */
export function editForm(example, on) {
  const draft = draftOf(example.example_id);
  const questionDraft = draftOf(`question ${example.example_id}`);
  const question = writable("question", 3, questionDraft.text ?? example.prompt);
  const answer = writable("answer", 12, draft.text ?? example.response);
  const reason = h("input", {
    id: "edit-reason",
    autocomplete: "off",
    placeholder: "What was wrong? (optional)",
  });
  const preview = h("div", { class: "edit-preview", "aria-live": "off" });
  /** @returns {Edited} */
  const edited = () => ({
    ...(answer.value !== example.response && { response: answer.value }),
    ...(question.value !== example.prompt && { prompt: question.value }),
  });
  const drawPreview = () => {
    const { response, prompt } = edited();
    const isChanged = response !== undefined || prompt !== undefined;
    put(
      preview,
      !isChanged && h("p", { class: "quiet" }, "Nothing is changed yet."),
      prompt !== undefined && [h("h4", {}, "Question"), difference(example.prompt, prompt)],
      response !== undefined && [prompt !== undefined && h("h4", {}, "Answer"), difference(example.response, response)],
    );
  };
  const keepDraft = () => {
    const { response, prompt } = edited();
    if (response !== undefined) draft.keep(response);
    if (prompt !== undefined) questionDraft.keep(prompt);
  };
  const save = async () => {
    const texts = edited();
    const isEmpty = Object.values(texts).some((text) => !text.trim());
    if (isEmpty || !Object.keys(texts).length) {
      return toast(isEmpty ? "A text is empty." : "Nothing is changed: approve it as it is.", { isBad: true });
    }
    typing.stop();
    if (texts.response !== undefined) Object.assign(texts, suggested.proposer());
    const isSaved = await on.save(texts, reason.value.trim() || null);
    if (!isSaved) return keepDraft();
    draft.discard();
    questionDraft.discard();
  };
  const suggested = suggestion(example, (response) => {
    answer.value = response;
    drawPreview();
    keepDraft();
    answer.focus();
  });
  const fields = editFields(question, answer, reason, suggested.part, preview);
  const typing = afterTyping(fields, () => {
    drawPreview();
    keepDraft();
  });
  drawPreview();
  fields.addEventListener("keydown", (event) => {
    if (event.key === "Escape") on.cancel();
    if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey)) return;
    event.preventDefault();
    save();
  });
  return {
    parts: [editHeader(), fields],
    buttons: [
      h("button", { type: "button", class: "approve", onclick: save }, "Save and approve ", key("Ctrl"), key("Enter")),
      h("button", { type: "button", class: "quiet-button", onclick: on.cancel }, "Cancel ", key("Esc")),
    ],
    focus: () => answer.focus(),
  };
}

/**
 * @param {string} id
 * @param {number} rows
 * @param {string} value
 */
function writable(id, rows, value) {
  return h("textarea", { id, rows, dir: "auto", spellcheck: "true", value });
}

function editHeader() {
  return h("header", {}, h("h2", { class: "stage-title" }, "Edit and approve"));
}

/**
 * @param {HTMLTextAreaElement} question
 * @param {HTMLTextAreaElement} answer
 * @param {HTMLInputElement} reason
 * @param {HTMLElement} suggested
 * @param {HTMLElement} preview
 */
function editFields(question, answer, reason, suggested, preview) {
  const form = h(
    "form",
    { class: "edit-form" },
    h("label", { for: "question" }, "The question as it should be"),
    question,
    h("label", { for: "answer" }, "The answer as it should be"),
    answer,
    suggested,
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
