/** Filters of the review queue: they are in the address of the page, and survive a reload. */

import { address, pageParameters } from "../address.js";
import { h, put } from "../dom.js";
import { choice, searchField } from "../fields.js";
import { number, plain, QUEUE_REASONS } from "../words.js";

/** @import { Facet, Facets, QueuePage } from "../../answers.d.ts" */

/** @typedef {"why" | "tag" | "source" | "project" | "text"} Filter */
/** @type {Filter[]} */
const FILTERS = ["why", "tag", "source", "project", "text"];

/** Where there is room, the filters are open from the start. */
const WIDE = "(min-width: 60rem)";

export class Filters {
  /**
   * @param {object} on
   * @param {() => unknown} on.change what follows from other filters
   * @param {(() => unknown) | null} on.bulkApproval null where the visitor may not decide
   */
  constructor(on) {
    this.on = on;
    this.values = pageParameters(FILTERS);
    /** @type {Facets} */
    this.facets = { tags: [], sources: [], projects: [] };
    this.search = searchField(this.values.text);
    this.reasons = h("div", { class: "whys", role: "group", "aria-label": "Reason" });
    this.fields = h("div", { class: "filter-fields" });
    this.element = h("details", { class: "filters" }, h("summary", {}, "Filters"), this.reasons, this.fields);
    this.element.open = matchMedia(WIDE).matches || this.areSet;
  }

  get areSet() {
    return FILTERS.some((name) => this.values[name]);
  }

  /** Put the keyboard into the search field. */
  focusSearch() {
    this.element.open = true;
    this.search.input.select();
    this.search.input.focus();
  }

  /**
   * Show the fields for the tags, sources and projects that wait.
   *
   * @param {Facets} facets
   */
  showFields(facets) {
    this.facets = facets;
    this.draw();
  }

  /**
   * Show how much waits for which reason.
   *
   * @param {QueuePage} page
   */
  showReasons({ total, by_reason: byReason }) {
    const reasons = Object.entries(byReason).filter(([why, n]) => n || this.values.why === why);
    put(
      this.reasons,
      this.reasonButton("", "All", total),
      reasons.map(([why, n]) => this.reasonButton(why, QUEUE_REASONS[why], n)),
    );
  }

  /** @param {Partial<Record<Filter, string>>} chosen */
  change(chosen) {
    Object.assign(this.values, chosen);
    window.history.replaceState(null, "", address("/review", this.values));
    this.draw();
    return this.on.change();
  }

  clear() {
    return this.change(Object.fromEntries(FILTERS.map((name) => [name, ""])));
  }

  draw() {
    const { bulkApproval } = this.on;
    const { tags, sources, projects } = this.facets;
    const choices = h(
      "details",
      { class: "more-filters" },
      h("summary", {}, "Tag, source, project"),
      this.choice("tag", tags),
      this.choice("source", sources),
      this.choice("project", projects),
    );
    choices.open = Boolean(this.values.tag || this.values.source || this.values.project);
    put(
      this.fields,
      this.searchForm(),
      choices,
      bulkApproval &&
        h("button", { type: "button", class: "secondary wide", onclick: bulkApproval }, "Approve by tag …"),
      this.areSet &&
        h("button", { type: "button", class: "quiet-button wide", onclick: () => this.clear() }, "Clear the filters"),
    );
  }

  searchForm() {
    this.search = searchField(this.values.text);
    const { label, input } = this.search;
    const form = h("form", { class: "field", role: "search" }, label, input);
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      input.blur();
      this.change({ text: input.value.trim() });
    });
    input.addEventListener("search", () => !input.value && this.values.text && this.change({ text: "" }));
    input.addEventListener("keydown", (event) => event.key === "Escape" && input.blur());
    return form;
  }

  /**
   * @param {"tag" | "source" | "project"} name
   * @param {Facet[]} facets
   */
  choice(name, facets) {
    const value = this.values[name];
    const isKnown = value === "" || facets.some((facet) => facet.name === value);
    const offered = isKnown ? facets : [{ name: value, waiting: 0 }, ...facets];
    return choice({
      name,
      any: `Any ${name}`,
      value,
      options: offered.map((facet) => ({
        value: facet.name,
        words: `${name === "source" ? plain(facet.name) : facet.name} (${number(facet.waiting)})`,
      })),
      choose: (chosen) => this.change({ [name]: chosen }),
    });
  }

  /**
   * @param {string} why
   * @param {string} words
   * @param {number} n
   */
  reasonButton(why, words, n) {
    const isPressed = String(this.values.why === why);
    return h(
      "button",
      { type: "button", class: "why-chip", "aria-pressed": isPressed, onclick: () => this.change({ why }) },
      h("span", {}, words),
      h("span", { class: "n" }, number(n)),
    );
  }
}
