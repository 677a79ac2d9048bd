/** The dialog in which a reviewer changes the tags, the project and the exclusion of an example. */

import { openDialog } from "./dialog.js";
import { h, key } from "./dom.js";

/** @import { Example } from "../answers.d.ts" */

/**
 * @param {Example} example at the revision that the change holds for
 * @param {(body: object) => Promise<boolean>} say whether the change is on the log
 */
export function openDescription(example, say) {
  const tags = h("textarea", {
    id: "described-tags",
    rows: Math.min(12, example.tags.length + 2),
    value: example.tags.join("\n"),
  });
  const project = h("input", { id: "described-project", maxlength: 200, value: example.project_context });
  const isIncluded = h("input", { type: "checkbox", id: "described-include", checked: example.include_in_training });
  const reason = h("input", { id: "described-reason", autocomplete: "off" });
  const cancel = h("button", { type: "button", class: "quiet-button" }, "Cancel ", key("Esc"));
  const form = h(
    "form",
    {},
    h("label", { for: "described-tags" }, "Tags, one on each line"),
    tags,
    h("label", { for: "described-project" }, "Project"),
    project,
    h("div", { class: "check" }, isIncluded, h("label", { for: "described-include" }, "It may be trained on")),
    h("label", { for: "described-reason" }, "Why? (optional)"),
    reason,
    h("div", { class: "line" }, h("button", { class: "primary" }, "Save ", key("Ctrl"), key("Enter")), cancel),
  );
  const dialog = h("dialog", { "aria-labelledby": "described-title" }, h("h2", { id: "described-title" }, TITLE), form);
  const save = async () => {
    const written = tags.value.split("\n").filter((tag) => tag.trim());
    const wanted = { tags: written, project: project.value, isIncluded: isIncluded.checked };
    if (await say({ ...describedBody(example, wanted), reason: reason.value.trim() || null })) dialog.close();
  };
  cancel.addEventListener("click", () => dialog.close());
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    save();
  });
  form.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey)) return;
    event.preventDefault();
    save();
  });
  openDialog(dialog);
  tags.focus();
}

const TITLE = "Tags, project and exclusion";

/**
 * What is wanted otherwise than it is; what is left out stays.
 *
 * @param {Example} example
 * @param {{ tags: string[], project: string, isIncluded: boolean }} wanted
 */
export function describedBody(example, { tags, project, isIncluded }) {
  return {
    added_tags: tags.filter((tag) => !example.tags.includes(tag)),
    removed_tags: example.tags.filter((tag) => !tags.includes(tag)),
    ...(project.trim() && project.trim() !== example.project_context && { project: project.trim() }),
    ...(isIncluded !== example.include_in_training && { include_in_training: isIncluded }),
  };
}
