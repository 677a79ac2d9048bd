/** Examples: the lists behind every number of the dashboard, filtered and searched, the newest first. */

import { address, pageParameters } from "./address.js";
import { get } from "./api.js";
import { BulkBar } from "./bulk_bar.js";
import { emptyState, h, put } from "./dom.js";
import { downloadLinks } from "./downloads.js";
import { exampleRow, likeLine } from "./example.js";
import { choice, dayField, searchField, WIDE } from "./fields.js";
import { keepHighlighted } from "./highlight.js";
import { onMoved } from "./live.js";
import { asOf, atSameMoment } from "./moment.js";
import { openRenaming } from "./tags.js";
import { count, number, plain, REASONS } from "./words.js";

/** @import { ExamplePage, ExampleRow, Facets, Parameters, Session, Stats } from "../answers.d.ts" */

/**
 * @typedef {"text" | "stage" | "reason" | "relevance" | "source" | "tag" | "project" | "since" | "until"
 *   | "like" | "sort"} Filter
 */
/** @type {Filter[]} */
const FILTERS = ["text", "stage", "reason", "relevance", "source", "tag", "project", "since", "until", "like", "sort"];
const ORDERS = { oldest: "Oldest first", longest: "Longest first", decided: "Last decided first" };
const STAGES = {
  training: "in the training set",
  waiting: "waiting for review",
  filtered: "past the filters",
  approved: "approved",
  corrections: "corrections",
  private: "with personal data",
};
const RELEVANCE = { high: "high", medium: "medium", low: "low" };

/** Matches of a search that are looked for before the list is shown; the server pauses a long search. */
const MATCHES = 25;

/**
 * @param {HTMLElement} main
 * @param {Session} me
 */
export async function draw(main, me) {
  const [stats, facets] = await Promise.all([get("/stats"), get("/review/facets")]);
  await new ExampleList(main, stats, facets, me.rights.includes("decide") && asOf === null).start();
}

class ExampleList {
  /**
   * @param {HTMLElement} main
   * @param {Stats} stats
   * @param {Facets} facets
   * @param {boolean} mayDecide
   */
  constructor(main, stats, facets, mayDecide) {
    this.main = main;
    this.stats = stats;
    this.facets = facets;
    this.filters = pageParameters(FILTERS);
    this.search = searchField(this.filters.text);
    this.form = h("form", { class: "filter-row", role: "search", "aria-label": "Filter the examples" });
    this.status = h("p", { class: "quiet", role: "status" });
    this.list = h("ul", { class: "rows card is-read" });
    this.more = h("div", { class: "page-more" });
    this.downloads = h("div", {});
    this.bulk = mayDecide
      ? new BulkBar(
          () => this.covering(),
          () => this.show(),
        )
      : null;
    /** Counts the readings of the list, so that only the last reading is shown. */
    this.reading = 0;
  }

