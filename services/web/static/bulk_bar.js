/** Several examples of a list at once: a box beside each, one for all that match, and what can be done with them. */

import { openBulk } from "./bulk_dialog.js";
import { h, put } from "./dom.js";
import { toast } from "./toast.js";
import { count } from "./words.js";

/** @import { Parameters } from "../answers.d.ts" */
/** @import { Doing, Result } from "./bulk_dialog.js" */

/** Examples that one address names. */
const CHOSEN = 200;

export class BulkBar {
  /**
   * @param {() => Parameters} filters those of the list, as a decision on all that match takes them
   * @param {() => unknown} changed what follows once something is on the log
   */
  constructor(filters, changed) {
    this.filters = filters;
    this.changed = changed;
    /** @type {Set<string>} */
    this.chosen = new Set();
    /** @type {Result | null} what was done last */
    this.last = null;
    this.all = h("input", { type: "checkbox", id: "bulk-all", onchange: () => this.draw() });
    this.words = h("label", { for: "bulk-all" });
    this.actions = h("div", { class: "bulk-actions" });
    this.outcome = h("p", { class: "quiet", role: "status" });
    const all = h("div", { class: "check" }, this.all, this.words);
    const label = { class: "bulk-bar", role: "group", "aria-label": "Several at once" };
    this.element = h("div", label, all, this.actions, this.outcome);
    this.draw();
  }

  /**
   * The box of an example in the list.
   *
   * @param {string} id
   * @param {string} prompt
   */
  box(id, prompt) {
    const box = h("input", { type: "checkbox", class: "pick", "aria-label": `Select: ${prompt.slice(0, 80)}` });
    box.checked = this.chosen.has(id);
    box.addEventListener("change", () => {
      if (box.checked && this.chosen.size >= CHOSEN) {
        box.checked = false;
        toast(`${CHOSEN} can be selected one by one; filter, and select all that match.`);
      } else if (box.checked) this.chosen.add(id);
      else this.chosen.delete(id);
      this.draw();
    });
    return box;
  }

  /** Nothing is selected any more: the list is another one. */
  clear() {
    this.chosen.clear();
    this.all.checked = false;
    this.draw();
  }

  /**
   * Open the dialog about what is selected, or about all that match.
   *
   * @param {Doing} doing
   */
  decide(doing) {
    const isAll = this.all.checked || !this.chosen.size;
    const which = isAll ? this.filters() : { ids: [...this.chosen].join(",") };
    openBulk(doing, which, isAll ? filterWords(which) : "selected one by one", (result) => this.finish(result));
  }

  /** @param {Result} result */
  async finish(result) {
    this.last = result;
    toast(result.words, { isBad: result.isBad });
    this.clear();
    await this.changed();
  }

  async undo() {
    const undo = this.last?.undo;
    if (!undo) return;
    this.last = null;
    put(this.outcome, "Undoing …");
    await this.finish(await undo());
  }

  draw() {
    const isAny = this.all.checked || this.chosen.size > 0;
    const selected =
      this.chosen.size && !this.all.checked ? ` · ${count(this.chosen.size, "selected", "selected")}` : "";
    put(this.words, `All that match${selected}`);
    const button = (/** @type {string} */ words, /** @type {Doing} */ doing) =>
      h("button", { type: "button", class: "secondary", onclick: () => this.decide(doing) }, words);
    put(
      this.actions,
      isAny && [
        button("Approve …", "approve"),
        button("Reject …", "reject"),
        button("Tags, project …", "tag"),
        button("Exclude …", "exclude"),
        h("button", { type: "button", class: "quiet-button", onclick: () => this.leave() }, "Select none"),
      ],
    );
    const undo = h("button", { type: "button", class: "quiet-button", onclick: () => this.undo() }, "Undo all of it");
    put(this.outcome, this.last && [this.last.words, " ", this.last.undo && undo]);
  }

  leave() {
    this.clear();
    for (const box of document.querySelectorAll("input.pick")) /** @type {HTMLInputElement} */ (box).checked = false;
    this.all.focus();
  }
}

/**
 * Filters in words, for the log.
 *
 * @param {Parameters} filters
 */
function filterWords(filters) {
  const parts = Object.entries(filters).filter(([, value]) => value);
  return parts.map(([name, value]) => `${name} ${value}`).join(", ") || "all";
}
