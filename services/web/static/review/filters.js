/** Filters of the review queue: they are in the address of the page, and survive a reload. */

import { address, pageParameters } from "../address.js";
import { h, put } from "../dom.js";
import { likeLine } from "../example.js";
import { choice, dayField, searchField, WIDE } from "../fields.js";
import { number, plain, QUEUE_REASONS, SIGNS } from "../words.js";

/** @import { Facet, Facets, QueuePage } from "../../answers.d.ts" */

/** @typedef {"why" | "sign" | "tag" | "source" | "project" | "since" | "until" | "text" | "like" | "sort"} Filter */
/** @type {Filter[]} */
const FILTERS = ["why", "sign", "tag", "source", "project", "since", "until", "text", "like", "sort"];
/** @type {Filter[]} */
const FOLDED = ["tag", "source", "project", "since", "until", "sort"];
const ORDERS = [
  { value: "newest", words: "Newest first" },
  { value: "oldest", words: "Oldest first" },
  { value: "longest", words: "Longest first" },
];

export class Filters {
  /**
   * @param {object} on
   * @param {() => unknown} on.change what follows from other filters
   */
  constructor(on) {
    this.on = on;
    this.values = pageParameters(FILTERS);
    /** @type {Facets} */
    this.facets = { tags: [], sources: [], projects: [] };
    this.search = searchField(this.values.text);
    this.signs = h("div", { class: "whys", role: "group", "aria-label": "What speaks for a look" });
    this.fields = h("div", { class: "filter-fields" });
    this.element = h("details", { class: "filters" }, h("summary", {}, "Filters"), this.signs, this.fields);
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
   * Show how much of what waits has which sign; an example may have several.
   *
   * @param {QueuePage} page
   */
  showSigns({ total, matching, by_sign: bySign }) {
    const { sign: chosen, why } = this.values;
    const signs = Object.entries(bySign).filter(([sign, n]) => n || sign === chosen);
    put(
      this.signs,
      this.signButton("All", total, { sign: "", why: "" }, !chosen && !why),
      why ? this.signButton(QUEUE_REASONS[why], matching, { why }, true) : null,
      signs.map(([sign, n]) => this.signButton(SIGNS[sign], n, { sign, why: "" }, sign === chosen)),
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
    const { tags, sources, projects } = this.facets;
    const choices = h(
      "details",
      { class: "more-filters" },
      h("summary", {}, "Tag, source, project, day, order"),
      this.choice("tag", tags),
      this.choice("source", sources),
      this.choice("project", projects),
      dayField("since", this.values.since, (since) => this.change({ since })),
      dayField("until", this.values.until, (until) => this.change({ until })),
      !this.values.text &&
        choice({
          name: "order",
          any: "Most urgent first",
          value: this.values.sort,
          options: ORDERS,
          choose: (sort) => this.change({ sort }),
        }),
    );
    choices.open = FOLDED.some((name) => this.values[name]);
    put(
      this.fields,
      this.searchForm(),
      choices,
      likeLine(this.values.like),
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
      this.change({ text: input.value.trim(), sort: "" }); // a search has an order of its own
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
   * @param {string} words
   * @param {number | null} n
   * @param {Partial<Record<Filter, string>>} chosen
   * @param {boolean} isPressed
   */
  signButton(words, n, chosen, isPressed) {
    return h(
      "button",
      {
        type: "button",
        class: "why-chip",
        "aria-pressed": String(isPressed),
        onclick: () => this.change(chosen),
      },
      h("span", {}, words),
      n !== null && h("span", { class: "n" }, number(n)),
    );
  }
}
