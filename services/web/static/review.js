/** Review: one example at a time, decided in seconds, keyboard first, never on something that has changed unseen. */

import { address, exampleAddress } from "./address.js";
import { get } from "./api.js";
import { BulkBar } from "./bulk_bar.js";
import { emptyState, h, link, put } from "./dom.js";
import { moreLikeThis } from "./example.js";
import { keepHighlighted } from "./highlight.js";
import { openHelp, runByKey } from "./keys.js";
import { keepFresh } from "./live.js";
import { readingCommand } from "./reading.js";
import { decisionButtons, decisionCommands } from "./review/actions.js";
import { Decisions } from "./review/decisions.js";
import { Desk } from "./review/desk.js";
import { Filters } from "./review/filters.js";
import { Queue } from "./review/queue.js";
import { QUEUE_REASONS } from "./words.js";

/** @import { QueuedExample, Session } from "../answers.d.ts" */
/** @import { Command } from "./keys.js" */

/**
 * @param {HTMLElement} main
 * @param {Session} me
 */
export async function draw(main, me) {
  await new Review(me.rights.includes("decide") ? me.name : null).start(main);
}

/** An example stays taken for a minute after its reviewer was last heard of. */
const KEEP_MS = 20_000;

class Review {
  /** @param {string | null} me null for who may not decide */
  constructor(me) {
    const mayDecide = me !== null;
    this.mayDecide = mayDecide;
    /** The example that the visitor wants to look at, whoever has it open. */
    this.chosen = /** @type {string | null} */ (null);
    this.filters = new Filters({ change: () => this.begin() });
    const covering = () => ({ ...this.filters.values, stage: "waiting", sort: null });
    this.bulk = mayDecide ? new BulkBar(covering, () => this.afterMany()) : null;
    this.queue = new Queue(
      this.filters,
      (id) => this.choose(id),
      this.bulk,
      me,
      () => this.giveWay(),
    );
    this.desk = new Desk(this.queue, {
      place,
      buttons: () => (mayDecide ? decisionButtons(this.decisions, this.commands, { mayStep: true }) : []),
      redact: () => this.decisions.redact(),
      nothing: () => {
        if (this.queue.items.length) return nothingIsFree();
        return this.filters.areSet ? nothingBehindFilters() : nothingWaits();
      },
      shown: () => this.take(),
    });
    this.decisions = new Decisions(this.desk, mayDecide);
    this.commands = this.listCommands();
  }

  /** @param {HTMLElement} main */
  async start(main) {
    const side = h(
      "aside",
      { class: "side", "aria-label": "Queue" },
      this.filters.element,
      this.queue.count,
      this.bulk?.element,
      this.queue.list,
    );
    put(main, h("h1", { class: "unseen" }, "Review queue"), h("div", { class: "review" }, side, this.desk.element));
    runByKey(this.commands);
    keepHighlighted(main, () => this.filters.values.text);
    await Promise.all([this.readFacets(), this.begin()]);
    const refresh = keepFresh(() => this.refresh().catch(() => {}));
    if (!this.mayDecide) return;
    setInterval(() => document.hidden || refresh(), KEEP_MS);
    addEventListener("pagehide", () => this.queue.leave());
  }

  /**
   * Open what the visitor chose from the list, also where somebody else has it open.
   *
   * @param {string} id
   */
  async choose(id) {
    this.chosen = id;
    await this.desk.open(id);
  }

  /** Take what is on the desk. */
  async take() {
    if (!this.mayDecide || this.filters.values.text || this.queue.taken === this.queue.currentId) return;
    await this.queue.load();
  }

  /** Somebody else has the example on the desk open: go on to the next, unless the visitor chose this one. */
  async giveWay() {
    const { queue, desk } = this;
    if (desk.isEmpty || this.decisions.isSending) return;
    if (queue.currentId !== this.chosen) await desk.openFirst();
    else desk.showTaken(queue.openedBy);
  }

  async readFacets() {
    this.filters.showFields(await get("/review/facets"));
  }

  /** Read the queue from its beginning and open its first example. */
  async begin() {
    this.bulk?.clear();
    await this.queue.load();
    await this.desk.openFirst();
  }

  /** The state has moved: show what is new without taking anything away from the reviewer. */
  async refresh() {
    if (this.decisions.isSending) return;
    if (!this.filters.values.text) await this.queue.load(); // a search is long, and is made once
    await this.desk.watch();
    if (this.desk.isEmpty && this.queue.items.length) await this.desk.openFirst();
  }

  /** Many were decided, or that was undone. */
  async afterMany() {
    const { bulk } = this;
    if (bulk?.last?.undo) this.decisions.remember(() => bulk.undo());
    await Promise.all([this.readFacets(), this.begin()]);
  }

  openExamplePage() {
    const { example } = this.desk;
    if (example) location.assign(address(exampleAddress(example.example_id), { text: this.filters.values.text }));
  }

  /** @returns {Command[]} */
  listCommands() {
    const { decisions, desk, filters } = this;
    return [
      ...decisionCommands(decisions),
      { keys: ["s"], label: "Skip for now", run: () => decisions.skip() },
      { keys: ["j", "ArrowDown"], label: "Next in the queue", run: () => decisions.step(1) },
      { keys: ["k", "ArrowUp"], label: "Previous in the queue", run: () => decisions.step(-1) },
      { keys: ["b"], label: "Approve all that match, or are selected", run: () => this.bulk?.decide("approve") },
      { keys: ["/"], label: "Search", run: () => filters.focusSearch() },
      { keys: ["o"], label: "Open the example's own page", run: () => this.openExamplePage() },
      readingCommand,
      { keys: ["Escape"], label: "Leave what you are doing", run: () => desk.show() },
      { keys: ["?"], label: "This help", run: () => openHelp(this.commands) },
    ];
  }
}

/**
 * Why the example is on the desk.
 *
 * @param {QueuedExample} example
 */
function place({ example_id: id, why, because }) {
  return [
    why ? h("span", { class: `pip is-${why}` }) : null,
    h("b", {}, why ? QUEUE_REASONS[why] : "Not in the queue"),
    because ? ` — ${because.join("; ")}` : "",
    " · ",
    moreLikeThis(id),
  ];
}

function nothingIsFree() {
  return emptyState("Everything that waits here is open with others", "What they leave comes to you by itself.");
}

function nothingBehindFilters() {
  return emptyState("Nothing waits behind these filters", "Clear them to see the whole queue.");
}

function nothingWaits() {
  return emptyState(
    "The queue is empty",
    "Nothing needs a person now. New examples appear here as they arrive.",
    h("br", {}),
    link("/", {}, "Back to the dashboard"),
  );
}
