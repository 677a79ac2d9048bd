/** The review queue: what waits, the most urgent first, page by page. */

import { get } from "../api.js";
import { h, put } from "../dom.js";
import { line } from "../texts.js";
import { ago, count, number, QUEUE_REASONS, SIGNS } from "../words.js";

/** @import { QueueItem, QueuePage } from "../../answers.d.ts" */
/** @import { BulkBar } from "../bulk_bar.js" */
/** @import { Filters } from "./filters.js" */

/** Matches of a search that are looked for before the list is shown; the server pauses a long search. */
const MATCHES = 20;

export class Queue {
  /**
   * @param {Filters} filters
   * @param {(id: string) => unknown} open what a click on an item does
   * @param {BulkBar | null} bulk where several can be selected
   */
  constructor(filters, open, bulk) {
    this.filters = filters;
    this.bulk = bulk;
    this.open = open;
    /** @type {QueueItem[]} */
    this.items = [];
    /** @type {Set<string>} */
    this.skipped = new Set();
    /** The last reading from the beginning: only that one is shown. */
    this.loading = Promise.resolve();
    /**
     * What was taken out, in order: a reading that began before may still have it.
     *
     * @type {string[]}
     */
    this.takenOut = [];
    /** Decisions of this visit. */
    this.decided = 0;
    /** @type {string | null} */
    this.currentId = null;
    /** @type {string | null} */
    this.after = null;
    this.count = h("p", { class: "queue-count", role: "status" });
    this.list = h("ol", { class: "queue is-read", "aria-label": "What comes next" });
  }

  /** Read the queue from its beginning; where that is asked for again meanwhile, both wait for the later reading. */
  load() {
    const before = this.takenOut.length;
    /** @type {Promise<void>} */
    const loading = this.read(null).then(async (page) => {
      if (loading !== this.loading) {
        await this.loading;
        return;
      }
      const gone = this.takenOut.slice(before);
      this.items = page.items.filter(({ example_id: id }) => !gone.includes(id));
      this.show(page);
    });
    this.loading = loading;
    return loading;
  }

  /** Read the next page. */
  async loadMore() {
    const page = await this.read(this.after);
    this.items.push(...page.items);
    this.show(page);
  }

  /** The first example that was not skipped, or the first of all if all were skipped. */
  first() {
    return this.firstOf(this.items);
  }

  /** What comes after the example on the desk. */
  following() {
    const place = this.currentId === null ? -1 : this.placeOf(this.currentId);
    const others = this.items.filter((_, n) => n !== place);
    return others.length ? this.firstOf([...others.slice(Math.max(place, 0)), ...others]) : undefined;
  }

  /**
   * Remove an example that was decided, and return the example that comes after it.
   *
   * @param {string} id
   */
  takeOut(id) {
    const place = this.placeOf(id);
    const following = [...this.items.slice(place + 1), ...this.items.slice(0, Math.max(place, 0))];
    this.takenOut.push(id);
    if (place >= 0) this.items.splice(place, 1);
    return this.firstOf(following);
  }

  /**
   * The example some places further on; beyond either end, the example at that end.
   *
   * @param {number} steps
   */
  async neighbour(steps) {
    const place = this.currentId === null ? -1 : this.placeOf(this.currentId);
    if (place + steps >= this.items.length && this.after) await this.loadMore();
    return this.items[Math.max(0, Math.min(this.items.length - 1, place + steps))];
  }

  /**
   * Mark the example that is on the desk.
   *
   * @param {string | null} id
   */
  mark(id) {
    this.currentId = id;
    for (const button of this.list.querySelectorAll("button")) {
      if (button.dataset.id === undefined) continue;
      const isCurrent = button.dataset.id === id;
      button.setAttribute("aria-current", String(isCurrent));
      if (isCurrent) button.scrollIntoView({ block: "nearest" });
    }
  }

  /**
   * A page of the queue; a search that has paused goes on until there is something to look at.
   *
   * @param {string | null} after
   * @returns {Promise<QueuePage>}
   */
  async read(after) {
    const filters = this.filters.values;
    let page = await get("/review", { ...filters, after });
    const items = [...page.items];
    while (filters.text && page.after && items.length < MATCHES) {
      put(this.count, `Searching … ${count(items.length, "match", "matches")} so far`);
      page = await get("/review", { ...filters, after: page.after });
      items.push(...page.items);
    }
    return { ...page, items };
  }

  /** @param {QueuePage} page the last one that was read */
  show(page) {
    this.after = page.after;
    this.filters.showSigns(page);
    put(this.count, this.countWords(page.matching));
    const more = h("button", { type: "button", class: "more", onclick: () => this.loadMore() }, "More");
    put(
      this.list,
      this.items.map((item) => this.row(item)),
      this.after && h("li", {}, more),
    );
    this.list.classList.remove("is-read");
    this.mark(this.currentId);
  }

  /** @param {number | null} matching null in a search, which counts nothing in advance */
  countWords(matching) {
    const own = this.decided ? ` · ${number(this.decided)} decided by you` : "";
    if (matching !== null) return `${number(matching)} waiting${own}`;
    return `${count(this.items.length, "match", "matches")}${this.after ? " so far" : ""}${own}`;
  }

  /** @param {QueueItem} item */
  row(item) {
    const box = this.bulk?.box(item.example_id, item.prompt);
    return h("li", { class: box ? "is-picked" : null }, box, this.itemButton(item));
  }

  /** @param {QueueItem} item */
  itemButton({ example_id: id, why, signs, prompt, occurred_at: at }) {
    return h(
      "button",
      { type: "button", class: "queue-item", "data-id": id, onclick: () => this.open(id) },
      h("span", { class: `pip is-${why}`, title: QUEUE_REASONS[why] }),
      line(prompt, { class: "prompt" }),
      h(
        "span",
        { class: "about" },
        signs.length ? signs.map((sign) => h("span", {}, SIGNS[sign])) : QUEUE_REASONS[why],
        this.skipped.has(id) && h("span", { class: "state" }, "skipped"),
        h("span", {}, ago(at)),
      ),
    );
  }

  /** @param {QueueItem[]} items */
  firstOf(items) {
    return items.find(({ example_id: id }) => !this.skipped.has(id)) ?? items[0];
  }

  /** @param {string} id */
  placeOf(id) {
    return this.items.findIndex((item) => item.example_id === id);
  }
}
