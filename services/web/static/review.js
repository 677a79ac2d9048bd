/** Review: one example at a time, decided in seconds, keyboard first, never on something that has changed unseen. */

import { exampleAddress } from "./address.js";
import { get } from "./api.js";
import { h, key, put } from "./dom.js";
import { openHelp, runByKey } from "./keys.js";
import { keepFresh } from "./live.js";
import { changeReading } from "./reading.js";
import { openBulkApproval } from "./review/bulk_approval.js";
import { Decisions } from "./review/decisions.js";
import { Desk } from "./review/desk.js";
import { Filters } from "./review/filters.js";
import { Queue } from "./review/queue.js";
import { selectedWords } from "./selection.js";

/** @import { Session } from "../answers.d.ts" */
/** @import { Command } from "./keys.js" */

/**
 * @param {HTMLElement} main
 * @param {Session} me
 */
export async function draw(main, me) {
  await new Review(me.rights.includes("decide")).start(main);
}

class Review {
  /** @param {boolean} mayDecide */
  constructor(mayDecide) {
    this.mayDecide = mayDecide;
    const bulkApproval = () => this.approveInBulk();
    this.filters = new Filters({ change: () => this.begin(), bulkApproval: mayDecide ? bulkApproval : null });
    this.queue = new Queue(this.filters, (id) => this.desk.open(id));
    this.desk = new Desk(this.queue, this.filters, {
      mayDecide,
      buttons: () => this.buttons(),
      redact: () => this.decisions.redact(),
    });
    this.decisions = new Decisions(this.queue, this.desk, mayDecide);
    this.commands = this.listCommands();
  }

  /** @param {HTMLElement} main */
  async start(main) {
    const side = h(
      "aside",
      { class: "side", "aria-label": "Queue" },
      this.filters.element,
      this.queue.count,
      this.queue.list,
    );
    put(main, h("h1", { class: "unseen" }, "Review queue"), h("div", { class: "review" }, side, this.desk.element));
    runByKey(this.commands);
    await Promise.all([this.readFacets(), this.begin()]);
    keepFresh(() => this.refresh().catch(() => {}));
  }

  async readFacets() {
    this.filters.showFields(await get("/review/facets"));
  }

  /** Read the queue from its beginning and open its first example. */
  async begin() {
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

  approveInBulk() {
    if (!this.mayDecide) return;
    openBulkApproval(this.filters.facets.tags, this.filters.values.tag, (approved) => {
      this.decisions.rememberMany(approved);
      return Promise.all([this.readFacets(), this.begin()]);
    });
  }

  openExamplePage() {
    const { example } = this.desk;
    if (example) location.assign(exampleAddress(example.example_id));
  }

  /** @returns {Command[]} */
  listCommands() {
    const { decisions, desk, filters } = this;
    return [
      { keys: ["a"], label: "Approve", run: () => decisions.approve() },
      { keys: ["r"], label: "Reject, with a reason", run: () => decisions.startRejection() },
      { keys: ["e"], label: "Edit the answer or the question, and approve it", run: () => decisions.startEdit() },
      { keys: ["s"], label: "Skip for now", run: () => decisions.skip() },
      { keys: ["u"], label: "Undo the last decision", run: () => decisions.undo() },
      { keys: ["p"], label: "Redact the personal data", run: () => decisions.redact() },
      {
        keys: ["w"],
        label: "Redact the selected words, or words that you write",
        run: () => decisions.startRedaction(),
      },
      { keys: ["j", "ArrowDown"], label: "Next in the queue", run: () => decisions.step(1) },
      { keys: ["k", "ArrowUp"], label: "Previous in the queue", run: () => decisions.step(-1) },
      { keys: ["b"], label: "Approve everything with a tag", run: () => this.approveInBulk() },
      { keys: ["/"], label: "Search", run: () => filters.focusSearch() },
      { keys: ["m"], label: "Markdown rendered, or as it is written", run: changeReading },
      { keys: ["o"], label: "Open the example's own page", run: () => this.openExamplePage() },
      { keys: ["Escape"], label: "Leave what you are doing", run: () => desk.show() },
      { keys: ["?"], label: "This help", run: () => openHelp(this.commands) },
    ];
  }

  /** The way to redact words; it says whether some are selected. */
  redactButton() {
    const words = h("span", {}, "Redact words");
    const keepSelection = (/** @type {Event} */ event) => event.preventDefault();
    const button = h(
      "button",
      {
        type: "button",
        class: "secondary",
        onmousedown: keepSelection,
        onclick: () => this.decisions.startRedaction(),
      },
      words,
      " ",
      key("W"),
    );
    const tell = () => {
      if (!button.isConnected) return document.removeEventListener("selectionchange", tell);
      return put(words, selectedWords(getSelection()) ? "Redact selection" : "Redact words");
    };
    document.addEventListener("selectionchange", tell);
    return button;
  }

  /** The buttons under the example. */
  buttons() {
    const { decisions } = this;
    const button = (
      /** @type {string} */ keyName,
      /** @type {string} */ words,
      /** @type {string} */ tone,
      /** @type {() => unknown} */ onclick,
    ) => h("button", { type: "button", class: tone, onclick }, words, " ", key(keyName));
    return [
      button("A", "Approve", "approve", () => decisions.approve()),
      button("R", "Reject", "reject", () => decisions.startRejection()),
      button("E", "Edit", "secondary", () => decisions.startEdit()),
      this.redactButton(),
      button("S", "Skip", "secondary", () => decisions.skip()),
      h("span", { class: "gap" }),
      decisions.canUndo && button("U", "Undo", "quiet-button", () => decisions.undo()),
      button("?", "Keys", "quiet-button", () => openHelp(this.commands)),
    ];
  }
}
