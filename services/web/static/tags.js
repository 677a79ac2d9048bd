/** A tag renamed on every example that has it. */

import { post, problemOf } from "./api.js";
import { openDialog } from "./dialog.js";
import { h, put } from "./dom.js";
import { watched } from "./errands.js";
import { toast } from "./toast.js";
import { count } from "./words.js";

/** @import { Renamed } from "../answers.d.ts" */

/**
 * Ask for the new name, rename, and say how far it is.
 *
 * @param {string} tag
 * @param {(name: string) => unknown} done what follows once every example has the new name
 */
export function openRenaming(tag, done) {
  const name = h("input", { id: "tag-name", maxlength: 200, required: true, autocomplete: "off", value: tag });
  const place = h("div", { "aria-live": "polite" });
  const button = h("button", { class: "primary" }, "Rename");
  const words = "What comes later keeps the old name; a synonym in the policy renames that too.";
  const form = h(
    "form",
    {},
    h("div", { class: "field" }, h("label", { for: name.id }, "New name"), name),
    h("p", { class: "quiet small" }, words),
    place,
    h("div", { class: "buttons" }, button),
  );
  const title = h("h2", { id: "tag-title" }, `Rename the tag ${tag}`);
  const dialog = h("dialog", { class: "bulk", "aria-labelledby": "tag-title" }, title, form);
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    button.disabled = true;
    try {
      const errand = await post("/tags/rename", { old: tag, new: name.value.trim() }, { isKeyed: false });
      const renamed = /** @type {Renamed} */ (await watched(errand, place, "Renaming"));
      dialog.close();
      toast(`Renamed on ${count(renamed.described, "example")}.`);
      await done(renamed.new);
    } catch (error) {
      button.disabled = false;
      put(place, h("p", { role: "alert" }, problemOf(error).message));
    }
  });
  openDialog(dialog);
  name.select();
}
