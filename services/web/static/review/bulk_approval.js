/**
 * Bulk approval by tag: first what it covers, then everything that is still ticked and, where wanted, all older ones
 * that need no look, each at the revision that was read.
 */

import { exampleAddress } from "../address.js";
import { get, post, problemOf } from "../api.js";
import { openDialog } from "../dialog.js";
import { h, link, put } from "../dom.js";
import { line } from "../texts.js";
import { toast } from "../toast.js";
import { count, number, plain, QUEUE_REASONS } from "../words.js";

/** @import { Covered, CoveredExample, Decision, Facet } from "../../answers.d.ts" */

/** @typedef {{ item: CoveredExample, box: HTMLInputElement }} Choice */

/**
 * Open the dialog.
 *
 * @param {Facet[]} tags
 * @param {string} chosenTag what the queue is filtered by, or nothing
 * @param {(approved: Decision[]) => unknown} done what follows once examples were approved
 */
export function openBulkApproval(tags, chosenTag, done) {
  new BulkApproval(tags, done).open(tags.some(({ name }) => name === chosenTag) ? chosenTag : "");
}

class BulkApproval {
  /**
   * @param {Facet[]} tags
   * @param {(approved: Decision[]) => unknown} done
   */
  constructor(tags, done) {
    this.done = done;
    /** @type {Choice[]} */
    this.choices = [];
    /** @type {number | null} where the examples behind the preview begin */
    this.after = null;
    this.older = h("input", { type: "checkbox", id: "bulk-older" });
    this.olderLine = h("div", { class: "check", hidden: true });
    const options = tags.map(({ name, waiting }) => h("option", { value: name }, `${name} (${number(waiting)})`));
    this.tag = h("select", { id: "bulk-tag" }, h("option", { value: "" }, "Choose a tag"), options);
    this.status = h("p", { class: "quiet", role: "status" });
    this.list = h("ul", { class: "covered" });
    this.button = h("button", { type: "button", class: "primary", disabled: true }, "Approve");
    const cancel = { type: "button", class: "secondary", onclick: () => this.close() };
    this.dialog = h(
      "dialog",
      { class: "bulk", "aria-labelledby": "bulk-title" },
      h("h2", { id: "bulk-title" }, "Approve everything with a tag"),
      h("div", { class: "field" }, h("label", { for: "bulk-tag" }, "Tag"), this.tag),
      this.status,
      this.list,
      this.olderLine,
      h("div", { class: "buttons" }, this.button, h("button", cancel, "Cancel")),
    );
    this.tag.addEventListener("change", () => this.preview());
    this.button.addEventListener("click", () => this.approve());
  }

  /** @param {string} tag */
  async open(tag) {
    openDialog(this.dialog);
    this.tag.value = tag;
    await this.preview();
    if (tag) this.button.focus();
  }

  close() {
    this.dialog.close();
  }

  /** Show what the chosen tag covers. */
  async preview() {
    const tag = this.tag.value;
    this.choices = [];
    this.after = null;
    this.olderLine.hidden = true;
    put(this.list);
    this.countTicked();
    put(this.status, tag ? "Looking …" : "");
    if (!tag) return;
    try {
      const covered = await get("/review/covered", { tag });
      if (tag !== this.tag.value) return;
      this.choices = covered.items.map((item) => ({ item, box: this.tickBox(item) }));
      put(this.list, this.choices.map(choiceItem));
      this.after = covered.after;
      this.older.checked = false;
      this.olderLine.hidden = covered.total <= covered.items.length;
      const words = `Also the ${number(covered.total - covered.items.length)} older ones, where none needs a look`;
      put(this.olderLine, this.older, h("label", { for: "bulk-older" }, words));
      put(this.status, coveredWords(covered));
    } catch (error) {
      put(this.status, problemOf(error).message);
    }
    this.countTicked();
  }

  /** Approve page by page; what is recorded when something fails stays, and can be undone as well. */
  async approve() {
    this.button.disabled = true;
    this.tag.disabled = true;
    const tag = this.tag.value;
    /** @type {Decision[]} */
    const approved = [];
    let refused = 0;
    try {
      for await (const items of this.pages(tag)) {
        const decision = await post("/decisions/approve", { items, reason: `approved in bulk: ${tag}` });
        approved.push(...decision.approved);
        refused += decision.refused.length;
        put(this.status, `Approved ${number(approved.length)} …`);
      }
      this.close();
      toast(decisionWords(approved.length, refused), { isBad: refused > 0 });
    } catch (error) {
      const words = approved.length ? `Approved ${number(approved.length)}, then it stopped: ` : "";
      put(this.status, words + problemOf(error).message);
      this.countTicked();
    } finally {
      this.tag.disabled = false;
    }
    if (approved.length) await this.done(approved);
  }

  /**
   * What is to be approved, as much as one request takes at a time.
   *
   * @param {string} tag
   */
  async *pages(tag) {
    const ticked = this.ticked();
    if (ticked.length) yield ticked.map(seen);
    for (let after = this.older.checked ? this.after : null; after !== null; ) {
      const page = await get("/review/covered", { tag, after });
      const items = page.items.filter(({ looks }) => !looks.length);
      if (items.length) yield items.map(seen);
      after = page.after;
    }
  }

  ticked() {
    return this.choices.filter(({ box }) => box.checked).map(({ item }) => item);
  }

  countTicked() {
    const n = this.ticked().length;
    put(this.button, n > 0 ? `Approve ${number(n)}` : "Approve");
    this.button.disabled = n === 0;
  }

  /**
   * A box that is ticked unless the example needs a look.
   *
   * @param {CoveredExample} item
   */
  tickBox(item) {
    const box = h("input", { type: "checkbox", id: `tick-${item.example_id}` });
    box.checked = item.looks.length === 0;
    box.addEventListener("change", () => this.countTicked());
    return box;
  }
}

/**
 * An example as a decision on it names it.
 *
 * @param {CoveredExample} item
 */
function seen({ example_id, revision, context }) {
  return { example_id, revision, context };
}

/** @param {Choice} choice */
function choiceItem({ item, box }) {
  const looks = item.looks.map((look) => h("span", { class: "state is-copper" }, plain(look)));
  const about = looks.length ? looks : QUEUE_REASONS[item.queue ?? ""];
  return h(
    "li",
    {},
    box,
    h(
      "label",
      { for: box.id },
      line(item.prompt, { class: "prompt" }),
      line(item.response, { class: "response" }),
      h("span", { class: "about" }, about),
    ),
    link(exampleAddress(item.example_id), { target: "_blank", rel: "noopener", class: "quiet" }, "Open"),
  );
}

/** @param {Covered} covered */
function coveredWords({ items, total }) {
  const words = [`${count(total, "example waits", "examples wait")} with this tag.`];
  if (total > items.length) {
    words.push(`This list shows the newest ${number(items.length)}.`);
  }
  const unticked = items.filter((item) => item.looks.length).length;
  if (unticked) {
    words.push(`${count(unticked, "is", "are")} not ticked: look at ${unticked === 1 ? "it" : "them"} one by one.`);
  }
  return words.join(" ");
}

/**
 * @param {number} approved
 * @param {number} refused
 */
function decisionWords(approved, refused) {
  const words = `Approved ${number(approved)}.`;
  if (!refused) return `${words} U undoes it.`;
  const object = refused === 1 ? "it" : "them";
  return `${words} ${count(refused, "was", "were")} refused, because somebody changed ${object} meanwhile.`;
}
