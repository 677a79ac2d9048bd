/** The lexicon of a policy: looked through, added to and taken from; what was changed is shown before the preview. */

import { h, put } from "../dom.js";
import { count, number } from "../words.js";
import { parted } from "./settings.js";

/** @import { Lexicon, Term } from "../../answers.d.ts" */

/** Entries that are shown at a time; a search finds the others. */
const SHOWN = 30;
const WEIGHTS = { 3: "3: unmistakable", 2: "2: usual", 1: "1: an everyday word" };

export class LexiconEditor {
  /** @param {() => Promise<Lexicon>} read reads the lexicon that holds, once somebody opens it */
  constructor(read) {
    this.read = read;
    /** @type {Lexicon | null} */
    this.held = null;
    this.reset();
    this.search = h("input", { type: "search", id: "lexicon-search", placeholder: "A word of the lexicon" });
    this.list = h("ul", { class: "lexicon" });
    this.status = h("p", { class: "quiet small", role: "status" });
    this.changes = h("ul", { class: "lexicon", "aria-label": "Changes" });
    this.element = h("details", { class: "section" }, h("summary", {}, "Lexicon"));
    this.element.addEventListener("toggle", () => this.open());
    this.search.addEventListener("input", () => this.draw());
  }

  /** Forget every change. */
  reset() {
    /** @type {Map<string, Term>} */
    this.added = new Map();
    /** @type {Set<string>} */
    this.removed = new Set();
    /** @type {Map<string, boolean>} words of other fields: added or taken away */
    this.rivals = new Map();
    if (this.held) this.draw();
  }

  /**
   * Write the changes into a policy.
   *
   * @param {Record<string, any>} policy
   */
  edit(policy) {
    const { lexicon } = policy;
    const kept = lexicon.terms.filter(
      (/** @type {Term} */ { term }) => !this.removed.has(term) && !this.added.has(term),
    );
    const rivals = lexicon.rivals.filter((/** @type {string} */ word) => this.rivals.get(word) !== false);
    const more = [...this.rivals].filter(([word, isIn]) => isIn && !rivals.includes(word)).map(([word]) => word);
    policy.lexicon = { ...lexicon, terms: [...kept, ...this.added.values()], rivals: [...rivals, ...more] };
  }

  async open() {
    if (!this.element.open || this.held) return;
    put(this.status, "Reading …");
    this.element.append(this.status);
    try {
      this.held = await this.read();
    } catch {
      put(this.status, "The lexicon could not be read. Close it and open it again.");
      return;
    }
    const about = "Words of the field with their weights and tags, and words of other fields, which take 2 off.";
    this.element.append(
      h("p", { class: "quiet small" }, about),
      h("div", { class: "field" }, h("label", { for: "lexicon-search", class: "unseen" }, "Search"), this.search),
      this.status,
      this.list,
      this.form(),
      this.changes,
    );
    this.draw();
  }

  draw() {
    if (!this.held) return;
    const words = this.search.value.trim().toLowerCase();
    const fits = (/** @type {string} */ word) => word.includes(words);
    const terms = this.held.terms.filter(({ term, also = [] }) => fits(term) || also.some(fits));
    const rivals = this.held.rivals.filter(fits);
    const matching = terms.length + rivals.length;
    const shown = [
      ...terms.map((term) => this.termItem(term)),
      ...rivals.map((word) => this.item(word, "of another field", () => this.rivals.set(word, false))),
    ].slice(0, SHOWN);
    put(this.list, shown);
    const rest = matching > shown.length ? `; the first ${number(shown.length)} are shown` : "";
    put(this.status, `${count(matching, "entry", "entries")}${rest}.`);
    put(this.changes, this.changeItems());
  }

  /** @param {Term} term */
  termItem({ term, weight, tags = [], also = [] }) {
    const about = [String(weight), tags.join(", "), also.length ? `also ${also.join(", ")}` : ""];
    return this.item(term, about.filter(Boolean).join(" · "), () => this.removed.add(term));
  }

  /**
   * @param {string} word
   * @param {string} about
   * @param {() => unknown} remove
   */
  item(word, about, remove) {
    const run = () => {
      remove();
      this.draw();
    };
    const button = { type: "button", class: "quiet-button", onclick: run, "aria-label": `Take away ${word}` };
    return h("li", {}, h("b", {}, word), h("span", { class: "quiet small" }, about), h("button", button, "Take away"));
  }

  changeItems() {
    const undo = (/** @type {() => unknown} */ run) => ({
      type: "button",
      class: "quiet-button",
      onclick: () => {
        run();
        this.draw();
      },
    });
    const item = (/** @type {string} */ words, /** @type {() => unknown} */ run) =>
      h("li", {}, h("span", {}, words), h("button", undo(run), "Undo"));
    return [
      ...[...this.added.values()].map(({ term, weight }) =>
        item(`+ ${term} (${weight})`, () => this.added.delete(term)),
      ),
      ...[...this.removed].map((term) => item(`− ${term}`, () => this.removed.delete(term))),
      ...[...this.rivals].map(([word, isIn]) =>
        item(`${isIn ? "+" : "−"} ${word}, of another field`, () => this.rivals.delete(word)),
      ),
    ];
  }

  form() {
    const term = h("input", { id: "lexicon-term", maxlength: 60 });
    const weight = h("select", { id: "lexicon-weight" }, [
      ...Object.entries(WEIGHTS)
        .reverse()
        .map(([value, words]) => h("option", { value }, words)),
      h("option", { value: "0" }, "of another field"),
    ]);
    const tags = h("input", { id: "lexicon-tags", placeholder: "flashing, metal" });
    const also = h("input", { id: "lexicon-also", placeholder: "other ways to write it" });
    const add = () => {
      const word = term.value.trim().toLowerCase();
      if (!word) return;
      if (weight.value === "0") this.rivals.set(word, true);
      else {
        const entry = {
          term: word,
          weight: Number(weight.value),
          tags: parted(tags.value, ","),
          also: parted(also.value, ","),
        };
        this.added.set(word, entry);
        this.removed.delete(word);
      }
      term.value = "";
      tags.value = "";
      also.value = "";
      this.draw();
      term.focus();
    };
    for (const input of [term, tags, also]) {
      input.addEventListener("keydown", (event) => {
        if (event.key !== "Enter") return;
        event.preventDefault(); // it would preview the policy
        add();
      });
    }
    return h(
      "div",
      { class: "settings", role: "group", "aria-label": "A new entry" },
      h("div", { class: "setting" }, h("label", { for: term.id }, "Word"), term),
      h("div", { class: "setting" }, h("label", { for: weight.id }, "Weight"), weight),
      h("div", { class: "setting" }, h("label", { for: tags.id }, "Tags"), tags),
      h("div", { class: "setting" }, h("label", { for: also.id }, "Also written"), also),
      h("button", { type: "button", class: "secondary", onclick: add }, "Add the word"),
    );
  }
}