  async start() {
    const title = h("div", { class: "page-title" }, h("h1", {}, "Examples"), this.status);
    const filters = h("details", { class: "filters" }, h("summary", {}, "Filters"), this.form);
    filters.open = matchMedia(WIDE).matches;
    put(this.main, title, filters, this.bulk?.element, this.list, this.more, this.downloads);
    this.form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.filter({ text: this.search.input.value.trim(), sort: "" }); // a search has an order of its own
    });
    this.drawFilters();
    this.offerFreshList();
    keepHighlighted(this.list, () => this.filters.text);
    await this.show();
  }

  /** The filters as a decision on all that match takes them. */
  covering() {
    return { ...this.filters, stage: this.filters.stage || "any", sort: null };
  }

  /** Show the list from its beginning. */
  async show() {
    put(this.downloads, downloadLinks("examples", { ...this.filters, sort: "" }));
    await this.append(null, 0);
  }

  /**
   * Append a page to the list.
   *
   * @param {Parameters | null} from where the page begins, null for the beginning
   * @param {number} shown examples in the list so far
   */
  async append(from, shown) {
    this.reading += 1;
    const reading = this.reading;
    const items = [];
    /** @type {ExamplePage} */
    let page;
    do {
      page = await get("/examples", { ...this.filters, ...from });
      if (reading !== this.reading) return;
      items.push(...page.items);
      from = nextPage(page);
      put(this.status, countWords(page, shown + items.length));
    } while (this.filters.text && from !== null && items.length < MATCHES);
    if (!shown) put(this.list);
    this.list.append(...items.map((item) => this.row(item)));
    if (!this.list.children.length) {
      put(this.list, h("li", {}, emptyState("No example is like that", "Take a filter away.")));
    }
    const showMore = () => this.append(from, shown + items.length);
    put(this.more, from !== null && h("button", { type: "button", onclick: showMore }, "Show more"));
  }

  /** @param {ExampleRow} item */
  row(item) {
    const box = this.bulk?.box(item.example_id, item.prompt);
    return h("li", { class: box ? "is-picked" : null }, box, exampleRow(item, this.filters.text));
  }

  /** Rename the tag of the list on every example, and show them under its new name. */
  renameTag() {
    openRenaming(this.filters.tag, async (tag) => {
      this.stats = await get("/stats");
      await this.filter({ tag });
    });
  }

  /** @param {Partial<Record<Filter, string>>} chosen */
  async filter(chosen) {
    Object.assign(this.filters, chosen);
    this.bulk?.clear();
    window.history.replaceState(null, "", atSameMoment(address("/examples", this.filters)));
    this.drawFilters();
    await this.show();
  }

  async clear() {
    this.search.input.value = "";
    await this.filter(Object.fromEntries(FILTERS.map((name) => [name, ""])));
  }

  drawFilters() {
    const { by_source: sources, tags, funnel } = this.stats;
    put(
      this.form,
      h("div", { class: "field" }, this.search.label, this.search.input),
      this.choice("stage", Object.entries(STAGES)),
      this.choice(
        "reason",
        Object.entries(REASONS).map(([name, words]) => [name, `${words} (${number(funnel.lost[name] ?? 0)})`]),
      ),
      this.choice("relevance", Object.entries(RELEVANCE)),
      this.choice(
        "source",
        sources.map(({ source, total }) => [source, `${plain(source)} (${number(total)})`]),
      ),
      this.choice(
        "tag",
        tags.map(({ tag, total }) => [tag, `${tag} (${number(total)})`]),
      ),
      this.choice(
        "project",
        this.facets.projects.map(({ name }) => [name, name]),
      ),
      dayField("since", this.filters.since, (since) => this.filter({ since })),
      dayField("until", this.filters.until, (until) => this.filter({ until })),
      !this.filters.text &&
        choice({
          name: "order",
          any: "Newest first",
          value: this.filters.sort,
          options: Object.entries(ORDERS).map(([value, words]) => ({ value, words })),
          choose: (sort) => this.filter({ sort }),
        }),
      likeLine(this.filters.like),
      this.bulk &&
        this.filters.tag &&
        h("button", { type: "button", class: "quiet-button", onclick: () => this.renameTag() }, "Rename this tag"),
      FILTERS.some((name) => this.filters[name]) &&
        h("button", { type: "button", class: "quiet-button", onclick: () => this.clear() }, "Clear"),
    );
  }

  /**
   * @param {Filter} name
   * @param {[value: string, words: string][]} options
   */
  choice(name, options) {
    return choice({
      name,
      any: `Any ${name}`,
      value: this.filters[name],
      options: options.map(([value, words]) => ({ value, words })),
      choose: (value) => this.filter({ [name]: value }),
    });
  }

  /** Once the state has moved, offer a fresh list: a list that changes by itself cannot be read. */
  offerFreshList() {
    const refresh = () => {
      offer.remove();
      return this.show();
    };
    const button = { type: "button", class: "secondary", onclick: refresh };
    const offer = h("button", button, "Something has changed: show it");
    let isFirst = true;
    onMoved(() => {
      if (!isFirst && !offer.isConnected) this.status.after(offer);
      isFirst = false;
    });
  }
}

/**
 * Where the list goes on; null at its end.
 *
 * @param {ExamplePage} page
 */
function nextPage({ before, after }) {
  if (before !== null) return { before };
  return after === null ? null : { after };
}

/**
 * @param {ExamplePage} page
 * @param {number} matches
 */
function countWords({ matching, before }, matches) {
  if (matching !== null) return count(matching, "example");
  return `${count(matches, "match", "matches")}${before === null ? "" : " so far"}`;
}
